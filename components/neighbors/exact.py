"""Exact search: every row is compared with every other, in blocks.

`nearness` is a similarity that orders as the metric does: the product of two rows, or for
euclidean (|x|^2 - |x - y|^2) / 2, with x the query.
"""

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

BLOCK_ENTRIES = 2**23  # similarities in memory at a time, of all threads together, ...
FEWEST_ROWS = 64  # ... but of at least so many rows per block
PAIRS = 2**8  # pairs compared in double precision at a time: few enough for the processor's cache
GROUPS = 16  # groups of columns per neighbour; see `bound_of`
MOST_CANDIDATES = 4  # per neighbour: with more, all pairs are compared in double precision
# Similarities are rounded to multiples of this share of the largest squared length. The error of
# double precision is far smaller, so distances that are mathematically equal are equal here, and do
# not depend on the number of threads.
STEP = 2.0**-40


def search(
    queries: Rows, rows: Rows, k: int, same: bool = False
) -> tuple[NDArray[np.int32], Floats]:
    """Indices int32 (q, k) and distances float32 (q, k) of the nearest of `rows`, nearest first.

    Parameters
    ----------
    same : bool
        `queries` are `rows`: each row itself is left out.
    """
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
    """A map over as many threads as BLAS may use, and their number; BLAS has one thread in each.

    So every core is used outside of BLAS too, and the bits of a product do not depend on their
    number.
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
    """Distances, float64 in the shape of `nearness`.

    Parameters
    ----------
    nearness : float64
        As integer multiples of `scale` * `STEP`.
    squares : float64
        Squared lengths of the queries, broadcast with `nearness`.
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
    """Nearness of pairs of a query and a row, float64 (pairs,), as multiples of `scale` * `STEP`.

    Parameters
    ----------
    row, column : int64 (pairs,)
        The query and the row of each pair.
    """
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
    """Bound of the error of a difference of two products of rows of length <= 1 in float32.

    From Higham (2002, Accuracy and Stability of Numerical Algorithms, section 3.1), with room for
    the rounding of the factors and of the squares.

    Parameters
    ----------
    width : int
        Columns of the rows.
    """
    return 2 * (width + 8) * 2.0**-24


def scale_of(*rows: Rows) -> float:
    """The largest squared length of any row."""
    return max(1e-300, *(float(some.squares.max()) for some in rows))


class Search:
    """Search for the nearest of `rows`, for one block of queries per call.

    Dense rows are compared in single precision first, in half the time. As its error has a bound,
    all rows that may be among the nearest are known. Only these are compared in double precision,
    pair by pair, so the result does not depend on the blocks and threads.

    Calling it with the first query and one past the last returns indices int64 and distances
    float64, (b, k) each.
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
        """Columns and nearness (b, k), nearest first; None if there are too many candidates."""
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
        """The same, with all pairs in double precision."""
        own = np.arange(start, start + len(block)) if self.same else None
        return in_double_precision(block, self.rows, self.k, self.scale, own)


def in_double_precision(
    block: Rows, rows: Rows, k: int, scale: float, own: Integers | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Columns int64 and nearness float64, (b, k) each, nearest first.

    Parameters
    ----------
    own : int64 (b,), optional
        The number of each query among the rows, which is left out.
    """
    products = block.products(rows)
    _prefer_near(products, rows, 1.0, own)
    products /= scale * STEP
    np.rint(products, out=products)
    columns = _largest(products, k)
    return columns, np.take_along_axis(products, columns, axis=1)


def _prefer_near(products: NDArray[Any], rows: Rows, unit: float, own: Integers | None) -> None:
    """Turn products into nearness in place, and set that of the rows themselves to -inf."""
    if rows.metric == "euclidean":  # (|x|^2 - |x - y|^2) / 2
        products -= (rows.squares / (2 * unit)).astype(products.dtype)
    if own is not None:
        products[np.arange(len(products)), own] = -np.inf


def bound_of(values: NDArray[Any], k: int) -> NDArray[Any]:
    """A lower bound of the `k`-th largest entry of each row (b, n), close to it: (b, 1).

    With many columns, the k-th largest of the maxima of `GROUPS` * k groups of columns, of which
    the k largest entries seldom share one: 2.5 times as fast as the k-th largest entry.
    """
    n = values.shape[1]
    groups = GROUPS * k
    if n >= 2 * groups:
        grouped = values[:, : n - n % groups].reshape(len(values), -1, groups)
        values, n = grouped.max(axis=1), groups
    return np.partition(values, n - k, axis=1)[:, n - k, None]


def _largest(values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Columns (b, k) of the `k` largest entries of each row, largest first, ties by column."""
    b, n = values.shape
    # Several times as fast as argpartition.
    bound = np.partition(values, n - k, axis=1)[:, n - k, None]
    candidates = np.flatnonzero(values >= bound)
    if len(candidates) > b * k:  # of ties at the bound, the first in each row
        picked = []
        per_row = np.split(candidates, np.searchsorted(candidates, np.arange(1, b) * n))
        for row in per_row:
            order = np.argsort(-values.flat[row], kind="stable")[:k]
            picked.append(np.sort(row[order]))
        candidates = np.concatenate(picked)
    columns = (candidates % n).reshape(b, k)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
