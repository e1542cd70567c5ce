"""How well an embedder's vectors separate given labels, whatever the topics are."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from components import agreement
from components.base import Bounds, Result


def mteb_v_measure(
    result: Result,
    *,
    n_draws: Annotated[int, Bounds(1)] = 10,
    n_documents: Annotated[int, Bounds(2)] = 2048,
    batch_size: Annotated[int, Bounds(1)] = 512,
    seed: int = 42,
) -> float | None:
    """Mean V-measure of labels and k-means on the vectors, by MTEB's protocol; in [0, 1].

    Higher is better. `n_draws` times `n_documents` of the labelled documents are drawn with
    replacement, and clustered by mini-batch k-means into as many clusters as there are labels;
    V-measure as in `v_measure` (Muennighoff et al. 2023, with the draws of its second version,
    Enevoldsen et al. 2025). A measure of the embedder alone: neither reducer nor clusterer has a
    part in it. Not adjusted for chance, so it compares embedders on the same documents only; where
    there are fewer documents than are drawn, it differs from a leaderboard's in that too.

    None with fewer than two labels, one for each document, or more than documents that are drawn.
    """
    from sklearn.cluster import MiniBatchKMeans

    labels = result.corpus.labels
    if labels is None:
        return None
    places = [place for place, row in enumerate(result.rows.tolist()) if labels[row] is not None]
    texts = [str(labels[row]) for row in result.rows[places].tolist()]
    numbers = np.unique(texts, return_inverse=True)[1].astype(np.int64)
    n_labels = int(numbers.max(initial=-1)) + 1
    if not 2 <= n_labels <= n_documents or n_labels == len(places):
        return None
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(n_draws):
        drawn = rng.integers(len(places), size=n_documents)
        model = MiniBatchKMeans(n_labels, batch_size=batch_size, n_init=1, random_state=seed)
        clusters = model.fit_predict(result.embeddings[np.array(places)[drawn]]).astype(np.int64)
        scores.append(agreement.v_measure(numbers[drawn], clusters))
    return float(np.mean(scores))
