"""The pipeline: documents in, topics out. It knows neither Hydra nor MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from components.base import (
    Clusterer,
    Corpus,
    Dataset,
    Embedder,
    Integers,
    Labeler,
    Layer,
    Matrix,
    Metric,
    Outliers,
    Reducer,
    Report,
    Representation,
    Result,
    Topic,
    call,
)
from components.knowledge import Knowledge
from components.labelers.words import WordLabels
from components.topics import Labels, describe, read_words, settle
from components.topics.outliers import KeepOutliers
from runner.cache import Cache
from runner.cache.embeddings import Encoded
from runner.cluster import RayCluster
from runner.embed import embed, text_encoder, word_encoder
from runner.pipeline.failures import stage
from runner.pipeline.guide import Guided, check_guidable, known_labels, prepare
from runner.pipeline.memory import Mode, check_memory
from runner.pipeline.timing import StageProfiler

log = logging.getLogger(__name__)

# Above so many documents the map is drawn only where it is asked for: the layout takes 6 s for
# 20,000, longer than the search for topics (5 s), though less than most embedders.
MAP_LIMIT = 20_000


@dataclass(frozen=True)
class Parts:
    """The parts of a run, one for each role.

    reports : write the result's files, in this order; `run` itself writes none
    knowledge : what the user knows of the topics
    settings : the config nodes that the parts were built from, by role; they are a part of what
        identifies a part in the cache (see `runner.cache.fingerprint`). Parts that were built
        in Python have none
    cluster : computes vectors of documents that are not stored yet; None: this process
    """

    dataset: Dataset
    embedder: Embedder
    reducer: Reducer
    clusterer: Clusterer
    representation: Representation
    outliers: Outliers = field(default_factory=KeepOutliers)
    labels: Labeler = field(default_factory=WordLabels)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)
    knowledge: Knowledge = field(default_factory=Knowledge)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: RayCluster | None = None


@dataclass(frozen=True)
class Grouped:
    """Documents with vectors and topics that have neither words nor labels yet.

    kept : int64 (m,), rows of the corpus that have a vector; encoded, reduced : m rows; labels : of
    these rows; guided : what the user knew, and the fitted clusterer; words : what was read of the
    documents already
    """

    corpus: Corpus
    kept: Integers
    encoded: Encoded
    reduced: Matrix
    labels: Labels
    guided: Guided | None = None
    words: Any = None


def run(
    parts: Parts,
    cache: Cache | None = None,
    *,
    draw_map: bool | None = None,
    preflight: Mode = "off",
) -> Result:
    """Load, embed, reduce, cluster, represent, label, measure.

    Parameters
    ----------
    parts : the built parts
    cache : where vectors, neighbour graphs and reductions are cached; None caches nothing
    draw_map : compute two coordinates for each document; None: up to 20,000 documents
    preflight : what to do where memory will not suffice; see `runner.pipeline.memory.check_memory`

    Raises
    ------
    UserError
        When the documents or a part's settings do not allow it.
    """
    cache = cache or Cache(None)
    clock = StageProfiler()
    with clock("load"), stage("dataset", parts.dataset):
        corpus = parts.dataset.load()
        check_guidable(corpus, parts.clusterer, parts.knowledge)
    with stage("embedder", parts.embedder):  # one document may be embedded
        check_memory(corpus, parts, preflight)
    with clock("embed"), stage("embedder", parts.embedder):
        settings = parts.settings.get("embedder", {})
        kept, encoded = embed(corpus, parts.embedder, cache, settings, parts.cluster)
    grouped = group(parts, cache, corpus, kept, encoded, clock)
    return conclude(parts, cache, grouped, clock, draw_map=draw_map)


def group(
    parts: Parts,
    cache: Cache,
    corpus: Corpus,
    kept: Integers,
    encoded: Encoded,
    clock: StageProfiler,
) -> Grouped:
    """Reduce the vectors of the documents `kept`, and cluster them.

    Parameters
    ----------
    kept : int64 (m,), rows of the corpus that have a vector; encoded : m rows
    clock : of the stages
    """
    stages = cache.stages
    X = encoded.vectors
    texts = [corpus.documents[row] for row in kept.tolist()]
    with clock("reduce"), stage("reducer", parts.reducer, X.shape):
        reduced = stages.reduce(parts.reducer, X, parts.settings.get("reducer", {}))
    words = None
    reads = parts.knowledge.seeds or corpus.known_labels is not None
    if reads or getattr(parts.outliers, "needs_words", False):
        with clock("represent"), stage("representation", parts.representation):
            words = read_words(parts.representation, texts)
    with clock("cluster"):  # its errors name their own keys
        settings = parts.settings.get("embedder", {})
        guided = prepare(
            parts.clusterer,
            parts.knowledge,
            corpus,
            kept,
            X,
            texts,
            words,
            text_encoder(parts.embedder, cache, corpus, settings),
            stages.neighbors,
        )
    with clock("cluster"), stage("clusterer", parts.clusterer, reduced.shape):
        # Of an ensemble that is not reduced, the matrix of each member is offered too.
        members = [member.vectors for member in encoded.members] if reduced is X else []
        fitted = call(
            guided.clusterer.fit_predict,
            reduced,
            neighbors=stages.neighbors,
            members=members,
            guidance=guided.guidance,
        )
    with clock("cluster"), stage("outliers", parts.outliers):
        labels = settle(fitted, guided.clusterer, X, texts, parts.outliers, words)
    return Grouped(corpus, kept, encoded, reduced, labels, guided, words)


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
    corpus, kept, encoded, reduced, labels = (
        grouped.corpus, grouped.kept, grouped.encoded, grouped.reduced, grouped.labels,
    )  # fmt: skip
    stages, X = cache.stages, encoded.vectors
    texts = [corpus.documents[row] for row in kept.tolist()]

    def spread(values: Any, missing: float) -> Any:
        """Values of the kept documents in an array over all."""
        over_all = np.full((len(corpus), *values.shape[1:]), missing, dtype=values.dtype)
        over_all[kept] = values
        return over_all

    with clock("represent"), stage("representation", parts.representation):
        encode_words = word_encoder(
            parts.embedder, cache, corpus, parts.settings.get("embedder", {})
        )
        words = grouped.words
        if words is None:
            words = read_words(parts.representation, texts)

        def describe_by(representation: Representation, topics: Integers) -> list[Topic]:
            return describe(representation, texts, topics, X, kept, encode_words, words)

        layers = {
            name: Layer(spread(layer, -1), describe_by(copy(parts.representation), layer))
            for name, layer in labels.layers.items()
        }
        topics = describe_by(parts.representation, labels.main)
    costs: dict[str, float] = {}
    with clock("label"), stage("labels", parts.labels):
        label = _labeller(parts, cache, corpus, X, kept, costs)
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
        kept=kept,
        embeddings=X,
        reduced=reduced,
        labels=spread(labels.main, -1),
        strengths=spread(labels.strengths, 0.0),
        topics=topics,
        layers=layers,
        memberships=_over_all(labels.memberships, kept, len(corpus)),
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
    if draw_map or (draw_map is None and len(kept) <= MAP_LIMIT):
        from components.reports.map import coordinates

        with clock("map"):
            result.coordinates = spread(coordinates(X, stages.neighbors), np.nan)
    if labels.before > np.sum(labels.main < 0):
        result.metrics["outlier_ratio_before"] = labels.before / len(kept)
    result.metrics |= (
        costs
        | encoded.metrics
        | stages.metrics
        | {
            "n_documents": len(corpus.whole or corpus),
            "n_documents_empty": len(corpus) - len(kept),
            "n_documents_truncated": int(encoded.truncated.sum()),
            "n_documents_embedded": encoded.computed,  # the others' vectors came from the cache
            "n_dimensions": X.shape[1],
        }
    )
    if corpus.whole is not None:
        result.metrics["n_pieces"] = len(corpus)
    result.metrics |= clock.metrics()
    return result


def _over_all(memberships: Any | None, kept: Integers, n: int) -> Any | None:
    """Rows of the kept documents in a CSR matrix with a row for each of n."""
    from scipy import sparse

    if memberships is None:
        return None
    sizes = np.zeros(n, np.int64)
    sizes[kept] = np.diff(memberships.indptr)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shape = (n, memberships.shape[1])
    return sparse.csr_matrix((memberships.data, memberships.indices, starts), shape)


def _chosen(choice: dict[str, Any]) -> str:
    """`resolution=1.5, n_topics=12 (auto: ...)`."""
    settings = ", ".join(f"{key}={value}" for key, value in choice.items() if key != "why")
    return f"{settings} ({choice['why']})" if "why" in choice else settings


def _labeller(
    parts: Parts, cache: Cache, corpus: Corpus, X: Matrix, kept: Integers, costs: dict[str, float]
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
            kept=kept,
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
                if np.isfinite(float(number)):
                    values[key] = float(number)
                else:
                    log.warning("metric %s is %s, so it is left out.", key, number)
    return values
