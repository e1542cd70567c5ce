"""Topics and the result of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.corpus import Corpus, Floats, Integers

Matrix: TypeAlias = Any  # float32 ndarray (n, d), or a scipy CSR matrix of the same shape


def dense(X: Matrix) -> NDArray[Any]:
    """An array as it is, or a sparse matrix as an array."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)


def over_all(values: Any, rows: Integers, n: int, missing: float) -> Any:
    """Values of the documents `rows`, (m, ...), in an array over `n` documents, (n, ...).

    The others have the value `missing`.
    """
    spread = np.full((n, *values.shape[1:]), missing, values.dtype)
    spread[rows] = values
    return spread


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


def largest(topics: Sequence[Topic]) -> list[Topic]:
    """Topics by their sizes: of an updated or edited run their numbers do not tell the order."""
    return sorted(topics, key=lambda topic: -topic.size)


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


@dataclass(repr=False)
class Result:
    """Everything that a run found out, in the order in which it found it.

    Arrays of m rows leave out the blank documents and those without a known word. They are in the
    order of `rows`, which is not that of the documents: `embeddings[i]` is the vector of
    `corpus.documents[rows[i]]`.
    """

    corpus: Corpus
    rows: Integers  # (m,) rows of the corpus that have a vector
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
    coordinates: Floats | None = None  # (n, 2), NaN without a vector
    metrics: dict[str, float] = field(default_factory=dict)
    failed_metrics: dict[str, str] = field(default_factory=dict)  # why, by name
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of metrics, by file
    parts: dict[str, Any] = field(default_factory=dict)  # the fitted parts, for a later transform

    def __repr__(self) -> str:
        counts = f"{len(self.topics):,} topics in {len(self.corpus):,} documents"
        return f"<{type(self).__name__}: {counts}>"
