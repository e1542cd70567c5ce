"""The documents that stand for a topic."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix
from components.neighbors import unit_rows

_BLOCK = 4096  # rows brought to unit length at a time, so that `X` is never copied whole


def typical_rows(X: Matrix, labels: Integers, n: int = 1) -> list[Integers]:
    """The `n` rows of each topic with the highest cosine to the mean of its unit vectors.

    Parameters
    ----------
    X : float array or CSR matrix, (m, d)
        Finite.
    labels : int array (m,)
        Topic of each row; -1 is no topic.
    n : int
        A smaller topic gives all its rows.

    Returns
    -------
    list of int64 arrays
        For topics 0 to `labels.max()`, the nearest row first; of equals, the first row.
    """
    labels = np.asarray(labels)
    rows = np.flatnonzero(labels >= 0)
    # Rounded, so that equal documents are equal in whatever order their products were summed.
    cosines = cosine_to_topic(X, labels)[rows].round(12)
    rows = rows[np.lexsort((rows, -cosines, labels[rows]))]
    ends = np.searchsorted(labels[rows], np.arange(labels.max(initial=-1) + 2))
    return [rows[start:end][:n] for start, end in pairwise(ends)]


def cosine_to_topic(X: Matrix, labels: Integers) -> NDArray[np.float64]:
    """Cosine (m,) of each row to the mean of its topic's unit vectors; 0 without a topic."""
    from scipy import sparse

    labels = np.asarray(labels)
    n_topics = int(labels.max(initial=-1)) + 1
    sums = np.zeros((n_topics, X.shape[1]))
    for rows, units in _unit_blocks(X, labels):
        columns = np.arange(len(rows))
        member = sparse.csr_matrix(
            (np.ones(len(rows)), (labels[rows], columns)), (n_topics, len(rows))
        )
        added = member @ units
        sums += added.toarray() if sparse.issparse(added) else added
    sums = unit_rows(sums)
    cosines = np.zeros(len(labels))
    for rows, units in _unit_blocks(X, labels):
        towards = sums[labels[rows]]
        products = units.multiply(towards) if sparse.issparse(units) else units * towards
        cosines[rows] = np.asarray(products.sum(axis=1)).ravel()
    return cosines


def _unit_blocks(X: Matrix, labels: Integers) -> Iterator[tuple[Integers, Any]]:
    """Row numbers and unit vectors, in double precision, of the rows that have a topic."""
    rows = np.flatnonzero(labels >= 0)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        yield block, unit_rows(X[block].astype(np.float64))
