"""The exact search: every row compared with every other, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, progress
from components.neighbors.rows import Rows

T = TypeVar("T")
U = TypeVar("U")
ParallelMap = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]

BLOCK_ENTRIES = 2**23  # similarities held at a time, by all threads together, ...
FEWEST_ROWS = 64  # ... but for so many rows each at least
PAIRS = 2**8  # rows compared in double precision at a time: few enough to stay in the cache
GROUPS = 16  # for each neighbour: of how many groups of columns the largest entries are compared
MOST_CANDIDATES = 4  # for each neighbour: where there are more, all is done in double precision
# Similarities are rounded to multiples of this, as a share of the largest. Double precision errs
# by far less, so rows that are equal on paper are equal here, however many threads did the sums.
STEP = 2.0**-40


def search(
    queries: Rows, rows: Rows, k: int, same: bool = False
) -> tuple[NDArray[np.int32], Floats]:
    """Indices and distances, (q, k), block by block. `same`: leave out each row itself."""
    n, q = len(rows), len(queries)
    indices = np.empty((q, k), np.int32)
    distances = np.empty((q, k), np.float32)
    with threads() as (parallel_map, n_threads):
        of_block = Search(queries, rows, k, same)
        size = max(FEWEST_ROWS, BLOCK_ENTRIES // (n * n_threads))

        def fill(start: int) -> None:
            stop = min(start + size, q)
            indices[start:stop], distances[start:stop] = of_block(start, stop)

        parallel_map(fill, range(0, q, size))
    return indices, distances


@contextmanager
def threads() -> Iterator[tuple[ParallelMap, int]]:
    """A map over threads, each with a BLAS of one thread, and their number.

    That keeps every core busy in the selection too, and a product's bits do not depend on it.
    """
    from threadpoolctl import threadpool_info, threadpool_limits

    blas = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
    n_threads = max(blas, default=1)

    def parallel_map(task: Callable[[T], U], items: Sequence[T]) -> list[U]:
        done = pool.map(task, items)
        return list(progress(done, total=len(items), label="neighbours"))

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        yield parallel_map, n_threads


def distances_of(nearness: NDArray[np.float64], squares: Any, scale: float, metric: str) -> Any:
    """Distances from nearness, which is rounded to whole multiples of `STEP` of the scale.

    `squares`: the squared lengths of the rows asked for, to be broadcast with `nearness`.
    """
    if metric == "euclidean":
        squared = squares - nearness * (2 * scale * STEP)
        squared[squared < 4 * scale * STEP] = 0
        return np.sqrt(squared)
    distance = np.clip(1 - nearness * (scale * STEP), 0, None)
    distance[distance < 4 * STEP] = 0
    return np.sqrt(distance) if metric == "hellinger" else distance


def nearness_of(
    queries: Rows, row: Integers, rows: Rows, column: Integers, scale: float
) -> NDArray[np.float64]:
    """How near single pairs are, in double precision, as whole multiples of `STEP` of the scale."""
    mine = queries.doubles(slice(None))
    exact = np.empty(len(row))
    for start in range(0, len(row), PAIRS):
        part = slice(start, start + PAIRS)
        theirs = rows.doubles(column[part])
        np.einsum("ij,ij->i", mine[row[part]], theirs, out=exact[part])
    if queries.zero is not None and rows.zero is not None:
        exact[queries.zero[row] & rows.zero[column]] = 1
    if rows.metric == "euclidean":  # (|x|^2 - |x - y|^2) / 2
        exact -= rows.squares[column] / 2
    return np.rint(exact / (scale * STEP))


def margin_of(width: int) -> float:
    """Bound of twice the error of a product of unit rows in single precision.

    From Higham (2002, section 3.1), with room for the rounding of the factors and of the squares.
    """
    return 2 * (width + 8) * 2.0**-24


def scale_of(*rows: Rows) -> float:
    """The largest squared length."""
    return max(1e-300, *(float(some.squares.max()) for some in rows))


class Search:
    """The nearest of `rows`, for one block of queries at a time.

    Dense rows are compared in single precision first, at half the cost. Its error has a bound, so
    those that may be among the nearest are known; they alone are compared in double precision, pair
    by pair, which gives the same bits whatever the block and the thread.
    """

    def __init__(self, queries: Rows, rows: Rows, k: int, same: bool = False) -> None:
        self.queries, self.rows, self.k, self.same = queries, rows, k, same
        self.scale = scale_of(queries, rows)
        self.longest = float(np.sqrt(self.scale))
        self.single = rows.all_singles(self.longest) if rows.is_dense else None

    def __call__(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        block = self.queries.part(start, stop)
        selected = None if self.single is None else self._two_steps(block, start, self.single)
        columns, nearness = selected or self._one_step(block, start)
        squares = block.squares[:, None]
        return columns, distances_of(nearness, squares, self.scale, self.rows.metric)

    def _two_steps(
        self, block: Rows, start: int, single: Floats
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Columns and nearness (b, k), nearest first; None where too many are nearly as near."""
        b, n = len(block), len(self.rows)
        rough = block.singles(slice(None), self.longest) @ single.T
        block.mark(rough, self.rows, 1 / self.scale)
        own = np.arange(start, start + b) if self.same else None
        _prefer_near(rough, self.rows, self.scale, own)
        bound = bound_of(rough, self.k) - np.float32(margin_of(self.rows.width))
        row, column = np.divmod(np.flatnonzero(rough >= bound), n)
        if len(row) > MOST_CANDIDATES * b * self.k:
            return None
        exact = nearness_of(block, row, self.rows, column, self.scale)
        order = np.lexsort((-exact, row))  # stable, and columns ascend within a row
        first = np.searchsorted(row, np.arange(b))
        chosen = order[first[:, None] + np.arange(self.k)]
        return column[chosen], exact[chosen]

    def _one_step(self, block: Rows, start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The same, all of it in double precision."""
        own = np.arange(start, start + len(block)) if self.same else None
        return in_double_precision(block, self.rows, self.k, self.scale, own)


def in_double_precision(
    block: Rows, rows: Rows, k: int, scale: float, own: Integers | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Columns and nearness (b, k), nearest first. `own`: which of the rows each is, left out."""
    products = block.products(rows)
    _prefer_near(products, rows, 1.0, own)
    products /= scale * STEP
    np.rint(products, out=products)
    columns = _largest(products, k)
    return columns, np.take_along_axis(products, columns, axis=1)


def _prefer_near(products: NDArray[Any], rows: Rows, unit: float, own: Integers | None) -> None:
    """Make the nearest the largest, in place, and the rows themselves the smallest."""
    if rows.metric == "euclidean":  # (|x|^2 - |x - y|^2) / 2
        products -= (rows.squares / (2 * unit)).astype(products.dtype)
    if own is not None:
        products[np.arange(len(products)), own] = -np.inf


def bound_of(values: NDArray[Any], k: int) -> NDArray[Any]:
    """A number for each row, (b, 1), that at least `k` of its entries reach, and few more.

    With few columns the k-th largest entry itself. Else the k-th largest of the maxima of so many
    groups of columns that the `k` largest entries seldom share one: 2.5 times as fast.
    """
    n = values.shape[1]
    groups = GROUPS * k
    if n >= 2 * groups:
        grouped = values[:, : n - n % groups].reshape(len(values), -1, groups)
        values, n = grouped.max(axis=1), groups
    return np.partition(values, n - k, axis=1)[:, n - k, None]


def _largest(values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Columns (b, k) of the `k` largest entries of each row, largest first, ties in order."""
    b, n = values.shape
    # Selecting values and then looking for them is several times faster than argpartition.
    bound = np.partition(values, n - k, axis=1)[:, n - k, None]
    candidates = np.flatnonzero(values >= bound)
    if len(candidates) > b * k:  # ties at the bound: of them, only the first in each row
        picked = []
        per_row = np.split(candidates, np.searchsorted(candidates, np.arange(1, b) * n))
        for row in per_row:
            order = np.argsort(-values.flat[row], kind="stable")[:k]
            picked.append(np.sort(row[order]))
        candidates = np.concatenate(picked)
    columns = (candidates % n).reshape(b, k)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
