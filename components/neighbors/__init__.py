"""Nearest neighbours, exact where that is cheap.

Three metrics:

- ``euclidean``: |x - y|;
- ``cosine``: 1 - u v, with u and v the rows scaled to unit length;
- ``hellinger``: sqrt(1 - sum sqrt(p q)), with p and q the rows divided by their sums.

The cosine or Hellinger distance of an all-zero row is 0 to another all-zero row, and 1 to any
other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Matrix, NeighborGraph, ParameterError, at_least
from components.neighbors.exact import search
from components.neighbors.inverted import inverted_search
from components.neighbors.rows import Rows, unit_rows
from components.neighbors.tiles import search_among, serves

__all__ = ["EXACT_LIMIT", "METRICS", "metric_for", "nearest", "neighbors", "unit_rows"]

METRICS = ("cosine", "euclidean", "hellinger")

EXACT_LIMIT = 100_000  # rows beyond which the search is approximate: exact search takes n^2 time
SAMPLE = 200  # rows by which the recall of a search of sparse vectors is measured
SAMPLE_NEIGHBORS = 15  # nearest neighbours of each of them


def neighbors(X: Matrix, k: int, metric: str = "cosine") -> NeighborGraph:
    """The `k` nearest neighbours of each row of `X`.

    Parameters
    ----------
    X : float array (n, d) or CSR matrix (n, d)
        Finite. A CSR matrix is never made dense.
    k : int
        At least 1; at most n - 1 neighbours are returned.
    metric : {"cosine", "euclidean", "hellinger"}
        Hellinger is for rows without negative numbers.

    Returns
    -------
    NeighborGraph
        Nearest first, without the row itself; ties are in order of the rows. Exact up to
        `EXACT_LIMIT` rows. Beyond, by an inverted file for dense rows (see
        `components.neighbors.inverted`) and by pynndescent for sparse ones: repeatable, and with
        a measured `recall`.

    Raises
    ------
    ParameterError
        Where `k` or `metric` is none of these, or negative numbers are to be compared by
        Hellinger distance.
    """
    _check(X, k, metric)
    n = int(X.shape[0])
    k = min(k, n - 1)
    if k == 0:
        return NeighborGraph(np.empty((n, 0), np.int32), np.empty((n, 0), np.float32), metric)
    rows = Rows(X, metric)
    if n > EXACT_LIMIT:
        if not rows.is_dense:
            return _descent(X, k, metric, rows)
        indices, distances, recall = inverted_search(rows, k)
        return NeighborGraph(indices, distances, metric, recall)
    if serves(rows, k):
        return NeighborGraph(*search_among(rows, k), metric)
    return NeighborGraph(*search(rows, rows, k, same=True), metric)


def nearest(
    queries: Matrix, X: Matrix, k: int, metric: str = "cosine"
) -> tuple[NDArray[np.int32], Floats]:
    """The `k` rows of `X` nearest to each row of `queries`.

    Exact for any number of rows; otherwise as `neighbors`.

    Parameters
    ----------
    queries : float array (q, d) or CSR matrix (q, d)
    X : float array (n, d) or CSR matrix (n, d)

    Returns
    -------
    indices : int32 (q, k)
    distances : float32 (q, k)
    """
    from scipy import sparse

    _check(queries, k, metric)
    _check(X, k, metric)
    k = min(k, X.shape[0])
    if sparse.issparse(X):  # in one `Rows`, which stores the same columns of both as dense
        both = Rows(sparse.vstack([queries, X], format="csr"), metric)
        split = queries.shape[0]
        return search(both.part(0, split), both.part(split, None), k)
    rows = Rows(X, metric)
    return search(Rows(queries, metric, rows.centre), rows, k)


def metric_for(X: Matrix, metric: str) -> str:
    """`metric`, or for ``auto`` hellinger if `X` is sparse without negatives, else cosine."""
    from scipy import sparse

    if metric != "auto":
        return metric
    return "hellinger" if sparse.issparse(X) and not (X.data < 0).any() else "cosine"


def _check(X: Matrix, k: int, metric: str) -> None:
    at_least(1, n_neighbors=k)
    if metric not in METRICS:
        raise ParameterError("metric", metric, f"must be one of {', '.join(METRICS)}.")
    values = X.data if hasattr(X, "indptr") else X
    if metric == "hellinger" and (np.asarray(values) < 0).any():
        raise ParameterError(
            "metric",
            metric,
            "the Hellinger distance is for counts and weights, but these vectors hold negative "
            "numbers. Set metric=cosine.",
        )


def _descent(X: Matrix, k: int, metric: str, rows: Rows) -> NeighborGraph:
    """Neighbours by pynndescent: nearest-neighbour descent (Dong, Moses and Li 2011)."""
    from pynndescent import NNDescent

    index = NNDescent(X, metric=metric, n_neighbors=k + 1, random_state=0, compressed=True)
    indices, distances = index.neighbor_graph
    # The row itself is first, except among duplicates, where it may be later or missing.
    is_self = indices == np.arange(len(indices))[:, None]
    drop = np.where(is_self.any(axis=1), is_self.argmax(axis=1), k)
    keep = np.arange(k + 1) != drop[:, None]
    indices = indices[keep].reshape(-1, k).astype(np.int32)
    distances = distances[keep].reshape(-1, k).astype(np.float32)
    sample = np.random.default_rng(0).permutation(len(rows))[:SAMPLE]
    measured = min(k, SAMPLE_NEIGHBORS)
    truth = search(rows.take(sample), rows, measured + 1)[0]
    near = truth != sample[:, None]
    near &= np.cumsum(near, axis=1) <= measured
    hits = (truth[:, :, None] == indices[sample][:, None, :]).any(axis=2)
    return NeighborGraph(indices, distances, metric, float(hits[near].mean()))
