"""Long documents in pieces: the result of a run on pieces, as a result on the whole documents.

A run with `dataset.split` embeds, clusters and describes pieces: its `Result` is one on pieces,
whose `Corpus` knows the documents that they are parts of. Tables and measures of documents are made
from this result's `of_documents`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from components.base import Corpus, Integers, Layer, Result
from components.labels import one_hot


def of_documents(result: Result) -> Result:
    """The result on whole documents; itself where nothing was split.

    A document's topic is the one with the most of its mixture, of equals the larger; strength is
    its share of that. `rows` holds the documents with a piece that was clustered. Vectors,
    topics' examples and coordinates are of pieces, and are left as they are or out.
    """
    corpus = result.corpus
    if corpus.whole is None:
        return result
    mixture = mixture_of(result.labels, corpus)
    topics, strengths = heaviest(mixture)
    assert corpus.parents is not None
    has_known_label = result.has_known_label
    if has_known_label is not None:
        of_whole = np.zeros(len(corpus.whole), bool)
        of_whole[corpus.parents[has_known_label]] = True
        has_known_label = of_whole
    return replace(
        result,
        corpus=corpus.whole,
        rows=np.unique(corpus.parents[result.rows]),
        labels=topics,
        strengths=strengths.astype(np.float32),
        layers={
            name: Layer(heaviest(mixture_of(layer.labels, corpus))[0], layer.topics)
            for name, layer in result.layers.items()
        },
        coordinates=None,
        has_known_label=has_known_label,
        memberships=mixture,
    )


def of_pieces(values: Any, corpus: Corpus) -> Any:
    """Values of the documents (n, ...), given to their pieces; as they are where none was split."""
    return values if corpus.parents is None else values[corpus.parents]


def mixture_of(labels: Integers, corpus: Corpus) -> Any:
    """Share of each document's text in each topic: float64 CSR (documents, topics).

    A row sums to the share of the document's characters that are in any topic.

    Parameters
    ----------
    labels : int64 (pieces,), -1 is "no topic"
    corpus : of the pieces, as `components.datasets.split.split_corpus` makes it
    """
    from scipy import sparse

    assert corpus.parents is not None
    assert corpus.whole is not None
    lengths = np.array([len(text) for text in corpus.documents], np.float64)
    totals = np.bincount(corpus.parents, lengths, len(corpus.whole))
    weights = lengths / np.maximum(totals[corpus.parents], 1)
    share = sparse.csr_matrix(
        (weights, (corpus.parents, np.arange(len(corpus)))), (len(corpus.whole), len(corpus))
    )
    mixture = (share @ one_hot(labels)).tocsr()
    mixture.sort_indices()
    return mixture


def heaviest(mixture: Any) -> tuple[Integers, Any]:
    """The topic with the most of each row, -1 where it is empty, and its share."""
    n, n_topics = mixture.shape
    if not n_topics:
        return np.full(n, -1, np.int64), np.zeros(n)
    best = np.asarray(mixture.argmax(axis=1)).ravel().astype(np.int64)
    shares = np.asarray(mixture.max(axis=1).toarray()).ravel()
    return np.where(shares > 0, best, -1), shares
