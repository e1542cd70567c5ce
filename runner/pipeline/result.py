"""From documents that have their topics to the result: words, labels, measures, coordinates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from components.base import (
    Corpus,
    Integers,
    Layer,
    Matrix,
    Representation,
    Result,
    Topic,
    UserError,
    call,
)
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
    """
    corpus, rows, encoded, reduced, labels = (
        grouped.corpus, grouped.rows, grouped.encoded, grouped.reduced, grouped.labels,
    )  # fmt: skip
    stages, X = cache.stages, encoded.vectors
    texts = [corpus.documents[row] for row in rows.tolist()]

    def spread(values: Any, missing: float) -> Any:
        """Values of the documents with a vector in an array over all."""
        over_all = np.full((len(corpus), *values.shape[1:]), missing, dtype=values.dtype)
        over_all[rows] = values
        return over_all

    with clock("represent"), stage("representation", parts.representation):
        encode_words = word_encoder(
            parts.embedder, cache, corpus, parts.settings.get("embedder", {})
        )
        words = grouped.words
        if words is None:
            words = read_words(parts.representation, texts)

        def describe_by(representation: Representation, topics: Integers) -> list[Topic]:
            return describe(representation, texts, topics, X, rows, encode_words, words)

        layers = {
            name: Layer(spread(layer, -1), describe_by(copy(parts.representation), layer))
            for name, layer in labels.layers.items()
        }
        topics = describe_by(parts.representation, labels.main)
    costs: dict[str, float] = {}
    with clock("label"), stage("labels", parts.labels):
        label = _labeller(parts, cache, corpus, X, rows, costs)
        topics = label(topics, labels.main)
        layers = {
            name: replace(layer, topics=label(layer.topics, labels.layers[name]))
            for name, layer in layers.items()
        }
    clusterer: Any = parts.clusterer
    if grouped.guided is not None:
        clusterer = grouped.guided.clusterer
        topics = grouped.guided.label(topics, labels.main)
    known = known_labels(corpus, parts.clusterer)
    result = Result(
        corpus=corpus,
        rows=rows,
        embeddings=X,
        reduced=reduced,
        labels=spread(labels.main, -1),
        strengths=spread(labels.strengths, 0.0),
        topics=topics,
        layers=layers,
        memberships=_over_all(labels.memberships, rows, len(corpus)),
        has_known_label=None if known is None else np.array([k is not None for k in known]),
        choice=getattr(clusterer, "choice_", {}),
        curve=getattr(clusterer, "curve_", []),
        parts={
            role: getattr(parts, role)
            for role in ("embedder", "reducer", "clusterer", "outliers", "representation")
        }
        | {"clusterer": clusterer},
    )
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
    if draw_map or (draw_map is None and len(rows) <= MAP_LIMIT):
        from components.reports.map import MapLayout

        with clock("map"):
            result.coordinates = spread(stages.reduce(MapLayout(), X, {}, "map"), np.nan)
    if labels.before > np.sum(labels.main < 0):
        result.metrics["outlier_ratio_before"] = labels.before / len(rows)
    result.metrics |= (
        costs
        | encoded.metrics
        | stages.metrics
        | {
            "n_documents": len(corpus.whole or corpus),
            "n_documents_empty": len(corpus) - len(rows),
            "n_documents_truncated": int(encoded.truncated.sum()),
            "n_documents_embedded": encoded.computed,  # the others' vectors came from the cache
            "n_dimensions": X.shape[1],
        }
    )
    if corpus.whole is not None:
        result.metrics["n_pieces"] = len(corpus)
    result.metrics |= clock.metrics()
    return result


def _over_all(memberships: Any | None, rows: Integers, n: int) -> Any | None:
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
    parts: Parts, cache: Cache, corpus: Corpus, X: Matrix, rows: Integers, costs: dict[str, float]
) -> Callable[[list[Topic], Integers], list[Topic]]:
    """A function from topics, and the documents' topics (m,), to the same topics with labels.

    What they cost is added to `costs`.
    """
    settings = parts.settings.get("embedder", {})
    encode_texts = text_encoder(parts.embedder, cache, corpus, settings)

    def label(topics: list[Topic], labels: Integers) -> list[Topic]:
        labelled = call(
            parts.labels.label,
            topics,
            documents=corpus.documents,
            embeddings=X,
            rows=rows,
            labels=labels,
            encode_texts=encode_texts,
            answers=cache.answers,
        )
        for name, value in getattr(parts.labels, "metrics_", {}).items():
            costs[name] = costs.get(name, 0.0) + value
        return labelled

    return label


def _measure(
    parts: Parts, result: Result, cache: Cache, *, layer: bool = False
) -> dict[str, float]:
    """Every metric that applies; those of them that have tables add them to the result."""
    values: dict[str, float] = {}
    for name, metric in parts.metrics.items():
        if layer and getattr(metric, "main_topics_only", False):
            continue
        with stage(f"metrics.{name}", metric):
            value = call(metric, result, answers=cache.answers)
            result.tables |= getattr(metric, "tables_", {})
            measured = value if isinstance(value, dict) else {name: value}
            for key, number in measured.items():
                if number is None:
                    continue
                # NumPy's own numbers too, but neither text nor an array with one element.
                if (
                    not isinstance(key, str)
                    or np.ndim(number)
                    or np.asarray(number).dtype.kind not in "biuf"
                ):
                    raise UserError(
                        f"metrics.{name} gave {number!r:.100} for {key!r:.50}. A "
                        "metric must give a number, None, or a dict of numbers by name."
                    )
                if np.isfinite(float(number)):
                    values[key] = float(number)
                else:
                    log.warning("metric %s is %s, so it is left out.", key, number)
    return values
