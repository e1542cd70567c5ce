"""Leiden: topics as communities of the nearest-neighbour graph."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Guidance, Integers, Matrix, NeighborGraph, ParameterError
from components.clusterers.agreement import Rows
from components.clusterers.checks import at_least, at_most
from components.clusterers.enough import enough_topics, started
from components.clusterers.granularity import (
    SEED,
    Scale,
    auto_sample,
    check_layers,
    check_scale,
)
from components.clusterers.graph import LARGE, Communities, added, unlinked, weighted
from components.clusterers.joining import absorb, heaviest, merge_down, own_share, shares
from components.clusterers.steered import SteeredCommunities
from components.labels import by_size, count_topics
from components.neighbors import metric_for, neighbors

log = logging.getLogger(__name__)

RESOLUTIONS = {"broad": 0.3, "medium": 1.0, "fine": 3.0}
TRIED = (0.3, 0.45, 0.7, 1.0, 1.5, 2.2, 3.3, 5.0)  # by granularity=auto
ROUGH = 2  # iterations for those trials
ROUNDS = (4, 2)  # iterations for the topics, and those of a large graph; see experiments/scale
LINK = 95  # bytes that a document takes for each of its neighbours; see experiments/scale
Neighbors = Callable[..., NeighborGraph]


class LeidenClusterer:
    """Communities of the graph of nearest neighbours, found by the Leiden algorithm.

    Works on the vectors themselves (``reducer=none``), dense or sparse. How many topics there are
    is set by `n_topics`, else by `resolution`, else by `granularity`.

    Parameters
    ----------
    granularity : {"broad", "medium", "fine", "auto"}
        Resolution 0.3, 1 or 3, or the one on and around which halves of the documents agree best.
    n_topics : int, optional
        Exactly so many topics.
    resolution : float, optional
        Of the modularity; the larger, the more topics.
    layers : list of str
        Granularities to return beside the main one, nested in it and in each other.
    n_neighbors : int
        Links of each document, before the links of others to it.
    metric : {"auto", "cosine", "hellinger", "euclidean"}
        ``auto`` is Hellinger for sparse vectors without negatives and cosine for all others.
    weights : {"fuzzy", "jaccard"}
        Of the links: by distance, or by the share of common neighbours.
    min_topic_size : int
        A smaller topic joins the one that it has the heaviest links to; its documents are
        outliers if it has none.
    outliers : {"none", "score"}
        ``score``: a document with less than `outlier_threshold` of its link weight inside its
        topic is an outlier. ``none``: only documents without any link are.
    outlier_threshold : float
        In [0, 1].
    n_iterations : int, optional
        Rounds of the algorithm; -1 until nothing changes. By default 4, and 2 with more than
        100,000 documents.
    random_state : int, optional

    Attributes
    ----------
    probabilities_ : float32 (n,)
        Share of a document's link weight that stays inside its topic; 0 for outliers.
    memberships_ : float32 CSR (n, topics)
        Share of a document's link weight that goes to each topic.
    choice_ : dict
        What was chosen and why.
    curve_ : list of dict
        What ``auto`` saw: resolution, n_topics (of half the documents), score, modularity, the
        weight of each in the choice, and whether its modularity or number of topics ruled it out.
    layers_ : dict of str to int64 (n,)
        Topics for each of `layers`.
    prediction_ : dict
        How new documents get their topics; see `components.model`.
    """

    def __init__(
        self,
        *,
        granularity: Literal["broad", "medium", "fine", "auto"] = "auto",
        n_topics: int | None = None,
        resolution: float | None = None,
        layers: list[str] | None = None,
        n_neighbors: int = 30,
        metric: Literal["auto", "cosine", "hellinger", "euclidean"] = "auto",
        weights: Literal["fuzzy", "jaccard"] = "fuzzy",
        min_topic_size: int = 5,
        outliers: Literal["none", "score"] = "none",
        outlier_threshold: float = 0.3,
        n_iterations: int | None = None,
        random_state: int | None = None,
    ) -> None:
        check_scale(granularity, n_topics, resolution=resolution)
        check_layers(layers)
        if resolution is not None:
            at_least("resolution", resolution, 0)
        at_least("n_neighbors", n_neighbors, 1)
        at_least("min_topic_size", min_topic_size, 1)
        if not 0 <= outlier_threshold <= 1:
            raise ParameterError(
                "outlier_threshold",
                outlier_threshold,
                "must be from 0 to 1: a share of a document's edge weight.",
            )
        if n_iterations is not None and n_iterations < 1 and n_iterations != -1:
            raise ParameterError(
                "n_iterations", n_iterations, "must be at least 1, or -1: until convergence."
            )
        self.granularity = granularity
        self.n_topics = n_topics
        self.resolution = resolution
        self.layers = layers
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights
        self.min_topic_size = min_topic_size
        self.outliers = outliers
        self.outlier_threshold = outlier_threshold
        self.n_iterations = n_iterations
        self.random_state = random_state

    def peak_memory(self, n: int, d: int) -> int:
        """Bytes that `fit_predict` needs beside `X` (n, d)."""
        return LINK * n * self.n_neighbors

    def fit_predict(
        self,
        X: Matrix,
        *,
        neighbors: Neighbors = neighbors,
        members: Sequence[Matrix] = (),
        guidance: Guidance | None = None,
    ) -> Integers:
        """Topics of the rows of `X`: int64 (n,), the largest first, -1 an outlier.

        Parameters
        ----------
        X : float array (n, d) or CSR matrix (n, d)
            Finite. A CSR matrix is never made dense.
        neighbors : callable
            ``(X, k, metric) -> Graph``, such as a cached `components.neighbors.neighbors`.
        members : sequence of matrices (n, d_i)
            Several embedders' vectors of the documents, of which `X` is made. Their graphs are
            made instead of that of `X`, each with its own metric where that is ``auto``; their
            link weights are averaged, and the `n_neighbors` heaviest links of a document stay.
        guidance : Guidance, optional
            See `SteeredCommunities`. It holds for the main topics and those of finer layers; how
            many topics there are is chosen without it.
        """
        n = int(X.shape[0])
        k = at_most("n_neighbors", self.n_neighbors, max(1, n - 1), n)
        least = at_most("min_topic_size", self.min_topic_size, max(1, n // 2), n)
        metric = metric_for(X, self.metric)
        communities = Communities(self._graph(X, members, k, neighbors))
        steered = communities if guidance is None else SteeredCommunities(communities, guidance)
        fixed = None if guidance is None else guidance.fixed >= 0
        self.curve_: list[dict[str, Any]] = []
        sample = None
        if self.resolution is None:
            rows = auto_sample(n, self.granularity if self.n_topics is None else "auto")
            if rows is not None:
                some = [part[rows] for part in members]
                sample = Communities(self._graph(X[rows], some, k, neighbors))
        if self.n_topics is not None:
            start = None if sample is None else _start(self.n_topics, sample, least)
            del sample
            labels, resolution = self._exactly(self.n_topics, steered, start, least, fixed)
            why = f"n_topics={self.n_topics}"
        else:
            resolution, why = self._resolution(sample or communities, n)
            del sample
            labels = self._find(steered, resolution)
            labels = absorb(labels, communities.links, least, fixed=fixed)
        labels = by_size(labels)
        self.layers_ = self._nested(communities, labels, resolution, least)
        self.memberships_ = shares(communities.links, labels)
        self.probabilities_ = own_share(self.memberships_, labels)
        if self.outliers == "score":
            out = self.probabilities_ < self.outlier_threshold
            if fixed is not None:
                out &= ~fixed
            labels = by_size(np.where(out, -1, labels))
            self.layers_ = {
                name: by_size(np.where(out, -1, layer)) for name, layer in self.layers_.items()
            }
            self.memberships_ = shares(communities.links, labels)
            self.probabilities_[out] = 0
        self.choice_ = {"resolution": resolution, "n_topics": count_topics(labels), "why": why}
        self.prediction_ = {
            "rule": "vote",
            "metric": metric,
            "n_neighbors": k,
            "outlier_threshold": self.outlier_threshold if self.outliers == "score" else None,
            "resolution": resolution,
            "degrees": communities.degrees,
        }
        return labels

    def _graph(self, X: Matrix, members: Sequence[Matrix], k: int, neighbors: Neighbors) -> Any:
        """Link weights of the rows of `X`, or of the members it is made of: CSR (n, n)."""
        if members:
            return added([self._links(part, k, neighbors) for part in members], k)
        return weighted(neighbors(X, k, metric_for(X, self.metric)), self.weights)

    def _links(self, X: Matrix, k: int, neighbors: Neighbors) -> Any:
        """The graph of one member, in which a document without a vector has no links."""
        links = weighted(neighbors(X, k, metric_for(X, self.metric)), self.weights)
        return unlinked(links, np.asarray(abs(X).sum(axis=1)).ravel() == 0)

    def _find(self, communities: Communities | SteeredCommunities, resolution: float) -> Integers:
        n_iterations = self.n_iterations
        if n_iterations is None:
            n_iterations = ROUNDS[len(communities.degrees) > LARGE]
        return communities.find(resolution, n_iterations, self.random_state)

    def _resolution(self, communities: Communities, n: int) -> tuple[float, str]:
        """The resolution that the settings ask for, and why; sets `curve_` for ``auto``.

        Parameters
        ----------
        communities : of all `n` documents, or of a sample of them
        """
        if self.resolution is not None:
            return self.resolution, f"resolution={self.resolution}"

        links = communities.links

        def cluster(rows: Rows) -> Iterator[Integers]:
            half = Communities(links[rows][:, rows])
            for resolution in TRIED:
                yield half.find(resolution, ROUGH, SEED)

        def carry(source: Rows, target: Rows, clusterings: list[Integers]) -> list[Integers]:
            across = links[target][:, source]
            return [heaviest(across, labels) for labels in clusterings]

        scale = Scale("resolution", RESOLUTIONS, TRIED, cluster, carry, communities.modularity)
        resolution, why, self.curve_ = scale.choose(links.shape[0], self.granularity, n)
        return resolution, why

    def estimated_seconds(self, n: int) -> float:
        """Of the search for topics among `n` documents, beside that for their neighbours.

        Roughly, as measured in experiments/scale.
        """
        return n * 2e-4

    def _exactly(
        self,
        target: int,
        communities: Communities | SteeredCommunities,
        start: float | None,
        least: int,
        fixed: NDArray[np.bool_] | None = None,
    ) -> tuple[Integers, float]:
        """Exactly `target` topics, and the resolution that they come from; `start`: near it."""
        n = len(communities.degrees)
        target = at_most("n_topics", target, max(1, n // least), n)

        def search(resolution: float) -> Integers:
            labels = self._find(communities, resolution)
            return absorb(labels, communities.links, least, fixed=fixed)

        labels, resolution = enough_topics(target, search, start)
        n_topics = count_topics(labels)
        if n_topics < target:
            log.warning(
                "n_topics=%d: only %d topics of min_topic_size=%d or more documents were found",
                target, n_topics, least,
            )  # fmt: skip
        elif n_topics > target:
            labels = merge_down(labels, communities.links, target, fixed)
        return labels, resolution

    def _nested(
        self, communities: Communities, labels: Integers, resolution: float, least: int
    ) -> dict[str, Integers]:
        """Layers around the main topics: finer ones inside them, coarser ones made of them."""
        nested: dict[str, Integers] = {}
        layers = sorted(self.layers or [], key=RESOLUTIONS.__getitem__)
        inner = labels
        for layer in (name for name in layers if RESOLUTIONS[name] > resolution):
            inside = communities.within(inner)
            topics = self._find(inside, RESOLUTIONS[layer])
            topics = absorb(topics, inside.links, least, keep_unlinked=True)
            nested[layer] = inner = by_size(np.where(inner >= 0, topics, -1))
        outer = labels
        for layer in (name for name in reversed(layers) if RESOLUTIONS[name] < resolution):
            joined = self._find(communities.merged(outer), RESOLUTIONS[layer])
            nested[layer] = outer = by_size(np.where(outer >= 0, joined[outer], -1))
        return {layer: nested.get(layer, labels).copy() for layer in layers}


def _start(target: int, sample: Communities, least: int) -> float:
    """The resolution that gives about `target` topics on a sample."""
    return started(target, lambda r: absorb(sample.find(r, ROUGH, SEED), sample.links, least))
