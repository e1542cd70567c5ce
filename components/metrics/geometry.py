"""What the vectors look like: diagnostics of the embedder alone.

None of them says how good the topics are, and they are not comparable between embedders of
different kinds: an odd value is a reason to look. They are computed on a sample, with a fixed
size and seed, as most of them depend on the number of documents.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from components.base import Bounds, Integers, NeighborGraph, Result
from components.neighbors import metric_for, neighbors, unit_rows
from components.result import dense

_SAME = 1e-6  # distance below which two vectors are duplicates


def sampled_rows(rows: Integers, limit: int, seed: int) -> Integers:
    """`rows`, or a sample of `limit` of them without replacement, in their order."""
    if len(rows) <= limit:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))


def sampled_neighbors(
    result: Result, n_neighbors: int, n_documents: int, seed: int
) -> tuple[Integers, NeighborGraph]:
    """Rows of the vectors in a sample, and the nearest neighbours of each within it.

    The metric is cosine, or Hellinger for sparse vectors without negatives.
    """
    rows = sampled_rows(np.arange(len(result.rows)), n_documents, seed)
    X = result.embeddings[rows]
    return rows, neighbors(X, n_neighbors, metric_for(X, "auto"))


def effective_rank(
    result: Result, *, n_documents: Annotated[int, Bounds(2)] = 1000, seed: int = 0
) -> float:
    """How many directions the vectors use: exp of the entropy of their singular values.

    The singular values s, as shares s / sum(s), have the entropy H; the measure is exp(H), from 1
    to the number of dimensions or of documents in the sample (Roy and Vetterli 2007; as RankMe,
    Garrido et al. 2023, arXiv:2210.02885, who compare models of one method only).
    """
    rows = sampled_rows(np.arange(len(result.rows)), n_documents, seed)
    X = unit_rows(result.embeddings[rows].astype(np.float64))
    gram: Any = X @ X.T if X.shape[0] <= X.shape[1] else X.T @ X
    squares = np.linalg.eigvalsh(dense(gram))
    values = np.sqrt(np.clip(squares, 0, None))
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def intrinsic_dimension(
    result: Result, *, n_documents: Annotated[int, Bounds(2)] = 2000, seed: int = 0
) -> float | None:
    """Dimension of the surface that the vectors lie on, by the two nearest neighbours.

    n / sum(ln(r2 / r1)), with r1 and r2 the distances of a document to its two nearest
    neighbours: the maximum-likelihood form of TwoNN (Facco et al. 2017). Distances are those
    along the chord of unit vectors, sqrt(2 (1 - cosine)), or Hellinger's. Of exact duplicates only
    the first counts; None where fewer than three documents are left.
    """
    rows, graph = sampled_neighbors(result, 2, n_documents, seed)
    same = graph.distances < _SAME
    earlier = graph.indices < np.arange(len(rows))[:, None]
    if (same & earlier).any():
        X = result.embeddings[rows[~(same & earlier).any(axis=1)]]
        graph = neighbors(X, 2, graph.metric)
    if len(graph.indices) < 3:
        return None
    distances = np.maximum(graph.distances.astype(np.float64), _SAME)
    if graph.metric == "cosine":
        distances = np.sqrt(2 * distances)
    logarithms = np.log(distances[:, 1] / distances[:, 0])
    return float(len(logarithms) / logarithms.sum()) if logarithms.sum() > 0 else None


def hubness(
    result: Result,
    *,
    n_neighbors: Annotated[int, Bounds(1)] = 10,
    n_documents: Annotated[int, Bounds(2)] = 2000,
    seed: int = 0,
) -> float | None:
    """Skewness of how often documents are among the nearest neighbours of others.

    mean((N - mean N)^3) / sd(N)^3, with N the number of documents that have a document among
    their nearest neighbours (Radovanović, Nanopoulos and Ivanović 2010). 0 without hubs; large
    where a few documents are everybody's neighbours, which blurs topics. None where N is constant.
    """
    rows, graph = sampled_neighbors(result, n_neighbors, n_documents, seed)
    times = np.bincount(graph.indices.ravel(), minlength=len(rows)).astype(np.float64)
    deviations = times - times.mean()
    spread = float(np.sqrt(np.mean(deviations**2)))
    return float(np.mean(deviations**3)) / spread**3 if spread > 0 else None
