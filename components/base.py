"""What every room shares: the corpus, the result, the contracts of the parts, the errors.

This module imports numpy and nothing else, so that checking a config never imports a backend.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.text import normalize, shorten

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Times: TypeAlias = NDArray[np.datetime64]  # datetime64[us], UTC
Matrix: TypeAlias = Any  # float32 ndarray (n, d), or a scipy CSR matrix of the same shape

T = TypeVar("T")
log = logging.getLogger(__name__)

LOGGED_EVERY = 30  # seconds between two lines of progress in a log


class UserError(Exception):
    """A mistake that the user can correct. It is shown without a traceback.

    The message says what was wrong, where, and what to type instead.
    """


class ParameterError(UserError):
    """A parameter has a value that it cannot take.

    A component knows the names of its own parameters, and not where a config holds it, so it
    raises ``ParameterError("n_topics", 0, "must be at least 1.")``. Whoever knows the place puts
    it in front with `within`: the message is then ``clusterer.n_topics=0: must be at least 1.``

    Parameters
    ----------
    name : str
        The parameter, as its constructor spells it.
    value : Any
        Its value; at most 200 characters of it are shown.
    reason : str
        What is wrong with it and what it may be, as one or more sentences.
    """

    def __init__(self, name: str, value: Any, reason: str) -> None:
        super().__init__(name, value, reason)
        self.name = name
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        shown = "null" if self.value is None else str(self.value)
        if len(shown) > 200:
            shown = f"{shown[:200]}..."
        return f"{self.name}={shown}: {self.reason}"

    def within(self, path: str) -> ParameterError:
        """The same error of a component that stands at `path` in a larger whole."""
        return type(self)(f"{path}.{self.name}", self.value, self.reason)


@contextmanager
def within(path: str) -> Iterator[None]:
    """Put `path` in front of the parameter that an error names, for a component that holds others.

    ``with within("document_embedder"): self.document_embedder.encode(documents)``
    """
    try:
        yield
    except ParameterError as error:
        raise error.within(path) from error


class MissingExtraError(UserError):
    """A backend is not installed. The message holds the line that installs it."""


def require(module: str, extra: str) -> None:
    """Check that `module` is installed, without importing it.

    Call it in a part's `__init__`; import the module where it is first used, so that a run
    served from the cache never pays for the import.

    Raises
    ------
    MissingExtraError
        With the `pip install` line of `extra`.
    """
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise MissingExtraError(
            f"the package '{module}' is not installed. Install it with: "
            f"pip install 'topic-runner[{extra}]'"
        )


def call(method: Callable[..., T], *args: Any, **offers: Any) -> T:
    """Call a part's method with those of the offered keywords that its signature names."""
    names = inspect.signature(method).parameters
    return method(*args, **{name: value for name, value in offers.items() if name in names})


def progress(items: Iterable[T], *, total: int | None = None, label: str = "") -> Iterator[T]:
    """Pass `items` through, with a bar on a terminal once two seconds have gone by.

    Where there is no terminal, a line every half a minute goes to the log.
    """
    from tqdm import tqdm

    bar = tqdm(items, total=total, desc=label, delay=2, disable=None, leave=False)
    if not bar.disable:
        yield from bar
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= LOGGED_EVERY:
            last = now
            if total:
                left = (now - start) / done * (total - done)
                log.info("%s: %d of %d, %.0f s left", label, done, total, left)
            else:
                log.info("%s: %d in %.0f s", label, done, now - start)


_ALIGNED = ("labels", "timestamps", "images", "rows", "known_labels")  # with the documents


@dataclass(frozen=True)
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
        Labels that the run is told: documents with one label stay together, those with different
        ones apart; None where nothing is known.
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

    def __post_init__(self) -> None:
        if not len(self.documents):
            raise UserError("the data set holds no documents.")
        columns = {name: _texts(cells, f"column {name!r}") for name, cells in self.columns.items()}
        labels, times, told = self.labels, self.timestamps, self.known_labels
        changes = {
            "documents": _texts(self.documents, "document"),
            "labels": None if labels is None else _texts(labels, "label", optional=True),
            "timestamps": None if times is None else _times(times),
            "known_labels": None if told is None else _texts(told, "known label", optional=True),
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
        """sha256 (hex) of the documents and the contents of their images, in order.

        All that an embedder sees: the key of vectors that depend on the whole corpus.
        """
        digest = hashlib.sha256()
        _add(digest, "documents", self.documents)
        if self.images is not None:
            _add(digest, "images", [path and _file_hash(path) for path in self.images])
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

        Signs and emoji alone hold nothing that words could describe, and models differ in what
        they make of them.
        """
        has_text = (any(map(str.isalnum, document)) for document in self.documents)
        no_text = ~np.fromiter(has_text, bool, len(self))
        if self.images is None:
            return no_text
        no_image = np.fromiter((not image for image in self.images), bool, len(self))
        blank: NDArray[np.bool_] = no_text & no_image
        return blank

    def sample(self, limit: int | None, seed: int | None) -> Corpus:
        """At most `limit` documents, drawn without replacement, in their old order."""
        if limit is None or limit >= len(self):
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), limit, replace=False))

        def pick(column: Sequence[T] | None) -> list[T] | None:
            return None if column is None else [column[row] for row in rows]

        return Corpus(
            [self.documents[row] for row in rows],
            pick(self.labels),
            None if self.timestamps is None else self.timestamps[rows],
            pick(self.images),
            rows if self.rows is None else self.rows[rows],
            self.n_rows or len(self),
            {name: [cells[row] for row in rows] for name, cells in self.columns.items()},
            self.classes,
            pick(self.known_labels),
        )


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


@dataclass(frozen=True)
class Topic:
    """One topic.

    Parameters
    ----------
    id : int
        Its number: 0 is the largest topic.
    size : int
        Number of its documents.
    words : tuple of (word, weight)
        Heaviest first.
    typical : int
        Row, in the corpus, of the document whose vector has the highest cosine to the mean of
        the topic's unit vectors; of equals, the first.
    examples : tuple of int, optional
        Rows of several such documents, highest cosine first.
    label : str, optional
        The name that tables, plots and pages show; default: the first three words.
    description : str, optional
        A sentence on what its documents are about; empty where nobody wrote one.
    """

    id: int
    size: int
    words: tuple[tuple[str, float], ...]
    typical: int
    examples: tuple[int, ...] = ()
    label: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        # The class is frozen for everybody else.
        object.__setattr__(self, "examples", self.examples or (self.typical,))
        object.__setattr__(self, "label", self.label or self._first_words)

    @property
    def is_named(self) -> bool:
        """Whether the label says more than the first words."""
        return self.label != self._first_words

    @property
    def _first_words(self) -> str:
        return ", ".join(word for word, _ in self.words[:3]) or f"topic {self.id}"


@dataclass(frozen=True)
class Guidance:
    """What the user knows of the topics before any is found, for m documents.

    names : tuple of str
        Of the groups, by number; a topic that gathers a group's documents gets its name.
    fixed : int64 (m,)
        Group of each document that certainly belongs to it; -1 for all others.
    seeds : CSR matrix, float64 (m, groups)
        How strongly each document speaks for a group, 0 or more; 1 is as much as all its own
        links together.
    """

    names: tuple[str, ...]
    fixed: Integers
    seeds: Any


@dataclass(frozen=True)
class NeighborGraph:
    """The k nearest neighbours of each row, nearest first, the row itself left out.

    indices : int32 (n, k); distances : float32 (n, k); metric : "cosine", "euclidean"
    or "hellinger"; recall : share of the exact nearest neighbours that it holds, measured on a
    sample of rows, or None where all are exact.
    """

    indices: NDArray[np.int32]
    distances: Floats
    metric: str
    recall: float | None = None

    @property
    def k(self) -> int:
        return int(self.indices.shape[1])

    def first(self, k: int) -> NeighborGraph:
        """The same graph with only the `k` nearest neighbours."""
        return replace(self, indices=self.indices[:, :k], distances=self.distances[:, :k])


@dataclass(frozen=True)
class Layer:
    """Topics at one granularity; layers of a run are nested in each other.

    labels : int64 (n,), -1 "no topic"; topics : by number
    """

    labels: Integers
    topics: list[Topic]


@dataclass
class Result:
    """Everything that a run found out, in the order in which it found it.

    Arrays over *kept* rows leave out the blank documents and those without a known word.
    """

    corpus: Corpus
    kept: Integers  # (m,) rows of the corpus that were clustered
    embeddings: Matrix  # (m, d)
    reduced: Matrix  # (m, r)
    labels: Integers  # (n,) topic of every document; -1 is "no topic"
    strengths: Floats  # (n,) in [0, 1]; 0 where there is no topic
    topics: list[Topic] = field(default_factory=list)  # by number
    layers: dict[str, Layer] = field(default_factory=dict)  # coarsest first
    told: NDArray[np.bool_] | None = None  # (n,) the run was told the document's label
    memberships: Any | None = None  # CSR (n, topics), how far each document belongs to each
    choice: dict[str, Any] = field(default_factory=dict)  # the granularity chosen, and why
    curve: list[dict[str, float]] = field(default_factory=list)  # what that choice saw
    coordinates: Floats | None = None  # (n, 2), NaN where not kept
    metrics: dict[str, float] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)  # the fitted parts, for a later transform


# --- The contracts of the parts -----------------------------------------------------------------
# A method may name more than its contract asks for: the pipeline passes by name what a part's
# method names among
#   Embedder.encode:           images, rows, n_rows   (aligned with `documents`)
#   Reducer.fit_transform:     neighbors              (`components.neighbors.neighbors`, cached)
#   Clusterer.fit_predict:     neighbors, members     (the matrices (n, d_i) of an ensemble's
#                              members, where X is these joined; else an empty list), guidance
#                              (a `Guidance`, or None)
#   Representation.fit:        embeddings (m, d), encode_words (list of str -> Matrix),
#                              words (what the part's `read` returned)
#   Labeler.label:             documents (all of the corpus), embeddings (m, d), kept (m,), labels
#                              (m,), encode_texts (list of str -> Matrix, as the documents'),
#                              answers (mapping of str to str that the cache holds, or None)


class Dataset(Protocol):
    def load(self) -> Corpus: ...


class Embedder(Protocol):
    """Documents to vectors.

    `encode` returns finite float32 (n, d), or CSR (n, d), rows in the order of the documents. It
    is never given a blank document; a document without a known word gets an all-zero row.
    Optional, each read with a default where it is missing:

    fingerprint() -> dict          all that changes a vector, as JSON; default: the config node
                                   less `neutral`
    fits_corpus : bool             vectors depend on the whole corpus (TF-IDF): one call, keyed by
                                   the corpus
    by_length : bool               a batch is faster where its documents are of like length
    stored : bool                  False: vectors are not worth storing (they already are a file)
    truncated_ : bool (n,)         set by `encode`: which documents were cut at the model's limit
    metrics_ : dict[str, float]    set by `encode`: costs of the last call, such as `embed_tokens`
    iter_encode(documents)         yields (rows, vectors) as they come, for APIs, so that what was
                                   paid for is stored even when a later request fails
    word_embedder : Embedder       the model for words, where it is not this one
    members : dict[str, Embedder]  an ensemble's embedders, each of which is asked alone;
                                   join(vectors) makes one matrix of theirs
    """

    def encode(self, documents: Sequence[str]) -> Matrix: ...


class Reducer(Protocol):
    def fit_transform(self, X: Matrix) -> Matrix: ...


class Clusterer(Protocol):
    """`fit_predict` returns int (n,), -1 an outlier; `probabilities_` (n,), if set, is strength.

    Optional: `uses_labels`, true where the topics are the data set's labels, which `guidance` then
    holds.
    """

    def fit_predict(self, X: Matrix) -> Integers: ...


class Outliers(Protocol):
    """Decides what becomes of outliers; see `components.topics.outliers`."""

    def assign(
        self, labels: Integers, X: Matrix, documents: Sequence[str], memberships: Any | None
    ) -> Integers: ...


class Representation(Protocol):
    """Words for topics.

    `fit(documents, labels)` sees every kept document and its topic (-1 is no topic, and no part
    of any count). `words_` is then, for each topic 0..t-1, a list of (word, weight), best first.
    `fit` sets attributes of the part itself and changes none of its nested parts: to describe
    several layers, the pipeline fits a shallow copy for each. Optional:

    read(documents) -> Any         what depends on the documents alone; it is called once, and
                                   given to each `fit` that names it as `words`
    tokens_ : Tokens               set by `fit`: the words of the documents, which measures of
                                   coherence then reuse
    views_ : dict[str, list]       set by `fit`: further lists like `words_`, by name
    needs_word_vectors : bool      `fit` uses `encode_words`; default: it requires the argument
    words_of(members, n_words)     after `fit`: a list like `words_` for any groups of the
                                   documents, from a CSR matrix (n_groups, m) of zeros and ones
    """

    words_: list[list[tuple[str, float]]]

    def fit(self, documents: Sequence[str], labels: Integers) -> Any: ...


class Labeler(Protocol):
    """Names for topics.

    `label(topics)` returns the same topics, in order, with another `label`, and `description` where
    there is one; a topic for which it has no name stays as it is. It is called once for the main
    topics and once for those of each layer. Optional:

    metrics_ : dict[str, float]    set by `label`: counts and costs of the last call, which are
                                   summed over the calls
    needs_text_vectors : bool      `label` uses `encode_texts`
    """

    def label(self, topics: Sequence[Topic]) -> list[Topic]: ...


Metric: TypeAlias = Callable[[Result], float | dict[str, float] | None]
"""One number, or several under their names; None where the measure does not apply."""

Report: TypeAlias = Callable[[Result, Path], list[Path]]
"""Writes files to a folder and returns their paths; an empty list where it does not apply."""
