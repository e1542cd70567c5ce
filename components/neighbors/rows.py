"""Rows as the search for neighbours wants them, and the arithmetic on them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Matrix

COMMON = 0.1  # share of the rows in which a column of a sparse matrix counts as common


def unit_rows(X: Matrix, out: NDArray[Any] | None = None) -> Matrix:
    """`X` with each row divided by its length; an all-zero row stays as it is.

    `out`: where to put them, for a dense `X`; `X` itself will do.
    """
    from scipy import sparse

    if sparse.issparse(X):
        return divided(X, np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel()))
    return divided(X, np.sqrt(np.einsum("ij,ij->i", X, X)), out)


def divided(X: Matrix, sizes: NDArray[Any], out: NDArray[Any] | None = None) -> Matrix:
    """`X` with each row divided by its entry of `sizes`, in the precision of `X`."""
    from scipy import sparse

    factors = (1 / np.where(sizes > 0, sizes, 1)).astype(X.dtype)
    if not sparse.issparse(X):
        return np.multiply(X, factors[:, None], out=out)
    X = X.tocsr(copy=True)
    X.data *= np.repeat(factors, np.diff(X.indptr))
    return X


class Rows(NamedTuple):
    """Rows whose products are similarities: a dense part plus, for CSR input, a sparse one."""

    dense: NDArray[np.float64]  # (n, c)
    sparse: Any  # CSR (n, m), or None
    squares: NDArray[np.float64]  # (n,) squared lengths
    # Where the dense part is all: the same in single precision, the longest row of length 1.
    single: Floats | None

    def part(self, start: int, stop: int | None) -> Rows:
        rows = slice(start, stop)
        sparse = None if self.sparse is None else self.sparse[rows]
        single = None if self.single is None else self.single[rows]
        return Rows(self.dense[rows], sparse, self.squares[rows], single)

    def products(self, other: Rows) -> NDArray[np.float64]:
        found = self.dense @ other.dense.T
        if self.sparse is not None and self.sparse.nnz:
            found += (self.sparse @ other.sparse.T).toarray()
        return found


def prepare(X: Matrix, metric: str) -> Rows:
    """Unit rows for cosine and Hellinger, centred rows for euclidean, in double precision.

    An all-zero row gets a one in a column of its own, which gives the distances stated above.
    Columns of a sparse matrix that many rows share are multiplied as a dense matrix, which is
    far faster; there are few of them, so that stays small beside the matrix itself.
    """
    from scipy import sparse

    is_sparse = sparse.issparse(X)
    # Copying the vectors costs more than the arithmetic on them: one copy, changed in place.
    X = sparse.csr_matrix(X, dtype=np.float64) if is_sparse else np.array(X, dtype=np.float64)
    if metric == "hellinger":
        X = divided(X, np.asarray(X.sum(axis=1)).ravel(), None if is_sparse else X)
        X = X.sqrt() if is_sparse else np.sqrt(X, out=X)
    elif metric == "cosine":
        X = unit_rows(X, None if is_sparse else X)
    elif not is_sparse:
        X -= X.mean(axis=0)  # far from the origin, the products would drown the differences
    if is_sparse:
        squares = np.asarray(X.multiply(X).sum(axis=1)).ravel()
    else:
        squares = np.einsum("ij,ij->i", X, X)
    zero = squares == 0
    marked = metric != "euclidean" and bool(zero.any())
    if marked:
        squares = np.where(zero, 1.0, squares)
    mark = zero[:, None].astype(np.float64)
    if not is_sparse:
        X = np.hstack([X, mark]) if marked else X
        longest = np.sqrt(max(float(squares.max()), 1e-300))
        single = np.empty(X.shape, np.float32)
        np.divide(X, longest, out=single, casting="same_kind")
        return Rows(X, None, squares, single)
    common = np.bincount(X.indices, minlength=X.shape[1]) > COMMON * X.shape[0]
    dense = X[:, common].toarray()
    dense = np.hstack([dense, mark]) if marked else dense
    return Rows(dense, X[:, ~common], squares, None)
