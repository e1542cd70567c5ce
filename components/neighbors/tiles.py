"""The exact search among the rows of one dense matrix: each pair is multiplied once.

Rows are put into tiles, those with the same nearest of some rows beside each other. The product of
two tiles, in single precision, serves the rows of both. A tile's product with itself is a first
bound of how near its rows' neighbours are; what reaches it elsewhere is collected, and the best
raise the bound. What remains is compared in double precision, as in `exact`: which tile a row lies
in, and when, changes nothing in the result.
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

FEWEST, MOST = 256, 1024  # rows of a tile, ...
TILES = 16  # ... of which there are so many, or more where these would be too large
PENDING = 2  # for each neighbour: candidates that are collected before the best are chosen
CANDIDATES = 4  # for each neighbour: where more are left, all is done in double precision


def tile_size(n: int) -> int:
    """Rows of a tile, of `n` in all."""
    return min(MOST, max(FEWEST, 1 << int(np.log2(max(1, n // TILES)))))


def serves(rows: Rows, k: int) -> bool:
    """Whether a tile tells how near neighbours are, and there are several."""
    size = tile_size(len(rows))
    return rows.is_dense and 4 * k <= size and 2 * size < len(rows)


def search_among(rows: Rows, k: int) -> tuple[NDArray[np.int32], Floats]:
    """Indices and distances, (n, k), of the nearest other rows; of equals, the lower row first."""
    n = len(rows)
    indices = np.empty((n, k), np.int32)
    distances = np.empty((n, k), np.float32)
    with threads() as (parallel_map, n_threads):
        scale = scale_of(rows)
        size = tile_size(n)
        order = _likes_together(rows, scale, size)
        singles = np.empty((n, rows.width), np.float32)
        parts = [slice(a, a + size) for a in range(0, n, size)]
        tiles = [_Tile(rows, order[part], k, scale, singles[part]) for part in parts]
        parallel_map(_Tile.compare_with_itself, tiles)
        m = len(tiles)
        # In each round every tile is compared with one, and another with it; all pairs by the end.
        for step in progress(range(1, m // 2 + 1), total=m // 2, label="neighbours"):
            firsts = range(m // 2 if 2 * step == m else m)
            pairs = [(tiles[i], tiles[(i + step) % m]) for i in firsts]
            parallel_map(_compare, pairs)
            parallel_map(_Tile.choose, [tile for tile in tiles if tile.is_full])

        block = max(FEWEST_ROWS, BLOCK_ENTRIES // (n * n_threads))

        def fill(tile: _Tile) -> None:
            settled = tile.settled(rows, block)
            indices[tile.ids], distances[tile.ids] = settled
            tile.pending.clear()

        parallel_map(fill, tiles)
    return indices, distances


class _Tile:
    """Some rows, and the candidates for their nearest neighbours.

    ids : int64 (t,)
    bound : float32 (t,), what a candidate must reach
    singles : float32 (t, d), to be filled with the rows
    pending : row in the tile, id, and nearness of candidates
    crowded : whether there are too many that are nearly as near
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
        """How near the rows of two tiles are, (t, u): u v, or -|u - v|^2 / 2 if euclidean."""
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
        if len(self.ids) > self.k:  # else any candidate will do
            self.bound = self._reached(near)
        self.offer(near, self.ids)

    def offer(self, near: Floats, ids: Integers, turned: bool = False) -> None:
        """Other rows `ids` (u,) by their nearness (t, u), or `turned` (u, t)."""
        bound = self.bound
        for _ in range(2):
            if self.crowded:
                return
            found = np.flatnonzero(near >= (bound if turned else bound[:, None]))
            if len(found) <= CANDIDATES * self.k * len(self.ids):
                break
            if len(ids) > self.k:  # a poor bound, or many that are equally near
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
        """Leave the best of the candidates, and raise the bound."""
        if self.crowded:
            return
        (row, ids, near), _, reached = ranked(self.pending, len(self.ids), self.k)
        np.maximum(self.bound, reached - self.margin, out=self.bound)
        keep = near >= self.bound[row]
        self.pending[:] = [(row[keep], ids[keep], near[keep])]
        self.crowded = int(keep.sum()) > CANDIDATES * self.k * len(self.ids)

    def settled(self, rows: Rows, block: int) -> tuple[Any, Any]:
        """Indices and distances (t, k), in double precision; `block`: rows at a time if crowded."""
        self.choose()
        if self.crowded:
            parts = [self.ids[a : a + block] for a in range(0, len(self.ids), block)]
            found = [self._all_compared(rows, part) for part in parts]
            return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
        row, ids, _ = self.pending[0]
        order = np.argsort(joined(row, ids))
        row, ids = row[order], ids[order]
        some = rows.take(self.ids)
        near = nearness_of(some, row, rows, ids, self.scale)
        # A line for each row, its candidates in order of their ids.
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
        """What `k` of the entries of each row reach, less the margin of single precision."""
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


def _likes_together(rows: Rows, scale: float, size: int) -> Integers:
    """An order in which rows with the same nearest of some rows follow each other."""
    n = len(rows)
    longest = float(np.sqrt(scale))
    some = np.sort(np.random.default_rng(0).permutation(n)[: 2 * n // size])
    centres = rows.singles(some, longest)
    half = np.einsum("ij,ij->i", centres, centres) / 2
    nearest = np.empty(n, np.int32)
    for start in range(0, n, size):
        part = slice(start, start + size)
        nearest[part] = (rows.singles(part, longest) @ centres.T - half).argmax(axis=1)
    return np.argsort(nearest, kind="stable")
