"""Leiden: topics are communities of the nearest-neighbour graph."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Guidance, Integers, Matrix, NeighborGraph, ParameterError, at_least
from components.clusterers.checks import at_most
from components.clusterers.communities import Communities
from components.clusterers.copies import Originals, find_originals
from components.clusterers.granularity import (
    SEED,
    Granularity,
    Scale,
    auto_sample,
    check_scale,
)
from components.clusterers.graph import LARGE, linked
from components.clusterers.guided import GuidedCommunities
from components.clusterers.joining import absorb, heaviest, own_share, shares
from components.clusterers.layers import check_layers, nested_communities
from components.clusterers.resolution_search import (
    TRIAL_ITERATIONS,
    exactly,
    starting_resolution,
)
from components.labels import by_size, count_topics
from components.neighbors import metric_for, neighbors

log = logging.getLogger(__name__)

COPIES = "%d of %d documents have the vector of an earlier one, and its topic"

RESOLUTIONS = {"broad": 0.3, "medium": 1.0, "fine": 3.0}
TRIED = (0.3, 0.45, 0.7, 1.0, 1.5, 2.2, 3.3, 5.0)  # by granularity=auto
N_ITERATIONS, N_ITERATIONS_LARGE = 4, 2  # for the topics; of a large graph: see experiments/scale
LINK_BYTES = 95  # of memory for each neighbour of each document; see experiments/scale

Neighbors: TypeAlias = Callable[..., NeighborGraph]


class LeidenClusterer:
    """Communities of the nearest-neighbour graph (Traag, Waltman and van Eck 2019), by igraph.

    Works on unreduced vectors (``reducer=none``), dense or sparse. The number of topics is set by
    `n_topics`, else by `resolution`, else by `granularity`. Documents with equal vectors are one
    node of the graph, and have the same topic; see `components.clusterers.copies`.

    Parameters
    ----------
    granularity : {"broad", "medium", "fine", "auto"}
        Resolution 0.3, 1 or 3, or a mean of the resolutions on which two halves of the documents
        agree best; see `components.clusterers.granularity`.
    n_topics : int, optional
        Exactly this many topics. Not together with `resolution`.
    resolution : float, optional
        Of the modularity, at least 0; the larger, the more topics.
    layers : list of {"broad", "medium", "fine"}, optional
        Further granularities, nested in the main one and in one another.
    n_neighbors : int
        Nearest neighbours that each document is linked to. A document also has the links of those
        whose neighbour it is. With more than 100,000 documents the lightest quarter of the links
        is left out.
    metric : {"auto", "cosine", "hellinger", "euclidean"}
        ``auto`` is Hellinger for sparse vectors without negatives and cosine for all others.
    weights : {"fuzzy", "jaccard"}
        Edge weights, by distance or by shared neighbours; see `components.clusterers.graph`.
    min_topic_size : int
        A smaller topic is merged into the topic with the most edge weight to it; if it has no
        edge, its documents are outliers.
    outliers : {"none", "score"}
        ``score``: a document with less than `outlier_threshold` of its edge weight inside its
        topic is an outlier. ``none``: only documents of small topics without edges are.
    outlier_threshold : float
        In [0, 1].
    n_iterations : int, optional
        Iterations of the algorithm; -1: until convergence. None: 4, above 100,000 documents 2.
    random_state : int, optional

    Attributes
    ----------
    probabilities_ : float32 (n,)
        Share of a document's edge weight inside its topic, in [0, 1]; 0 for outliers.
    memberships_ : float32 CSR (n, topics)
        Share of a document's edge weight that goes to each topic, in [0, 1].
    choice_ : dict
        The resolution and number of topics that were chosen, and why.
    curve_ : list of dict
        For each setting that ``auto`` compared: resolution, n_topics (mean over halves of the
        documents), score, modularity, weight in the choice, and ruled_out: whether its modularity
        or number of topics is too low.
    layers_ : dict of str to int64 (n,)
        Topics of each of `layers`.
    prediction_ : dict
        How new documents get their topics; see `components.model`.
    """

    def __init__(
        self,
        *,
        granularity: Granularity = "auto",
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
        at_least(0, resolution=resolution)
        at_least(1, n_neighbors=n_neighbors, min_topic_size=min_topic_size)
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
        """Bytes that `fit_predict` needs in addition to `X` (n, d): an estimate."""
        return LINK_BYTES * n * self.n_neighbors

    def fit_predict(
        self,
        X: Matrix,
        *,
        neighbors: Neighbors = neighbors,
        members: Sequence[Matrix] = (),
        guidance: Guidance | None = None,
    ) -> Integers:
        """Topics of the rows of `X`: int64 (n,), the largest first, -1 is an outlier.

        Parameters
        ----------
        X : float array (n, d) or CSR matrix (n, d)
            Finite. A CSR matrix is never made dense.
        neighbors : callable
            ``(X, k, metric) -> NeighborGraph``, such as a cached
            `components.neighbors.neighbors`.
        members : sequence of matrices (n, d_i)
            Vectors of the documents from several embedders, of which `X` is made. A graph is made
            of each instead of `X`, with its own metric if that is ``auto``; edge weights are
            averaged, and the `n_neighbors` heaviest edges of each document are used.
        guidance : Guidance, optional
            See `GuidedCommunities`. It holds for the main topics and for finer layers; the
            number of topics is chosen without it.

        Raises
        ------
        ParameterError
            Where `metric` is unknown, or is hellinger and `X` has negative numbers.
        """
        n = int(X.shape[0])
        k = at_most("n_neighbors", self.n_neighbors, max(1, n - 1), n)
        least = at_most("min_topic_size", self.min_topic_size, max(1, n // 2), n)
        metric = metric_for(X, self.metric)
        originals = find_originals(members or [X], guidance)
        sizes = originals.sizes

        def graph_of(part: Matrix) -> NeighborGraph:
            return neighbors(part, k, metric_for(part, self.metric))

        def graph(sample: Integers | None = None) -> Communities:
            """Of the originals, or of a sample of them."""
            parts = [originals.of(part, sample) for part in members or [X]]
            return Communities(linked(parts, bool(members), graph_of, self.weights, k))

        def sampled(granularity: str | None) -> Communities | None:
            """The graph of a sample, where there are too many to try settings on all."""
            sample = auto_sample(len(sizes), granularity)
            return None if sample is None else graph(sample)

        communities = graph()
        guided: Communities | GuidedCommunities = communities
        fixed = None
        if guidance is not None:
            guided = GuidedCommunities(communities, originals.guidance(guidance))
            fixed = originals.of(guidance.fixed) >= 0
        self.curve_: list[dict[str, Any]] = []
        if self.n_topics is not None:
            target = at_most("n_topics", self.n_topics, max(1, n // least), n)
            few = sampled("auto")
            start = None if few is None else starting_resolution(target, few, least)
            del few
            labels, resolution = exactly(target, guided, self._find, least, start, fixed, sizes)
            why = f"n_topics={self.n_topics}"
        else:
            if self.resolution is not None:
                resolution, why = self.resolution, f"resolution={self.resolution}"
            else:
                resolution, why = self._chosen(sampled(self.granularity) or communities, len(sizes))
            labels = self._find(guided, resolution)
            labels = absorb(labels, communities.links, least, fixed=fixed, sizes=sizes)
        labels = originals.numbered(labels)
        layers = {name: r for name, r in RESOLUTIONS.items() if name in (self.layers or ())}
        self.layers_ = nested_communities(
            communities, labels, resolution, layers, self._find, least, sizes
        )
        links = originals.with_copies(communities.links, k)
        self.memberships_ = shares(links, labels)
        self.probabilities_ = own_share(self.memberships_, labels)
        if self.outliers == "score":
            labels = self._without_outliers(links, labels, fixed, originals)
        self.choice_ = {"resolution": resolution, "n_topics": count_topics(labels), "why": why}
        self.prediction_ = {
            "rule": "vote",
            "metric": metric,
            "n_neighbors": k,
            "outlier_threshold": self.outlier_threshold if self.outliers == "score" else None,
            "resolution": resolution,
            "degrees": originals.without_copies(communities.degrees),
        }
        self.memberships_ = originals.for_all(self.memberships_)
        self.probabilities_ = originals.for_all(self.probabilities_)
        self.layers_ = {name: by_size(originals.for_all(x)) for name, x in self.layers_.items()}
        if originals.n_copies:
            log.info(COPIES, originals.n_copies, n)
        return np.asarray(originals.for_all(labels))

    def _find(self, communities: Communities | GuidedCommunities, resolution: float) -> Integers:
        n_iterations = self.n_iterations
        if n_iterations is None:
            is_large = len(communities.degrees) > LARGE
            n_iterations = N_ITERATIONS_LARGE if is_large else N_ITERATIONS
        return communities.find(resolution, n_iterations, self.random_state)

    def _chosen(self, communities: Communities, n: int) -> tuple[float, str]:
        """The resolution of `granularity`, and the reason; sets `curve_` for ``auto``.

        Parameters
        ----------
        communities : Communities
            Of all `n` documents, or of a sample of them.
        """
        links = communities.links

        def cluster(rows: Integers) -> Iterator[Integers]:
            half = Communities(links[rows][:, rows])
            for resolution in TRIED:
                yield half.find(resolution, TRIAL_ITERATIONS, SEED)

        def carry(
            source: Integers, target: Integers, clusterings: list[Integers]
        ) -> list[Integers]:
            across = links[target][:, source]
            return [heaviest(across, labels) for labels in clusterings]

        scale = Scale("resolution", RESOLUTIONS, TRIED, cluster, carry, communities.modularity)
        resolution, why, self.curve_ = scale.choose(links.shape[0], self.granularity, n)
        return resolution, why

    def _without_outliers(
        self, links: Any, labels: Integers, fixed: NDArray[np.bool_] | None, originals: Originals
    ) -> Integers:
        """Topics int64 (u,), -1 for documents with too little edge weight inside their topic.

        Changes `layers_`, `memberships_` and `probabilities_` accordingly.
        """
        out = self.probabilities_ < self.outlier_threshold
        if fixed is not None:
            out &= ~fixed
        labels = originals.numbered(np.where(out, -1, labels))
        self.layers_ = {name: np.where(out, -1, layer) for name, layer in self.layers_.items()}
        self.memberships_ = shares(links, labels)
        self.probabilities_[out] = 0
        return labels

    def estimated_seconds(self, n: int) -> float:
        """Seconds to cluster `n` documents whose neighbours are known; see experiments/scale."""
        return n * 2e-4
