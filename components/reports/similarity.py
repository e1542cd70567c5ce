"""How similar topics are, by the vectors of their documents."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, Result
from components.neighbors import unit_rows
from components.result import dense

_BLOCK = 4096  # rows brought to unit length at a time, so that the vectors are never copied whole


def similarity(result: Result, n_topics: int) -> Floats | None:
    """Cosine of the means of the unit vectors of each two of the largest topics.

    Returns
    -------
    float32 (n_topics, n_topics) or None
        Fewer where there are fewer topics; None where the result holds no vectors, or fewer than
        two topics.
    """
    from scipy import sparse

    n = min(n_topics, len(result.topics))
    X = result.embeddings
    saved = result.parts.get("topic_vectors")  # where the result was read from a run's files
    if n >= 2 and saved is not None:
        means = unit_rows(saved[:n].astype(np.float64))
        return dense(means @ means.T).astype(np.float32)
    if n < 2 or X.shape[1] == 0:
        return None
    labels = result.labels[result.rows]
    sums = np.zeros((n, X.shape[1]), dtype=np.float64)
    for start in range(0, X.shape[0], _BLOCK):
        block = labels[start : start + _BLOCK]
        inside = np.flatnonzero((block >= 0) & (block < n))
        member = sparse.csr_matrix(
            (np.ones(len(inside)), (block[inside], inside)), shape=(n, len(block))
        )
        sums += dense(member @ unit_rows(X[start : start + _BLOCK]))
    means = unit_rows(sums)
    return np.asarray(means @ means.T, dtype=np.float32)


def order(similarities: NDArray[Any]) -> Integers:
    """An order (n,) in which similar ones stand together, by float (n, n).

    The leaves of average-linkage clustering, ordered such that neighbours are as similar as its
    tree allows (Bar-Joseph et al. 2001).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = np.clip(1 - similarities.astype(np.float64), 0, None)
    np.fill_diagonal(distances, 0)
    distances = (distances + distances.T) / 2
    tree = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    return np.asarray(leaves_list(tree), dtype=np.int64)
