"""From nearest neighbours to a weighted graph, and from a graph to communities."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, NeighborGraph, progress
from components.igraph_core import igraph_core, seeded
from components.labels import one_hot
from components.memory import give_back
from components.neighbors.fuzzy import FARTHEST, fuzzy_strengths

BLOCK = 4096  # rows that are worked on at a time
LARGE = 100_000  # rows of a graph in which a search takes seconds


def weighted(graph: NeighborGraph, weights: str) -> Any:
    """Symmetric CSR (n, n) of link weights in [0, 1], without a diagonal.

    ``fuzzy``: UMAP's membership strengths (McInnes, Healy and Melville 2018, section 3.1):
    exp(-(d - nearest) / s), with s such that a row's strengths sum to log2(k + 1), and the two
    directions joined as a + b - ab. ``jaccard``: neighbours that two rows share as a part of those
    that either has, each row counting as its own neighbour (Levine et al. 2015, PhenoGraph).
    """
    from scipy import sparse

    n, k = graph.indices.shape
    if k == 0:
        return sparse.csr_matrix((n, n))
    near = graph.distances < FARTHEST[graph.metric]
    starts = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
    values = _fuzzy(graph.distances)[near] if weights == "fuzzy" else np.ones(starts[-1])
    directed = sparse.csr_matrix((values, graph.indices[near], starts), shape=(n, n))
    directed.sort_indices()
    if weights == "fuzzy":
        return _either(directed)
    with_self = (directed + sparse.identity(n, format="csr")).tocsr()
    sizes = np.diff(with_self.indptr)
    blocks = []
    for start in range(0, n, BLOCK):  # the product of all rows at once would not fit
        links = directed[start : start + BLOCK]
        shared = (with_self[start : start + BLOCK] @ with_self.T).multiply(links).tocoo()
        either = sizes[start + shared.row] + sizes[shared.col] - shared.data
        blocks.append(
            sparse.csr_matrix((shared.data / either, (shared.row, shared.col)), links.shape)
        )
    similar = sparse.vstack(blocks, format="csr")
    return similar.maximum(similar.T).tocsr()


def _either(directed: Any) -> Any:
    """Weights a + b - ab, of each link a and the link b back: symmetric CSR (n, n)."""
    from scipy import sparse

    back = directed.T.tocsr()
    n = directed.shape[0]
    starts = np.zeros(n + 1, np.int64)
    indices = np.empty(2 * directed.nnz, np.int32)  # what is not written takes no memory
    data = np.empty(2 * directed.nnz)
    for start in range(0, n, BLOCK):  # all rows at once would be held four times
        block = slice(start, start + BLOCK)
        joined = directed[block] + back[block] - directed[block].multiply(back[block])
        first = starts[start]
        starts[start + 1 : start + BLOCK + 1] = first + joined.indptr[1:]
        indices[first : first + joined.nnz] = joined.indices
        data[first : first + joined.nnz] = joined.data
    return sparse.csr_matrix((data[: starts[-1]], indices[: starts[-1]], starts), (n, n))


def _fuzzy(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """The strengths of the links, float64 (n, k), a block of rows at a time."""
    least = max(1e-3 * float(distances.mean()), 1e-12)
    strengths = np.empty(distances.shape)
    for start in range(0, len(distances), BLOCK):
        block = slice(start, start + BLOCK)
        strengths[block] = fuzzy_strengths(distances[block], least)
    return strengths


def added(graphs: Sequence[Any], k: int) -> Any:
    """Mean link weights of several graphs of the same rows, the heaviest `k` links of each row.

    A link stays where it is among the heaviest of either of its ends; of equals, the one to the
    lower row comes first.

    Parameters
    ----------
    graphs : symmetric CSR matrices (n, n) without a diagonal

    Returns
    -------
    CSR (n, n), symmetric
    """
    total = sum(graphs[1:], graphs[0]).tocsr() / len(graphs)
    total.sort_indices()
    degrees = np.diff(total.indptr)
    rows = np.repeat(np.arange(len(degrees)), degrees)
    order = np.lexsort((-total.data, rows))  # stable, and columns ascend within a row
    place = np.arange(len(rows)) - np.repeat(total.indptr[:-1], degrees)
    total.data[order[place >= k]] = 0
    total.eliminate_zeros()
    return total.maximum(total.T).tocsr()


def unlinked(links: Any, rows: NDArray[np.bool_]) -> Any:
    """Links without those of some rows, given as bool (n,)."""
    from scipy import sparse

    if not rows.any():
        return links
    others = sparse.diags((~rows).astype(np.float64))
    remaining = (others @ links @ others).tocsr()
    remaining.eliminate_zeros()
    return remaining


class Leiden:
    """The algorithm of Traag, Waltman and van Eck (2019) on one weighted graph, as igraph has it.

    Parameters
    ----------
    edges : int64 (m, 2)
    weights : float64 (m,)
    """

    def __init__(self, n: int, edges: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        self._graph = igraph_core().GraphBase(n)
        # Three times as fast as the same edges given to the constructor.
        self._graph.add_edges(edges)
        self._weights = _floats(weights)

    @property
    def weights(self) -> NDArray[np.float64]:
        """Of the edges, float64 (m,), without a copy."""
        return np.frombuffer(self._weights)

    def improved(
        self,
        node_weights: NDArray[np.float64],
        resolution: float,
        n_iterations: int,
        membership: list[int] | None = None,
    ) -> list[int]:
        """Topic of each node after so many rounds, from one topic each or a given `membership`.

        Maximises the weight inside topics less `resolution` times the squares of their node
        weights, halved: the constant Potts model.
        """
        topics: list[int] = self._graph.community_leiden(
            edge_weights=self._weights,
            node_weights=_floats(node_weights),
            resolution=resolution,
            normalize_resolution=False,
            n_iterations=n_iterations,
            initial_membership=membership,
        )[0]
        return topics


def _floats(numbers: NDArray[np.float64]) -> array[float]:
    """An array of Python's own, which igraph reads in half the time."""
    return array("d", numbers.astype(np.float64, copy=False).tobytes())


class Communities:
    """Leiden (Traag, Waltman and van Eck 2019) on one weighted graph, as igraph has it.

    Maximises the modularity of Reichardt and Bornholdt (2006): the sum over topics of
    inside - resolution * degree^2 / (4 m), with `inside` the weight of the links inside a topic,
    `degree` the sum of all link weights of its documents, and m the weight of all links.
    """

    def __init__(self, links: Any, degrees: NDArray[np.float64] | None = None) -> None:
        self._links = links
        if links.shape[0] > LARGE:
            give_back()  # what the search for neighbours has left
        edges, weights = _upper(links)
        self._leiden = Leiden(links.shape[0], edges, weights)
        # Given degrees count links that are not in the graph: those inside merged rows, or cut.
        self.degrees = np.asarray(links.sum(axis=1)).ravel() if degrees is None else degrees
        self._half: tuple[NDArray[np.int32], NDArray[np.int64]] | None = None
        if len(self.degrees) > LARGE:
            starts = np.searchsorted(edges[:, 0], np.arange(len(self.degrees) + 1))
            self._half = edges[:, 1].astype(np.int32), starts

    @property
    def links(self) -> Any:
        """Symmetric CSR (n, n). Those of a large graph are put away while it is searched."""
        if self._links is None:
            from scipy import sparse

            assert self._half is not None
            n = len(self.degrees)
            half = sparse.csr_matrix((self._leiden.weights, *self._half), shape=(n, n))
            self._links = (half + half.T).tocsr()
        return self._links

    def find(self, resolution: float, n_iterations: int, seed: int | None) -> Integers:
        """Topic of each row, int64 (n,), numbered from 0."""
        total = float(self.degrees.sum())
        if total == 0:
            return np.arange(len(self.degrees), dtype=np.int64)
        if self._half is not None:
            self._links = None  # a fifth of the memory at the peak; made again from igraph's
        # The rounds of a large graph one by one, so that progress can be shown.
        one_by_one = len(self.degrees) > LARGE and n_iterations > 0
        rounds = [1] * n_iterations if one_by_one else [n_iterations]
        membership = None
        with seeded(seed):
            for n in progress(rounds, total=len(rounds), label="communities: rounds"):
                membership = self._leiden.improved(self.degrees, resolution / total, n, membership)
        return np.asarray(membership, dtype=np.int64)

    def modularity(self, labels: Integers) -> float:
        """Weight inside topics less what chance would put there (Newman 2004), in [-0.5, 1).

        0 where there are no links.
        """
        links = self.links
        if not links.nnz:
            return 0.0
        labels = labels.astype(np.int32)
        same = labels[links.indices] == np.repeat(labels, np.diff(links.indptr))
        degrees = np.bincount(labels, np.asarray(links.sum(axis=1)).ravel())
        total = degrees.sum()
        return float(links.data[same].sum() / total - ((degrees / total) ** 2).sum())

    def within(self, labels: Integers) -> Communities:
        """The same graph without the links between topics: its communities lie inside them."""
        links = self.links.tocoo()
        same = labels[links.row] == labels[links.col]
        inside = type(links)(
            (links.data[same], (links.row[same], links.col[same])), shape=links.shape
        )
        return Communities(inside.tocsr(), self.degrees)

    def merged(self, labels: Integers) -> Communities:
        """A graph with a row for each topic: its communities are unions of topics."""
        member = one_hot(labels)
        links = (member.T @ self.links @ member).tocsr()
        links.setdiag(0)
        links.eliminate_zeros()
        return Communities(links, np.asarray(member.T @ self.degrees).ravel())


def _upper(links: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Edges (m, 2), row < column, in the order of a CSR matrix's rows, and their weights (m,)."""
    rows = np.repeat(np.arange(links.shape[0], dtype=links.indices.dtype), np.diff(links.indptr))
    upper = links.indices > rows
    edges = np.empty((int(upper.sum()), 2), np.int64)
    edges[:, 0] = rows[upper]
    edges[:, 1] = links.indices[upper]
    return edges, links.data[upper]
