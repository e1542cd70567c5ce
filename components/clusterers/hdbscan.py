"""HDBSCAN, in the implementations of the packages hdbscan and fast_hdbscan."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, Matrix, at_least, require
from components.clusterers.checks import at_most, dense_rows
from components.clusterers.density_tree import cut, lifetimes, memberships, single_linkage_tree
from components.clusterers.granularity import Granularity, Scale, check_scale
from components.clusterers.joining import merge_nearest
from components.clusterers.layers import check_layers, nest
from components.labels import by_size, count_topics
from components.neighbors import nearest

log = logging.getLogger(__name__)

# min_cluster_size as a multiple of sqrt(n): of each granularity, and those that `auto` compares.
LEVELS = {"broad": 1.0, "medium": 0.5, "fine": 0.2}
TRIED = (2, 1.4, 1, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
SAMPLES = 10  # min_samples of the one tree that is cut at all these sizes


class HDBSCANClusterer:
    """HDBSCAN (Campello, Moulavi and Sander 2013; McInnes, Healy and Astels 2017).

    The number of topics follows from `n_topics`, else from `granularity`, else from
    `min_cluster_size`. For the first two and for layers, one tree is cut at many sizes.

    Parameters
    ----------
    min_cluster_size : int
        Fewest documents of a topic. Two topics need twice as many: with fewer documents it is
        lowered, with a warning.
    granularity : {"broad", "medium", "fine", "auto"}, optional
        `min_cluster_size` is 1, 0.5 or 0.2 times the square root of the number of documents, or
        the size on which two halves of the documents agree best; see
        `components.clusterers.granularity`.
    n_topics : int, optional
        Exactly this many topics: the tree is cut where it has the fewest that are at least as
        many, and those with the nearest centroids are merged.
    layers : list of {"broad", "medium", "fine"}, optional
        Further granularities, nested in the main one and in one another.
    min_samples : int, optional
        The larger, the more outliers. None: `min_cluster_size`, or 10 where that is not used.
    metric : {"euclidean", "manhattan", "chebyshev"}
    cluster_selection_method : {"eom", "leaf"}
        ``eom`` (excess of mass) selects the most persistent topics, ``leaf`` more and smaller ones.
    cluster_selection_epsilon : float
        Topics at a smaller distance from each other are merged; at least 0.
    normalise : bool
        Scale the vectors to unit length first: euclidean distances then order as cosine does.
    memberships : bool
        Also compute `memberships_`: the tree is built once more, and each document compared with
        the exemplars of every topic.
    random_state : int, optional
        Not used, as the method is deterministic; all clusterers take it.

    Attributes
    ----------
    probabilities_ : float32 (n,)
        In [0, 1]: a document's density (lambda) as a share of the highest in its topic; 0 for
        outliers.
    memberships_ : float32 CSR (n, topics)
        See `components.clusterers.density_tree.memberships`.
    choice_ : dict
        The `min_cluster_size` and number of topics that were chosen, and why.
    curve_ : list of dict
        For each setting that ``auto`` compared: min_cluster_size, n_topics (mean over halves of
        the documents), score, weight, ruled_out.
    layers_ : dict of str to int64 (n,)
        Topics of each of `layers`.
    prediction_ : dict
        How new documents get their topics; see `components.model`.
    """

    _name = "hdbscan"

    def __init__(
        self,
        *,
        min_cluster_size: int = 10,
        granularity: Granularity | None = None,
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
        at_least(2, min_cluster_size=min_cluster_size)
        check_scale(granularity, n_topics)
        check_layers(layers)
        at_least(1, min_samples=min_samples)
        at_least(0, cluster_selection_epsilon=cluster_selection_epsilon)
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
        """Bytes that `fit_predict` needs in addition to `X` (n, d): an estimate.

        Copies of `X`, and the tree. Memberships, whose number is not known before, are left out.
        """
        return 16 * n * d + 600 * n

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of a dense float array `X` (n, d): int64 (n,), -1 is an outlier.

        Raises
        ------
        UserError
            Where `X` is sparse.
        """
        X = dense_rows(X, self._name, self.normalise)
        n = len(X)
        self.layers_: dict[str, Integers] = {}
        self.curve_: list[dict[str, Any]] = []
        self.choice_: dict[str, Any] = {}
        if n == 1:
            self.probabilities_ = np.zeros(1, np.float32)
            return np.array([-1], np.int64)
        tree, samples, size, method, why = self._chosen_cut(X)
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
            labels = merge_nearest(X, labels, self.n_topics)
        if self.layers:
            labels = by_size(labels)
            sizes = {k: _size(n, level) for k, level in LEVELS.items() if k in self.layers}
            self.layers_ = nest(
                labels,
                coarser={k: self._labels(tree, s)[0] for k, s in sizes.items() if s >= size},
                finer={k: self._labels(tree, s)[0] for k, s in sizes.items() if s < size},
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

    def _chosen_cut(self, X: NDArray[Any]) -> tuple[NDArray[np.float64], int, int, str, str]:
        """The tree, its min_samples, the min_cluster_size and method of its cut, and the reason."""
        n = len(X)
        samples = self.min_samples
        if samples is not None:
            samples = at_most("min_samples", samples, n - 1, n)
        method: str = self.cluster_selection_method
        if self.n_topics is not None:
            samples = samples or min(SAMPLES, n - 1)
            tree = self._tree(X, samples)
            size, method = self._cut_for(tree, self.n_topics, n)
            return tree, samples, size, method, f"n_topics={self.n_topics}"
        if self.granularity is not None:
            samples = samples or min(SAMPLES, n - 1)
            tree = self._tree(X, samples)
            size, why = self._chosen_size(X, self.granularity)
            return tree, samples, size, method, why
        # Both branches of a split must reach the size, so n // 2 is the largest with topics.
        size = at_most("min_cluster_size", self.min_cluster_size, max(2, n // 2), n)
        samples = samples or size
        why = f"min_cluster_size={self.min_cluster_size}"
        return self._tree(X, samples), samples, size, method, why

    def _tree(self, X: NDArray[Any], min_samples: int) -> NDArray[np.float64]:
        """See `density_tree.single_linkage_tree`."""
        return single_linkage_tree(X, min_samples, self.metric)

    def _labels(
        self, tree: NDArray[np.float64], size: int, method: str | None = None
    ) -> tuple[Integers, Floats, Any]:
        """Topics of at least `size` documents; see `density_tree.cut`."""
        method = method or self.cluster_selection_method
        return cut(tree, size, method, self.cluster_selection_epsilon)

    def _chosen_size(self, X: NDArray[Any], granularity: str) -> tuple[int, str]:
        """The min_cluster_size of a granularity, and the reason; sets `curve_` for ``auto``."""
        n = len(X)
        tried = list(dict.fromkeys(_size(n, level) for level in TRIED))

        def cluster(rows: Integers) -> list[Integers]:
            # In a half, topics and neighbourhoods have half their documents.
            tree = self._tree(X[rows], max(1, (self.min_samples or SAMPLES) // 2))
            return [self._labels(tree, max(2, size // 2))[0] for size in tried]

        def carry(
            source: Integers, target: Integers, clusterings: list[Integers]
        ) -> list[Integers]:
            closest = nearest(X[target], X[source], 1, "euclidean")[0][:, 0]
            return [labels[closest] for labels in clusterings]

        levels = {name: float(_size(n, level)) for name, level in LEVELS.items()}
        scale = Scale("min_cluster_size", levels, tried, cluster, carry)
        size, why, self.curve_ = scale.choose(n, granularity)
        return round(size), why

    def _cut_for(self, tree: NDArray[np.float64], target: int, n: int) -> tuple[int, str]:
        """The min_cluster_size and method that give `target` topics, or else the fewest above it.

        Of equal numbers the largest size. The method is ``leaf`` only where
        `cluster_selection_method` gives too few topics at any size.
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
    """HDBSCAN by the package fast_hdbscan: on all cores, for few dimensions, euclidean only.

    numba compiles it at its first use on a machine, for about a minute. Parameters and attributes
    are those of `HDBSCANClusterer`, without `metric` and `memberships`.
    """

    _name = "fast_hdbscan"

    def __init__(
        self,
        *,
        min_cluster_size: int = 10,
        granularity: Granularity | None = None,
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
        import fast_hdbscan

        if not any(Path(fast_hdbscan.__file__).parent.glob("__pycache__/*.nbi")):
            log.info("fast_hdbscan: numba compiles it at its first use, for about a minute")
        model = fast_hdbscan.HDBSCAN(
            min_cluster_size=max(2, min_samples), min_samples=min_samples, reproducible=True
        ).fit(X.astype(np.float32))
        return np.asarray(model.single_linkage_tree_.to_numpy(), dtype=np.float64)


def _size(n: int, level: float) -> int:
    """The min_cluster_size for `n` documents: `level` times sqrt(n), from 2 to n / 2."""
    return max(2, min(n // 2, round(level * float(np.sqrt(n)))))
