"""Communities of a weighted graph, found by the Leiden algorithm.

For `links`, see `components.clusterers.graph`.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, progress
from components.clusterers import graph
from components.igraph_core import igraph_core, seeded
from components.labels import one_hot
from components.memory import give_back


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
        if links.shape[0] > graph.LARGE:
            give_back()  # memory that the search for neighbours has freed
        edges, weights = _upper(links)
        self._leiden = Leiden(links.shape[0], edges, weights)
        self.degrees = np.asarray(links.sum(axis=1)).ravel() if degrees is None else degrees
        self._half: tuple[NDArray[np.int32], NDArray[np.int64]] | None = None
        if len(self.degrees) > graph.LARGE:
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
        one_by_one = len(self.degrees) > graph.LARGE and n_iterations > 0
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
