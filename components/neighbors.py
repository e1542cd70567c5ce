"""Nearest neighbours, exact where that is cheap, and the arithmetic on rows that they rest on.

Three metrics:

- ``euclidean``: |x - y|;
- ``cosine``: 1 - u v, with u and v the rows at unit length;
- ``hellinger``: sqrt(1 - sum sqrt(p q)), with p and q the rows divided by their sums.

An all-zero row is at cosine or Hellinger distance 1 from every other row, and 0 from another
all-zero row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Graph, Matrix, UserError

METRICS = ("cosine", "euclidean", "hellinger")

# Rows beyond which pynndescent takes over. Exact search costs n^2: on two cores 2.4 s for 20,000
# rows of 384 numbers and 53 s for 100,000. pynndescent needs as long there, because numba compiles
# it anew in each process.
EXACT_LIMIT = 100_000
BLOCK_ENTRIES = 2**23  # similarities held at a time, by all threads together, ...
FEWEST_ROWS = 64  # ... but for so many rows each at least
PAIRS = 2**12  # rows compared in double precision at a time
MOST_CANDIDATES = 4  # for each neighbour: where there are more, all is done in double precision
COMMON = 0.1  # share of the rows in which a column of a sparse matrix counts as common
# Similarities are rounded to multiples of this, as a share of the largest. Double precision errs
# by far less, so rows that are equal on paper are equal here, however many threads did the sums.
STEP = 2.0**-40


def neighbors(X: Matrix, k: int, metric: str = "cosine") -> Graph:
    """The `k` nearest neighbours of each row of `X`.

    Parameters
    ----------
    X : float array (n, d) or CSR matrix (n, d)
        Finite. A CSR matrix is never made dense.
    k : int
        At least 1. Where there are fewer, all n - 1 other rows.
    metric : {"cosine", "euclidean", "hellinger"}
        Hellinger needs numbers that are not negative.

    Returns
    -------
    Graph
        Nearest first, the row itself left out; of equals, the lower row first. Exact up to
        `EXACT_LIMIT` rows, by pynndescent (seeded, the same in every call) beyond it.
    """
    _check(X, k, metric)
    n = int(X.shape[0])
    k = min(k, n - 1)
    if k == 0:
        return Graph(np.empty((n, 0), np.int32), np.empty((n, 0), np.float32), metric)
    if n > EXACT_LIMIT:
        return _approximate(X, k, metric)
    rows = _prepare(X, metric)
    return Graph(*_search(rows, rows, k, metric, same=True), metric)


def nearest(
    queries: Matrix, X: Matrix, k: int, metric: str = "cosine"
) -> tuple[NDArray[np.int32], Floats]:
    """The `k` rows of `X` nearest to each row of `queries`: indices and distances, (q, k).

    Always exact, with the conventions of `neighbors`; no row is left out.
    """
    from scipy import sparse

    _check(queries, k, metric)
    _check(X, k, metric)
    if sparse.issparse(X):
        both = _prepare(sparse.vstack([queries, X], format="csr"), metric)
    else:
        both = _prepare(np.vstack([queries, X]), metric)
    split = queries.shape[0]
    return _search(both.part(0, split), both.part(split, None), min(k, X.shape[0]), metric)


def metric_for(X: Matrix, metric: str) -> str:
    """What `auto` stands for: Hellinger for sparse rows without negatives, cosine otherwise."""
    from scipy import sparse

    if metric != "auto":
        return metric
    return "hellinger" if sparse.issparse(X) and not (X.data < 0).any() else "cosine"


def unit_rows(X: Matrix) -> Matrix:
    """`X` with each row divided by its length; an all-zero row stays as it is."""
    from scipy import sparse

    if sparse.issparse(X):
        return _divided(X, np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel()))
    return _divided(X, np.linalg.norm(X, axis=1))


def _divided(X: Matrix, sizes: NDArray[Any]) -> Matrix:
    """`X` with each row divided by its entry of `sizes`, in the precision of `X`."""
    from scipy import sparse

    factors = (1 / np.where(sizes > 0, sizes, 1)).astype(X.dtype)
    if not sparse.issparse(X):
        return X * factors[:, None]
    X = X.tocsr(copy=True)
    X.data *= np.repeat(factors, np.diff(X.indptr))
    return X


def _check(X: Matrix, k: int, metric: str) -> None:
    if k < 1:
        raise UserError(f"{k} neighbours were asked for: there must be at least 1.")
    if metric not in METRICS:
        raise UserError(f"unknown metric {metric!r} for neighbours. One of: {', '.join(METRICS)}.")
    values = X.data if hasattr(X, "indptr") else X
    if metric == "hellinger" and (np.asarray(values) < 0).any():
        raise UserError(
            "the Hellinger distance is for counts and weights, but these vectors hold negative "
            "numbers. Set the metric to cosine (for UMAP: reducer.metric=cosine)."
        )


class _Rows(NamedTuple):
    """Rows whose products are similarities: a dense part plus, for CSR input, a sparse one."""

    dense: NDArray[np.float64]  # (n, c)
    sparse: Any  # CSR (n, m), or None
    squares: NDArray[np.float64]  # (n,) squared lengths
    single: Floats | None  # the dense part in single precision where it is all

    def part(self, start: int, stop: int | None) -> _Rows:
        rows = slice(start, stop)
        sparse = None if self.sparse is None else self.sparse[rows]
        single = None if self.single is None else self.single[rows]
        return _Rows(self.dense[rows], sparse, self.squares[rows], single)

    def products(self, other: _Rows) -> NDArray[np.float64]:
        found = self.dense @ other.dense.T
        if self.sparse is not None and self.sparse.nnz:
            found += (self.sparse @ other.sparse.T).toarray()
        return found


def _prepare(X: Matrix, metric: str) -> _Rows:
    """Unit rows for cosine and Hellinger, centred rows for euclidean, in double precision.

    An all-zero row gets a one in a column of its own, which gives the distances stated above.
    Columns of a sparse matrix that many rows share are multiplied as a dense matrix, which is
    far faster; there are few of them, so that stays small beside the matrix itself.
    """
    from scipy import sparse

    is_sparse = sparse.issparse(X)
    X = sparse.csr_matrix(X, dtype=np.float64) if is_sparse else np.asarray(X, dtype=np.float64)
    if metric == "hellinger":
        X = _divided(X, np.asarray(X.sum(axis=1)).ravel())
        X = X.sqrt() if is_sparse else np.sqrt(X)
    elif metric == "cosine":
        X = unit_rows(X)
    elif not is_sparse:
        X = X - X.mean(axis=0)  # far from the origin, the products would drown the differences
    squares = np.asarray(X.multiply(X).sum(axis=1)).ravel() if is_sparse else (X * X).sum(axis=1)
    zero = squares == 0
    marked = metric != "euclidean" and bool(zero.any())
    if marked:
        squares = np.where(zero, 1.0, squares)
    mark = zero[:, None].astype(np.float64)
    if not is_sparse:
        X = np.hstack([X, mark]) if marked else X
        return _Rows(X, None, squares, X.astype(np.float32))
    common = np.bincount(X.indices, minlength=X.shape[1]) > COMMON * X.shape[0]
    dense = X[:, common].toarray()
    dense = np.hstack([dense, mark]) if marked else dense
    return _Rows(dense, X[:, ~common], squares, None)


def _search(
    queries: _Rows, rows: _Rows, k: int, metric: str, same: bool = False
) -> tuple[NDArray[np.int32], Floats]:
    """Indices and distances, (q, k), block by block. `same`: leave out each row itself."""
    from threadpoolctl import threadpool_info, threadpool_limits

    n, q = len(rows.squares), len(queries.squares)
    indices = np.empty((q, k), np.int32)
    distances = np.empty((q, k), np.float32)
    scale = max(float(rows.squares.max()), float(queries.squares.max()), 1e-300)
    search = _Search(rows, k, metric, same, scale)
    # A thread a block, each with a BLAS of one thread, keeps every core busy in the selection too.
    threads = max((lib["num_threads"] for lib in threadpool_info()), default=1)
    size = max(FEWEST_ROWS, BLOCK_ENTRIES // (n * threads))

    def fill(start: int) -> None:
        stop = min(start + size, q)
        indices[start:stop], distances[start:stop] = search(queries.part(start, stop), start)

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

    rows: _Rows
    k: int
    metric: str
    same: bool
    scale: float

    def __call__(self, block: _Rows, start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
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
        self, block: _Rows, start: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Columns and nearness (b, k), nearest first; None where too many are nearly as near."""
        assert block.single is not None
        assert self.rows.single is not None
        b, n = len(block.squares), len(self.rows.squares)
        rough = block.single @ self.rows.single.T
        self._prefer_near(rough, start)
        # The error of a product of d numbers in single precision (Higham 2002, section 3.1), with
        # room for the rounding of its factors and of the squares.
        margin = 2 * (self.rows.single.shape[1] + 8) * 2.0**-24 * self.scale
        bound = np.partition(rough, n - self.k, axis=1)[:, n - self.k, None] - np.float32(margin)
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

    def _one_step(self, block: _Rows, start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The same, all of it in double precision."""
        found = block.products(self.rows)
        self._prefer_near(found, start)
        found /= self.scale * STEP
        np.rint(found, out=found)
        columns = _largest(found, self.k)
        return columns, np.take_along_axis(found, columns, axis=1)

    def _prefer_near(self, products: NDArray[Any], start: int) -> None:
        """Make the nearest the largest, in place, and the rows themselves the smallest."""
        if self.metric == "euclidean":  # (|x|^2 - |x - y|^2) / 2
            products -= (self.rows.squares / 2).astype(products.dtype)
        if self.same:
            own = np.arange(len(products))
            products[own, start + own] = -np.inf


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


def _approximate(X: Matrix, k: int, metric: str) -> Graph:
    """The same by nearest-neighbour descent (Dong et al. 2011), as pynndescent has it."""
    from pynndescent import NNDescent

    index = NNDescent(X, metric=metric, n_neighbors=k + 1, random_state=0, compressed=True)
    indices, distances = index.neighbor_graph
    # The row itself comes first, except among duplicates, where it may come later or be missing.
    own = indices == np.arange(len(indices))[:, None]
    drop = np.where(own.any(axis=1), own.argmax(axis=1), k)
    keep = np.arange(k + 1) != drop[:, None]
    indices = indices[keep].reshape(-1, k).astype(np.int32)
    return Graph(indices, distances[keep].reshape(-1, k).astype(np.float32), metric)
