"""Rows in the form that the search for neighbours needs, and their products."""

from __future__ import annotations

from copy import copy
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Matrix

Doubles: TypeAlias = NDArray[np.float64]

COMMON = 0.1  # share of the rows in which a column of a sparse matrix is stored as dense
CONVERTED = 2**19  # entries that are converted to double precision at a time
SMALL = 2**23  # entries of a matrix that is converted to double precision as a whole: 64 MiB


def unit_rows(X: Matrix, out: NDArray[Any] | None = None) -> Matrix:
    """`X` with each row scaled to unit euclidean length; an all-zero row remains.

    Parameters
    ----------
    X : array (n, d) or sparse matrix (n, d)
        Float; integers become float64.
    out : array (n, d), optional
        Where to store the result of a dense `X`; may be `X` itself.
    """
    from scipy import sparse

    if sparse.issparse(X):
        return divided(X, np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel()))
    return divided(X, np.sqrt(np.einsum("ij,ij->i", X, X)), out)


def divided(X: Matrix, sizes: NDArray[Any], out: NDArray[Any] | None = None) -> Matrix:
    """`X` with each row divided by its entry of `sizes` (n,), or by 1 where that is not positive.

    In the precision of `X`; integers become float64.
    """
    from scipy import sparse

    dtype = X.dtype if np.issubdtype(X.dtype, np.floating) else np.float64
    factors = (1 / np.where(sizes > 0, sizes, 1)).astype(dtype)
    if not sparse.issparse(X):
        return np.multiply(X, factors[:, None], out=out)
    X = X.tocsr().astype(dtype, copy=True)
    X.data *= np.repeat(factors, np.diff(X.indptr))
    return X


class Rows:
    """Rows transformed so that their products are similarities.

    Those for cosine have unit length. Those for Hellinger are the square roots of shares of the row
    sum, so have unit length too. Dense ones for euclidean are centred.

    A large dense matrix is not copied: its rows are converted to double precision where they are
    used. Of a sparse matrix, the columns that many rows share are multiplied as a dense matrix,
    which is far faster; as they are few, it is small compared with the sparse one.

    Parameters
    ----------
    X : float array (n, d) or CSR matrix (n, d)
    metric : {"cosine", "euclidean", "hellinger"}
    centre : float64 (d,), optional
        Subtracted from euclidean rows; default: their mean.

    Attributes
    ----------
    squares : float64 (n,)
        Squared lengths; 1 for an all-zero row, unless the metric is euclidean.
    zero : bool (n,) or None
        The all-zero rows; None if there are none, or the metric is euclidean. Their products with
        each other are set to 1, for the distances that `components.neighbors` defines.
    """

    def __init__(self, X: Matrix, metric: str, centre: Doubles | None = None) -> None:
        from scipy import sparse

        self.metric = metric
        self.centre = centre
        self._factors: Doubles | None = None
        self._shift: Doubles | None = None
        self._sparse: Any = None
        self._X = X
        if sparse.issparse(X):
            self.squares = self._split(X)
        else:
            if metric == "euclidean":  # far from the origin, small distances would be cancelled
                if centre is None:
                    self.centre = X.mean(axis=0, dtype=np.float64)
                self._shift = self.centre
            else:
                sizes = self._of_each(_sums if metric == "hellinger" else _lengths)
                self._factors = 1 / np.where(sizes > 0, sizes, 1)
            if X.size <= SMALL:
                self._X, self._factors, self._shift = self.doubles(slice(None)), None, None
            self.squares = self._of_each(_squares)
        zero = self.squares == 0
        self.zero = zero if metric != "euclidean" and zero.any() else None
        if self.zero is not None:
            self.squares = np.where(zero, 1.0, self.squares)

    def __len__(self) -> int:
        return int(self._X.shape[0])

    @property
    def is_dense(self) -> bool:
        return self._sparse is None

    @property
    def width(self) -> int:
        """Columns of the dense part."""
        return int(self._X.shape[1])

    def part(self, start: int, stop: int | None) -> Rows:
        """Rows from `start` to before `stop`, as views."""
        return self.take(slice(start, stop))

    def take(self, rows: Any) -> Rows:
        """The rows of a slice or an index array."""
        some = copy(self)
        some._X = self._X[rows]
        some.squares = self.squares[rows]
        some._factors = None if self._factors is None else self._factors[rows]
        some._sparse = None if self._sparse is None else self._sparse[rows]
        some.zero = None if self.zero is None else self.zero[rows]
        return some

    def doubles(self, rows: Any) -> Doubles:
        """The dense part of the rows of a slice or an index array, float64 (r, width)."""
        values: Doubles = self._X[rows]
        if self._factors is not None:
            values = values * self._factors[rows][:, None]
            if self.metric == "hellinger":
                np.sqrt(values, out=values)
        elif self._shift is not None:
            values = values - self._shift
        return values.astype(np.float64, copy=False)

    def singles(self, rows: Any, longest: float) -> Floats:
        """`doubles` divided by `longest` and rounded to float32, in C order."""
        singles: Floats = (self.doubles(rows) / longest).astype(np.float32)
        return singles

    def all_singles(self, longest: float) -> Floats:
        """`singles` of all rows."""
        singles = np.empty(self._X.shape, np.float32)
        for rows in self._blocks():
            singles[rows] = self.singles(rows, longest)
        return singles

    def products(self, other: Rows) -> Doubles:
        """Products of each row with each row of `other`, float64 (n, m)."""
        mine = self.doubles(slice(None))
        products = np.empty((len(self), len(other)))
        for rows in other._blocks():
            products[:, rows] = mine @ other.doubles(rows).T
        if self._sparse is not None and self._sparse.nnz:
            products += (self._sparse @ other._sparse.T).toarray()
        self.mark(products, other, 1.0)
        return products

    def mark(self, products: NDArray[Any], other: Rows, one: float) -> None:
        """Set the products of two all-zero rows to `one`, in place."""
        if self.zero is not None and other.zero is not None:
            products[np.ix_(self.zero, other.zero)] = one

    def _blocks(self) -> list[slice]:
        size = max(1, CONVERTED // max(1, self.width))
        return [slice(start, start + size) for start in range(0, len(self), size)]

    def _of_each(self, measure: Any) -> Doubles:
        """`measure` of the doubles of all rows, float64 (n,)."""
        numbers: Doubles = np.concatenate([measure(self.doubles(r)) for r in self._blocks()])
        return numbers

    def _split(self, X: Matrix) -> Doubles:
        """Set the dense and the sparse part of a sparse matrix; squared lengths of the rows."""
        from scipy import sparse

        X = sparse.csr_matrix(X, dtype=np.float64)
        if self.metric == "hellinger":
            X = divided(X, np.asarray(X.sum(axis=1)).ravel()).sqrt()
        elif self.metric == "cosine":
            X = unit_rows(X)
        common = np.bincount(X.indices, minlength=X.shape[1]) > COMMON * X.shape[0]
        self._X, self._sparse = X[:, common].toarray(), X[:, ~common]
        squares: Doubles = np.asarray(X.multiply(X).sum(axis=1)).ravel()
        return squares


def _sums(rows: Doubles) -> Doubles:
    sums: Doubles = rows.sum(axis=1)
    return sums


def _squares(rows: Doubles) -> Doubles:
    squares: Doubles = np.einsum("ij,ij->i", rows, rows)
    return squares


def _lengths(rows: Doubles) -> Doubles:
    lengths: Doubles = np.sqrt(_squares(rows))
    return lengths
