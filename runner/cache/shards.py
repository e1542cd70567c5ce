"""Files of vectors, and rows taken from several of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix
from runner.cache import array_file
from runner.cache.content import check_values
from runner.cache.leases import Keys

BLOCK = 8192  # rows copied at a time


class Shard:
    """A file with the vectors of some documents. Its content is not checked yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._finite = False
        self._content = array_file.read(path)
        arrays = self._content.arrays
        try:
            self.keys: Keys = np.ascontiguousarray(arrays["keys"]).reshape(-1).view("S32")
            self.truncated: NDArray[np.bool_] = arrays["truncated"]
            rows = {len(self.keys), len(self.truncated), self.vectors.shape[0]}
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise array_file.DamagedError("it is not a file of vectors") from error
        if (
            len(rows) > 1
            or self.truncated.dtype != bool
            or self.vectors.ndim != 2
            or self.vectors.dtype != np.float32
        ):
            raise array_file.DamagedError("its arrays do not fit each other")
        # A cache may come from somebody else: only what this program writes is ever removed.
        self.replaces = [
            name
            for name in str(self._content.meta.get("replaces", "")).split()
            if re.fullmatch(rf"[0-9a-f]{{32}}{re.escape(array_file.SUFFIX)}", name)
        ]

    def verify(self) -> None:
        """Check its sum, and once its values.

        Raises
        ------
        DamagedError
        FileNotFoundError
        """
        array_file.verify(self.path)
        if not self._finite:
            check_values(self.vectors)
            self._finite = True

    @cached_property
    def vectors(self) -> Matrix:
        return array_file.unpack(self._content)


def pick(
    shards: Sequence[Shard], name: str, dtype: Any, source: Integers, row: Integers
) -> NDArray[Any]:
    """From the arrays `name` of several shards: row `row[i]` of shard `source[i]` for each i."""
    out = np.empty(len(row), dtype)
    for number in np.unique(source):
        at = source == number
        out[at] = getattr(shards[number], name)[row[at]]
    return out


def gather(shards: Sequence[Shard], source: Integers, row: Integers) -> Matrix:
    """Vector `row[i]` of shard `source[i]` for each i."""
    if hasattr(shards[source[0]].vectors, "indptr"):
        return _gather_sparse(shards, source, row)
    blocks = _blocks(shards, source, row)
    out = np.empty(blocks.shape, np.float32)
    for start, piece in zip(range(0, len(out), BLOCK), blocks.pieces, strict=True):
        out[start : start + BLOCK] = piece
    return out


def packed(
    shards: Sequence[Shard], source: Integers, row: Integers
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `gather` returns, as arrays and metadata for `array_file.write`; dense in pieces."""
    if hasattr(shards[source[0]].vectors, "indptr"):
        return array_file.pack(_gather_sparse(shards, source, row))
    return {"vectors": _blocks(shards, source, row)}, {}


def _gather_sparse(shards: Sequence[Shard], source: Integers, row: Integers) -> Matrix:
    from scipy.sparse import vstack

    rows = [(number, np.flatnonzero(source == number)) for number in np.unique(source)]
    parts = [shards[number].vectors[row[at]] for number, at in rows]
    order = np.argsort(np.concatenate([at for _, at in rows]))
    return vstack(parts, format="csr")[order]


def _blocks(shards: Sequence[Shard], source: Integers, row: Integers) -> array_file.Blocks:
    d = shards[source[0]].vectors.shape[1]

    def pieces() -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(row), BLOCK):
            sources, rows = source[start : start + BLOCK], row[start : start + BLOCK]
            piece = np.empty((len(rows), d), np.float32)
            for number in np.unique(sources):
                at = sources == number
                piece[at] = shards[number].vectors[rows[at]]
            yield piece

    return array_file.Blocks((len(row), d), "<f4", pieces())
