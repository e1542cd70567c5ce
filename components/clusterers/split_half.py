"""How far clusterings of two random halves of the documents agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any

import numpy as np

from components.agreement import adjusted_mutual_information, entropy
from components.base import Integers, progress
from components.labels import count_topics

MIN_TOPICS = 1.5  # effective number of topics below which there is nothing to agree on
DOCUMENTS = 30_000  # clustered by all splits together: the more documents, the fewer splits
MAX_SPLITS = 6


def split_half_agreement(
    n: int,
    n_settings: int,
    cluster: Callable[[Integers], Iterable[Integers]],
    carry: Callable[[Integers, Integers, list[Integers]], list[Integers]],
    random_state: int | None,
    modularity: Callable[[Integers], float] | None = None,
) -> list[dict[str, Any]]:
    """Agreement between random halves of `n` documents at each setting, coarsest first.

    Parameters
    ----------
    cluster : callable
        Rows int64 (h,) of a half -> topics int64 (h,) of these rows for each setting, clustered
        without the other half. May be a generator: progress is then shown setting by setting.
    carry : callable
        Rows of one half, rows of the other, topics of the first at each setting -> topics of the
        second at each setting, predicted from those of the first.
    random_state : int, optional
        Seed of the splits.
    modularity : callable, optional
        Topics int64 (n,) -> their modularity, for clusterers of a graph.

    Returns
    -------
    list of dict
        One per setting. ``score``: mean adjusted mutual information between the topics of a half
        and those predicted for it, 0 where nearly all its documents have one topic. ``n_topics``:
        mean number of topics in a half. ``modularity``, if asked for: mean over the halves, with
        the topics of a half extended to the other.
    """
    rng = np.random.default_rng(random_state)
    points: list[dict[str, list[float]]] = [defaultdict(list) for _ in range(n_settings)]
    orders = [rng.permutation(n) for _ in range(min(MAX_SPLITS, max(1, DOCUMENTS // n)))]
    splits = [(np.sort(order[: n // 2]), np.sort(order[n // 2 :])) for order in orders]
    trials = chain.from_iterable(cluster(rows) for halves in splits for rows in halves)
    total = 2 * n_settings * len(splits)
    shown = progress(trials, total=total, label="granularity: trials")
    for halves in splits:
        clusterings = [list(islice(shown, n_settings)) for _ in halves]
        for this, other in ((0, 1), (1, 0)):
            predicted = carry(halves[other], halves[this], clusterings[other])
            for k, (own, carried) in enumerate(zip(clusterings[this], predicted, strict=True)):
                trivial = min(_effective_number(own), _effective_number(carried)) < MIN_TOPICS
                score = 0.0 if trivial else adjusted_mutual_information(own, carried)
                points[k]["score"].append(score)
                points[k]["n_topics"].append(count_topics(own))
                if modularity is not None:
                    everywhere = np.empty(n, np.int64)
                    everywhere[halves[other]] = clusterings[other][k]
                    everywhere[halves[this]] = carried
                    points[k]["modularity"].append(modularity(everywhere))
    return [{name: float(np.mean(values)) for name, values in point.items()} for point in points]


def _effective_number(labels: Integers) -> float:
    """Exponential of the entropy: the number of equally large topics that are as diverse.

    Outliers (-1) count as one topic.
    """
    return math.exp(entropy(np.bincount(labels + 1)))
