"""From documents that have their topics to the result: words, labels, measures, coordinates."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from components.base import (
    Integers,
    Labeler,
    Layer,
    Representation,
    Result,
    Topic,
    UserError,
    call,
)
from components.result import over_all
from components.topics import describe, read_words
from runner.cache import Cache
from runner.embed import text_encoder, word_encoder
from runner.pipeline.failures import stage
from runner.pipeline.guide import known_labels
from runner.pipeline.parts import Grouped, Parts
from runner.pipeline.timing import StageProfiler

log = logging.getLogger(__name__)

# Above so many documents the map is drawn only where it is asked for: the layout takes 6 s for
# 20,000, longer than the search for topics (5 s), though less than most embedders.
MAP_LIMIT = 20_000


def conclude(
    parts: Parts,
    cache: Cache,
    grouped: Grouped,
    clock: StageProfiler,
    *,
    draw_map: bool | None = None,
) -> Result:
    """Words, labels, measures and coordinates of documents that have their topics.

    Parameters
    ----------
    parts, cache, draw_map : as for `run`
    clock : of the stages; what they took so far is measured too

    Raises
    ------
    UserError
        When a part does not give what its contract says; `StageError` where it fails.
    """
    costs: dict[str, float] = {}
    with clock("represent"), stage("representation", parts.representation):
        topics, layers = _described(parts, cache, grouped)
    with clock("label"), stage("labels", parts.labels):
        label = _labeller(parts, cache, grouped, costs)
        topics = label(topics, grouped.labels.main)
        layers = {
            name: replace(layer, topics=label(layer.topics, grouped.labels.layers[name]))
            for name, layer in layers.items()
        }
    result = _result(parts, grouped, topics, layers)
    if result.choice:
        log.info("granularity: %s", _chosen(result.choice))
    with clock("measure"):
        result.metrics |= _measure(parts, result, cache)
        for name, layer in layers.items():
            of_layer = replace(
                result, labels=layer.labels, topics=layer.topics, choice={}, curve=[]
            )
            result.metrics |= {
                f"{k}_{name}": v for k, v in _measure(parts, of_layer, cache, layer=True).items()
            }
    rows, n = grouped.rows, len(grouped.corpus)
    if draw_map or (draw_map is None and len(rows) <= MAP_LIMIT):
        from components.reports.map import MapLayout

        with clock("map"):
            places = cache.stages.reduce(MapLayout(), grouped.encoded.vectors, {}, "map")
            result.coordinates = over_all(places, rows, n, np.nan)
    result.metrics |= costs | cache.stages.metrics | _counts(grouped) | clock.metrics()
    return result


def _described(
    parts: Parts, cache: Cache, grouped: Grouped
) -> tuple[list[Topic], dict[str, Layer]]:
    """The topics with their words and typical documents, and those of each layer."""
    corpus, rows, labels = grouped.corpus, grouped.rows, grouped.labels
    texts = [corpus.documents[row] for row in rows.tolist()]
    settings = parts.settings.get("embedder", {})
    costs = grouped.encoded.metrics
    encode_words = word_encoder(parts.embedder, cache, corpus, settings, costs)
    words = grouped.words
    if words is None:
        words = read_words(parts.representation, texts)

    def topics(representation: Representation, topic_of: Integers) -> list[Topic]:
        X = grouped.encoded.vectors
        return describe(representation, texts, topic_of, X, rows, encode_words, words)

    layers = {
        name: Layer(
            over_all(layer, rows, len(corpus), -1), topics(copy(parts.representation), layer)
        )
        for name, layer in labels.layers.items()
    }
    # Last, since the representation itself is then that of the main topics.
    return topics(parts.representation, labels.main), layers


def _result(
    parts: Parts, grouped: Grouped, topics: list[Topic], layers: dict[str, Layer]
) -> Result:
    """The result, before anything is measured."""
    corpus, rows, labels = grouped.corpus, grouped.rows, grouped.labels
    n = len(corpus)
    clusterer: Any = parts.clusterer
    if grouped.guided is not None:
        clusterer = grouped.guided.clusterer
        topics = grouped.guided.label(topics, labels.main)
    known = known_labels(corpus, parts.clusterer)
    roles = ("embedder", "reducer", "outliers", "representation")
    return Result(
        corpus=corpus,
        rows=rows,
        embeddings=grouped.encoded.vectors,
        reduced=grouped.reduced,
        labels=over_all(labels.main, rows, n, -1),
        strengths=over_all(labels.strengths, rows, n, 0.0),
        topics=topics,
        layers=layers,
        memberships=_memberships(labels.memberships, rows, n),
        has_known_label=None if known is None else np.array([k is not None for k in known]),
        choice=getattr(clusterer, "choice_", {}),
        curve=getattr(clusterer, "curve_", []),
        parts={role: getattr(parts, role) for role in roles} | {"clusterer": clusterer},
    )


def _counts(grouped: Grouped) -> dict[str, float]:
    """Metrics of the documents and of their vectors, those of the embedder included."""
    corpus, rows, encoded, labels = grouped.corpus, grouped.rows, grouped.encoded, grouped.labels
    n = len(corpus.whole or corpus)
    # Of a document that was cut into pieces, one piece is enough for either.
    document_of = np.arange(n) if corpus.parents is None else corpus.parents
    counts = encoded.metrics | {
        "n_documents": n,
        "n_documents_empty": n - len(np.unique(document_of[rows])),
        "n_documents_truncated": len(np.unique(document_of[rows[encoded.truncated]])),
        "n_documents_embedded": encoded.computed,  # the others' vectors came from the cache
        "n_dimensions": encoded.vectors.shape[1],
    }
    if corpus.whole is not None:
        counts["n_pieces"] = len(corpus)
    if labels.before > np.sum(labels.main < 0):
        counts["outlier_ratio_before"] = labels.before / len(rows)
    return counts


def _memberships(memberships: Any | None, rows: Integers, n: int) -> Any | None:
    """Rows of the documents with a vector in a CSR matrix with a row for each of n."""
    from scipy import sparse

    if memberships is None:
        return None
    memberships = memberships[np.argsort(rows)]
    sizes = np.zeros(n, np.int64)
    sizes[np.sort(rows)] = np.diff(memberships.indptr)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shape = (n, memberships.shape[1])
    return sparse.csr_matrix((memberships.data, memberships.indices, starts), shape)


def _chosen(choice: dict[str, Any]) -> str:
    """`resolution=1.5, n_topics=12 (auto: ...)`."""
    settings = [f"{key}={value}" for key, value in choice.items() if key != "why"]
    why = choice.get("why")
    told = why is None or why in settings  # as where the user set the number
    return ", ".join(settings) + ("" if told else f" ({why})")


def _labeller(
    parts: Parts, cache: Cache, grouped: Grouped, costs: dict[str, float]
) -> Callable[[list[Topic], Integers], list[Topic]]:
    """A function from topics, and the documents' topics (m,), to the same topics with labels.

    What they cost is added to `costs`.
    """
    corpus = grouped.corpus
    settings = parts.settings.get("embedder", {})
    encode_texts = text_encoder(parts.embedder, cache, corpus, settings, grouped.encoded.metrics)

    def label(topics: list[Topic], labels: Integers) -> list[Topic]:
        labelled = call(
            parts.labels.label,
            topics,
            documents=corpus.documents,
            embeddings=grouped.encoded.vectors,
            rows=grouped.rows,
            labels=labels,
            encode_texts=encode_texts,
            answers=cache.answers,
        )
        _check_labelled(parts.labels, topics, labelled)
        for name, value in getattr(parts.labels, "metrics_", {}).items():
            costs[name] = costs.get(name, 0.0) + value
        return labelled

    return label


def _check_labelled(labeler: Labeler, topics: list[Topic], labelled: Any) -> None:
    """Refuse what is not the same topics, in order."""
    is_list = isinstance(labelled, Sequence) and all(isinstance(t, Topic) for t in labelled)
    if not is_list or [t.id for t in labelled] != [t.id for t in topics]:
        raise UserError(
            f"{type(labeler).__name__}.label must return a list of the {len(topics)} topics that "
            'it got, in their order, each as it was or dataclasses.replace(topic, label="a name").'
        )


def _measure(
    parts: Parts, result: Result, cache: Cache, *, layer: bool = False
) -> dict[str, float]:
    """Every metric that applies; those of them that have tables add them to the result.

    One that fails is a warning that names it: topics that took hours are not lost to a measure.
    """
    values: dict[str, float] = {}
    for name, metric in parts.metrics.items():
        if name in result.failed_metrics or (layer and getattr(metric, "main_topics_only", False)):
            continue
        try:
            with stage(f"metrics.{name}", metric):
                values |= _numbers(name, call(metric, result, answers=cache.answers))
                result.tables |= getattr(metric, "tables_", {})
        except UserError as error:
            result.failed_metrics[name] = str(error)
            log.warning("%s\nThe run goes on without this metric.", error)
    return values


def _numbers(name: str, value: Any) -> dict[str, float]:
    """What a metric has measured, by name; what does not apply or is infinite is left out."""
    values: dict[str, float] = {}
    for key, number in (value if isinstance(value, dict) else {name: value}).items():
        if number is None:
            continue
        if not (isinstance(key, str) and _is_number(number)):
            raise UserError(
                f"metrics.{name} gave {number!r:.100} for {key!r:.50}. A metric must give a "
                "number, None, or a dict of numbers by name."
            )
        if np.isfinite(float(number)):
            values[key] = float(number)
        else:
            log.warning("metric %s is %s, so it is left out.", key, number)
    return values


def _is_number(value: Any) -> bool:
    """Whether it is a number, NumPy's own included; neither text nor an array of one element."""
    return not np.ndim(value) and np.asarray(value).dtype.kind in "biuf"
