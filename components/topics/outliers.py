"""What to do with outliers: documents that the clusterer put in no topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from components.base import Floats, Integers, Matrix, ParameterError
from components.neighbors import unit_rows


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
        self.by = by
        self.threshold = threshold

    def assign(
        self, labels: Integers, X: Matrix, documents: Sequence[str], memberships: Any | None
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
        """
        if self.by == "ctfidf":
            memberships = _word_similarity(documents, labels)
        return assign_outliers(X, labels, memberships, self.by, self.threshold)


def assign_outliers(
    X: Matrix | None,
    labels: Integers,
    memberships: Any | None,
    method: Literal["strength", "nearest", "ctfidf"],
    threshold: float = 0.0,
) -> Integers:
    """Assign each outlier to its most similar topic, if that is similar enough.

    Parameters
    ----------
    X : float array (n, d) or CSR matrix (n, d), optional
        Vectors, for ``nearest``: cosine to the mean of a topic's unit vectors.
    labels : int64 (n,)
        -1 is "no topic"; all other documents keep what they have.
    memberships : array or CSR matrix (n, topics), optional
        The similarity itself: for ``strength`` a clusterer's `memberships_`, for ``ctfidf`` the
        similarity of each document's words to each topic's.
    threshold : float
        A document less similar to its best topic stays an outlier; so does one with a
        similarity of 0 to every topic.

    Returns
    -------
    int64 (n,)
        A new array; of equally similar topics, the lower number.
    """
    out = np.flatnonzero(labels < 0)
    n_topics = int(labels.max(initial=-1)) + 1
    if not len(out) or not n_topics:
        return labels.copy()
    if method == "nearest":
        if X is None:
            raise ValueError("method 'nearest' needs X")
        similarity = _cosine_to_topics(X, labels, out, n_topics)
    elif memberships is None:
        raise ParameterError(
            "by",
            method,
            "the clusterer gives no memberships of documents in topics. Choose by=nearest, or a "
            "clusterer that does, such as leiden.",
        )
    else:
        rows = memberships[out]
        similarity = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    best = similarity.argmax(axis=1)
    score = similarity[np.arange(len(out)), best]
    enough = (score >= threshold) & (score > 0)
    assigned = labels.copy()
    assigned[out[enough]] = best[enough]
    return assigned


def _cosine_to_topics(X: Matrix, labels: Integers, rows: Integers, n_topics: int) -> Floats:
    from scipy import sparse

    units = unit_rows(X)
    kept = np.flatnonzero(labels >= 0)
    member = sparse.csr_matrix(
        (np.ones(len(kept), np.float32), (labels[kept], kept)), shape=(n_topics, len(labels))
    )
    centres = unit_rows(member @ units)
    found = units[rows] @ centres.T
    return np.asarray(found.toarray() if sparse.issparse(found) else found, dtype=np.float32)


def _word_similarity(documents: Sequence[str], labels: Integers) -> Any:
    """CSR (m, topics): cosine of each document's c-TF-IDF vector to each topic's."""
    from scipy.sparse import diags

    from components.representations.ctfidf import CTFIDF

    fitted = CTFIDF().fit(documents, labels)
    weighted = fitted.counts_ @ diags(fitted.idf_)
    return (unit_rows(weighted) @ unit_rows(fitted.components_).T).tocsr()
