"""Documents to vectors, and the one policy for odd documents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Corpus, Integers, Matrix, UserError
from runner.build import Parts, word_model
from runner.fingerprint import fingerprint
from runner.store import Encoded, Store

log = logging.getLogger(__name__)


def embed(corpus: Corpus, parts: Parts, store: Store) -> tuple[Integers, Encoded]:
    """Vectors of the documents that have one.

    Blank documents are never given to a model; those in which it knows no word, and so gives an
    all-zero vector, are left out after it. What was too long for the model is said.

    Returns
    -------
    int64 (m,)
        Rows of the corpus that are kept.
    Encoded
        Their vectors, m rows.

    Raises
    ------
    UserError
        When fewer than two documents are left.
    """
    filled = np.flatnonzero(~corpus.blank)
    chosen = filled.tolist()
    if not chosen:
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
        rows=rows[filled],
        n_rows=corpus.n_rows or len(corpus),
    )
    known = _has_values(encoded.vectors)
    if known.all():
        kept = filled
    else:
        kept, encoded = filled[known], encoded.take(np.flatnonzero(known))
    _report(len(corpus), len(kept), int(encoded.truncated.sum()))
    if len(kept) < 2:
        raise UserError(
            f"{len(kept)} document with content is too few to find topics: at least 2 are needed."
        )
    return kept, encoded


def word_encoder(parts: Parts, store: Store, corpus: Corpus) -> Callable[[list[str]], Matrix]:
    """What turns words into vectors: the embedder's word model, its results kept in the store."""
    embedder = word_model(parts.embedder)
    node = parts.nodes["embedder"].get("word_embedder", parts.nodes["embedder"])

    def encode_words(words: list[str]) -> Matrix:
        key = fingerprint(embedder, node)
        return store.encode(
            embedder, words, fingerprint=key, corpus_hash=corpus.hash, label="words"
        ).vectors

    return encode_words


def _has_values(X: Matrix) -> NDArray[np.bool_]:
    """Bool (n,): the row is not all zero."""
    from scipy.sparse import issparse

    found: Any = abs(X).sum(axis=1) > 0 if issparse(X) else X.any(axis=1)
    return np.asarray(found).ravel()


def _report(n: int, n_kept: int, n_cut: int) -> None:
    if n_kept < n:
        log.warning(
            "%d of %d documents are empty or have no word that the model knows: topic -1.",
            n - n_kept,
            n,
        )
    if n_cut:
        log.warning(
            "%d of %d documents (%.1f %%) are longer than the model reads: the rest was cut off.",
            n_cut,
            n_kept,
            100 * n_cut / n_kept,
        )
