"""What every room shares: topics, the result and the contracts of the parts.

This module imports numpy and nothing else, so that checking a config never imports a backend.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

# What every room names in one line: from components.base import Corpus, UserError, ...
from components.corpus import Corpus as Corpus
from components.corpus import Floats as Floats
from components.corpus import Integers as Integers
from components.corpus import Times as Times
from components.errors import MissingExtraError as MissingExtraError
from components.errors import ParameterError as ParameterError
from components.errors import UserError as UserError
from components.errors import require as require
from components.errors import within as within

Matrix: TypeAlias = Any  # float32 ndarray (n, d), or a scipy CSR matrix of the same shape

T = TypeVar("T")
log = logging.getLogger(__name__)

LOGGED_EVERY = 30  # seconds between two lines of progress in a log


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
    has_known_label: NDArray[np.bool_] | None = None  # (n,) the run used the document's label
    memberships: Any | None = None  # CSR (n, topics), how far each document belongs to each
    choice: dict[str, Any] = field(default_factory=dict)  # the granularity chosen, and why
    curve: list[dict[str, float]] = field(default_factory=list)  # what that choice saw
    coordinates: Floats | None = None  # (n, 2), NaN where not kept
    metrics: dict[str, float] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of metrics, by file
    parts: dict[str, Any] = field(default_factory=dict)  # the fitted parts, for a later transform


# --- The contracts of the parts -----------------------------------------------------------------
# A method may name more than its contract asks for: the pipeline passes by name what a part's
# method names among
#   Embedder.encode:           images, rows, n_rows   (aligned with `documents`)
#   Reducer.fit_transform:     neighbors              (`components.neighbors.neighbors`, cached)
#   Clusterer.fit_predict:     neighbors, members     (the matrices (n, d_i) of an ensemble's
#                              members, where X is these joined; else an empty list), guidance
#                              (a `Guidance`, or None)
#   Outliers.assign:           words (what the representation's `read` returned, or None)
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
    """Optional: `peak_memory`, as for a clusterer."""

    def fit_transform(self, X: Matrix) -> Matrix: ...


class Clusterer(Protocol):
    """`fit_predict` returns int (n,), -1 an outlier; `probabilities_` (n,), if set, is strength.

    Optional: `uses_labels`, true where the topics are the data set's labels, which `guidance` then
    holds; `peak_memory(n, d)`, an estimate of the bytes that n rows of d numbers need beside them.
    """

    def fit_predict(self, X: Matrix) -> Integers: ...


class Outliers(Protocol):
    """Decides what becomes of outliers; see `components.topics.outliers`.

    Optional: `needs_words`, true where `assign` uses `words`.
    """

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
"""One number, or several under their names; None where the measure does not apply.

Optional attributes: `tables_`, set by the call, rows that are written as CSV files by their names;
`main_topics_only`, true where layers are not measured. It may name `answers`, as a labeler does.
"""

Report: TypeAlias = Callable[[Result, Path], list[Path]]
"""Writes files to a folder and returns their paths; an empty list where it does not apply."""
