"""Copies: documents with equal vectors, which a graph of neighbours holds once.

All nearest neighbours of a document with many copies are copies of it, so these would have links to
nothing else. And nothing separates them, so any topics among them would be arbitrary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.base import Guidance, Integers, Matrix
from components.labels import by_size, distinct


@dataclass(frozen=True)
class Originals:
    """The first of each group of equal documents, u of n.

    rows : int64 (u,), ascending; of_row : int64 (n,), which of them each document equals
    """

    rows: Integers
    of_row: Integers

    @property
    def n_copies(self) -> int:
        """Documents that are copies of an earlier one."""
        return len(self.of_row) - len(self.rows)

    @property
    def sizes(self) -> Integers:
        """Documents of each group, int64 (u,)."""
        return np.bincount(self.of_row)

    def of(self, values: Any, sample: Integers | None = None) -> Any:
        """Of values for all documents (n, ...), those of the originals (u, ...).

        Or of some of the originals, by their numbers.
        """
        if sample is not None:
            return values[self.rows[sample]]
        if not self.n_copies:
            return values
        some = values[self.rows]
        if hasattr(some, "sort_indices"):  # the same matrix has the same bytes, and one graph
            some.sort_indices()
        return some

    def for_all(self, values: Any) -> Any:
        """Values of the originals (u, ...), given to their copies too: (n, ...)."""
        return values[self.of_row] if self.n_copies else values

    def without_copies(self, values: Any) -> Any:
        """Values of the originals (u,), and 0 for copies: (n,)."""
        if not self.n_copies:
            return values
        spread = np.zeros(len(self.of_row), values.dtype)
        spread[self.rows] = values
        return spread

    def with_copies(self, links: Any, k: int) -> Any:
        """Edge weights of the originals, CSR (u, u), each linked to its copies as to itself.

        By the weight 1 of an equal document for each copy, `k` of them at most. Whatever topic an
        original has, its copies are in it.
        """
        from scipy import sparse

        if not self.n_copies:
            return links
        return links + sparse.diags(np.minimum(self.sizes - 1, k).astype(links.dtype), format="csr")

    def numbered(self, labels: Integers) -> Integers:
        """Topics of the originals int64 (u,), numbered by the size that they have with copies."""
        return np.asarray(self.of(by_size(self.for_all(labels))))

    def guidance(self, guidance: Guidance) -> Guidance:
        """Of the originals: what is known of any copy is known of all."""
        if not self.n_copies:
            return guidance
        fixed = np.full(len(self.rows), -1, np.int64)
        np.maximum.at(fixed, self.of_row, guidance.fixed)
        return replace(guidance, fixed=fixed, seeds=self._largest(guidance.seeds))

    def _largest(self, values: Any) -> Any:
        """The largest value in each group of rows: CSR (n, m) to CSR (u, m)."""
        from scipy import sparse

        cells = values.tocoo()
        rows = self.of_row[cells.row]
        order = np.lexsort((cells.data, cells.col, rows))
        rows, columns, data = rows[order], cells.col[order], cells.data[order]
        last = np.ones(len(rows), bool)
        last[:-1] = (np.diff(rows) != 0) | (np.diff(columns) != 0)
        shape = (len(self.rows), values.shape[1])
        return sparse.csr_matrix((data[last], (rows[last], columns[last])), shape=shape)


def find_originals(parts: Sequence[Matrix], guidance: Guidance | None = None) -> Originals:
    """The documents that differ from all earlier ones.

    Parameters
    ----------
    parts : sequence of matrices (n, d_i)
        Documents are equal where their rows are, in each of these.
    guidance : Guidance, optional
        Documents that are fixed in two groups are not copies of each other. One that is fixed in
        none is a copy of the first that is.
    """
    keys = np.array([*map(_digest, zip(*map(_contents, parts), strict=True))], np.uint64)
    originals = Originals(*distinct(keys))
    if guidance is not None and originals.n_copies:
        known = np.flatnonzero(guidance.fixed >= 0)
        places, first = np.unique(originals.of_row[known], return_index=True)
        group = np.full(len(originals.rows), -1, np.int64)
        group[places] = guidance.fixed[known[first]]
        fixed = np.where(guidance.fixed < 0, originals.for_all(group), guidance.fixed)
        groups = originals.of_row * (len(guidance.names) + 1) + fixed
        originals = Originals(*distinct(groups))
    return originals


def _digest(contents: Sequence[bytes]) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for content in contents:
        digest.update(content)
    return int.from_bytes(digest.digest(), "little")


def _contents(X: Matrix) -> Iterator[bytes]:
    """The bytes of each row."""
    if not hasattr(X, "indptr"):
        for row in X:
            yield row.tobytes()
        return
    X = X if X.has_sorted_indices else X.sorted_indices()
    for a, b in zip(X.indptr[:-1].tolist(), X.indptr[1:].tolist(), strict=True):
        yield X.indices[a:b].tobytes() + X.data[a:b].tobytes()
