"""What to do with outliers: documents that the clusterer put in no topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError
from components.neighbors import unit_rows
from components.result import dense

BLOCK = 1024  # documents that are worked on at a time


class KeepOutliers:
    """Outliers stay outliers."""

    def assign(
        self, labels: Integers, X: Matrix, documents: Sequence[str], memberships: Any | None
    ) -> Integers:
        """The labels as they are, int64 (m,)."""
        return labels


class AssignOutliers:
    """Assigns each outlier to its most similar topic.

    Parameters
    ----------
    by : {"nearest", "strength", "ctfidf"}
        The similarity: ``nearest``, cosine of the document's vector to the mean of the topic's
        unit vectors; ``strength``, the clusterer's own memberships; ``ctfidf``, cosine of the
        document's c-TF-IDF vector to the topic's.
    threshold : float
        Minimum similarity; below it a document stays an outlier.
    """

    def __init__(
        self,
        *,
        by: Literal["nearest", "strength", "ctfidf"] = "nearest",
        threshold: float = 0.0,
    ) -> None:
        if not -1 <= threshold <= 1:
            raise ParameterError("threshold", threshold, "must be a similarity, from -1 to 1.")
        self.by = by
        self.threshold = threshold

    @property
    def needs_words(self) -> bool:
        """Whether `assign` uses `words`."""
        return self.by == "ctfidf"

    def assign(
        self,
        labels: Integers,
        X: Matrix,
        documents: Sequence[str],
        memberships: Any | None,
        *,
        words: Any | None = None,
    ) -> Integers:
        """Labels with outliers assigned, int64 (m,), a new array.

        Parameters
        ----------
        labels : int64 (m,)
            -1 is an outlier.
        X : float32 ndarray or CSR (m, d)
            The embedder's vectors.
        documents : m texts
        memberships : array or CSR (m, topics), optional
            How far each document belongs to each topic, from the clusterer.
        words : optional
            What the representation's `read` returned for these documents; by default they are
            read again.
        """
        out = np.flatnonzero(labels < 0)
        n_topics = int(labels.max(initial=-1)) + 1
        assigned = labels.copy()
        if not len(out) or not n_topics:
            return assigned
        for rows, similarity in self._similarities(labels, out, X, documents, memberships, words):
            best = similarity.argmax(axis=1)  # of equally similar topics, the lower number
            score = similarity[np.arange(len(rows)), best]
            enough = (score >= self.threshold) & (score > 0)
            assigned[rows[enough]] = best[enough]
        return assigned

    def _similarities(
        self,
        labels: Integers,
        out: Integers,
        X: Matrix,
        documents: Sequence[str],
        memberships: Any | None,
        words: Any | None,
    ) -> Iterator[tuple[Integers, NDArray[Any]]]:
        """Rows of `out`, and their similarity to each topic, (rows, topics), block by block."""
        blocks = np.split(out, range(BLOCK, len(out), BLOCK))
        if self.by == "nearest":
            centres = topic_centres(X, labels)
            for rows in blocks:
                yield rows, dense(unit_rows(X[rows]) @ centres.T)
            return
        if self.by == "ctfidf":
            counts, idf, topics = _term_weights(documents, labels, words)
            for rows in blocks:
                yield rows, dense(unit_rows(counts[rows].multiply(idf).tocsr()) @ topics.T)
            return
        if memberships is None:
            raise ParameterError(
                "by",
                self.by,
                "the clusterer gives no memberships of documents in topics. Choose by=nearest, or "
                "a clusterer that does, such as leiden.",
            )
        for rows in blocks:
            yield rows, dense(memberships[rows])


def topic_centres(X: Matrix, labels: Integers) -> Matrix:
    """The mean of each topic's unit vectors, at unit length: (topics, d), sparse where `X` is."""
    from scipy import sparse

    inside = np.flatnonzero(labels >= 0)
    n_topics = int(labels.max(initial=-1)) + 1
    total: Any = 0
    for rows in np.split(inside, range(BLOCK, len(inside), BLOCK)):
        member = sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (labels[rows], np.arange(len(rows)))),
            shape=(n_topics, len(rows)),
        )
        total = total + member @ unit_rows(X[rows])
    return unit_rows(total.tocsr() if sparse.issparse(total) else total)


def _term_weights(
    documents: Sequence[str], labels: Integers, words: Any
) -> tuple[Any, NDArray[np.float64], Any]:
    """Counts (m, v) of terms, their weights (v,), and the topics' unit c-TF-IDF rows (t, v)."""
    from components.representations.ctfidf import CTFIDF
    from components.representations.words import Words

    weights = CTFIDF()
    weights.weigh(words if isinstance(words, Words) else weights.read(documents), labels)
    return weights.counts_, weights.idf_, unit_rows(weights.components_).tocsr()
