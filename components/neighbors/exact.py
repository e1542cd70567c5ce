"""The exact search: every row compared with every other, block by block."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.base import Floats
from components.neighbors.rows import Rows

BLOCK_ENTRIES = 2**23  # similarities held at a time, by all threads together, ...
FEWEST_ROWS = 64  # ... but for so many rows each at least
PAIRS = 2**8  # rows compared in double precision at a time: few enough to stay in the cache
GROUPS = 16  # for each neighbour: of how many groups of columns the largest entries are compared
MOST_CANDIDATES = 4  # for each neighbour: where there are more, all is done in double precision
# Similarities are rounded to multiples of this, as a share of the largest. Double precision errs
# by far less, so rows that are equal on paper are equal here, however many threads did the sums.
STEP = 2.0**-40


def search(
    queries: Rows, rows: Rows, k: int, metric: str, same: bool = False
) -> tuple[NDArray[np.int32], Floats]:
    """Indices and distances, (q, k), block by block. `same`: leave out each row itself."""
    from threadpoolctl import threadpool_info, threadpool_limits

    n, q = len(rows.squares), len(queries.squares)
    indices = np.empty((q, k), np.int32)
    distances = np.empty((q, k), np.float32)
    scale = max(float(rows.squares.max()), float(queries.squares.max()), 1e-300)
    of_block = _Search(rows, k, metric, same, scale)
    # A thread a block, each with a BLAS of one thread, keeps every core busy in the selection too.
    blas = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
    threads = max(blas, default=1)
    size = max(FEWEST_ROWS, BLOCK_ENTRIES // (n * threads))

    def fill(start: int) -> None:
        stop = min(start + size, q)
        indices[start:stop], distances[start:stop] = of_block(queries.part(start, stop), start)

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(fill, range(0, q, size)):
            pass
    return indices, distances


class _Search(NamedTuple):
    """The nearest of `rows`, for one block of queries at a time.

    Dense rows are compared in single precision first, at half the cost. Its error has a bound, so
    those that may be among the nearest are known; they alone are compared in double precision, pair
    by pair, which gives the same bits whatever the block and the thread.
    """

    rows: Rows
    k: int
    metric: str
    same: bool
    scale: float

    def __call__(self, block: Rows, start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        found = None if self.rows.single is None else self._two_steps(block, start)
        columns, nearness = found or self._one_step(block, start)
        if self.metric == "euclidean":
            squared = block.squares[:, None] - nearness * (2 * self.scale * STEP)
            squared[squared < 4 * self.scale * STEP] = 0
            return columns, np.sqrt(squared)
        distance = np.clip(1 - nearness * (self.scale * STEP), 0, None)
        distance[distance < 4 * STEP] = 0
        return columns, np.sqrt(distance) if self.metric == "hellinger" else distance

    def _two_steps(
        self, block: Rows, start: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Columns and nearness (b, k), nearest first; None where too many are nearly as near."""
        assert block.single is not None
        assert self.rows.single is not None
        b, n = len(block.squares), len(self.rows.squares)
        rough = block.single @ self.rows.single.T
        self._prefer_near(rough, start, self.scale)
        # The error of a product of d numbers in single precision (Higham 2002, section 3.1), with
        # room for the rounding of its factors and of the squares.
        margin = 2 * (self.rows.single.shape[1] + 8) * 2.0**-24
        bound = _bound(rough, self.k) - np.float32(margin)
        row, column = np.divmod(np.flatnonzero(rough >= bound), n)
        if len(row) > MOST_CANDIDATES * b * self.k:
            return None
        exact = np.concatenate(
            [
                np.einsum("ij,ij->i", block.dense[row[part]], self.rows.dense[column[part]])
                for part in (slice(i, i + PAIRS) for i in range(0, len(row), PAIRS))
            ]
        )
        if self.metric == "euclidean":
            exact -= self.rows.squares[column] / 2
        exact = np.rint(exact / (self.scale * STEP))
        order = np.lexsort((-exact, row))  # stable, and columns ascend within a row
        first = np.searchsorted(row, np.arange(b))
        chosen = order[first[:, None] + np.arange(self.k)]
        return column[chosen], exact[chosen]

    def _one_step(self, block: Rows, start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The same, all of it in double precision."""
        found = block.products(self.rows)
        self._prefer_near(found, start, 1.0)
        found /= self.scale * STEP
        np.rint(found, out=found)
        columns = _largest(found, self.k)
        return columns, np.take_along_axis(found, columns, axis=1)

    def _prefer_near(self, products: NDArray[Any], start: int, unit: float) -> None:
        """Make the nearest the largest, in place, and the rows themselves the smallest."""
        if self.metric == "euclidean":  # (|x|^2 - |x - y|^2) / 2
            products -= (self.rows.squares / (2 * unit)).astype(products.dtype)
        if self.same:
            own = np.arange(len(products))
            products[own, start + own] = -np.inf


def _bound(found: NDArray[Any], k: int) -> NDArray[Any]:
    """A number for each row, (b, 1), that at least `k` of its entries reach, and few more.

    With few columns the k-th largest entry itself. Else the k-th largest of the maxima of so many
    groups of columns that the `k` largest entries seldom share one: 2.5 times as fast.
    """
    n = found.shape[1]
    groups = GROUPS * k
    if n >= 2 * groups:
        apart = found[:, : n - n % groups].reshape(len(found), -1, groups)
        found, n = apart.max(axis=1), groups
    return np.partition(found, n - k, axis=1)[:, n - k, None]


def _largest(found: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Columns (b, k) of the `k` largest entries of each row, largest first, ties in order."""
    b, n = found.shape
    # Selecting values and then looking for them is several times faster than argpartition.
    bound = np.partition(found, n - k, axis=1)[:, n - k, None]
    candidates = np.flatnonzero(found >= bound)
    if len(candidates) > b * k:  # ties at the bound: of them, only the first in each row
        picked = []
        per_row = np.split(candidates, np.searchsorted(candidates, np.arange(1, b) * n))
        for row in per_row:
            order = np.argsort(-found.flat[row], kind="stable")[:k]
            picked.append(np.sort(row[order]))
        candidates = np.concatenate(picked)
    columns = (candidates % n).reshape(b, k)
    order = np.argsort(-np.take_along_axis(found, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
