"""The documents that are typical of a topic."""

from __future__ import annotations

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
        For topics 0 to `labels.max()`, the nearest row first; of equal rows, the first.
    """
    labels = np.asarray(labels)
    rows = np.flatnonzero(labels >= 0)
    # Rounded, so that equal documents are equal in whatever order their products were summed.
    cosines = cosine_to_topic(X, labels)[rows].round(12)
    rows = rows[np.lexsort((rows, -cosines, labels[rows]))]
    ends = np.searchsorted(labels[rows], np.arange(labels.max(initial=-1) + 2))
    return [rows[start:end][:n] for start, end in pairwise(ends)]


def cosine_to_topic(X: Matrix, labels: Integers) -> NDArray[np.float64]:
    """Cosine of each row to the mean of its topic's unit vectors, float64 (m,); 0 without a topic.

    Parameters as for `typical_rows`.
    """
    labels = np.asarray(labels)
    cosines = np.zeros(len(labels))
    rows = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[rows], np.arange(labels.max(initial=-1) + 2))
    for start, end in pairwise(ends):
        blocks = np.split(rows[start:end], range(_BLOCK, end - start, _BLOCK))
        total: Any = sum(np.asarray(_unit(X, block).sum(axis=0)).ravel() for block in blocks)
        mean = unit_rows(total[None, :])[0]
        for block in blocks:
            cosines[block] = _unit(X, block) @ mean
    return cosines


def _unit(X: Matrix, rows: Integers) -> Any:
    """Unit vectors of some rows, in double precision."""
    return unit_rows(X[rows].astype(np.float64))
