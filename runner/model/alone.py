"""Embedders for prediction: fitted once and for all, and asked for one document at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Matrix
from runner.cache.encoding import inputs


class OneByOne:
    """An embedder that is asked for one document at a time.

    A document's vector may depend, in its last bits, on what else is in its batch: how far it is
    padded, and which kernel multiplies matrices of that shape.
    """

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder
        self.model = getattr(embedder, "model", "")

    def encode(self, documents: Sequence[str]) -> Matrix:
        return self._stacked([{"documents": [document]} for document in documents])

    def _stacked(self, calls: Iterable[dict[str, Any]]) -> Matrix:
        from components.embedders.matrix import as_matrix

        rows: list[Matrix] = []
        flags: list[NDArray[np.bool_]] = []
        for keywords in calls:
            rows.append(as_matrix(self.embedder.encode(keywords.pop("documents"), **keywords)))
            flags.append(np.asarray(getattr(self.embedder, "truncated_", [False]), dtype=bool))
        self.truncated_ = np.concatenate(flags)
        if hasattr(rows[0], "indptr"):
            from scipy.sparse import vstack

            return vstack(rows, format="csr")
        return np.vstack(rows)


class OneByOneWithImages(OneByOne):
    """`OneByOne` for an embedder that takes images too."""

    def encode(
        self, documents: Sequence[str], images: Sequence[str | None] | None = None
    ) -> Matrix:
        paths: Sequence[str | None] = images or [None] * len(documents)
        return self._stacked(
            {"documents": [document], "images": [image]}
            for document, image in zip(documents, paths, strict=True)
        )


def one_by_one(embedder: Any) -> Any:
    """An embedder that encodes each document by itself, so no other document has a part in it."""
    return (OneByOneWithImages if "images" in inputs(embedder) else OneByOne)(embedder)


class Fitted:
    """An embedder that has learnt from a corpus: from now on it is like any other."""

    fits_corpus = False

    def __init__(self, embedder: Any, key: dict[str, Any] | None) -> None:
        self.embedder = embedder
        self.stored = key is not None
        self._key = key

    def fingerprint(self) -> dict[str, Any]:
        """What identifies its vectors: the embedder, and what it has learnt."""
        assert self._key is not None
        return self._key

    def encode(self, documents: Sequence[str]) -> Matrix:
        vectors: Matrix = self.embedder.encode(documents)
        return vectors
