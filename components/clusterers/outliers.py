"""What becomes of documents without a topic."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from components.base import Floats, Integers, Matrix, UserError
from components.neighbors import unit_rows


def assign_outliers(
    X: Matrix | None,
    labels: Integers,
    memberships: Any | None,
    method: Literal["strength", "nearest", "ctfidf"],
    threshold: float = 0.0,
) -> Integers:
    """Give each document of topic -1 the topic it is likest to, where it is like enough.

    Parameters
    ----------
    X : float array (n, d) or CSR matrix (n, d), optional
        Vectors, for ``nearest``: the likeness is the cosine to the mean of a topic's unit vectors.
    labels : int64 (n,)
        -1 is "no topic"; all other documents keep what they have.
    memberships : array or CSR matrix (n, topics), optional
        The likeness itself: for ``strength`` a clusterer's `memberships_`, for ``ctfidf`` the
        similarity of each document's words to each topic's.
    threshold : float
        A document less like its best topic than this stays without one; so does a document that
        is like no topic at all.

    Returns
    -------
    int64 (n,)
        A new array; of topics equally like a document, the lower number.
    """
    out = np.flatnonzero(labels < 0)
    n_topics = int(labels.max(initial=-1)) + 1
    if not len(out) or not n_topics:
        return labels.copy()
    if method == "nearest":
        if X is None:
            raise ValueError("method 'nearest' needs X")
        likeness = _cosine_to_topics(X, labels, out, n_topics)
    elif memberships is None:
        raise UserError(
            f"outliers by {method} need a clusterer that says how far a document belongs to every "
            "topic, such as clusterer=leiden. For the others: by the nearest topic."
        )
    else:
        rows = memberships[out]
        likeness = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    best = likeness.argmax(axis=1)
    score = likeness[np.arange(len(out)), best]
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
