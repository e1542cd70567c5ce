"""The result of a run whose topics come from a saved model instead of a clusterer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.base import Corpus, Integers, Labeler, Matrix, Report, Result, Topic, call
from components.labelers.words import WordLabels
from components.model.grow import Continued, Growth, Placed, prediction
from components.topics import Labels
from runner.cache import Cache
from runner.embed import embed
from runner.model import Model
from runner.pipeline import Grouped, Parts, conclude, group
from runner.pipeline.timing import StageProfiler

Name = tuple[str, str]  # label and description


@dataclass(frozen=True)
class Outcome:
    """What follows from the topics that a model, and a user, have decided on.

    names : by layer, the name that each topic has from before, or None; those of "" are the main
    reports : write what is different from before
    about : what the new model's settings say of the topics
    dropped : float32 (k, d) or CSR, unit means of the topics that edits have dropped, or None
    summary : what became of the topics, from the result
    """

    names: Mapping[str, Sequence[Name | None]]
    reports: Mapping[str, Report]
    about: Mapping[str, Any]
    dropped: Any
    summary: Callable[[Result], str]


# From vectors (m, d) and their rows (m,) in the corpus, and from what was found among these.
Decide = Callable[[Matrix, Integers], tuple[Growth, Outcome]]
Carry = Callable[[Matrix, Integers, Labels], tuple[Labels, Outcome]]


class Unnamed:
    """A labeler that names only the topics that have no name from before.

    Parameters
    ----------
    labeler : gives the other names
    names : for each call of `label`, in their order, the names by topic; None where there is none
    """

    def __init__(self, labeler: Labeler, names: Sequence[Sequence[Name | None]]) -> None:
        self._labeler = labeler
        self._names = iter(names)
        self.metrics_: dict[str, float] = {}

    def label(
        self,
        topics: Sequence[Topic],
        *,
        documents: Any,
        embeddings: Any,
        rows: Any,
        labels: Any,
        encode_texts: Any,
        answers: Any,
    ) -> list[Topic]:
        """The topics; those without a name from before have the labeler's."""
        names = next(self._names)
        unnamed = [topic for topic in topics if names[topic.id] is None]
        by_number = {topic.id: topic for topic in topics}
        self.metrics_ = {}
        if unnamed:
            offers = {
                "documents": documents, "embeddings": embeddings, "rows": rows, "labels": labels,
                "encode_texts": encode_texts, "answers": answers,
            }  # fmt: skip
            by_number |= {topic.id: topic for topic in call(self._labeler.label, unnamed, **offers)}
            self.metrics_ = getattr(self._labeler, "metrics_", {})
        return [by_number[topic.id] for topic in topics]


def derived_result(
    parts: Parts,
    cache: Cache,
    model: Model,
    corpus: Corpus,
    decide: Decide,
    carry: Carry | None = None,
    draw_map: bool | None = None,
) -> tuple[Result, Parts, Outcome]:
    """The result of documents whose topics a model, and a user, have decided on.

    Parameters
    ----------
    parts : describe, measure and report the topics; their embedder is not used, and their reducer
        and clusterer are by `carry` only
    corpus : all documents
    decide : gives the topics of the documents that have a vector
    carry : in the place of `decide`: all documents are clustered again, and it brings what was
        found to the numbers that topics have from before
    """
    clock = StageProfiler()
    topics = model.topic_model
    with clock("embed"):
        rows, encoded = embed(corpus, model.embedder, cache, model.embedder_settings, parts.cluster)
    X = encoded.vectors
    parts = replace(parts, embedder=model.embedder)
    if carry is None:
        with clock("cluster"):
            grown, outcome = decide(X, rows)
        placed = Placed(topics)
        with clock("reduce"):
            reduced = placed.fit_transform(X)
        continued = Continued(prediction(topics, grown))
        parts = replace(parts, reducer=placed, clusterer=continued)
        n_outside = int(np.sum(grown.labels < 0))
        labels = Labels(grown.labels, grown.layers, grown.strengths, n_outside)
        grouped = Grouped(corpus, rows, encoded, reduced, labels)
    else:
        grouped = group(parts, cache, corpus, rows, encoded, clock)
        with clock("cluster"):
            labels, outcome = carry(X, rows, grouped.labels)
        grouped = replace(grouped, labels=labels)
    old_names = outcome.names
    labeler: Any = parts.labels
    if not isinstance(labeler, WordLabels):
        labeler = Unnamed(labeler, [old_names[""], *(old_names[name] for name in labels.layers)])
    parts = replace(parts, labels=labeler)
    result = conclude(parts, cache, grouped, clock, draw_map=draw_map)
    result.topics = _named(result.topics, old_names[""])
    result.layers = {
        name: replace(layer, topics=_named(layer.topics, old_names[name]))
        for name, layer in result.layers.items()
    }
    parts = replace(parts, reports={**outcome.reports, **parts.reports})
    return result, parts, outcome


def _named(topics: Sequence[Topic], names: Sequence[Name | None]) -> list[Topic]:
    return [
        topic if name is None else replace(topic, label=name[0], description=name[1])
        for topic, name in zip(topics, names, strict=True)
    ]


def joined(first: Corpus, second: Corpus) -> Corpus:
    """The documents of two corpora, one after the other; what one does not know is missing."""
    n, m = len(first), len(second)

    def both(name: str) -> list[Any] | None:
        a, b = getattr(first, name), getattr(second, name)
        if a is None and b is None:
            return None
        return [*([None] * n if a is None else a), *([None] * m if b is None else b)]

    def times(corpus: Corpus) -> Any:
        if corpus.timestamps is not None:
            return corpus.timestamps
        return np.full(len(corpus), np.datetime64("NaT"), "datetime64[us]")

    dated = first.timestamps is not None or second.timestamps is not None
    names = dict.fromkeys([*first.columns, *second.columns])
    return Corpus(
        [*first.documents, *second.documents],
        labels=both("labels"),
        timestamps=np.concatenate([times(first), times(second)]) if dated else None,
        images=both("images"),
        known_labels=both("known_labels"),
        columns={
            name: [*first.columns.get(name, [""] * n), *second.columns.get(name, [""] * m)]
            for name in names
        },
        classes=tuple(dict.fromkeys([*first.classes, *second.classes])),
    )


def topics_of(result: Result, rows: Integers, n: int, first: int = 0) -> Growth:
    """What a run says of its documents, which begin at row `first` of a corpus of `n`, for `rows`.

    Documents of no topic and of other runs have -1.
    """
    place = slice(first, first + len(result.corpus))

    def spread(values: Any, missing: float) -> Any:
        over_all = np.full(n, missing, values.dtype)
        over_all[place] = values
        return over_all[rows]

    layers = {name: spread(layer.labels, -1) for name, layer in result.layers.items()}
    return Growth(spread(result.labels, -1), spread(result.strengths, 0), layers, [])
