"""What every room shares: the corpus, the result, the contracts of the parts, the errors.

This module knows numpy and nothing else, so that checking a config never imports a backend.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Matrix: TypeAlias = Any  # float32 ndarray (n, d), or a scipy CSR matrix of the same shape

T = TypeVar("T")


class UserError(Exception):
    """A mistake that the user can mend. It is shown without a traceback.

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
    """Pass `items` through, with a bar on a terminal once two seconds have gone by."""
    from tqdm import tqdm

    yield from tqdm(items, total=total, desc=label, delay=2, disable=None, leave=False)


@dataclass(frozen=True)
class Corpus:
    """Documents in order, with what is known of each.

    Parameters
    ----------
    documents : sequence of str, length n
        Empty strings are allowed; anything that is not a `str` is an error.
    labels, timestamps : sequence of str, length n, optional
    images : sequence of (str or None), length n, optional
        Paths of image files.
    rows : int64 array (n,), optional
        Row of each document in its source, where only a sample was taken.
    n_rows : int, optional
        Number of documents in the source; `n` unless a sample was taken.

    Raises
    ------
    UserError
        When a document is not text (the message names the row), or lengths differ.
    """

    documents: Sequence[str]
    labels: Sequence[str] | None = None
    timestamps: Sequence[str] | None = None
    images: Sequence[str | None] | None = None
    rows: Integers | None = None
    n_rows: int | None = None

    def __post_init__(self) -> None:
        if not len(self.documents):
            raise UserError(
                "the data set holds no documents. Point dataset.path at a file that does."
            )
        for row, document in enumerate(self.documents):
            if not isinstance(document, str):
                raise UserError(
                    f"row {row} of the data set is not text but {type(document).__name__} "
                    f"({document!r}). Every document must be a string: drop the row or convert it."
                )
        for name in ("labels", "timestamps", "images", "rows"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.documents):
                raise UserError(
                    f"the data set has {len(self.documents)} documents but {len(column)} {name}: "
                    "there must be one for each document."
                )

    def __len__(self) -> int:
        return len(self.documents)

    @cached_property
    def hash(self) -> str:
        """sha256 (hex) of the documents, labels, timestamps and image paths, in order."""
        digest = hashlib.sha256()
        for name in ("documents", "labels", "timestamps", "images"):
            column = getattr(self, name)
            digest.update(f"{name}:{None if column is None else len(column)}\n".encode())
            for value in column or ():
                encoded = str(value).encode("utf-8", "surrogatepass")
                digest.update(f"{len(encoded)}:".encode())
                digest.update(encoded)
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

        def pick(column: Sequence[Any] | None) -> list[Any] | None:
            return None if column is None else [column[row] for row in rows]

        documents = pick(self.documents)
        assert documents is not None
        return Corpus(
            documents,
            pick(self.labels),
            pick(self.timestamps),
            pick(self.images),
            rows if self.rows is None else self.rows[rows],
            self.n_rows or len(self),
        )


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
    """

    id: int
    size: int
    words: tuple[tuple[str, float], ...]
    typical: int
    examples: tuple[int, ...] = ()
    label: str = ""

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
class NeighborGraph:
    """The k nearest neighbours of each row, nearest first, the row itself left out.

    indices : int32 (n, k); distances : float32 (n, k); metric : "cosine", "euclidean"
    or "hellinger".
    """

    indices: NDArray[np.int32]
    distances: Floats
    metric: str

    @property
    def k(self) -> int:
        return int(self.indices.shape[1])

    def first(self, k: int) -> NeighborGraph:
        """The same graph with only the `k` nearest neighbours."""
        return NeighborGraph(self.indices[:, :k], self.distances[:, :k], self.metric)


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
#   Clusterer.fit_predict:     neighbors
#   Representation.fit:        embeddings (m, d), encode_words (list of str -> Matrix),
#                              words (what the part's `read` returned)


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
    stored : bool                  False: vectors are not worth storing (they already are a file)
    truncated_ : bool (n,)         set by `encode`: which documents were cut at the model's limit
    metrics_ : dict[str, float]    set by `encode`: costs of the last call, such as `embed_tokens`
    iter_encode(documents)         yields (rows, vectors) as they come, for APIs, so that what was
                                   paid for is stored even when a later request fails
    word_embedder : Embedder       the model for words, where it is not this one
    """

    def encode(self, documents: Sequence[str]) -> Matrix: ...


class Reducer(Protocol):
    def fit_transform(self, X: Matrix) -> Matrix: ...


class Clusterer(Protocol):
    """`fit_predict` returns int (n,), -1 an outlier; `probabilities_` (n,), if set, is strength."""

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
    """

    words_: list[list[tuple[str, float]]]

    def fit(self, documents: Sequence[str], labels: Integers) -> Any: ...


Metric: TypeAlias = Callable[[Result], float | dict[str, float] | None]
"""One number, or several under their names; None where the measure does not apply."""

Report: TypeAlias = Callable[[Result, Path], list[Path]]
"""Writes files to a folder and returns their paths; an empty list where it does not apply."""
