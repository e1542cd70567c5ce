"""The documents of a run, with what is known of each."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.errors import UserError
from components.text import normalize, shorten

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Times: TypeAlias = NDArray[np.datetime64]  # datetime64[us], UTC
T = TypeVar("T")

_ALIGNED = ("labels", "timestamps", "images", "rows", "known_labels")  # with the documents


@dataclass(frozen=True, repr=False)
class Corpus:
    """Documents in order, with what is known of each.

    Documents, labels and columns are normalized with `components.text.normalize`, so that text in
    Unicode's forms NFC and NFD is stored, embedded and tokenised alike, and no component meets
    a lone surrogate or NUL.

    Parameters
    ----------
    documents : sequence of str, length n
        Empty strings are allowed; anything that is not a `str` is an error.
    labels : sequence of (str or None), length n, optional
        None where a document has no label.
    timestamps : datetime64[us] array (n,), optional
        Times in UTC; NaT where a document has none. Any array that numpy converts is accepted.
    images : sequence of (str or None), length n, optional
        Paths of image files.
    rows : int64 array (n,), optional
        Row of each document in its source, where only a sample was taken.
    n_rows : int, optional
        Number of documents in the source; `n` unless a sample was taken.
    columns : mapping of str to sequence of str, each of length n
        Further columns by name, for reports; the empty string where a value is missing.
    classes : sequence of str
        Those of `columns` whose values are classes by which reports compare topics.
    known_labels : sequence of (str or None), length n, optional
        Labels that decide on the topics: documents with one label stay together, those with
        different ones apart; None where nothing is known.
    whole : Corpus, optional
        The documents, where these are pieces of longer ones (`dataset.split`).
    parents : int64 array (n,), optional
        Of pieces: which document of `whole` each is a part of; ascending.

    Raises
    ------
    UserError
        When a document is not text (the message names the row), or lengths differ.
    """

    documents: Sequence[str]
    labels: Sequence[str | None] | None = None
    timestamps: Times | None = None
    images: Sequence[str | None] | None = None
    rows: Integers | None = None
    n_rows: int | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: Sequence[str] = ()
    known_labels: Sequence[str | None] | None = None
    whole: Corpus | None = None
    parents: Integers | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.documents):,} documents>"

    def __post_init__(self) -> None:
        if not len(self.documents):
            raise UserError("the data set holds no documents.")
        columns = {name: _texts(cells, f"column {name!r}") for name, cells in self.columns.items()}
        labels, times, known = self.labels, self.timestamps, self.known_labels
        changes = {
            "documents": _texts(self.documents, "document"),
            "labels": None if labels is None else _texts(labels, "label", optional=True),
            "timestamps": None if times is None else _times(times),
            "known_labels": None if known is None else _texts(known, "known label", optional=True),
            "columns": columns,
        }
        for name, value in changes.items():
            object.__setattr__(self, name, value)  # frozen for everybody else
        lengths = {name: getattr(self, name) for name in _ALIGNED}
        for name, column in (lengths | columns).items():
            if column is not None and len(column) != len(self.documents):
                raise UserError(
                    f"the data set has {len(self.documents)} documents but {len(column)} {name}: "
                    "there must be one for each document."
                )

    def __len__(self) -> int:
        return len(self.documents)

    @cached_property
    def documents_hash(self) -> str:
        """sha256 (hex) of the documents and the contents of their images, as `order` has them.

        All that an embedder sees, in the order in which it sees it: the key of vectors that depend
        on the whole corpus.
        """
        digest = hashlib.sha256()
        rows = self.order.tolist()
        _add(digest, "documents in order", [self.documents[row] for row in rows])
        if self.images is not None:
            paths = [self.images[row] for row in rows]
            _add(digest, "images", [path and _file_hash(path) for path in paths])
        return digest.hexdigest()

    @cached_property
    def hash(self) -> str:
        """sha256 (hex) of the documents and all that is known of each, in order."""
        digest = hashlib.sha256()
        for name in ("documents", "labels", "images"):
            _add(digest, name, getattr(self, name))
        times = self.timestamps
        _add(digest, "timestamps", None if times is None else times.astype(np.int64).tolist())
        for name in sorted(self.columns):
            _add(digest, f"column {name}", self.columns[name])
        if self.known_labels is not None:
            _add(digest, "known_labels", self.known_labels)
        return digest.hexdigest()

    @cached_property
    def blank(self) -> NDArray[np.bool_]:
        """Bool (n,): the document has neither a letter or digit nor an image.

        Punctuation and emoji alone hold nothing that words could describe, and models differ in
        what they make of them.
        """
        has_text = (any(map(str.isalnum, document)) for document in self.documents)
        no_text = ~np.fromiter(has_text, bool, len(self))
        if self.images is None:
            return no_text
        no_image = np.fromiter((not image for image in self.images), bool, len(self))
        blank: NDArray[np.bool_] = no_text & no_image
        return blank

    @cached_property
    def order(self) -> Integers:
        """int64 (n,): the rows by a hash of their text and image, equal ones by all else known.

        What is computed in this order does not depend on the order of the data set. It is as good
        as random, so nothing that goes through the documents meets like ones side by side.
        """
        images = self.images or [None] * len(self)
        pairs = zip(self.documents, images, strict=True)
        keys = text_hashes(f"{text}\0{image or ''}" for text, image in pairs)
        _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        again = np.flatnonzero(sizes[group] > 1)
        known = np.zeros(len(self), np.uint64)
        known[again] = text_hashes(map(self._known, again.tolist()))
        return np.lexsort((known, keys)).astype(np.int64, copy=False)

    def _known(self, row: int) -> str:
        """What is known of a document besides its text and image."""
        beside = (self.labels, self.timestamps, self.known_labels, *self.columns.values())
        return "\0".join("" if column is None else str(column[row]) for column in beside)

    def sample(self, limit: int | None, seed: int | None) -> Corpus:
        """At most `limit` documents, drawn without replacement, in their old order.

        They are drawn by their contents: another order of the data set gives the same ones.
        """
        if limit is None or limit >= len(self):
            return self
        drawn = np.random.default_rng(seed).choice(len(self), limit, replace=False)
        rows = np.sort(self.order[drawn])
        numbers = rows if self.rows is None else self.rows[rows]
        return self._take(rows, numbers, self.n_rows or len(self))

    def take(self, rows: Integers) -> Corpus:
        """The documents of some rows, at least one, with what is known of each."""
        return self._take(rows, None if self.rows is None else self.rows[rows], self.n_rows)

    def _take(self, rows: Integers, numbers: Integers | None, n_rows: int | None) -> Corpus:
        def pick(column: Sequence[T] | None) -> list[T] | None:
            return None if column is None else [column[row] for row in rows]

        return Corpus(
            [self.documents[row] for row in rows],
            pick(self.labels),
            None if self.timestamps is None else self.timestamps[rows],
            pick(self.images),
            numbers,
            n_rows,
            {name: [cells[row] for row in rows] for name, cells in self.columns.items()},
            self.classes,
            pick(self.known_labels),
        )

    def cut(self, pieces: Sequence[str], parents: Integers) -> Corpus:
        """The corpus of pieces of the documents; `parents` (pieces,) is the document of each.

        A piece has its document's label, time, columns and row; an image goes with the first one.
        """

        def spread(column: Sequence[T] | None) -> list[T] | None:
            return None if column is None else [column[row] for row in parents]

        images = spread(self.images)
        if images is not None:
            first = np.append(True, parents[1:] != parents[:-1])
            images = [path if begins else None for path, begins in zip(images, first, strict=True)]
        return replace(
            self,
            documents=pieces,
            labels=spread(self.labels),
            timestamps=None if self.timestamps is None else self.timestamps[parents],
            images=images,
            rows=parents if self.rows is None else self.rows[parents],
            n_rows=self.n_rows or len(self),
            columns={n: [cells[row] for row in parents] for n, cells in self.columns.items()},
            known_labels=spread(self.known_labels),
            parents=parents,
            whole=self,
        )


def text_hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """BLAKE2b, 8 bytes, of each text, as uint64 (n,)."""
    digests = (
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in texts
    )
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def matched(first: Iterable[Hashable], second: Iterable[Hashable]) -> tuple[Integers, Integers]:
    """Places of the equal items of two sequences, int64 (pairs,) each.

    Of several equal ones the first of one sequence goes with the first of the other, and so on.
    """
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for place, item in enumerate(first):
        places[item].append(place)
    pairs = [(places[item].popleft(), n) for n, item in enumerate(second) if places.get(item)]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _texts(cells: Sequence[Any], kind: str, *, optional: bool = False) -> list[Any]:
    """The cells, normalized; each must be a `str`, or None where they are optional."""
    texts: list[str | None] = []
    for row, cell in enumerate(cells):
        if isinstance(cell, str):
            texts.append(normalize(cell))
        elif optional and cell is None:
            texts.append(None)
        else:
            raise UserError(
                f"row {row} of the data set: its {kind} is not text but {type(cell).__name__} "
                f"({shorten(cell)}). Convert it to a string, or drop the row."
            )
    return texts


def _times(values: Any) -> Times:
    try:
        return np.asarray(values, dtype="datetime64[us]")
    except (TypeError, ValueError) as error:
        raise UserError(f"timestamps must be datetime64 values: {error}.") from error


def _add(digest: Any, name: str, values: Sequence[Any] | None) -> None:
    """Feed values to a hash so that no two sequences give the same bytes."""
    digest.update(f"{name}:{None if values is None else len(values)}\n".encode())
    for value in values or ():
        if value is None:
            digest.update(b"-")
            continue
        encoded = str(value).encode("utf-8", "surrogatepass")
        digest.update(f"{len(encoded)}:".encode())
        digest.update(encoded)


def _file_hash(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"the image {path!r} cannot be read: {error.strerror}.") from error
