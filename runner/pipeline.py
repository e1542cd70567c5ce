"""The main job: documents in, topics out. No Hydra and no MLflow here."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from components.base import Corpus, Floats, Integers, Matrix, Result, Topic, UserError
from components.representations.typical import typical_rows
from runner.build import Parts, word_model
from runner.clock import Clock
from runner.fingerprint import fingerprint
from runner.stages import Stages
from runner.store import Encoded, Store

log = logging.getLogger(__name__)


class StageError(UserError):
    """A part failed on its input; the message says which, on what, and what it said."""


def run(parts: Parts, store: Store, stages: Stages, *, draw_map: bool = True) -> Result:
    """Load, embed, reduce, cluster, represent, measure.

    Parameters
    ----------
    parts : the parts, built from a config
    store : where vectors are kept; `Store(None)` keeps none
    stages : where neighbour graphs and reductions are kept; `Stages(None)` keeps none
    draw_map : compute two coordinates for each document

    Raises
    ------
    UserError
        When the documents or a part's settings do not allow it.
    """
    clock = Clock()
    with clock("load"), _stage("dataset", parts.dataset):
        corpus = parts.dataset.load()
    with clock("embed"), _stage("embedder", parts.embedder):
        kept, encoded = _embed(corpus, parts, store)
    X = encoded.vectors
    shape = " x ".join(map(str, X.shape))
    with clock("reduce"), _stage("reducer", parts.reducer, shape):
        reduced = stages.reduce(parts.reducer, X, parts.nodes["reducer"])
    shape = " x ".join(map(str, reduced.shape))
    with clock("cluster"), _stage("clusterer", parts.clusterer, shape):
        found = call(parts.clusterer.fit_predict, reduced, neighbors=stages.neighbors)
        labels = by_size(np.asarray(found, dtype=np.int64))
        strengths = _strengths(parts.clusterer, X, labels)
    with clock("represent"), _stage("representation", parts.representation):
        topics = _represent(parts, store, corpus, kept, X, labels)
    result = Result(
        corpus=corpus,
        kept=kept,
        embeddings=X,
        reduced=reduced,
        labels=_spread(labels, kept, len(corpus), -1),
        strengths=_spread(strengths, kept, len(corpus), 0.0),
        topics=topics,
        parts={
            role: getattr(parts, role)
            for role in ("embedder", "reducer", "clusterer", "representation")
        },
    )
    with clock("measure"):
        result.metrics |= _measure(parts, result)
    if draw_map:
        from components.reports.map import coordinates

        with clock("map"):
            placed = coordinates(X, stages.neighbors)
            result.coordinates = _spread(placed, kept, len(corpus), np.nan)
    result.metrics |= encoded.metrics | {
        "n_documents": len(corpus),
        "n_documents_empty": len(corpus) - len(kept),
        "n_documents_truncated": int(encoded.truncated.sum()),
        "n_dimensions": X.shape[1],
    }
    result.metrics |= clock.metrics()
    return result


def call(method: Callable[..., Any], *args: Any, **offers: Any) -> Any:
    """Call a part's method with those of the offered keywords that its signature names."""
    names = inspect.signature(method).parameters
    return method(*args, **{name: value for name, value in offers.items() if name in names})


def by_size(labels: Integers) -> Integers:
    """Topics renumbered: 0 is the largest, sizes fall, the first to occur of equals; -1 stays."""
    ids, first, counts = np.unique(labels, return_index=True, return_counts=True)
    topics = ids >= 0
    ids, first, counts = ids[topics], first[topics], counts[topics]
    order = np.lexsort((first, -counts))
    numbers = np.full(int(labels.max(initial=-1)) + 2, -1, dtype=np.int64)  # the last is of -1
    numbers[ids[order]] = np.arange(len(ids))
    return numbers[labels]


def _embed(corpus: Corpus, parts: Parts, store: Store) -> tuple[Integers, Encoded]:
    """Rows with a vector, and their vectors. Blank documents are never given to a model, and
    those in which it knows no word are left out after it.
    """
    kept = np.flatnonzero(~corpus.blank)
    chosen = kept.tolist()
    if not len(kept):
        raise UserError(
            f"all {len(corpus)} documents are empty. Check dataset.text and the file's contents."
        )
    rows = corpus.rows if corpus.rows is not None else np.arange(len(corpus))
    encoded = store.encode(
        parts.embedder,
        [corpus.documents[row] for row in chosen],
        fingerprint=fingerprint(parts.embedder, parts.nodes["embedder"]),
        corpus_hash=corpus.hash,
        images=None if corpus.images is None else [corpus.images[row] for row in chosen],
        rows=rows[kept],
        n_rows=corpus.n_rows or len(corpus),
    )
    known = _has_values(encoded.vectors)
    if not known.all():
        kept, encoded = kept[known], encoded.take(np.flatnonzero(known))
    dropped = len(corpus) - len(kept)
    if dropped:
        log.warning(
            "%d of %d documents are empty or have no word that the model knows: topic -1.",
            dropped,
            len(corpus),
        )
    cut = int(encoded.truncated.sum())
    if cut:
        log.warning(
            "%d of %d documents (%.1f %%) are longer than the model reads: the rest was cut off.",
            cut,
            len(kept),
            100 * cut / len(kept),
        )
    if len(kept) < 2:
        raise UserError(
            f"{len(kept)} document with content is too few to find topics: at least 2 are needed."
        )
    return kept, encoded


def _has_values(X: Matrix) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Bool (n,): the row is not all zero."""
    from scipy.sparse import issparse

    if issparse(X):
        return np.asarray(abs(X).sum(axis=1)).ravel() > 0
    return np.asarray(X.any(axis=1))


def _strengths(clusterer: Any, X: Matrix, labels: Integers) -> Floats:
    """float32 (m,), how firmly each document belongs to its topic, in [0, 1].

    The clusterer's own `probabilities_` where it has them; else the cosine of a document's
    vector to the mean of its topic's unit vectors, and 0 where that is negative.
    """
    own = getattr(clusterer, "probabilities_", None)
    if own is None:
        from components.representations.typical import cosine_to_topic

        own = np.clip(cosine_to_topic(X, labels), 0.0, 1.0)
    return np.where(labels >= 0, own, 0.0).astype(np.float32)


def _represent(
    parts: Parts, store: Store, corpus: Corpus, kept: Integers, X: Matrix, labels: Integers
) -> list[Topic]:
    n_topics = int(labels.max(initial=-1)) + 1
    if n_topics == 0:
        log.warning(
            "no topic was found: every document is an outlier. "
            "Lower clusterer.min_cluster_size, or try clusterer=kmeans."
        )
        return []
    call(
        parts.representation.fit,
        [corpus.documents[row] for row in kept],
        labels,
        embeddings=X,
        encode_words=_word_encoder(parts, store, corpus),
    )
    sizes = np.bincount(labels[labels >= 0], minlength=n_topics)
    typical = typical_rows(X, labels, 1)
    return [
        Topic(topic, int(sizes[topic]), tuple(words), int(kept[typical[topic][0]]))
        for topic, words in enumerate(parts.representation.words_)
    ]


def _word_encoder(parts: Parts, store: Store, corpus: Corpus) -> Callable[[list[str]], Matrix]:
    """What turns words into vectors: the embedder's word model, its results kept in the store."""
    embedder = word_model(parts.embedder)
    node = parts.nodes["embedder"].get("word_embedder", parts.nodes["embedder"])

    def encode_words(words: list[str]) -> Matrix:
        key = fingerprint(embedder, node)
        return store.encode(
            embedder, words, fingerprint=key, corpus_hash=corpus.hash, label="words"
        ).vectors

    return encode_words


def _measure(parts: Parts, result: Result) -> dict[str, float]:
    """Every metric that applies; one that fails is reported and left out."""
    values: dict[str, float] = {}
    for name, metric in parts.metrics.items():
        with _stage(f"metrics.{name}", metric):
            value = metric(result)
        if isinstance(value, dict):
            values |= value
        elif value is not None:
            values[name] = float(value)
    return values


def _spread(values: Any, rows: Integers, n: int, missing: float) -> Any:
    """Values of the kept rows in an array over all rows."""
    spread = np.full((n, *values.shape[1:]), missing, dtype=values.dtype)
    spread[rows] = values
    return spread


@contextmanager
def _stage(role: str, part: Any, shape: str = "") -> Iterator[None]:
    """Name the part and its input in what a library raises."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        log.debug("traceback of the failure", exc_info=True)
        kind = getattr(part, "__qualname__", type(part).__qualname__)
        given = f" on {shape} input" if shape else ""
        raise StageError(
            f"{role} ({kind}) failed{given}: {type(error).__name__}: {error}\n"
            f"Change {role}.*, or choose another {role}. The traceback is in runner.log."
        ) from error
