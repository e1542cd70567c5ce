"""How well the documents' words, which no embedder has changed, support the topics.

These measures see every run in the same space, so runs with different embedders compare. They
favour embedders that follow the wording.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from components.agreement import adjusted_mutual_information
from components.base import Bounds, Integers, Result
from components.corpus import text_hashes
from components.labels import distinct, one_hot
from components.metrics.geometry import sampled_neighbors, sampled_rows
from components.metrics.tokens import tfidf

_BLOCK = 2048  # documents whose scores for all topics are held at a time


def words_ami(
    result: Result,
    *,
    n_folds: Annotated[int, Bounds(2)] = 5,
    n_documents: Annotated[int, Bounds(2)] = 20_000,
    seed: int = 0,
) -> float | None:
    """Adjusted mutual information of the topics with those that the words alone predict.

    A complement naive Bayes classifier (Rennie et al. 2003, smoothing 1) learns the topics from
    the TF-IDF of the other folds' documents and predicts those of each fold. Of equal documents
    the first counts, so that none is predicted from its copy. At most 1, 0 by chance; higher is
    better. Topics that no word announces, and topics that words announce but that are cut at
    random, both score low.

    Parameters
    ----------
    result : Result
    n_folds : int
        At least 2.
    n_documents : int
        A sample of so many is used where more are in a topic.
    seed : int
        Of that sample and of the folds.

    Returns
    -------
    float or None
        None with fewer than two topics, fewer different documents than folds, or no word that
        two share.
    """
    pair = predicted_by_words(result, n_folds, n_documents, seed)
    return pair and adjusted_mutual_information(pair[1], pair[2])


def predicted_by_words(
    result: Result, n_folds: int = 5, n_documents: int = 20_000, seed: int = 0
) -> tuple[Integers, Integers, Integers] | None:
    """Rows of the vectors, their topics, and the topics that words predict: int64 (m,) each.

    Parameters and None as in `words_ami`.
    """
    topics = result.labels[result.rows]
    rows = np.flatnonzero(topics >= 0)
    if result.corpus.images is None:  # else equal texts may be of different images
        texts = (result.corpus.documents[row] for row in result.rows[rows].tolist())
        rows = rows[distinct(text_hashes(texts))[0]]
    rows = sampled_rows(rows, n_documents, seed)
    topics = np.unique(topics[rows], return_inverse=True)[1]
    if len(rows) < n_folds or topics.max(initial=0) < 1:
        return None
    X = tfidf(result, rows)
    if not X.nnz:
        return None
    fold = np.random.default_rng(seed).permutation(len(rows)) % n_folds
    predicted = np.empty(len(rows), np.int64)
    for number in range(n_folds):
        train, test = fold != number, fold == number
        predicted[test] = complement_naive_bayes(X[train], topics[train], X[test])
    return rows, topics, predicted


def complement_naive_bayes(X: Any, topics: Integers, new: Any) -> Integers:
    """Topics that complement naive Bayes predicts for the rows of `new`: int64 (m,).

    For a document x the topic c with the greatest

        - sum over words v of x_v log(w_cv),   w_cv = (1 + T_v - S_cv) / sum over v of the same

    with S_cv the sum of the word's weights in the topic and T_v that in all documents (Rennie et
    al. 2003, table 4, steps 4 to 8, without normalising the weights).

    Parameters
    ----------
    X : CSR (n, words), not negative
    topics : int64 (n,)
    new : CSR (m, words)
    """
    classes, topics = np.unique(topics, return_inverse=True)
    sums = (one_hot(topics).T @ X).tocsr()
    smoothed = 1 + np.asarray(X.sum(axis=0)).ravel()
    # log(1 + T - S) = log(1 + T) + log(1 - S / (1 + T)): the first is the same for all topics,
    # the second is zero where S is, so that the matrix stays sparse.
    totals = smoothed.sum() - np.asarray(sums.sum(axis=1)).ravel()
    sums.data = np.log1p(-sums.data / smoothed[sums.indices])
    predicted = [
        classes[(np.outer(part.sum(axis=1), np.log(totals)) - (part @ sums.T).toarray()).argmax(1)]
        for part in (new[start : start + _BLOCK] for start in range(0, new.shape[0], _BLOCK))
    ]
    return np.concatenate(predicted) if predicted else np.empty(0, np.int64)


def lexical_lift(
    result: Result,
    *,
    n_neighbors: Annotated[int, Bounds(1)] = 10,
    n_documents: Annotated[int, Bounds(2)] = 2000,
    seed: int = 0,
) -> float | None:
    """How much more alike in words neighbours are than documents picked at random.

    Mean cosine of the TF-IDF vectors of documents and their nearest neighbours in the embedder's
    space, divided by the mean cosine of all pairs. 1 by chance, without an upper bound; it says
    how close an embedder keeps to the wording, not how good it is.

    Parameters
    ----------
    result : Result
    n_neighbors : int
    n_documents : int
        Of a sample that neighbours are searched in, so that corpora of different size compare.
    seed : int
        Of that sample.

    Returns
    -------
    float or None
        None with fewer than three documents, or where no two share a word.
    """
    rows, graph = sampled_neighbors(result, n_neighbors, n_documents, seed)
    n = len(rows)
    if n < 3:
        return None
    X = tfidf(result, rows)
    total = np.asarray(X.sum(axis=0)).ravel()
    at_random = (float(total @ total) - float(X.multiply(X).sum())) / (n * (n - 1))
    if at_random <= 0:
        return None
    sources = np.repeat(np.arange(n), graph.k)
    near = float(X[sources].multiply(X[graph.indices.ravel()]).sum()) / len(sources)
    return near / at_random
