"""Documents to vectors, and the one policy for documents that cannot be embedded whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import (
    Corpus,
    Embedder,
    Integers,
    Matrix,
    ParameterError,
    UserError,
    within,
)
from components.corpus import text_hashes
from runner.cache import Cache
from runner.cache.embeddings import Before, Encoded, joined
from runner.cache.encoding import add_costs, inputs, looks_up
from runner.cache.fingerprint import identity
from runner.cluster import RayCluster

log = logging.getLogger(__name__)


def embed(
    corpus: Corpus,
    embedder: Embedder,
    cache: Cache,
    settings: Mapping[str, Any],
    cluster: RayCluster | None = None,
    before: Before | None = None,
) -> tuple[Integers, Encoded]:
    """Vectors of the documents that have one.

    Blank documents are not encoded; documents with an all-zero vector (none of their words is in
    the model) are dropped. Truncation is logged. All that is computed from the vectors meets the
    documents in the order of their contents, so that the topics are the same whatever order the
    data set has.

    Parameters
    ----------
    corpus : Corpus
    embedder : Embedder
    cache : Cache
    settings : mapping
        The config node that the embedder was built from; see `runner.cache.fingerprint`.
    cluster : RayCluster, optional
        What computes vectors that are not stored yet; None: this process.
    before : callable, optional
        Called before the work; see `EmbeddingCache.encode`. Not called for an ensemble.

    Returns
    -------
    int64 (m,)
        Rows of the corpus that have a vector, in the order of `Corpus.order`.
    Encoded
        Their vectors, m rows.

    Raises
    ------
    UserError
        When fewer than two documents are left; see also `EmbeddingCache.encode`.
    """
    filled = corpus.order[~blank_for(corpus, document_model(embedder, settings)[0])[corpus.order]]
    documents = filled.tolist()
    if not documents and not corpus.blank.all():
        raise UserError(
            "the documents are images without text, and this embedder reads text only. Type "
            "embedder=clip."
        )
    if not documents:
        raise UserError(
            f"all {len(corpus)} documents are empty, or hold nothing but signs and emoji. Check "
            "which column of the data set is read as text, and its contents."
        )
    if corpus.whole is not None and looks_up(embedder):
        raise UserError(
            "dataset.split cuts documents into pieces, and this embedder has vectors of whole "
            "documents only. Choose another embedder, or leave dataset.split out."
        )
    rows = corpus.rows if corpus.rows is not None else np.arange(len(corpus))
    encoded = _encode(
        embedder,
        settings,
        cache,
        [corpus.documents[row] for row in documents],
        "document_embedder",
        cluster=cluster,
        before=before,
        corpus_hash=lambda: corpus.documents_hash,
        images=None if corpus.images is None else [corpus.images[row] for row in documents],
        rows=rows[filled],
        n_rows=corpus.n_rows or len(corpus),
    )
    if looks_up(embedder):  # only these tell equal documents apart
        filled, encoded = _equal_by_vector(corpus, filled, encoded)
    has_vector = _has_values(encoded.vectors)
    if has_vector.all():
        with_vector = filled
        for each in (encoded, *encoded.members):
            cache.stages.register(each.vectors, each.identity)
    else:
        with_vector, encoded = filled[has_vector], encoded.take(np.flatnonzero(has_vector))
    texts = "documents" if corpus.whole is None else "pieces of documents"
    _report(texts, len(corpus), len(with_vector), int(encoded.truncated.sum()))
    if len(with_vector) < 2:
        raise UserError(
            f"too few to find topics: of {len(corpus)} documents, {len(with_vector)} have a vector "
            "that is not all zeros, and at least 2 are needed."
        )
    return with_vector, encoded


def blank_for(corpus: Corpus, embedder: Embedder) -> NDArray[np.bool_]:
    """Bool (n,): the document holds nothing that the embedder, or each of its members, reads."""
    members = getattr(embedder, "members", {}).values() or [embedder]
    # One that takes `rows` looks vectors up, which may be those of images.
    if corpus.images is None or all(map(inputs, members)):
        return corpus.blank
    return replace(corpus, images=None).blank


def _encode(
    embedder: Embedder,
    settings: Mapping[str, Any],
    cache: Cache,
    texts: list[str],
    role: str,
    cluster: RayCluster | None = None,
    before: Before | None = None,
    **keywords: Any,
) -> Encoded:
    """Vectors of texts, through the store.

    The members of an ensemble embed one after the other, each as if it were alone.

    Parameters
    ----------
    role : "document_embedder" or "word_embedder", which of a wrapper's embedders is meant
    **keywords : of `EmbeddingCache.encode`
    """
    model, settings = _inner(embedder, settings, role)
    with nullcontext() if model is embedder else within(role):
        members: Mapping[str, Embedder] | None = getattr(model, "members", None)
        if members is None:
            return cache.embeddings.encode(
                model,
                texts,
                identity=partial(identity, model, settings, cache.folder),
                before=before,
                elsewhere=None if cluster is None else cluster.encoder(settings),
                **keywords,
            )
        nodes = settings.get("of")
        encoded = []
        for name, member in members.items():
            node = nodes[name] if isinstance(nodes, Mapping) else {}
            with within(f"of.{name}"):
                encoded.append(_encode(member, node, cache, texts, role, cluster, **keywords))
        return joined(encoded, model.join([each.vectors for each in encoded]))  # type: ignore[attr-defined]


def document_model(
    embedder: Embedder, settings: Mapping[str, Any]
) -> tuple[Embedder, Mapping[str, Any]]:
    """The embedder for documents and its settings: the wrapper's `document_embedder`, or itself."""
    return _inner(embedder, settings, "document_embedder")


def word_model(
    embedder: Embedder, settings: Mapping[str, Any]
) -> tuple[Embedder, Mapping[str, Any]]:
    """The embedder for words and its settings: an embedder's own `word_embedder`, or itself."""
    return _inner(embedder, settings, "word_embedder")


def _inner(
    embedder: Embedder, settings: Mapping[str, Any], name: str
) -> tuple[Embedder, Mapping[str, Any]]:
    inner = getattr(embedder, name, None)
    if inner is None:
        return embedder, settings
    node = settings.get(name, {})
    return inner, node if isinstance(node, Mapping) else {}


def word_encoder(
    embedder: Embedder,
    cache: Cache,
    corpus: Corpus,
    settings: Mapping[str, Any],
    costs: dict[str, float] | None = None,
) -> Callable[[list[str]], Matrix]:
    """A function from words to their vectors, (n, d), served from the cache.

    What they cost is added to `costs`.
    """
    return _encoder(embedder, settings, "word_embedder", cache, corpus, "words", costs)


def text_encoder(
    embedder: Embedder,
    cache: Cache,
    corpus: Corpus,
    settings: Mapping[str, Any],
    costs: dict[str, float] | None = None,
) -> Callable[[list[str]], Matrix]:
    """A function from texts to vectors, (n, d), as the documents have; served from the cache.

    What they cost is added to `costs`.
    """
    return _encoder(embedder, settings, "document_embedder", cache, corpus, "texts", costs)


def _encoder(
    embedder: Embedder,
    settings: Mapping[str, Any],
    role: str,
    cache: Cache,
    corpus: Corpus,
    label: str,
    costs: dict[str, float] | None,
) -> Callable[[list[str]], Matrix]:
    def encode(texts: list[str]) -> Matrix:
        try:
            encoded = _encode(
                embedder,
                settings,
                cache,
                texts,
                role,
                corpus_hash=lambda: corpus.documents_hash,
                label=label,
            )
        except ParameterError as error:  # no parameter of the part that asks for the vectors
            raise UserError(str(error.within("embedder"))) from error
        if costs is not None:
            add_costs(costs, encoded.metrics)
        return encoded.vectors

    return encode


def _equal_by_vector(corpus: Corpus, rows: Integers, encoded: Encoded) -> tuple[Integers, Encoded]:
    """The same rows and vectors, with equal documents in the order of their vectors."""
    from scipy.sparse import issparse

    texts = [corpus.documents[row] for row in rows.tolist()]
    group = np.cumsum([0, *(a != b for a, b in pairwise(texts))])
    again = np.flatnonzero(np.bincount(group)[group] > 1)
    X: Any = encoded.vectors[again]
    keys = np.zeros(len(rows), np.uint64)
    keys[again] = text_hashes(
        str((X[i].toarray() if issparse(X) else X[i]).tolist()) for i in range(len(again))
    )
    order = np.lexsort((keys, group))
    if np.array_equal(order, np.arange(len(order))):
        return rows, encoded
    return rows[order], encoded.take(order)


def _has_values(X: Matrix) -> NDArray[np.bool_]:
    """Bool (n,): the row is not all zero."""
    from scipy.sparse import issparse

    nonzero: Any = abs(X).sum(axis=1) > 0 if issparse(X) else X.any(axis=1)
    return np.asarray(nonzero).ravel()


def _report(texts: str, n: int, n_embedded: int, n_truncated: int) -> None:
    if n_embedded < n:
        log.warning(
            "%d of %d %s are empty or have no word that the model knows: topic -1.",
            n - n_embedded,
            n,
            texts,
        )
    if n_truncated:
        log.warning(
            "%d of %d %s (%.1f %%) are longer than the model's limit and were truncated.",
            n_truncated,
            n_embedded,
            texts,
            100 * n_truncated / n_embedded,
        )
