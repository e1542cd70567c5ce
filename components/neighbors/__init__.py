"""Nearest neighbours, exact where that is cheap.

Three metrics:

- ``euclidean``: |x - y|;
- ``cosine``: 1 - u v, with u and v the rows at unit length;
- ``hellinger``: sqrt(1 - sum sqrt(p q)), with p and q the rows divided by their sums.

An all-zero row is at cosine or Hellinger distance 1 from every other row, and 0 from another
all-zero row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Matrix, NeighborGraph, ParameterError
from components.neighbors.exact import search
from components.neighbors.inverted import inverted_search
from components.neighbors.rows import Rows, unit_rows
from components.neighbors.tiles import search_among, serves

__all__ = ["EXACT_LIMIT", "METRICS", "metric_for", "nearest", "neighbors", "unit_rows"]

METRICS = ("cosine", "euclidean", "hellinger")

# Rows beyond which not all pairs are compared: exact search costs n^2.
EXACT_LIMIT = 100_000
SAMPLE, SAMPLED = (
    200,
    15,
)  # rows, and neighbours of each, by which sparse vectors' recall is measured


def neighbors(X: Matrix, k: int, metric: str = "cosine") -> NeighborGraph:
    """The `k` nearest neighbours of each row of `X`.

    Parameters
    ----------
    X : float array (n, d) or CSR matrix (n, d)
        Finite. A CSR matrix is never made dense.
    k : int
        At least 1. Where there are fewer, all n - 1 other rows.
    metric : {"cosine", "euclidean", "hellinger"}
        Hellinger needs numbers that are not negative.

    Returns
    -------
    NeighborGraph
        Nearest first, the row itself left out; of equals, the lower row first. Exact up to
        `EXACT_LIMIT` rows. Beyond it, by an inverted file for dense rows (see
        `components.neighbors.inverted`) and by pynndescent for sparse ones: the same in every
        call, and with a measured `recall`.
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
    """The `k` rows of `X` nearest to each row of `queries`: indices and distances, (q, k).

    Always exact, with the conventions of `neighbors`; no row is left out.
    """
    from scipy import sparse

    _check(queries, k, metric)
    _check(X, k, metric)
    k = min(k, X.shape[0])
    if sparse.issparse(X):  # together, so that the same columns are dense
        both = Rows(sparse.vstack([queries, X], format="csr"), metric)
        split = queries.shape[0]
        return search(both.part(0, split), both.part(split, None), k)
    rows = Rows(X, metric)
    return search(Rows(queries, metric, rows.centre), rows, k)


def metric_for(X: Matrix, metric: str) -> str:
    """What `auto` stands for: Hellinger for sparse rows without negatives, cosine otherwise."""
    from scipy import sparse

    if metric != "auto":
        return metric
    return "hellinger" if sparse.issparse(X) and not (X.data < 0).any() else "cosine"


def _check(X: Matrix, k: int, metric: str) -> None:
    if k < 1:
        raise ParameterError("n_neighbors", k, "must be at least 1.")
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
    """By nearest-neighbour descent (Dong et al. 2011), as pynndescent has it."""
    from pynndescent import NNDescent

    index = NNDescent(X, metric=metric, n_neighbors=k + 1, random_state=0, compressed=True)
    indices, distances = index.neighbor_graph
    # The row itself comes first, except among duplicates, where it may come later or be missing.
    is_self = indices == np.arange(len(indices))[:, None]
    drop = np.where(is_self.any(axis=1), is_self.argmax(axis=1), k)
    keep = np.arange(k + 1) != drop[:, None]
    indices = indices[keep].reshape(-1, k).astype(np.int32)
    distances = distances[keep].reshape(-1, k).astype(np.float32)
    sample = np.random.default_rng(0).permutation(len(rows))[:SAMPLE]
    truth = search(rows.take(sample), rows, min(k, SAMPLED) + 1)[0]
    near = truth != sample[:, None]  # but for the row itself, which stands first or nearly so
    near &= np.cumsum(near, axis=1) <= min(k, SAMPLED)
    hits = (truth[:, :, None] == indices[sample][:, None, :]).any(axis=2)
    return NeighborGraph(indices, distances, metric, float(hits[near].mean()))
