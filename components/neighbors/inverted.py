"""Approximate search in an inverted file, for more rows than can all be compared.

Rows are put into lists by k-means, and each row is compared with the rows of the lists whose
centres are nearest to it: it probes these lists (Jégou, Douze and Schmid 2011, section IV). How
many must be probed depends on the vectors, so it is measured: exact neighbours of a sample are
computed first, and as many lists are probed as contain `WANTED` of them.

All rows of a block that probe a list are compared with it at once, so that nearly all of the work
is matrix products. Their shapes do not depend on the number of threads, and BLAS has one thread in
each, so the result has the same bits on any number of threads.
"""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers
from components.neighbors.candidates import Best
from components.neighbors.exact import (
    ParallelMap,
    Search,
    bound_of,
    distances_of,
    margin_of,
    nearness_of,
    scale_of,
    threads,
)
from components.neighbors.rows import Rows

log = logging.getLogger(__name__)

WANTED = 0.96  # share of a sample's nearest neighbours that must be in the probed lists
CALIBRATED, MEASURED = 1000, 500  # rows of that sample, and of the one that measures the recall
NEAREST = 15  # neighbours of each row of the two samples
ROUNDS = 6  # iterations of k-means, ...
TRAINED = 40  # ... on a sample of this many rows per list
FIRST = 2048  # rows, of a list and those around it, that give a first bound for its rows
BLOCK_ENTRIES = 2**24  # entries of the matrices in memory at a time, per thread
BLOCK = 8192  # most rows per block


def inverted_search(rows: Rows, k: int) -> tuple[NDArray[np.int32], Floats, float]:
    """The `k` nearest other rows of each row, approximately.

    Parameters
    ----------
    rows : Rows
        Dense, and more than `k`.

    Returns
    -------
    indices : int32 (n, k)
        Nearest first, ties in order of the rows.
    distances : float32 (n, k)
        Exact distances of these rows.
    recall : float
        Share of the exact nearest neighbours of a sample of rows that were found, in [0, 1].
    """
    n = len(rows)
    sample = np.random.default_rng(0).permutation(n)[: CALIBRATED + MEASURED]
    with threads() as (parallel_map, _):
        truth = _exact(rows, sample, min(NEAREST, k), parallel_map)
        lists = _Lists(rows, parallel_map)
        n_probes = lists.probes_for(sample[:CALIBRATED], truth[:CALIBRATED])
        indices = np.empty((n, k), np.int32)
        distances = np.empty((n, k), np.float32)

        def fill(block: tuple[Integers, Floats]) -> None:
            queries, rounded = block
            indices[queries], distances[queries] = lists.nearest(queries, rounded, k, n_probes)

        parallel_map(fill, lists.blocks())
    measured = sample[CALIBRATED:]
    hits = truth[CALIBRATED:, :, None] == indices[measured][:, None, :]
    recall = float(hits.any(axis=2).mean()) if len(measured) else 1.0
    log.info(
        "neighbours by an inverted file: %d of %d lists probed for each row, recall %.3f",
        n_probes, len(lists.members), recall,
    )  # fmt: skip
    return indices, distances, recall


class _Lists:
    """Lists of the rows that have the same nearest centre.

    Attributes
    ----------
    members : list of int64 arrays
        The rows of each list, ascending.
    """

    def __init__(self, rows: Rows, parallel_map: ParallelMap) -> None:
        n = len(rows)
        self._rows = rows
        self._scale = scale_of(rows)
        self._longest = float(np.sqrt(self._scale))
        rng = np.random.default_rng(0)
        n_lists = 1 << round(np.log2(3 * np.sqrt(n)))
        chosen = np.sort(rng.permutation(n)[: TRAINED * n_lists])
        trained = self._singles(chosen)
        self._centres = trained[np.sort(rng.permutation(len(trained))[:n_lists])]
        for _ in range(ROUNDS):
            labels = self._nearest_centre(lambda part: trained[part], len(trained), parallel_map)
            self._centres = _means(trained, labels, self._centres)
        self._of_row = self._nearest_centre(self._singles, n, parallel_map)
        order = np.argsort(self._of_row, kind="stable")
        ends = np.searchsorted(self._of_row[order], range(n_lists + 1))
        self.members = [order[a:b] for a, b in pairwise(ends)]
        # Rounded once, in the order of the lists, so that the rows of a list are contiguous.
        self._ordered = np.empty((n, rows.width), np.float32)
        for start in range(0, n, BLOCK):
            part = slice(start, start + BLOCK)
            self._ordered[part] = self._singles(order[part])
        self._rounded = [self._ordered[a:b] for a, b in pairwise(ends)]
        sizes = np.diff(ends)
        similar = self._similarity(self._centres)
        self._first = []  # for each list, the lists whose rows give its first bound
        for number, nearest in enumerate(np.argsort(-similar, axis=1, kind="stable")):
            nearest = np.concatenate([[number], nearest[nearest != number]])
            together = np.cumsum(sizes[nearest])
            self._first.append(nearest[: np.searchsorted(together, FIRST) + 1])

    def probes_for(self, sample: Integers, truth: NDArray[np.int32]) -> int:
        """How many lists to probe for them to contain `WANTED` of `truth`.

        Parameters
        ----------
        sample : int64 (s,)
            Rows.
        truth : int32 (s, k)
            Their nearest neighbours.
        """
        similarity = self._similarity(self._singles(sample))
        ranks = np.argsort(np.argsort(-similarity, axis=1, kind="stable"), axis=1)
        places = np.sort(np.take_along_axis(ranks, self._of_row[truth], axis=1), axis=None)
        return int(places[int(np.ceil(WANTED * len(places))) - 1]) + 1

    def blocks(self) -> list[tuple[Integers, Floats]]:
        """All rows in blocks, in the order of the lists, so that a block probes few lists.

        Each block is its rows, int64 (b,), and their vectors, float32 (b, d).
        """
        size = max(256, min(BLOCK, BLOCK_ENTRIES // len(self.members)))
        order = np.concatenate(self.members)
        parts = [slice(start, start + size) for start in range(0, len(order), size)]
        return [(order[part], self._ordered[part]) for part in parts]

    def nearest(
        self, queries: Integers, rows: Floats, k: int, n_probes: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Indices and distances (q, k) of the rows nearest to the `queries` of a block (q,)."""
        similarity = self._similarity(rows)
        n_lists = len(self.members)
        least = np.partition(similarity, n_lists - n_probes, axis=1)[:, n_lists - n_probes, None]
        probed = np.ascontiguousarray((similarity >= least).T)  # (lists, queries)
        del similarity
        best = Best(len(queries), k, margin_of(self._rows.width))
        # The lists of the first bound are probed too, so that k candidates reach it.
        lists = self._of_row[queries]
        for number in np.unique(lists).tolist():
            probing = np.flatnonzero(lists == number)
            first = self._first[number]
            probed[np.ix_(first, probing)] = True
            there = np.concatenate([self.members[other] for other in first.tolist()])
            if len(there) > k:
                rounded = np.concatenate([self._rounded[other] for other in first.tolist()])
                rough = self._rough(queries[probing], rows[probing], number, there, rounded)
                best.bound[probing] = bound_of(rough, k)[:, 0]
        for number in np.argsort(-probed.sum(axis=1), kind="stable").tolist():
            probing, there = np.flatnonzero(probed[number]), self.members[number]
            if len(probing) and len(there):
                rounded = self._rounded[number]
                rough = self._rough(queries[probing], rows[probing], number, there, rounded)
                best.offer(probing, there, rough)
        return self._compared_exactly(queries, best, k)

    def _rough(
        self, queries: Integers, rows: Floats, number: int, there: Integers, rounded: Floats
    ) -> Floats:
        """Nearness of the rows `there` (r,) in single precision, (q, r); -inf of a query itself.

        `there` begins with the rows of the list `number`. Queries of other lists are not in it.
        """
        rough: Floats = rows @ rounded.T
        if self._rows.zero is not None:
            rough[np.ix_(self._rows.zero[queries], self._rows.zero[there])] = 1 / self._scale
        if self._rows.metric == "euclidean":
            rough -= (self._rows.squares[there] / (2 * self._scale)).astype(np.float32)
        mine = np.flatnonzero(self._of_row[queries] == number)
        rough[mine, np.searchsorted(self.members[number], queries[mine])] = -np.inf
        return rough

    def _compared_exactly(
        self, queries: Integers, best: Best, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Indices and distances (q, k) of the nearest candidates, in double precision."""
        row, column = best.chosen()
        some = self._rows.take(queries)
        near = nearness_of(some, row, self._rows, column, self._scale)
        # A row of the table per query, its candidates in order of their rows, so that ties are too.
        first = np.searchsorted(row, np.arange(len(queries) + 1))
        position = np.arange(len(row)) - first[row]
        table = np.full((len(queries), int(np.diff(first).max())), -np.inf)
        table[row, position] = near
        order = np.argsort(-table, axis=1, kind="stable")[:, :k]
        squares = some.squares[:, None]
        near = np.take_along_axis(table, order, axis=1)
        distances = distances_of(near, squares, self._scale, self._rows.metric)
        return column[first[:-1, None] + order], distances

    def _singles(self, rows: Integers) -> Floats:
        return self._rows.singles(rows, self._longest)

    def _similarity(self, rows: Floats) -> Floats:
        """U v - |v|^2 / 2 of rows u and centres v, which is largest for the nearest: (r, lists)."""
        centres = self._centres
        similarity: Floats = rows @ centres.T
        similarity -= np.einsum("ij,ij->i", centres, centres) / 2
        return similarity

    def _nearest_centre(self, rows: Any, n: int, parallel_map: ParallelMap) -> NDArray[np.int32]:
        size = max(256, min(BLOCK, BLOCK_ENTRIES // len(self._centres)))
        nearest = np.empty(n, np.int32)

        def fill(start: int) -> None:
            part = slice(start, min(n, start + size))
            nearest[part] = self._similarity(rows(part)).argmax(axis=1)

        parallel_map(fill, range(0, n, size))
        return nearest


def _exact(rows: Rows, sample: Integers, k: int, parallel_map: ParallelMap) -> NDArray[np.int32]:
    """The exact nearest neighbours of a sample of rows, without the row itself: int32 (s, k)."""
    some = rows.take(sample)

    def of_part(start: int) -> tuple[Integers, NDArray[np.float64]]:
        part = rows.part(start, start + BLOCK)
        columns, distances = Search(some, part, min(k + 1, len(part)))(0, len(some))
        return columns + start, distances

    parts = parallel_map(of_part, range(0, len(rows), BLOCK))
    columns, distances = (np.hstack(blocks) for blocks in zip(*parts, strict=True))
    distances[columns == sample[:, None]] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(columns, order, axis=1).astype(np.int32)


def _means(rows: Floats, labels: NDArray[np.int32], centres: Floats) -> Floats:
    """The mean of the rows of each list, or its old centre if it is empty: float32 (lists, d)."""
    from scipy import sparse

    member = sparse.csr_matrix(
        (np.ones(len(rows), np.float32), (labels, np.arange(len(rows)))),
        shape=(len(centres), len(rows)),
    )
    sizes = np.bincount(labels, minlength=len(centres))[:, None]
    return np.where(sizes > 0, (member @ rows) / np.maximum(sizes, 1), centres).astype(np.float32)
