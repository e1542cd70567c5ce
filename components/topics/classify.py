"""Some known labels: how likely each document without one has each, by its vector and its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.base import Integers, Matrix
from components.neighbors import unit_rows
from components.representations.counts import count_terms
from components.representations.tokens import Tokens, tokenize

SAMPLED = 20_000  # unlabelled documents that are told apart from the labelled ones, at most
LEAST = 0.01  # probability below which a document does not count for a label
C_LABELLED, C_WHICH = 3.0, 30.0  # of the logistic regressions; see experiments/guided
MIN_DF = 2  # documents that a word must stand in


def label_probabilities(fixed: Integers, X: Matrix, words: Matrix, n_groups: int) -> Any:
    """How likely each document without a label has each: CSR float64 (m, n_groups) in [0, 1].

    The product of two probabilities. That the document is of any of the labels: by a logistic
    regression of the labels on the vectors, with all documents without a label as one further
    class, divided by its mean over the labelled documents (Elkan and Noto 2008). And which of the
    labels: by a logistic regression of the labelled documents on their vectors and words. A
    document that is like none of the labelled has no label's probability.

    Parameters
    ----------
    fixed : int64 (m,), number of each document's label in 0 to n_groups - 1; -1 where not known
    X : float32 ndarray or CSR (m, d)
    words : CSR (m, v), such as `word_vectors` makes
    """
    from scipy import sparse
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the same bits on any number of cores
        likely = _is_labelled(fixed, X, n_groups)[:, None] * _which(fixed, X, words, n_groups)
    likely[likely < LEAST] = 0
    likely[fixed >= 0] = 0
    return sparse.csr_matrix(likely)


def word_vectors(documents: Sequence[str], tokens: Tokens | None = None) -> Any:
    """tf-idf of the documents' words, CSR float64 (m, v), rows of unit length or zero.

    (1 + ln tf) * (1 + ln(m / df)), of the words in at least two documents.
    """
    from scipy import sparse

    counts, _ = count_terms(tokens or tokenize(documents), 1, 1)
    counts = counts.tocsc().astype(np.float64)
    df = np.diff(counts.indptr)
    common = np.flatnonzero(df >= MIN_DF)
    counts = counts[:, common].tocsr()
    counts.data = 1 + np.log(counts.data)
    return unit_rows((counts @ sparse.diags(1 + np.log(len(documents) / df[common]))).tocsr())


def _is_labelled(fixed: Integers, X: Matrix, n_groups: int) -> Any:
    """Probability that each document is of any of the labels, float64 (m,) in [0, 1]."""
    from sklearn.linear_model import LogisticRegression

    unlabelled = np.flatnonzero(fixed < 0)
    if len(unlabelled) > SAMPLED:
        unlabelled = np.random.default_rng(0).choice(unlabelled, SAMPLED, replace=False)
    labelled = np.flatnonzero(fixed >= 0)
    sample = np.sort(np.concatenate([unlabelled, labelled]))
    rows = unit_rows(X)
    target = np.where(fixed < 0, n_groups, fixed)
    model = LogisticRegression(C=C_LABELLED, max_iter=300).fit(rows[sample], target[sample])
    probability = 1 - model.predict_proba(rows)[:, -1]
    return np.minimum(probability / float(probability[labelled].mean()), 1)


def _which(fixed: Integers, X: Matrix, words: Matrix, n_groups: int) -> Any:
    """Probability of each label, were a document of one of them, float64 (m, n_groups)."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    labelled = np.flatnonzero(fixed >= 0)
    probabilities = np.zeros((len(fixed), n_groups))
    groups = np.unique(fixed[labelled])
    if len(groups) == 1:
        probabilities[:, groups] = 1
        return probabilities
    words = sparse.csc_matrix(words)
    seen = np.diff(words[labelled].tocsc().indptr) > 0  # no other word can decide
    rows = sparse.hstack([sparse.csr_matrix(unit_rows(X)), words[:, seen]]).tocsr()
    model = LogisticRegression(C=C_WHICH, max_iter=300).fit(rows[labelled], fixed[labelled])
    probabilities[:, groups] = model.predict_proba(rows)
    return probabilities
