"""Vectors of one request that are stored nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix
from runner.cache.leases import Keys
from runner.cache.table import next_batch


class MemoryTable:
    """`EmbeddingTable` without a folder: the same plan of work and the same methods, no files.

    Parameters
    ----------
    keys : Keys
        Of the documents asked for, each once.

    Attributes
    ----------
    missing : bool (n,)
        Which documents have no vector yet.
    """

    identity = None

    def __init__(self, keys: Keys) -> None:
        self.missing = np.ones(len(keys), bool)
        self._truncated = np.zeros(len(keys), bool)
        self._dense: NDArray[np.float32] | None = None
        self._sparse: list[tuple[Integers, Matrix]] = []

    @contextmanager
    def claim(self, plan: Integers, size: int) -> Iterator[Integers]:
        yield next_batch(plan, size, self.missing)

    def put(self, positions: Integers, vectors: Matrix, truncated: NDArray[np.bool_]) -> None:
        self.missing[positions] = False
        self._truncated[positions] = truncated
        if hasattr(vectors, "indptr"):
            self._sparse.append((positions, vectors))
            return
        if self._dense is None:
            self._dense = np.empty((len(self.missing), vectors.shape[1]), np.float32)
        self._dense[positions] = vectors

    def get(self, positions: Integers) -> tuple[Matrix, NDArray[np.bool_]]:
        truncated = self._truncated[positions]
        if self._dense is not None:
            every = np.array_equal(positions, np.arange(len(self._dense)))
            return (self._dense if every else self._dense[positions]), truncated
        from scipy.sparse import vstack

        order = np.argsort(np.concatenate([rows for rows, _ in self._sparse]))
        return vstack([X for _, X in self._sparse], format="csr")[order[positions]], truncated

    def merge(self) -> None:
        pass
