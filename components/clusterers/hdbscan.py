"""HDBSCAN, in two implementations: hdbscan's own and fast_hdbscan's."""

from __future__ import annotations

from typing import Literal

import numpy as np

from components.base import Integers, Matrix, require
from components.clusterers.checks import at_least, at_most, dense_rows


class HDBSCANClusterer:
    """HDBSCAN (Campello, Moulavi and Sander 2013; McInnes, Healy and Astels 2017).

    Parameters
    ----------
    min_cluster_size : int
        Documents in the smallest topic. Two topics need twice as many: with fewer documents it
        is lowered, with a warning.
    min_samples : int, optional
        The larger, the more outliers; `min_cluster_size` where it is None.
    metric : {"euclidean", "manhattan", "chebyshev"}
    cluster_selection_method : {"eom", "leaf"}
        ``leaf`` finds more and smaller topics.
    cluster_selection_epsilon : float
        Topics nearer to each other than this are one.
    normalise : bool
        Scale the vectors to unit length first, so that euclidean distances order as cosine's.

    Attributes
    ----------
    probabilities_ : float32 (n,)
        How firmly a document belongs to its topic; 0 for outliers.
    model_ : hdbscan.HDBSCAN
        The fitted model; missing where there was only one document.
    """

    def __init__(
        self,
        *,
        min_cluster_size: int = 10,
        min_samples: int | None = None,
        metric: Literal["euclidean", "manhattan", "chebyshev"] = "euclidean",
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        cluster_selection_epsilon: float = 0.0,
        normalise: bool = False,
    ) -> None:
        _check_sizes(min_cluster_size, min_samples, cluster_selection_epsilon)
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.metric = metric
        self.cluster_selection_method = cluster_selection_method
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.normalise = normalise

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of `X` (n, d): int64 (n,), -1 an outlier."""
        from hdbscan import HDBSCAN

        X = dense_rows(X, "hdbscan", self.normalise)
        if len(X) == 1:
            self.probabilities_ = np.zeros(1, np.float32)
            return np.array([-1], np.int64)
        self.model_ = HDBSCAN(
            **_sizes(self.min_cluster_size, self.min_samples, len(X)),
            metric=self.metric,
            cluster_selection_method=self.cluster_selection_method,
            cluster_selection_epsilon=self.cluster_selection_epsilon,
            core_dist_n_jobs=1,  # more start processes, which take longer than they save
        ).fit(X.astype(np.float64))
        self.probabilities_ = np.asarray(self.model_.probabilities_, dtype=np.float32)
        return np.asarray(self.model_.labels_, dtype=np.int64)


class FastHDBSCANClusterer:
    """HDBSCAN as fast_hdbscan has it: on all cores, for few dimensions, euclidean only.

    numba compiles it anew in each process, about half a minute, so that it pays for very many
    documents only. Parameters and attributes are those of `HDBSCANClusterer`.
    """

    def __init__(
        self,
        *,
        min_cluster_size: int = 10,
        min_samples: int | None = None,
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        cluster_selection_epsilon: float = 0.0,
        normalise: bool = False,
    ) -> None:
        require("fast_hdbscan", extra="fast-hdbscan")
        _check_sizes(min_cluster_size, min_samples, cluster_selection_epsilon)
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.cluster_selection_method = cluster_selection_method
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.normalise = normalise

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of `X` (n, d): int64 (n,), -1 an outlier."""
        from fast_hdbscan import HDBSCAN

        X = dense_rows(X, "fast_hdbscan", self.normalise)
        if len(X) == 1:
            self.probabilities_ = np.zeros(1, np.float32)
            return np.array([-1], np.int64)
        self.model_ = HDBSCAN(
            **_sizes(self.min_cluster_size, self.min_samples, len(X)),
            cluster_selection_method=self.cluster_selection_method,
            cluster_selection_epsilon=self.cluster_selection_epsilon,
            reproducible=True,
        ).fit(X.astype(np.float32))
        self.probabilities_ = np.asarray(self.model_.probabilities_, dtype=np.float32)
        return np.asarray(self.model_.labels_, dtype=np.int64)


def _check_sizes(min_cluster_size: int, min_samples: int | None, epsilon: float) -> None:
    at_least("min_cluster_size", min_cluster_size, 2)
    if min_samples is not None:
        at_least("min_samples", min_samples, 1)
    at_least("cluster_selection_epsilon", epsilon, 0)


def _sizes(min_cluster_size: int, min_samples: int | None, n: int) -> dict[str, int | None]:
    """The two sizes as `n` documents allow them."""
    # A tree is cut where both branches reach the size: below twice the size there are no topics.
    size = at_most("min_cluster_size", min_cluster_size, max(2, n // 2), n)
    samples = None if min_samples is None else at_most("min_samples", min_samples, n - 1, n)
    return {"min_cluster_size": size, "min_samples": samples}
