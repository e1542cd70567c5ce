"""Agglomerative clustering: a dendrogram of all documents, cut at a number of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError, UserError, at_least
from components.clusterers.checks import dense_rows
from components.clusterers.granularity import (
    Granularity,
    check_scale,
    choose_number,
    count_levels,
)
from components.clusterers.layers import check_layers, nest
from components.labels import by_size, count_topics
from components.memory import available_memory


class AgglomerativeClusterer:
    """Agglomerative clustering (`scipy.cluster.hierarchy.linkage`).

    One dendrogram serves the topics and all layers. The distances of all pairs are held twice,
    8 n (n - 1) bytes: 3.2 GB for 20,000 documents. The number of topics is set by `n_topics`,
    else by `granularity`, else by `n_clusters` or `distance_threshold`; where none is set, by the
    documents, as with ``granularity="auto"``.

    Parameters
    ----------
    n_clusters : int, optional
        Number of topics; fewer, with a warning, if there are fewer documents.
    distance_threshold : float, optional
        Topics farther apart than this, at least 0, are not merged. Instead of
        `n_clusters`.
    granularity : {"broad", "medium", "fine", "auto"}, optional
        1, 2 or 5 times the fourth root of the number of documents, or the number on which two
        halves of the documents agree best; see `components.clusterers.granularity`.
    n_topics : int, optional
        The same as `n_clusters`, under the name that all clusterers share.
    layers : list of {"broad", "medium", "fine"}, optional
        Further granularities: cuts of the same dendrogram, so nested.
    linkage : {"ward", "average", "complete", "single"}
        Ward needs the euclidean metric.
    metric : {"euclidean", "cosine", "manhattan"}
    normalise : bool
        Scale the vectors to unit length first, so that Ward linkage compares directions.
    random_state : int, optional
        Not used, as the method is deterministic; all clusterers take it.

    Attributes
    ----------
    choice_, curve_, layers_
        As in `components.clusterers.kmeans.KMeansClusterer`.
    """

    def __init__(
        self,
        *,
        n_clusters: int | None = None,
        distance_threshold: float | None = None,
        granularity: Granularity | None = None,
        n_topics: int | None = None,
        layers: list[str] | None = None,
        linkage: Literal["ward", "average", "complete", "single"] = "ward",
        metric: Literal["euclidean", "cosine", "manhattan"] = "euclidean",
        normalise: bool = False,
        random_state: int | None = None,
    ) -> None:
        if n_clusters is not None and distance_threshold is not None:
            raise ParameterError(
                "n_clusters",
                n_clusters,
                "distance_threshold sets the number of topics too. Set one of the two to null.",
            )
        at_least(1, n_clusters=n_clusters)
        at_least(0, distance_threshold=distance_threshold)
        check_scale(granularity, n_topics)
        check_layers(layers)
        if linkage == "ward" and metric != "euclidean":
            raise ParameterError(
                "linkage",
                linkage,
                f"ward needs metric=euclidean, not {metric}. Set linkage=average, or "
                "metric=euclidean with normalise=true for ward on unit vectors.",
            )
        self.n_clusters = n_clusters
        self.distance_threshold = distance_threshold
        self.granularity = granularity
        self.n_topics = n_topics
        self.layers = layers
        self.linkage = linkage
        self.metric = metric
        self.normalise = normalise
        self.random_state = random_state

    def peak_memory(self, n: int, d: int) -> int:
        """Bytes that `fit_predict` needs in addition to `X` (n, d): an estimate."""
        return _distances(n) + 8 * n * d

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of a dense float array `X` (n, d): int64 (n,), the largest first.

        Raises
        ------
        UserError
            Where `X` is sparse, or the distances of all pairs do not fit in memory.
        """
        from scipy.cluster.hierarchy import fcluster

        X = dense_rows(X, "agglomerative", self.normalise)
        n = len(X)
        _check_memory(n)
        self.curve_: list[dict[str, Any]] = []
        self.layers_: dict[str, Integers] = {}
        if n == 1:
            self.choice_: dict[str, Any] = {"n_topics": 1, "why": "one document"}
            return np.zeros(1, np.int64)
        tree = self._tree(X)
        by_distance = self.n_topics is None and self.granularity is None
        if by_distance and self.distance_threshold is not None:
            labels = by_size(fcluster(tree, self.distance_threshold, "distance") - 1)
            why = f"distance_threshold={self.distance_threshold}"
        else:
            number, why, self.curve_ = choose_number(
                X, self._clusterings, n_topics=self.n_topics, n_clusters=self.n_clusters,
                granularity=self.granularity,
            )  # fmt: skip
            labels = _cut(tree, number)
        levels, _ = count_levels(n)
        cuts = {k: _cut(tree, int(v)) for k, v in levels.items() if k in (self.layers or ())}
        main = count_topics(labels)
        self.layers_ = nest(
            labels,
            coarser={k: v for k, v in cuts.items() if levels[k] <= main},
            finer={k: v for k, v in cuts.items() if levels[k] > main},
        )
        self.choice_ = {"n_topics": count_topics(labels), "why": why}
        return labels

    def _tree(self, X: NDArray[Any]) -> NDArray[np.float64]:
        from scipy.cluster.hierarchy import linkage

        metric = "cityblock" if self.metric == "manhattan" else self.metric
        tree: NDArray[np.float64] = linkage(X.astype(np.float64), self.linkage, metric)
        return tree

    def _clusterings(self, X: NDArray[Any], numbers: Sequence[int]) -> list[Integers]:
        tree = self._tree(X)
        return [_cut(tree, number) for number in numbers]


def _cut(tree: NDArray[np.float64], number: int) -> Integers:
    """Topics int64 (n,), after the first n - `number` merges of the dendrogram (n - 1, 4).

    Not `fcluster` with ``maxclust``, which may give fewer where several merges have one distance.
    """
    from scipy import sparse

    n = len(tree) + 1
    merges = tree[: n - number, :2].astype(np.int64)
    parents = np.repeat(n + np.arange(len(merges)), 2)
    links = sparse.csr_matrix((np.ones(len(parents)), (merges.ravel(), parents)), (2 * n, 2 * n))
    _, parts = sparse.csgraph.connected_components(links, directed=False)
    return by_size(parts[:n].astype(np.int64))


def _check_memory(n: int) -> None:
    """Raise a `UserError` rather than let the system kill the process half-way."""
    needed, available = _distances(n), available_memory()
    if needed > available:
        raise UserError(
            f"agglomerative clustering needs {needed / 1e9:.0f} GB for the distances of {n:,} "
            f"documents, and {available / 1e9:.0f} GB are available. Use another clusterer, such "
            "as leiden or kmeans, or limit the data set to a sample."
        )


def _distances(n: int) -> int:
    """Bytes of the distances of all pairs as float64, of which scipy makes a copy."""
    return 8 * n * (n - 1)
