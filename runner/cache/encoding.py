"""Calls an embedder the way that it asks for, and checks what it returns."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Embedder, Integers, Matrix, UserError, call
from components.embedders.matrix import as_matrix

Answer = tuple[int, Matrix, NDArray[np.bool_]]  # number of a block, its vectors, truncated flags


def inputs(embedder: Any) -> frozenset[str]:
    """What an embedder takes beside the documents: some of `images`, `rows` and `n_rows`."""
    method = getattr(embedder, "iter_encode", embedder.encode)
    return frozenset({"images", "rows", "n_rows"} & inspect.signature(method).parameters.keys())


def looks_up(embedder: Any) -> bool:
    """Whether an embedder, or a member of it, reads vectors that are stored already.

    It has none of other texts than the documents.
    """
    members = getattr(embedder, "members", None)
    if members is not None:
        return any(map(looks_up, members.values()))
    return not getattr(embedder, "stored", True) or bool(inputs(embedder) - {"images"})


class EncodeRequest:
    """An embedder and the documents that it is asked for.

    Parameters
    ----------
    embedder : Embedder
    documents : sequence of str, length n
        None of them blank.
    images, rows, n_rows : see `components.base.Corpus`
        Given to the embedder where it takes them.
    """

    def __init__(
        self,
        embedder: Embedder,
        documents: Sequence[str],
        images: Sequence[str | None] | None,
        rows: Integers | None,
        n_rows: int | None,
    ) -> None:
        self.embedder: Any = embedder
        self.documents = documents
        self.rows = rows
        self.n_rows = n_rows
        self._columns = 0  # of the vectors so far
        self.spent: dict[str, float] = {}  # costs of what was computed in other processes
        self.images = images if "images" in inputs(embedder) else None
        self.name = type(embedder).__name__
        self.model = str(getattr(embedder, "model", ""))
        self.fits_corpus = bool(getattr(embedder, "fits_corpus", False))
        self.iterates = hasattr(embedder, "iter_encode") and not self.fits_corpus
        self.by_length = bool(getattr(embedder, "by_length", False))
        # Where a vector takes less time than its storing, the embedder asks for larger blocks.
        self.block = int(getattr(embedder, "block", 0))
        # An API is asked for everything at once, since it sends requests side by side.
        self.at_once = self.fits_corpus or self.iterates
        # Only what depends on nothing but the documents of a block can be computed elsewhere.
        self.can_be_sent = not self.at_once
        self.can_be_stored = not looks_up(embedder)

    def blocks(self, which: Integers) -> Iterator[tuple[Integers, Matrix, NDArray[np.bool_]]]:
        """Places in `which`, (b,), their vectors, (b, d), and truncated flags, (b,), as they come.

        Raises
        ------
        UserError
            When the embedder returns something else than a vector of finite numbers for each.
        """
        if not len(which):
            return
        if self.iterates:
            yield from self._iterate(which)
        elif self.fits_corpus:
            vectors, truncated = self.encode(np.arange(len(self.documents)))
            whole = len(which) == len(truncated)
            yield (
                np.arange(len(which)),
                vectors if whole else vectors[which],
                truncated[which],
            )
        else:
            yield np.arange(len(which)), *self.encode(which)

    def encode(self, which: Integers) -> tuple[Matrix, NDArray[np.bool_]]:
        """Vectors, float32 (b, d) or CSR, and truncated flags, (b,), of b documents.

        Raises
        ------
        UserError
            As `blocks`.
        """
        encoded = self._call(self.embedder.encode, which)
        return self._checked(encoded, which), self._truncated(np.arange(len(which)), len(which))

    def _call(self, method: Callable[..., Any], which: Integers) -> Any:
        return call(
            method,
            [self.documents[i] for i in which],
            images=None if self.images is None else [self.images[i] for i in which],
            rows=None if self.rows is None else np.asarray(self.rows)[which],
            n_rows=self.n_rows,
        )

    def as_json(self, which: Integers) -> str:
        """These documents, with what else is needed to embed them in another process."""
        rows = np.arange(len(self.documents)) if self.rows is None else np.asarray(self.rows)
        content = {
            "documents": [self.documents[i] for i in which],
            "images": None if self.images is None else [self.images[i] for i in which],
            "rows": rows[which].tolist(),
        }
        return json.dumps(content)

    def costs(self) -> dict[str, float]:
        """What the last call cost; of other processes, what all calls cost."""
        last = getattr(self.embedder, "metrics_", None) or {}
        return self.spent or {name: float(value) for name, value in last.items()}

    def _iterate(self, which: Integers) -> Iterator[tuple[Integers, Matrix, NDArray[np.bool_]]]:
        missing = np.ones(len(which), bool)
        for places, vectors in self._call(self.embedder.iter_encode, which):
            rows = np.asarray(places, dtype=np.int64)
            missing[rows] = False
            yield rows, self._checked(vectors, which[rows]), self._truncated(rows, len(which))
        if missing.any():
            row = self._row(which[np.argmax(missing)])
            raise UserError(f"embedder ({self.name}): it returned no vector for document {row}.")

    def _checked(self, encoded: Any, which: Integers) -> Matrix:
        vectors = as_matrix(encoded)
        if vectors.shape[0] != len(which):
            raise UserError(
                f"embedder ({self.name}): it returned {vectors.shape[0]} rows for {len(which)} "
                "documents. It must return one row per document, in their order."
            )
        self._columns = self._columns or vectors.shape[1]
        if vectors.shape[1] != self._columns:
            raise UserError(
                f"embedder ({self.name}): it returned vectors of {self._columns} dimensions, and "
                f"then some of {vectors.shape[1]}. All must have the same length."
            )
        bad = first_not_finite(vectors)
        if bad is not None:
            raise UserError(
                f"embedder ({self.name}): its vector of document {self._row(which[bad])} has a "
                "value that is not a finite float32 number (NaN or infinite). Drop that document, "
                "or choose another embedder or precision."
            )
        return vectors

    def _truncated(self, rows: Integers, n: int) -> NDArray[np.bool_]:
        flags = getattr(self.embedder, "truncated_", None)
        if flags is None:
            return np.zeros(len(rows), bool)
        flags = np.asarray(flags, dtype=bool)
        if flags.shape != (n,):
            raise UserError(
                f"embedder ({self.name}): its truncated_ has the shape {flags.shape}, but it was "
                f"given {n} documents."
            )
        return np.asarray(flags[rows])

    def _row(self, document: int) -> int:
        """Number of a document in the data set."""
        return int(document if self.rows is None else self.rows[document])


# From blocks, each an array of document numbers, to their vectors, in any order.
Encoder = Callable[[EncodeRequest, Sequence[Integers]], Iterator[Answer]]


def add_costs(total: dict[str, float], more: dict[str, float]) -> None:
    """Add what another call cost to the `total`; of a peak, the highest counts."""
    for name, value in more.items():
        before = total.get(name, 0.0)
        total[name] = max(before, value) if name.startswith("peak_") else before + value


def first_not_finite(X: Matrix) -> int | None:
    """The first row with a NaN or an infinity."""
    if hasattr(X, "indptr"):
        bad = np.flatnonzero(~np.isfinite(X.data))
        return int(np.searchsorted(X.indptr, bad[0], "right") - 1) if len(bad) else None
    for start in range(0, len(X), 8192):  # piece by piece: X may be larger than the memory
        finite = np.isfinite(X[start : start + 8192]).all(axis=1)
        if not finite.all():
            return start + int(np.argmin(finite))
    return None
