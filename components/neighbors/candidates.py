"""Candidates for the nearest rows: collected roughly, and thinned out as the bounds rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers

PENDING = 128  # candidates for each row that are collected before the best are chosen
CANDIDATES = 4  # of which, for each neighbour, as many remain at most

Candidates: TypeAlias = tuple[Integers, Integers, Floats]  # row, column and nearness of each


def joined(high: Any, low: Any) -> NDArray[np.uint64]:
    """Two numbers below 2^32 as one, which sorts ten times as fast as the two."""
    joined: NDArray[np.uint64] = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    return joined


def ranked(pending: Sequence[Candidates], n: int, k: int) -> tuple[Candidates, Integers, Floats]:
    """Candidates by row, the nearest first; where each of `n` rows begins; what its k-th reaches.

    The last is -inf for a row with fewer.
    """
    row, column, nearness = (np.concatenate(part) for part in zip(*pending, strict=True))
    order = np.argsort(joined(row, _descending(nearness)))
    row, column, nearness = row[order], column[order], nearness[order]
    first = np.searchsorted(row, np.arange(n + 1))
    full = np.flatnonzero(np.diff(first) >= k)
    reached = np.full(n, -np.inf, np.float32)
    reached[full] = nearness[first[full] + k - 1]
    return (row, column, nearness), first, reached


def _descending(values: Floats) -> NDArray[np.uint32]:
    """Whole numbers that are in the reverse order of the values."""
    bits = values.view(np.uint32)
    negative = (bits >> np.uint32(31)).astype(bool)
    return np.where(negative, bits, ~(bits | np.uint32(1 << 31)))


class Best:
    """The best offers that each of `q` queries has had so far.

    bound : float32 (q,)
        What so many offers reach that no lower one can be among the best.
    """

    def __init__(self, q: int, k: int, margin: float) -> None:
        self.bound = np.full(q, np.finfo(np.float32).min)
        self._k, self._margin = k, np.float32(margin)
        self._pending: list[Candidates] = []
        self._n_pending = 0

    def offer(self, queries: Integers, columns: Integers, nearness: Floats) -> None:
        """Rows `columns` (c,) to some of the queries, by their `nearness` (queries, c)."""
        better = np.flatnonzero(nearness >= (self.bound[queries] - self._margin)[:, None])
        row, column = np.divmod(better, nearness.shape[1])
        self._pending.append((queries[row], columns[column], nearness.ravel()[better]))
        self._n_pending += len(better)
        if self._n_pending > PENDING * len(self.bound):
            self._choose()

    def chosen(self) -> tuple[Integers, Integers]:
        """Which query, and which row: those that may be among its best, in order of both."""
        self._choose()
        row, column, _ = self._pending[0]
        order = np.argsort(joined(row, column))
        return row[order], column[order]

    def _choose(self) -> None:
        (row, column, nearness), first, reached = ranked(self._pending, len(self.bound), self._k)
        np.maximum(self.bound, reached, out=self.bound)
        place = np.arange(len(row)) - first[row]
        keep = (nearness >= self.bound[row] - self._margin) & (place < CANDIDATES * self._k)
        self._pending = [(row[keep], column[keep], nearness[keep])]
        self._n_pending = int(keep.sum())
