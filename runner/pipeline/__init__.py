"""The pipeline: documents in, topics out. It knows neither Hydra nor MLflow.

Load, embed, reduce and cluster are here; `result` describes, labels and measures.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from components.base import Corpus, Integers, Result, UserError, call
from components.topics import read_words, settle
from runner.cache import Cache
from runner.cache.embeddings import Encoded
from runner.embed import embed, text_encoder
from runner.pipeline.estimate import log_estimate
from runner.pipeline.failures import stage
from runner.pipeline.guide import check_guidable, prepare
from runner.pipeline.memory import Mode, check_memory
from runner.pipeline.parts import Grouped as Grouped
from runner.pipeline.parts import Parts as Parts
from runner.pipeline.result import conclude as conclude
from runner.pipeline.timing import StageProfiler

log = logging.getLogger(__name__)


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
    preflight : what to do where memory will not suffice, see `runner.pipeline.memory.check_memory`;
        unless "off", what a large run is estimated to take is logged too

    Raises
    ------
    UserError
        When the documents or a part's settings do not allow it.
    """
    cache = cache or Cache(None)
    clock = StageProfiler()
    with clock("load"), stage("dataset", parts.dataset):
        corpus: Any = parts.dataset.load()
        if not isinstance(corpus, Corpus):
            raise UserError(
                f"{type(parts.dataset).__name__}.load gave {type(corpus).__name__}. It must give a "
                "components.base.Corpus, such as Corpus(list_of_texts)."
            )
        check_guidable(corpus, parts.clusterer, parts.knowledge)
    with stage("embedder", parts.embedder):  # one document may be embedded
        check_memory(corpus, parts, preflight)
    with clock("embed"), stage("embedder", parts.embedder):
        settings = parts.settings.get("embedder", {})
        before = None if preflight == "off" else partial(log_estimate, corpus, parts, draw_map)
        rows, encoded = embed(corpus, parts.embedder, cache, settings, parts.cluster, before)
    grouped = group(parts, cache, corpus, rows, encoded, clock)
    return conclude(parts, cache, grouped, clock, draw_map=draw_map)


def group(
    parts: Parts,
    cache: Cache,
    corpus: Corpus,
    rows: Integers,
    encoded: Encoded,
    clock: StageProfiler,
) -> Grouped:
    """Reduce the vectors of the documents `rows`, and cluster them.

    Parameters
    ----------
    rows : int64 (m,), of the corpus, those that have a vector
    encoded : their vectors, m rows
    clock : of the stages

    Raises
    ------
    UserError
        When a part's settings do not fit the documents; `StageError` where a part fails.
    """
    stages = cache.stages
    X = encoded.vectors
    texts = [corpus.documents[row] for row in rows.tolist()]
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
            rows,
            X,
            texts,
            words,
            text_encoder(parts.embedder, cache, corpus, settings, encoded.metrics),
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
    return Grouped(corpus, rows, encoded, reduced, labels, guided, words)
