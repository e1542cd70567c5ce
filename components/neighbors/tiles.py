"""Exact search among the rows of one dense matrix, where each pair is multiplied once.

Rows are divided into tiles, similar ones into the same tile. The product of two tiles, in single
precision, is used for the rows of both. The product of a tile with itself gives a first lower bound
of the nearness of its rows' neighbours; rows of other tiles that reach it are candidates, and the
best of them raise it. The candidates that remain are compared in double precision, as in `exact`,
so the result does not depend on the tiles or their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, progress
from components.neighbors.candidates import Candidates, joined, ranked
from components.neighbors.exact import (
    BLOCK_ENTRIES,
    FEWEST_ROWS,
    distances_of,
    in_double_precision,
    margin_of,
    nearness_of,
    scale_of,
    threads,
)
from components.neighbors.rows import Rows

FEWEST, MOST = 256, 1024  # rows of a tile
TILES = 16  # number of tiles, if these have from `FEWEST` to `MOST` rows
PENDING = 2  # candidates per neighbour that are collected before the best are chosen
CANDIDATES = 4  # per neighbour: with more left, all pairs are compared in double precision


def tile_size(n: int) -> int:
    """Rows per tile for `n` rows in all: a power of 2."""
    return min(MOST, max(FEWEST, 1 << int(np.log2(max(1, n // TILES)))))


def serves(rows: Rows, k: int) -> bool:
    """Whether this search is of use: tiles give good bounds for `k` neighbours, and are several."""
    size = tile_size(len(rows))
    return rows.is_dense and 4 * k <= size and 2 * size < len(rows)


def search_among(rows: Rows, k: int) -> tuple[NDArray[np.int32], Floats]:
    """The `k` nearest other rows of each row, nearest first, ties in order of the rows.

    Returns
    -------
    indices : int32 (n, k)
    distances : float32 (n, k)
    """
    n = len(rows)
    indices = np.empty((n, k), np.int32)
    distances = np.empty((n, k), np.float32)
    with threads() as (parallel_map, n_threads):
        scale = scale_of(rows)
        size = tile_size(n)
        order = _similar_together(rows, scale, size)
        singles = np.empty((n, rows.width), np.float32)
        parts = [slice(a, a + size) for a in range(0, n, size)]
        tiles = [_Tile(rows, order[part], k, scale, singles[part]) for part in parts]
        parallel_map(_Tile.compare_with_itself, tiles)
        m = len(tiles)
        # Round-robin: in step s, tile i is compared with tile i + s (mod m).
        for step in progress(range(1, m // 2 + 1), total=m // 2, label="neighbours"):
            firsts = range(m // 2 if 2 * step == m else m)
            pairs = [(tiles[i], tiles[(i + step) % m]) for i in firsts]
            parallel_map(_compare, pairs)
            parallel_map(_Tile.choose, [tile for tile in tiles if tile.is_full])

        block = max(FEWEST_ROWS, BLOCK_ENTRIES // (n * n_threads))

        def fill(tile: _Tile) -> None:
            indices[tile.ids], distances[tile.ids] = tile.result(rows, block)
            tile.pending.clear()

        parallel_map(fill, tiles)
    return indices, distances


class _Tile:
    """Some rows, and the candidates for their nearest neighbours.

    Attributes
    ----------
    ids : int64 (t,)
        Numbers of the rows.
    singles : float32 (t, d)
        The rows in single precision; filled by the constructor.
    bound : float32 (t,)
        Nearness that a candidate for each row must reach.
    pending : list of Candidates
        Row in the tile, number and nearness of the candidates.
    crowded : bool
        Too many rows are nearly as near as the nearest: all pairs are compared at the end.
    """

    def __init__(self, rows: Rows, ids: Integers, k: int, scale: float, singles: Floats) -> None:
        self.ids = ids
        self.k, self.scale = k, scale
        self.singles = singles
        singles[:] = rows.singles(ids, float(np.sqrt(scale)))
        self.zero = None if rows.zero is None else rows.zero[ids]
        self.half: Floats | None = None
        if rows.metric == "euclidean":
            self.half = (rows.squares[ids] / (2 * scale)).astype(np.float32)
        self.margin = np.float32(margin_of(rows.width))
        self.bound = np.full(len(ids), np.finfo(np.float32).min)
        self.pending: list[Candidates] = []
        self.crowded = False

    @property
    def is_full(self) -> bool:
        size = sum(len(ids) for _, ids, _ in self.pending)
        return size > PENDING * self.k * len(self.ids)

    def nearness(self, other: _Tile) -> Floats:
        """Nearness of the rows of two tiles, (t, u): x y, or -|x - y|^2 / 2 if euclidean."""
        near: Floats = self.singles @ other.singles.T
        if self.zero is not None and other.zero is not None:
            near[np.ix_(self.zero, other.zero)] = 1 / self.scale
        if self.half is not None and other.half is not None:
            near -= self.half[:, None]
            near -= other.half
        return near

    def compare_with_itself(self) -> None:
        near = self.nearness(self)
        np.fill_diagonal(near, -np.inf)
        if len(self.ids) > self.k:  # else any row is a candidate
            self.bound = self._reached(near)
        self.offer(near, self.ids)

    def offer(self, near: Floats, ids: Integers, turned: bool = False) -> None:
        """Add rows `ids` (u,) as candidates, by `near` (t, u), or (u, t) if `turned`."""
        bound = self.bound
        for _ in range(2):
            if self.crowded:
                return
            found = np.flatnonzero(near >= (bound if turned else bound[:, None]))
            if len(found) <= CANDIDATES * self.k * len(self.ids):
                break
            if len(ids) > self.k:  # the bound is poor, or many rows are equally near
                bound = np.maximum(bound, self._reached(near.T if turned else near))
        else:
            self.crowded = True
            self.pending.clear()
            return
        row, column = np.divmod(found.astype(np.int32), np.int32(near.shape[1]))
        if turned:
            row, column = column, row
        self.pending.append(
            (row.astype(np.uint16), ids[column].astype(np.int32), near.ravel()[found])
        )

    def choose(self) -> None:
        """Discard all but the best candidates, and raise the bound."""
        if self.crowded:
            return
        (row, ids, near), _, reached = ranked(self.pending, len(self.ids), self.k)
        np.maximum(self.bound, reached - self.margin, out=self.bound)
        keep = near >= self.bound[row]
        self.pending[:] = [(row[keep], ids[keep], near[keep])]
        self.crowded = int(keep.sum()) > CANDIDATES * self.k * len(self.ids)

    def result(self, rows: Rows, block: int) -> tuple[Any, Any]:
        """Indices and distances (t, k), in double precision.

        Parameters
        ----------
        rows : Rows
            All rows.
        block : int
            Rows of the tile that are compared with all at a time, if it is crowded.
        """
        self.choose()
        if self.crowded:
            parts = [self.ids[a : a + block] for a in range(0, len(self.ids), block)]
            results = [self._all_compared(rows, part) for part in parts]
            nearest, gaps = zip(*results, strict=True)
            return np.concatenate(nearest), np.concatenate(gaps)
        row, ids, _ = self.pending[0]
        order = np.argsort(joined(row, ids))
        row, ids = row[order], ids[order]
        some = rows.take(self.ids)
        near = nearness_of(some, row, rows, ids, self.scale)
        # A row of the table per row, its candidates in order of their ids, so that ties are too.
        first = np.searchsorted(row, np.arange(len(self.ids) + 1))
        table = np.full((len(self.ids), int(np.diff(first).max())), -np.inf)
        table[row, np.arange(len(row)) - first[row]] = near
        best = np.argsort(-table, axis=1, kind="stable")[:, : self.k]
        near = np.take_along_axis(table, best, axis=1)
        distances = distances_of(near, some.squares[:, None], self.scale, rows.metric)
        return ids[first[:-1, None] + best], distances

    def _all_compared(self, rows: Rows, ids: Integers) -> tuple[Any, Any]:
        some = rows.take(ids)
        columns, near = in_double_precision(some, rows, self.k, self.scale, own=ids)
        return columns, distances_of(near, some.squares[:, None], self.scale, rows.metric)

    def _reached(self, near: Floats) -> Floats:
        """The `k`-th largest entry of each row, less the margin of single precision."""
        at = near.shape[1] - self.k
        reached: Floats = np.partition(near, at, axis=1)[:, at] - self.margin
        return reached


def _compare(pair: tuple[_Tile, _Tile]) -> None:
    one, other = pair
    if one.crowded and other.crowded:
        return
    near = one.nearness(other)
    one.offer(near, other.ids)
    other.offer(near, one.ids, turned=True)


def _similar_together(rows: Rows, scale: float, size: int) -> Integers:
    """An order of the rows, int64 (n,), by the nearest of a random sample of them."""
    n = len(rows)
    longest = float(np.sqrt(scale))
    sample = np.sort(np.random.default_rng(0).permutation(n)[: 2 * n // size])
    centres = rows.singles(sample, longest)
    half = np.einsum("ij,ij->i", centres, centres) / 2
    nearest = np.empty(n, np.int32)
    for start in range(0, n, size):
        part = slice(start, start + size)
        nearest[part] = (rows.singles(part, longest) @ centres.T - half).argmax(axis=1)
    return np.argsort(nearest, kind="stable")
