"""Exact nearest rows of a fixed matrix, one query at a time or many: always the same bits.

`components.neighbors.nearest` prepares queries and rows together, so a result may depend, in its
last bits, on what else is asked for. Here the rows are prepared once, and every distance that is
returned is computed from one query and one row alone, in double precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix

Doubles = NDArray[np.float64]

BLOCK_ENTRIES = 2**22  # approximate similarities held at a time
PAIRS = 2**8  # pairs compared in double precision at a time: few enough to stay in the CPU cache
FEW_COLUMNS = 32  # up to so many columns every pair is compared in double precision
ZERO = 1e-12  # a shorter distance is rounding error
CDIST = {"euclidean": "euclidean", "manhattan": "cityblock", "chebyshev": "chebyshev"}


class NearestIndex:
    """The nearest rows of `X`, exact, by brute force.

    Parameters
    ----------
    X : float16, float32 or float64 array (n, d), or CSR matrix (n, d)
        Finite, at least one row.
    metric : {"cosine", "hellinger", "euclidean", "manhattan", "chebyshev"}
        Distances are those of `components.neighbors`: 1 - cosine, the square root of 1 - the
        Bhattacharyya coefficient. Sparse rows know the first three, hellinger needs sparse rows
        or few columns.
    """

    def __init__(self, X: Matrix, metric: str) -> None:
        from scipy import sparse

        self.metric = metric
        self.n = int(X.shape[0])
        self._sparse = sparse.issparse(X)
        self._single: Any = None
        if self._sparse:
            self._rows = _transformed(X, metric)
            self._squares = np.asarray(self._rows.multiply(self._rows).sum(axis=1)).ravel()
            self._columns = self._rows.T.tocsr()
            return
        self._X = X
        self._inner = metric in ("cosine", "euclidean") and X.shape[1] > FEW_COLUMNS
        if not self._inner:
            self._rows = _dense(X, metric)
            return
        # Approximate similarities, in single precision, choose the few pairs to compare exactly.
        self._centre = X.mean(axis=0, dtype=np.float64) if metric == "euclidean" else None
        self._single = np.empty(X.shape, np.float32)
        self._squares = np.empty(self.n)
        for start in range(0, self.n, 4096):
            block = self._doubles(X[start : start + 4096])
            self._single[start : start + 4096] = block
            self._squares[start : start + 4096] = np.einsum("ij,ij->i", block, block)
        self._longest = float(np.sqrt(self._squares.max()))

    def query(self, Q: Matrix, k: int) -> tuple[Integers, Doubles]:
        """The `k` rows nearest to each row of `Q` (q, d), nearest first; of equals, the lower row.

        Returns
        -------
        int64 (q, k), float64 (q, k)
            Row numbers and distances; k is at most the number of rows.
        """
        k = min(k, self.n)
        size = max(1, BLOCK_ENTRIES // self.n)
        indices = np.empty((Q.shape[0], k), np.int64)
        distances = np.empty((Q.shape[0], k), np.float64)
        for start in range(0, Q.shape[0], size):
            block = slice(start, start + size)
            search = self._chosen_pairs if self._single is not None else self._all_pairs
            indices[block], distances[block] = search(Q[block], k)
        return indices, distances

    def _all_pairs(self, Q: Matrix, k: int) -> tuple[Integers, Doubles]:
        if self._sparse:
            queries = _transformed(Q, self.metric)
            # CSR times CSR adds up each row of the product by itself.
            distances = (queries @ self._columns).toarray()
            if self.metric == "euclidean":
                squares = np.asarray(queries.multiply(queries).sum(axis=1))
                distances = np.sqrt(np.maximum(squares + self._squares - 2 * distances, 0))
            else:
                distances = _from_cosine(distances, self.metric)
        else:
            from scipy.spatial.distance import cdist

            queries = _dense(Q, self.metric)
            if self.metric in CDIST:
                distances = cdist(queries, self._rows, CDIST[self.metric])
            else:  # of unit vectors: 1 - cosine is half the squared distance
                distances = cdist(queries, self._rows, "sqeuclidean") / 2
                distances = np.sqrt(distances) if self.metric == "hellinger" else distances
        distances[distances < ZERO] = 0
        bound = np.partition(distances, k - 1, axis=1)[:, k - 1, None]
        row, column = np.nonzero(distances <= bound)
        return _nearest(row, column, distances[row, column], len(distances), k)

    def _chosen_pairs(self, Q: Matrix, k: int) -> tuple[Integers, Doubles]:
        queries = self._doubles(np.asarray(Q))
        lengths = np.sqrt(np.einsum("ij,ij->i", queries, queries))
        rough = queries.astype(np.float32) @ self._single.T
        if self.metric == "euclidean":  # (|q|^2 - |q - x|^2) / 2
            rough -= (self._squares / 2).astype(np.float32)
        # The error of a product of d numbers in single precision (Higham 2002, section 3.1), with
        # room for the rounding of its factors and of the squares.
        unit = 2 * (self._single.shape[1] + 8) * 2.0**-24
        margin = unit * self._longest * (lengths + self._longest)
        bound = np.partition(rough, self.n - k, axis=1)[:, self.n - k] - margin
        row, column = np.nonzero(rough >= bound[:, None].astype(np.float32))
        exact = np.empty(len(row))
        for start in range(0, len(row), PAIRS):
            part = slice(start, start + PAIRS)
            gap = queries[row[part]] - self._doubles(self._X[column[part]])
            exact[part] = np.einsum("ij,ij->i", gap, gap)
        exact = np.sqrt(exact) if self.metric == "euclidean" else exact / 2
        exact[exact < ZERO] = 0
        return _nearest(row, column, exact, len(queries), k)

    def _doubles(self, rows: NDArray[Any]) -> Doubles:
        """Rows in double precision: of unit length for cosine, centred for euclidean."""
        if self._centre is not None:
            centred: Doubles = rows.astype(np.float64) - self._centre
            return centred
        return _unit(rows)


def _nearest(
    row: Integers, column: Integers, distance: Doubles, n: int, k: int
) -> tuple[Integers, Doubles]:
    """The `k` nearest of at least `k` candidates for each of `n` queries."""
    order = np.lexsort((column, distance, row))
    first = np.searchsorted(row, np.arange(n))  # `row` ascends
    chosen = order[first[:, None] + np.arange(k)]
    return column[chosen].astype(np.int64), distance[chosen]


def _unit(rows: NDArray[Any]) -> Doubles:
    doubles = rows.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", doubles, doubles))
    doubles /= np.where(lengths > 0, lengths, 1)[:, None]
    return doubles


def _dense(X: NDArray[Any], metric: str) -> Doubles:
    if metric == "cosine":
        return _unit(X)
    doubles = np.asarray(X, dtype=np.float64)
    return _unit(np.sqrt(doubles)) if metric == "hellinger" else doubles


def _transformed(X: Any, metric: str) -> Any:
    """CSR rows, float64, whose products are cosines or Bhattacharyya coefficients."""
    rows = X.tocsr().astype(np.float64)  # a copy
    rows.sort_indices()
    if metric == "euclidean":
        return rows
    if metric == "hellinger":
        rows.data = np.sqrt(rows.data)  # of length sqrt(sum): then of length 1
    squares = rows.multiply(rows).sum(axis=1)
    lengths = np.sqrt(np.asarray(squares).ravel())
    rows.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(rows.indptr))
    return rows


def _from_cosine(similarity: Doubles, metric: str) -> Doubles:
    distance = np.clip(1 - similarity, 0, None)
    return np.sqrt(distance) if metric == "hellinger" else distance
