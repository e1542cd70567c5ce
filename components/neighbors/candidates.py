"""Candidates for the nearest rows, collected in single precision and pruned as bounds rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers

PENDING = 128  # candidates per query that are collected before the best are chosen
CANDIDATES = 4  # most candidates that remain, per neighbour

Candidates: TypeAlias = tuple[Integers, Integers, Floats]  # row, column and similarity of each


def joined(high: Any, low: Any) -> NDArray[np.uint64]:
    """Pairs of integers below 2^32 as one uint64 each: ten times as fast to sort."""
    joined: NDArray[np.uint64] = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    return joined


def ranked(pending: Sequence[Candidates], n: int, k: int) -> tuple[Candidates, Integers, Floats]:
    """Candidates sorted by row, the nearest first.

    Returns
    -------
    candidates : tuple of arrays (c,)
        Rows, columns and similarities.
    first : int64 (n + 1,)
        Where the candidates of each row begin.
    reached : float32 (n,)
        Similarity of the `k`-th candidate of each row; -inf for a row with fewer.
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
    """Integers in the reverse order of float32 values, from the bits of these (IEEE 754)."""
    bits = values.view(np.uint32)
    negative = (bits >> np.uint32(31)).astype(bool)
    return np.where(negative, bits, ~(bits | np.uint32(1 << 31)))


class Best:
    """The best candidates so far for each of `q` queries.

    Parameters
    ----------
    k : int
        Neighbours to find.
    margin : float
        Bound of the error of a difference of two similarities.

    Attributes
    ----------
    bound : float32 (q,)
        A similarity that at least `k` candidates have: lower ones, by more than the margin, cannot
        be among the nearest.
    """

    def __init__(self, q: int, k: int, margin: float) -> None:
        self.bound = np.full(q, np.finfo(np.float32).min)
        self._k, self._margin = k, np.float32(margin)
        self._pending: list[Candidates] = []
        self._n_pending = 0

    def offer(self, queries: Integers, columns: Integers, nearness: Floats) -> None:
        """Add rows `columns` (c,) as candidates for some queries, by `nearness` (queries, c)."""
        better = np.flatnonzero(nearness >= (self.bound[queries] - self._margin)[:, None])
        row, column = np.divmod(better, nearness.shape[1])
        self._pending.append((queries[row], columns[column], nearness.ravel()[better]))
        self._n_pending += len(better)
        if self._n_pending > PENDING * len(self.bound):
            self._choose()

    def chosen(self) -> tuple[Integers, Integers]:
        """Queries and rows, int64 (c,) each, that may be among the nearest; in order of both."""
        self._choose()
        row, column, _ = self._pending[0]
        order = np.argsort(joined(row, column))
        return row[order], column[order]

    def _choose(self) -> None:
        (row, column, nearness), first, reached = ranked(self._pending, len(self.bound), self._k)
        np.maximum(self.bound, reached, out=self.bound)
        rank = np.arange(len(row)) - first[row]
        keep = (nearness >= self.bound[row] - self._margin) & (rank < CANDIDATES * self._k)
        self._pending = [(row[keep], column[keep], nearness[keep])]
        self._n_pending = int(keep.sum())
