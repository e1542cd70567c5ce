"""What a file of the cache must hold. A checksum only tells that it holds what was written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from components.base import Matrix, NeighborGraph
from runner.cache.array_file import Content, DamagedError, unpack
from runner.cache.encoding import first_not_finite


def matrix_of(content: Content, n: int) -> Matrix:
    """The matrix in a file.

    Parameters
    ----------
    content : Content
    n : int
        Rows that it must have.

    Raises
    ------
    DamagedError
        When it holds something else, or values that are not finite.
    """
    with _read_as("a matrix"):
        X = unpack(content)
        if X.ndim != 2 or X.shape[0] != n or X.dtype != np.float32:
            raise DamagedError(f"it is not a matrix of float32 with {n} rows")
        check_values(X)
    return X


def graph_of(content: Content, n: int, metric: str) -> NeighborGraph:
    """The neighbour graph of `n` documents in a file.

    Raises
    ------
    DamagedError
        When it holds something else.
    """
    with _read_as("a neighbour graph"):
        indices, distances = content.arrays["indices"], content.arrays["distances"]
        if indices.ndim != 2 or len(indices) != n or indices.shape != distances.shape:
            raise DamagedError(f"it is not a neighbour graph of {n} documents")
        # An approximate search may find too few: -1, at an infinite distance.
        if indices.dtype != np.int32 or (indices < -1).any() or (indices >= n).any():
            raise DamagedError("its neighbours are not row numbers")
        if np.isnan(distances).any():
            raise DamagedError("it holds NaN")
        recall = content.meta.get("recall")
        return NeighborGraph(indices, distances, metric, float(recall) if recall else None)


def check_values(X: Matrix) -> None:
    """Raise `DamagedError` for values that are not finite, and for a CSR matrix that is none."""
    if hasattr(X, "indptr"):  # scipy's check_format copies what lies in a file
        start, columns = X.indptr, X.indices
        fits = len(columns) == len(X.data) == start[-1] and start[0] == 0
        if not fits or (np.diff(start) < 0).any():
            raise DamagedError("its rows do not fit its values")
        if len(columns) and (columns.min() < 0 or columns.max() >= X.shape[1]):
            raise DamagedError("it names columns that do not exist")
    if (row := first_not_finite(X)) is not None:
        raise DamagedError(f"its row {row} has a value that is not finite")


@contextmanager
def _read_as(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DamagedError(f"it does not hold {what}") from error
