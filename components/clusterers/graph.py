"""The weighted graph of nearest neighbours, and its communities.

`links` is everywhere the weighted adjacency matrix of a graph: symmetric CSR (n, n), float64,
without a diagonal.
"""

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

BLOCK = 4096  # rows of a matrix that are computed at a time, to bound the memory
LARGE = 100_000  # rows of a graph beyond which a search shows progress and saves memory
LIGHT = 0.25  # share of the edges, the lightest, left out of such a graph; see experiments/scale


def weighted(graph: NeighborGraph, weights: str) -> Any:
    """The symmetric graph of a neighbour graph, with edge weights in [0, 1]: CSR (n, n).

    Neighbours that share nothing with a row (see `FARTHEST`) are not linked to it.

    Parameters
    ----------
    weights : {"fuzzy", "jaccard"}
        ``fuzzy``: UMAP's membership strengths, see `components.neighbors.fuzzy`; the weights a
        and b of the two directions are combined as a + b - ab (McInnes, Healy and Melville 2018,
        section 3.1). ``jaccard``: |A & B| / |A | B|, with A and B the neighbours of the two rows,
        each row one of its own neighbours (Levine et al. 2015, PhenoGraph).
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
    for start in range(0, n, BLOCK):
        links = directed[start : start + BLOCK]
        shared = (with_self[start : start + BLOCK] @ with_self.T).multiply(links).tocoo()
        either = sizes[start + shared.row] + sizes[shared.col] - shared.data
        blocks.append(
            sparse.csr_matrix((shared.data / either, (shared.row, shared.col)), links.shape)
        )
    similar = sparse.vstack(blocks, format="csr")
    return similar.maximum(similar.T).tocsr()


def _either(directed: Any) -> Any:
    """Weights a + b - ab, with a and b those of the two directions: symmetric CSR (n, n)."""
    from scipy import sparse

    back = directed.T.tocsr()
    n = directed.shape[0]
    starts = np.zeros(n + 1, np.int64)
    indices = np.empty(2 * directed.nnz, np.int32)  # pages that are not written take no memory
    data = np.empty(2 * directed.nnz)
    for start in range(0, n, BLOCK):  # SciPy's sum of all rows at once needs four copies
        block = slice(start, start + BLOCK)
        joined = directed[block] + back[block] - directed[block].multiply(back[block])
        first = starts[start]
        starts[start + 1 : start + BLOCK + 1] = first + joined.indptr[1:]
        indices[first : first + joined.nnz] = joined.indices
        data[first : first + joined.nnz] = joined.data
    return sparse.csr_matrix((data[: starts[-1]], indices[: starts[-1]], starts), (n, n))


def _fuzzy(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """`fuzzy_strengths` of the distances (n, k), a block of rows at a time: float64 (n, k)."""
    least = max(1e-3 * float(distances.mean()), 1e-12)
    strengths = np.empty(distances.shape)
    for start in range(0, len(distances), BLOCK):
        block = slice(start, start + BLOCK)
        strengths[block] = fuzzy_strengths(distances[block], least)
    return strengths


def averaged(graphs: Sequence[Any], k: int) -> Any:
    """Mean of several graphs of the same rows, with the `k` heaviest edges of each row.

    An edge remains if it is among the heaviest of either of its rows. Ties are broken in favour
    of the lower column.

    Parameters
    ----------
    graphs : sequence of symmetric CSR matrices (n, n) without a diagonal

    Returns
    -------
    symmetric CSR matrix (n, n)
    """
    total = sum(graphs[1:], graphs[0]).tocsr() / len(graphs)
    total.sort_indices()
    degrees = np.diff(total.indptr)
    rows = np.repeat(np.arange(len(degrees)), degrees)
    order = np.lexsort((-total.data, rows))  # stable, and columns ascend within a row
    rank = np.arange(len(rows)) - np.repeat(total.indptr[:-1], degrees)
    total.data[order[rank >= k]] = 0
    total.eliminate_zeros()
    return total.maximum(total.T).tocsr()


def thinned(links: Any) -> Any:
    """Of a large graph, `links` without the lightest quarter; no row loses its heaviest edge.

    Parameters
    ----------
    links : symmetric CSR (n, n), changed in place
    """
    if links.shape[0] <= LARGE or not links.nnz:
        return links
    place = int(LIGHT * links.nnz)
    heaviest = links.max(axis=1).toarray()
    bound = min(np.partition(links.data, place)[place], heaviest[heaviest > 0].min())
    links.data[links.data < bound] = 0
    links.eliminate_zeros()
    return links


def unlinked(links: Any, rows: NDArray[np.bool_]) -> Any:
    """`links` without the edges of some `rows`, bool (n,)."""
    from scipy import sparse

    if not rows.any():
        return links
    others = sparse.diags((~rows).astype(np.float64))
    remaining = (others @ links @ others).tocsr()
    remaining.eliminate_zeros()
    return remaining


class Leiden:
    """igraph's Leiden algorithm (Traag, Waltman and van Eck 2019) on one weighted graph.

    Parameters
    ----------
    n : int
        Number of nodes.
    edges : int64 (m, 2)
    weights : float64 (m,)
        Negative ones are allowed.
    """

    def __init__(self, n: int, edges: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        self._graph = igraph_core().GraphBase(n)
        # Three times as fast as passing the same edges to the constructor.
        self._graph.add_edges(edges)
        self._weights = _floats(weights)

    @property
    def weights(self) -> NDArray[np.float64]:
        """Edge weights, float64 (m,); not a copy."""
        return np.frombuffer(self._weights)

    def improved(
        self,
        node_weights: NDArray[np.float64],
        resolution: float,
        n_iterations: int,
        membership: list[int] | None = None,
    ) -> list[int]:
        """Topic of each node after `n_iterations` of the algorithm.

        They maximise the constant Potts model (Traag, Van Dooren and Nesterov 2011): the sum over
        topics of the edge weight inside, less `resolution` / 2 times the square of the sum of
        `node_weights`.

        Parameters
        ----------
        membership : list of int, optional
            Topics to start from. None: each node in its own.
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
    """An `array.array`, which igraph reads in half the time of a numpy array."""
    return array("d", numbers.astype(np.float64, copy=False).tobytes())


class Communities:
    """Communities of one weighted graph, by the Leiden algorithm.

    They maximise the modularity of Reichardt and Bornholdt (2006): the sum over topics of
    inside - resolution * degree^2 / (4 m), with `inside` the weight of the edges inside a topic,
    `degree` the sum of the degrees of its rows, and m the weight of all edges.

    Parameters
    ----------
    links : symmetric CSR matrix (n, n)
    degrees : float64 (n,), optional
        Those of a larger graph, if edges inside merged rows or between topics were removed.
    """

    def __init__(self, links: Any, degrees: NDArray[np.float64] | None = None) -> None:
        self._links = links
        if links.shape[0] > LARGE:
            give_back()  # memory that the search for neighbours has freed
        edges, weights = _upper(links)
        self._leiden = Leiden(links.shape[0], edges, weights)
        self.degrees = np.asarray(links.sum(axis=1)).ravel() if degrees is None else degrees
        self._half: tuple[NDArray[np.int32], NDArray[np.int64]] | None = None
        if len(self.degrees) > LARGE:
            starts = np.searchsorted(edges[:, 0], np.arange(len(self.degrees) + 1))
            self._half = edges[:, 1].astype(np.int32), starts

    @property
    def links(self) -> Any:
        """Symmetric CSR (n, n); for a large graph made again from igraph's copy after `find`."""
        if self._links is None:
            from scipy import sparse

            assert self._half is not None
            n = len(self.degrees)
            half = sparse.csr_matrix((self._leiden.weights, *self._half), shape=(n, n))
            self._links = (half + half.T).tocsr()
        return self._links

    def find(self, resolution: float, n_iterations: int, seed: int | None) -> Integers:
        """Topic of each row, int64 (n,), numbered from 0 in no particular order.

        Parameters
        ----------
        n_iterations : int
            -1: until convergence.
        seed : int, optional
            None: not repeatable.
        """
        total = float(self.degrees.sum())
        if total == 0:
            return np.arange(len(self.degrees), dtype=np.int64)
        if self._half is not None:
            self._links = None  # a fifth of the memory at the peak
        # One iteration per call for a large graph, so that progress can be shown.
        one_by_one = len(self.degrees) > LARGE and n_iterations > 0
        calls = [1] * n_iterations if one_by_one else [n_iterations]
        membership = None
        with seeded(seed):
            for n in progress(calls, total=len(calls), label="communities: iterations"):
                membership = self._leiden.improved(self.degrees, resolution / total, n, membership)
        return np.asarray(membership, dtype=np.int64)

    def modularity(self, labels: Integers) -> float:
        """Modularity of topics int64 (n,) at resolution 1 (Newman 2004), in [-0.5, 1).

        The share of the edge weight inside topics, less the share expected by chance; 0 for a
        graph without edges.
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
        """The same graph without the edges between topics: its communities split them."""
        links = self.links.tocoo()
        same = labels[links.row] == labels[links.col]
        inside = type(links)(
            (links.data[same], (links.row[same], links.col[same])), shape=links.shape
        )
        return Communities(inside.tocsr(), self.degrees)

    def merged(self, labels: Integers) -> Communities:
        """A graph with a row for each topic: its communities are unions of topics.

        Outliers (-1) are left out.
        """
        member = one_hot(labels)
        links = (member.T @ self.links @ member).tocsr()
        links.setdiag(0)
        links.eliminate_zeros()
        return Communities(links, np.asarray(member.T @ self.degrees).ravel())


def _upper(links: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The upper triangle of `links`, row by row: edges (m, 2) and their weights (m,)."""
    rows = np.repeat(np.arange(links.shape[0], dtype=links.indices.dtype), np.diff(links.indptr))
    upper = links.indices > rows
    edges = np.empty((int(upper.sum()), 2), np.int64)
    edges[:, 0] = rows[upper]
    edges[:, 1] = links.indices[upper]
    return edges, links.data[upper]
