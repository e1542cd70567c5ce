"""HDBSCAN, in two implementations: hdbscan's own and fast_hdbscan's."""

from __future__ import annotations

import logging
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, Matrix, require
from components.clusterers.agreement import Rows
from components.clusterers.checks import at_least, at_most, dense_rows
from components.clusterers.density_tree import cut, lifetimes, memberships, single_linkage_tree
from components.clusterers.granularity import Scale, check_layers, check_scale, nest
from components.labels import by_size, count_topics
from components.neighbors import nearest

log = logging.getLogger(__name__)

# Sizes of the smallest topic, as multiples of sqrt(n), and the min_samples of the one tree that
# is cut at all of them.
LEVELS = {"broad": 1.0, "medium": 0.5, "fine": 0.2}
TRIED = (2, 1.4, 1, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
SAMPLES = 10


class HDBSCANClusterer:
    """HDBSCAN (Campello, Moulavi and Sander 2013; McInnes, Healy and Astels 2017).

    The number of topics follows from `n_topics`, else by `granularity`, else by
    `min_cluster_size`. For the first two and for layers, one tree is built and cut at many sizes.

    Parameters
    ----------
    min_cluster_size : int
        Documents in the smallest topic. Two topics need twice as many: with fewer documents it
        is lowered, with a warning.
    granularity : {"broad", "medium", "fine", "auto"}, optional
        A size of 1, 0.5 or 0.2 times the square root of the number of documents, or the one that
        two halves of the documents agree on.
    n_topics : int, optional
        Exactly so many topics: of the cut with the fewest topics that are enough, those with the
        nearest centres are merged.
    layers : list of str
        Granularities to return beside the main one, nested in it and in each other.
    min_samples : int, optional
        The larger, the more outliers. None: `min_cluster_size`, or 10 where that is not used.
    metric : {"euclidean", "manhattan", "chebyshev"}
    cluster_selection_method : {"eom", "leaf"}
        ``leaf`` finds more and smaller topics.
    cluster_selection_epsilon : float
        Topics nearer to each other than this are one.
    normalise : bool
        Scale the vectors to unit length first, so that euclidean distances order as cosine's.
    memberships : bool
        Also compute `memberships_`: the tree is built once more, and each document compared with
        the exemplars of every topic.
    random_state : int, optional
        Of the halves that ``auto`` compares; HDBSCAN itself is not random.

    Attributes
    ----------
    probabilities_ : float32 (n,)
        How firmly a document belongs to its topic; 0 for outliers.
    memberships_ : float32 CSR (n, topics)
        hdbscan's own, `all_points_membership_vectors`.
    choice_ : dict
        What was chosen and why.
    curve_ : list of dict
        What ``auto`` saw: min_cluster_size, n_topics (of half the documents), score, weight.
    layers_ : dict of str to int64 (n,)
        Topics for each of `layers`.
    prediction_ : dict
        How new documents get their topics; see `components.model`.
    """

    _name = "hdbscan"

    def __init__(
        self,
        *,
        min_cluster_size: int = 10,
        granularity: Literal["broad", "medium", "fine", "auto"] | None = None,
        n_topics: int | None = None,
        layers: list[str] | None = None,
        min_samples: int | None = None,
        metric: Literal["euclidean", "manhattan", "chebyshev"] = "euclidean",
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        cluster_selection_epsilon: float = 0.0,
        normalise: bool = False,
        memberships: bool = False,
        random_state: int | None = None,
    ) -> None:
        at_least("min_cluster_size", min_cluster_size, 2)
        check_scale(granularity, n_topics)
        check_layers(layers)
        if min_samples is not None:
            at_least("min_samples", min_samples, 1)
        at_least("cluster_selection_epsilon", cluster_selection_epsilon, 0)
        self.min_cluster_size = min_cluster_size
        self.granularity = granularity
        self.n_topics = n_topics
        self.layers = layers
        self.min_samples = min_samples
        self.metric = metric
        self.cluster_selection_method = cluster_selection_method
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.normalise = normalise
        self.memberships = memberships
        self.random_state = random_state

    def peak_memory(self, n: int, d: int) -> int:
        """Bytes that `fit_predict` needs beside `X` (n, d): copies of it, and the tree."""
        return 16 * n * d + 600 * n

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of `X` (n, d): int64 (n,), -1 an outlier."""
        X = dense_rows(X, self._name, self.normalise)
        n = len(X)
        self.layers_: dict[str, Integers] = {}
        self.curve_: list[dict[str, Any]] = []
        self.choice_: dict[str, Any] = {}
        if n == 1:
            self.probabilities_ = np.zeros(1, np.float32)
            return np.array([-1], np.int64)
        samples = self.min_samples
        if samples is not None:
            samples = at_most("min_samples", samples, n - 1, n)
        method: str = self.cluster_selection_method
        if self.granularity is None and self.n_topics is None:
            # Both branches of a cut must reach the size: below twice the size there are no topics.
            size = at_most("min_cluster_size", self.min_cluster_size, max(2, n // 2), n)
            samples = samples or size
            tree = self._tree(X, samples)
            why = f"min_cluster_size={self.min_cluster_size}"
        else:
            samples = samples or min(SAMPLES, n - 1)
            tree = self._tree(X, samples)
            if self.n_topics is not None:
                why = f"n_topics={self.n_topics}"
                size, method = self._cut_for(tree, self.n_topics, n)
            else:
                size, why = self._chosen_size(X)
        labels, self.probabilities_, condensed = self._labels(tree, size, method)
        births, deaths = lifetimes(condensed, labels)
        self.prediction_ = {
            "rule": "density",
            "metric": self.metric,
            "normalise": self.normalise,
            "min_samples": samples,
            "births": births,
            "deaths": deaths,
        }
        unmerged = labels
        if self.n_topics is not None:
            labels = _merged(X, labels, self.n_topics)
        if self.layers:
            labels = by_size(labels)
            sizes = {k: _size(n, level) for k, level in LEVELS.items() if k in self.layers}
            self.layers_ = nest(
                labels,
                {k: self._labels(tree, s)[0] for k, s in sizes.items() if s >= size},
                {k: self._labels(tree, s)[0] for k, s in sizes.items() if s < size},
            )
        if self.memberships:
            self.memberships_ = memberships(
                X,
                unmerged,
                labels,
                min_cluster_size=size,
                min_samples=samples,
                metric=self.metric,
                cluster_selection_method=method,
                cluster_selection_epsilon=self.cluster_selection_epsilon,
            )
        self.choice_ = {"min_cluster_size": size, "n_topics": count_topics(labels), "why": why}
        return labels

    def _tree(self, X: NDArray[Any], min_samples: int) -> NDArray[np.float64]:
        """The single-linkage tree of the mutual reachability distances, (n - 1, 4)."""
        return single_linkage_tree(X, min_samples, self.metric)

    def _labels(
        self, tree: NDArray[np.float64], size: int, method: str | None = None
    ) -> tuple[Integers, Floats, Any]:
        """Topics of at least `size` documents; see `density_tree.cut`."""
        method = method or self.cluster_selection_method
        return cut(tree, size, method, self.cluster_selection_epsilon)

    def _chosen_size(self, X: NDArray[Any]) -> tuple[int, str]:
        n = len(X)
        tried = list(dict.fromkeys(_size(n, level) for level in TRIED))

        def cluster(rows: Rows) -> list[Integers]:
            # A half has half the documents of every topic, and half of those around each.
            tree = self._tree(X[rows], max(1, (self.min_samples or SAMPLES) // 2))
            return [self._labels(tree, max(2, size // 2))[0] for size in tried]

        def carry(source: Rows, target: Rows, clusterings: list[Integers]) -> list[Integers]:
            closest = nearest(X[target], X[source], 1, "euclidean")[0][:, 0]
            return [labels[closest] for labels in clusterings]

        levels = {name: float(_size(n, level)) for name, level in LEVELS.items()}
        scale = Scale("min_cluster_size", levels, tried, cluster, carry)
        assert self.granularity is not None
        size, why, self.curve_ = scale.choose(n, self.granularity)
        return round(size), why

    def _cut_for(self, tree: NDArray[np.float64], target: int, n: int) -> tuple[int, str]:
        """The largest size that gives `target` topics, or else the next larger number.

        Where no size gives as many, the tree is cut at its leaves.
        """
        sizes = [int(s) for s in np.unique(np.geomspace(max(2, n // 2), 2, 60).astype(int))[::-1]]
        counts: dict[tuple[int, str], int] = {}
        for method in dict.fromkeys((self.cluster_selection_method, "leaf")):
            for size in sizes:
                counts[size, method] = count_topics(self._labels(tree, size, method)[0])
                if counts[size, method] == target:
                    return size, method
            enough = [trial for trial, count in counts.items() if count > target]
            if enough:
                return min(enough, key=lambda trial: (counts[trial], -trial[0]))
        most = max(counts, key=lambda trial: (counts[trial], trial[0]))
        log.warning("n_topics=%d: the documents have no more than %d topics", target, counts[most])
        return most


class FastHDBSCANClusterer(HDBSCANClusterer):
    """HDBSCAN as fast_hdbscan has it: on all cores, for few dimensions, euclidean only.

    numba compiles it again in each process, about half a minute, so that it pays for very many
    documents only. Parameters and attributes are those of `HDBSCANClusterer`.
    """

    _name = "fast_hdbscan"

    def __init__(
        self,
        *,
        min_cluster_size: int = 10,
        granularity: Literal["broad", "medium", "fine", "auto"] | None = None,
        n_topics: int | None = None,
        layers: list[str] | None = None,
        min_samples: int | None = None,
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        cluster_selection_epsilon: float = 0.0,
        normalise: bool = False,
        random_state: int | None = None,
    ) -> None:
        require("fast_hdbscan", extra="fast-hdbscan")
        super().__init__(
            min_cluster_size=min_cluster_size,
            granularity=granularity,
            n_topics=n_topics,
            layers=layers,
            min_samples=min_samples,
            cluster_selection_method=cluster_selection_method,
            cluster_selection_epsilon=cluster_selection_epsilon,
            normalise=normalise,
            random_state=random_state,
        )

    def _tree(self, X: NDArray[Any], min_samples: int) -> NDArray[np.float64]:
        from fast_hdbscan import HDBSCAN

        model = HDBSCAN(
            min_cluster_size=max(2, min_samples), min_samples=min_samples, reproducible=True
        ).fit(X.astype(np.float32))
        return np.asarray(model.single_linkage_tree_.to_numpy(), dtype=np.float64)


def _size(n: int, level: float) -> int:
    return max(2, min(n // 2, round(level * float(np.sqrt(n)))))


def _merged(X: NDArray[Any], labels: Integers, target: int) -> Integers:
    """At most `target` topics: those with the nearest centres joined (average linkage)."""
    from sklearn.cluster import AgglomerativeClustering

    n_topics = count_topics(labels)
    if n_topics <= target:
        return labels
    if target == 1:
        return np.where(labels >= 0, 0, -1).astype(np.int64)
    centres = np.stack([X[labels == topic].mean(axis=0) for topic in range(n_topics)])
    joined = AgglomerativeClustering(n_clusters=target, linkage="average").fit_predict(centres)
    return np.where(labels >= 0, joined[labels], -1).astype(np.int64)
