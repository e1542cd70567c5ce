"""What every room shares: the contracts of the parts, and what they pass to each other.

This module imports numpy and nothing else, so that checking a config never imports a backend.
"""

from __future__ import annotations

import inspect
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

# What every room names in one line: from components.base import Corpus, UserError, ...
from components.corpus import Corpus as Corpus
from components.corpus import Floats as Floats
from components.corpus import Integers as Integers
from components.corpus import Times as Times
from components.errors import Bounds as Bounds
from components.errors import MissingExtraError as MissingExtraError
from components.errors import ParameterError as ParameterError
from components.errors import UserError as UserError
from components.errors import at_least as at_least
from components.errors import require as require
from components.errors import within as within
from components.result import Guidance as Guidance
from components.result import Layer as Layer
from components.result import Matrix as Matrix
from components.result import NeighborGraph as NeighborGraph
from components.result import Result as Result
from components.result import Topic as Topic
from components.result import largest as largest

T = TypeVar("T")
log = logging.getLogger(__name__)

LOGGED_EVERY = 30  # seconds between two lines of progress in a log


def call(method: Callable[..., T], *args: Any, **offers: Any) -> T:
    """Call a part's method with those of the offered keywords that its signature names."""
    names = inspect.signature(method).parameters
    return method(*args, **{name: value for name, value in offers.items() if name in names})


class Progress:
    """How far a piece of work has come, in a `with` statement.

    A bar on a terminal and in a notebook, once two seconds have gone by; elsewhere a line every
    half a minute goes to the log.

    Parameters
    ----------
    total : int, optional
        How many there are to do.
    label : str
        What they are.
    """

    last: ClassVar[float] = 0.0  # when any of them was last seen, on the clock `time.monotonic`

    def __init__(self, total: int | None = None, label: str = "") -> None:
        from tqdm import tqdm

        notebook = type(sys.stderr).__module__.startswith("ipykernel.")
        disable = False if notebook else None  # None: where there is no terminal
        self.bar = tqdm(total=total, desc=label, delay=2, disable=disable, leave=False)
        self._total, self._label, self._done = total, label, 0
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def to(self, done: int) -> None:
        """So many are done."""
        now = time.monotonic()
        if not self.bar.disable:
            self.bar.update(done - self._done)
            Progress.last = now
        self._done = done
        if not self.bar.disable or now - self._last < LOGGED_EVERY:
            return
        self._last = Progress.last = now
        spent = now - self._start
        if self._total and done:
            left = spent / done * (self._total - done)
            log.info("%s: %d of %d, %.0f s left", self._label, done, self._total, left)
        else:
            log.info("%s: %d in %.0f s", self._label, done, spent)


def progress(items: Iterable[T], *, total: int | None = None, label: str = "") -> Iterator[T]:
    """Pass `items` through, and show how far they have come; see `Progress`."""
    with Progress(total, label) as shown:
        for done, item in enumerate(items, 1):
            yield item
            shown.to(done)


@contextmanager
def goes_on(label: str) -> Iterator[None]:
    """Log every half a minute that the work in this block, `label`, goes on.

    Not where a `Progress` was seen in that time. A library that holds the interpreter's lock all
    the while is not heard of.
    """
    start, ended = time.monotonic(), threading.Event()

    def tell() -> None:
        while not ended.wait(LOGGED_EVERY):
            now = time.monotonic()
            if now - Progress.last >= LOGGED_EVERY:
                log.info("%s: %.0f s so far", label, now - start)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


# A method may name more than its contract asks for: the pipeline passes by name what a part's
# method names among
#   Embedder.encode:           images, rows, n_rows   (aligned with `documents`; one that takes rows
#                              or n_rows looks vectors up, and these are not stored again)
#   Reducer.fit_transform:     neighbors              (`components.neighbors.neighbors`, cached)
#   Clusterer.fit_predict:     neighbors, members     (the matrices (n, d_i) of an ensemble's
#                              members, where X is these joined; else an empty list), guidance
#                              (a `Guidance`, or None)
#   Outliers.assign:           words (what the representation's `read` returned, or None)
#   Representation.fit:        embeddings (m, d), encode_words (list of str -> Matrix),
#                              words (what the part's `read` returned)
#   Labeler.label:             documents (all of the corpus), embeddings (m, d), rows (m,), labels
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
    faster_precision : str | None  a `precision` that takes far less time here; a long run names it
    iter_encode(documents)         yields (rows, vectors) as they come, for APIs, so that what was
                                   paid for is stored even when a later request fails; it takes
                                   what `encode` does
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
    `estimated_seconds(n)`, of the search for topics among n rows whose neighbours are known.
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

    `fit(documents, labels)` sees every document with a vector, and its topic (-1 is no topic, and
    no part of any count). `words_` is then, for each topic 0..t-1, a list of (word, weight), best
    first. `fit` sets attributes of the part itself and changes none of its nested parts: to
    describe several layers, the pipeline fits a shallow copy for each. Optional:

    read(documents) -> Any         what depends on the documents alone; it is called once, and
                                   given to each `fit` that names it as `words`
    tokens_ : Tokens               set by `fit`: the words of the documents, which measures of
                                   coherence then reuse; there a word of `words_` that is
                                   written IBM may be ibm
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
    topics and once for those of each layer; after an update, with those alone that have no name
    yet. Optional:

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
