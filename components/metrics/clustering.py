"""How well the topics separate the documents in the embedder's own space."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.base import Integers, Result
from components.neighbors import unit_rows
from components.result import dense

_BLOCK = 4096  # rows brought to unit length at a time, so that the vectors are never copied whole


def outlier_ratio(result: Result) -> float:
    """Share of the documents with a vector that are in no topic.

    Blank documents, which no clusterer has seen, are not among them.
    """
    return float(np.mean(result.labels[result.rows] < 0))


def silhouette(result: Result) -> float | None:
    """Mean cosine silhouette of the documents that are in a topic, in [-1, 1]; higher is better.

    Not comparable between embedders: each has a geometry of its own. Compare runs of one embedder.

    For a document with the mean distances a to the others in its topic and b to the documents of
    the nearest other topic,

        s = (b - a) / max(a, b),   and 0 in a topic of one

    (Rousseeuw 1987). Distances are 1 - cosine, in the embedder's own space, so that runs with
    different reducers compare. Exact: the mean distance of a unit vector u to n others is
    1 - u (their sum) / n. Outliers are left out: they form no cluster. A run that calls more
    documents outliers therefore looks better here, so read it beside `outlier_ratio`.

    None with fewer than two topics, or where each document is a topic of its own.
    """
    labels = result.labels[result.rows]
    rows = np.flatnonzero(labels >= 0)
    topics, labels, sizes = np.unique(labels[rows], return_inverse=True, return_counts=True)
    if not 2 <= len(topics) < len(rows):
        return None
    blocks = np.split(np.arange(len(rows)), range(_BLOCK, len(rows), _BLOCK))
    sums = sum(
        _members(labels[block], len(topics)) @ _unit(result, rows[block]) for block in blocks
    )
    total = 0.0
    for block in blocks:
        units, topic, at = _unit(result, rows[block]), labels[block], np.arange(len(block))
        products = dense(units @ sums.T)
        itself = np.asarray(abs(units).sum(axis=1)).ravel() > 0  # 1, but 0 for an all-zero row
        a = 1 - (products[at, topic] - itself) / np.maximum(sizes[topic] - 1, 1)
        distances = 1 - products / sizes
        distances[at, topic] = np.inf
        # Rounded, so that equal documents are at distance 0 and not a little to either side.
        a, b = a.round(12), distances.min(axis=1).round(12)
        scores = (b - a) / np.maximum(np.maximum(a, b), np.finfo(float).tiny)
        total += float(scores[sizes[topic] > 1].sum())
    return total / len(rows)


def _unit(result: Result, rows: Integers) -> Any:
    """Unit vectors of rows of the embeddings, in double precision."""
    return unit_rows(result.embeddings[rows].astype(np.float64))


def _members(labels: Integers, n_topics: int) -> Any:
    """CSR matrix (n_topics, rows) with a one where a row is in a topic."""
    from scipy import sparse

    ones = np.ones(len(labels))
    return sparse.csr_matrix((ones, (labels, np.arange(len(labels)))), (n_topics, len(labels)))
