"""Agglomerative clustering: a tree of all documents, cut once."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np

from components.base import Integers, Matrix, UserError
from components.clusterers.checks import at_least, at_most, dense_rows


class AgglomerativeClusterer:
    """Agglomerative clustering, as scikit-learn has it.

    It holds the distances of all pairs, 8 n (n - 1) / 2 bytes: 1.6 GB for 20,000 documents.

    Parameters
    ----------
    n_clusters : int, optional
        Number of topics; fewer, with a warning, where there are fewer documents. None: the tree
        is cut at `distance_threshold`.
    distance_threshold : float, optional
        Topics farther apart than this are not merged. Needs ``n_clusters: null``.
    linkage : {"ward", "average", "complete", "single"}
        Ward needs the euclidean metric.
    metric : {"euclidean", "cosine", "manhattan"}
    normalise : bool
        Scale the vectors to unit length first, so that ward goes by direction.
    """

    def __init__(
        self,
        *,
        n_clusters: int | None = 20,
        distance_threshold: float | None = None,
        linkage: Literal["ward", "average", "complete", "single"] = "ward",
        metric: Literal["euclidean", "cosine", "manhattan"] = "euclidean",
        normalise: bool = False,
    ) -> None:
        if (n_clusters is None) == (distance_threshold is None):
            raise UserError(
                "clusterer=agglomerative takes clusterer.n_clusters or "
                "clusterer.distance_threshold: set one, and the other to null."
            )
        if n_clusters is not None:
            at_least("n_clusters", n_clusters, 1)
        if linkage == "ward" and metric != "euclidean":
            raise UserError(
                f"clusterer.linkage=ward needs the euclidean metric, not {metric}. "
                "Set clusterer.linkage=average, or clusterer.normalise=true for ward by direction."
            )
        self.n_clusters = n_clusters
        self.distance_threshold = distance_threshold
        self.linkage = linkage
        self.metric = metric
        self.normalise = normalise

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of `X` (n, d): int64 (n,)."""
        from sklearn.cluster import AgglomerativeClustering

        X = dense_rows(X, "agglomerative", self.normalise)
        n = len(X)
        _check_memory(n)
        if n == 1:
            return np.zeros(1, np.int64)
        n_clusters = self.n_clusters
        if n_clusters is not None:
            n_clusters = at_most("n_clusters", n_clusters, n, n)
        model = AgglomerativeClustering(
            n_clusters=n_clusters,
            distance_threshold=self.distance_threshold,
            linkage=self.linkage,
            metric=self.metric,
        )
        return np.asarray(model.fit_predict(X), dtype=np.int64)


def _check_memory(n: int) -> None:
    """Better an error now than a process that the system ends half-way."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not known here: let it try
        return
    needed = 4 * n * (n - 1)
    if needed > 0.8 * memory:
        raise UserError(
            f"clusterer=agglomerative needs {needed / 1e9:.0f} GB for the distances of {n} "
            f"documents, and this machine has {memory / 1e9:.0f} GB. Use clusterer=kmeans or "
            "clusterer=hdbscan, or take a sample with dataset.limit."
        )
