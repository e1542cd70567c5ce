"""Edge weights of nearest neighbours, by distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The distance of two rows that share nothing: neighbours at it are not linked.
FARTHEST = {"cosine": 1.0, "hellinger": 1.0, "euclidean": np.inf}


def fuzzy_strengths(
    distances: NDArray[Any], least: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """UMAP's membership strengths (McInnes, Healy and Melville 2018, section 3.1).

    exp(-(d - nearest) / s), with s such that a row's strengths sum to log2(k + 1).

    Parameters
    ----------
    distances : float array (n, k)
        Nearest first.
    least : float, or float64 (n, 1)
        Lower bound of s. If more than log2(k + 1) neighbours are nearest, no s gives that sum.

    Returns
    -------
    float64 (n, k)
        In [0, 1]. A row's strengths depend on no other row.
    """
    beyond = np.asarray(distances, np.float64)
    beyond = beyond - beyond[:, :1]
    target = np.log2(distances.shape[1] + 1)
    low, high = np.zeros((len(beyond), 1)), np.full((len(beyond), 1), np.inf)
    scale = np.ones((len(beyond), 1))
    for _ in range(48):  # bisection
        too_much = np.exp(-beyond / scale).sum(axis=1, keepdims=True) > target
        high, low = np.where(too_much, scale, high), np.where(too_much, low, scale)
        scale = np.where(np.isinf(high), 2 * scale, (low + high) / 2)
    strengths: NDArray[np.float64] = np.exp(-beyond / np.maximum(scale, least))
    return strengths
