"""How a document gets its topic. Each row of a result depends on the same row of the input alone.

A pair of matches is what `NearestIndex.query` returns: row numbers int64 (n, k) and distances
float64 (n, k), nearest first. Every function returns topics int64 (n,), -1 for none; strengths
float64 (n,) in [0, 1]; memberships float32 (n, topics).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from components.base import Floats, Integers, Matrix
from components.model.index import Doubles
from components.neighbors.fuzzy import FARTHEST, fuzzy_strengths

Assigned = tuple[Integers, Doubles, Floats]


def vote(
    indices: Integers,
    distances: Doubles,
    labels: Integers,
    n_topics: int,
    metric: str,
    pull: Doubles,
    outlier_threshold: float | None,
) -> Assigned:
    """The topic with the most link weight, for its size.

    Parameters
    ----------
    labels : int (m,), topics of the training rows; -1 counts, but wins nothing
    pull : float64 (topics,), the share of all link weight that a topic holds, times Leiden's
        resolution; zeros where the topics are not Leiden's
    outlier_threshold : share of its link weight that a document must have in its topic
    """
    weights = votes(indices, distances, labels, n_topics, metric)
    total = weights.sum(axis=1)
    share = weights[:, :n_topics] / np.where(total > 0, total, 1)[:, None]
    linked = share.max(axis=1, initial=0) > 0
    # The gain in modularity by a node of degree 1 that joins a topic (Traag et al. 2019).
    gain = np.where(share > 0, share - share.sum(axis=1)[:, None] * pull, -np.inf)
    topics = np.where(linked, gain.argmax(axis=1), -1)
    strengths = np.where(linked, share[np.arange(len(share)), topics], 0.0)
    if outlier_threshold is not None:
        topics[strengths < outlier_threshold] = -1
    return topics, strengths, share.astype(np.float32)


def votes(
    indices: Integers, distances: Doubles, labels: Integers, n_topics: int, metric: str
) -> Doubles:
    """Link weight to each topic and, in the last column, to rows without one: (n, topics + 1)."""
    weights = np.where(distances < FARTHEST.get(metric, np.inf), fuzzy(distances), 0.0)
    return _by_topic(weights, labels[indices], n_topics)


def _by_topic(weights: Doubles, labels: Integers, n_topics: int) -> Doubles:
    """Sums over each row's matches (n, k) by topic; the last column is for -1: (n, topics + 1)."""
    n = len(weights)
    columns = np.where(labels < 0, n_topics, labels)
    cells = (np.arange(n)[:, None] * (n_topics + 1) + columns).ravel()
    sums: Doubles = np.bincount(cells, weights.ravel(), n * (n_topics + 1)).astype(np.float64)
    return sums.reshape(n, n_topics + 1)


def fuzzy(distances: Doubles) -> Doubles:
    """`fuzzy_strengths` (n, k), with a least scale that follows from each row alone."""
    return fuzzy_strengths(
        distances, np.maximum(1e-3 * distances.mean(axis=1, keepdims=True), 1e-12)
    )


def centre(Z: Matrix, centres: Doubles) -> Assigned:
    """The topic with the nearest centre (topics, r), by euclidean distance.

    Strength is 1 - a/b, with a and b the distances to the nearest and the next centre, as in
    `components.clusterers.kmeans`. Memberships are those of fuzzy c-means with m = 2 (Bezdek
    1981): in proportion to 1 / distance^2.
    """
    if hasattr(Z, "tocsr"):
        rows = Z.tocsr().astype(np.float64)
        squares = np.asarray(rows.multiply(rows).sum(axis=1))
        # CSR times dense adds up each row by itself.
        squared = squares + np.einsum("ij,ij->i", centres, centres) - 2 * (rows @ centres.T)
        distances = np.sqrt(np.maximum(squared, 0))
    else:
        from scipy.spatial.distance import cdist

        distances = cdist(np.asarray(Z, np.float64), centres)
    return _by_distance(distances)


def centroid(order: Integers, distances: Doubles) -> Assigned:
    """The topic whose centroid has the highest cosine; every topic is among the matches.

    Strength is that cosine, 0 where it is negative.
    """
    all_distances = np.empty(distances.shape)
    np.put_along_axis(all_distances, order, distances, axis=1)
    _, _, memberships = _by_distance(all_distances)
    return order[:, 0].copy(), np.clip(1 - distances[:, 0], 0, 1), memberships


def _by_distance(distances: Doubles) -> Assigned:
    topics = distances.argmin(axis=1)
    strengths = np.ones(len(distances))
    if distances.shape[1] > 1:
        two = np.partition(distances, 1, axis=1)
        strengths = 1 - two[:, 0] / np.where(two[:, 1] > 0, two[:, 1], 1)
    inverse = 1 / np.maximum(distances, 1e-9) ** 2
    memberships = inverse / inverse.sum(axis=1, keepdims=True)
    return topics, strengths, memberships.astype(np.float32)


def density(
    indices: Integers,
    distances: Doubles,
    labels: Integers,
    n_topics: int,
    min_samples: int,
    core: Doubles,
    births: Doubles,
    deaths: Doubles,
) -> Assigned:
    """HDBSCAN's own rule for a point that comes after the tree was built.

    The point joins the tree at its nearest row by mutual reachability, max(core of both,
    distance). It belongs to that row's topic if the topic still exists at the density
    lambda = 1 / mutual reachability; its strength is lambda over the density at which the last
    rows leave the topic.

    Parameters
    ----------
    core : float64 (m,), distance of each training row to its `min_samples`-th neighbour
    births, deaths : float64 (m,), the densities at which the topic of each row begins and ends;
        infinite and 0 for rows without a topic
    """
    own_core = distances[:, min(min_samples, distances.shape[1]) - 1]
    reach = np.maximum(np.maximum(distances, core[indices]), own_core[:, None])
    # Of equals, the nearest row.
    nearest = indices[np.arange(len(indices)), reach.argmin(axis=1)]
    level = 1 / np.maximum(reach.min(axis=1), 1e-300)
    topics = np.where(level >= births[nearest], labels[nearest], -1)
    death = deaths[nearest]
    strengths = np.minimum(level / np.where(death > 0, death, np.inf), 1.0)
    sums = _by_topic(1 / np.maximum(reach, 1e-300), labels[indices], n_topics)
    share = sums[:, :n_topics] / sums.sum(axis=1, keepdims=True)
    return topics, np.where(topics >= 0, strengths, 0.0), share.astype(np.float32)


def project(X: Matrix, components: Doubles, mean: Doubles | None) -> Doubles:
    """Rows on principal axes or singular vectors (r, d): float64 (n, r)."""
    if hasattr(X, "tocsr"):
        projected = np.asarray(X.tocsr().astype(np.float64) @ components.T)
        return projected if mean is None else projected - np.einsum("rd,d->r", components, mean)
    rows = np.asarray(X, dtype=np.float64)
    if mean is not None:
        rows = rows - mean
    # Row by row, without BLAS, whose last bits depend on how many rows there are.
    return np.stack([np.einsum("rd,d->r", components, row) for row in rows])


def place(indices: Integers, distances: Doubles, places: Floats, metric: str) -> Doubles:
    """The place of one of the nearest rows: of that which lies most amid the others.

    It is the weighted medoid (Kaufman and Rousseeuw 1987), with `fuzzy` for weights: the least sum
    of weight times distance. A mean would put a document between the topics of its neighbours,
    where there is nothing. The place of a row at no distance is that row's.
    """
    weights = fuzzy(distances)
    near = places[indices].astype(np.float64)  # (n, k, r)
    sums = np.empty(weights.shape)
    for j in range(indices.shape[1]):
        gaps = near - near[:, j, None]
        sums[:, j] = (np.sqrt((gaps * gaps).sum(axis=2)) * weights).sum(axis=1)
    medoids: Doubles = near[np.arange(len(near)), sums.argmin(axis=1)]
    same = distances[:, 0] <= (1e-6 if metric == "cosine" else 1e-3)
    medoids[same] = places[indices[same, 0]]
    return medoids


def unit(X: Any) -> Any:
    """Rows of length 1, in double precision; an all-zero row stays as it is."""
    if hasattr(X, "tocsr"):
        rows = X.tocsr().astype(np.float64)
        rows.data /= np.repeat(np.maximum(lengths(rows), 1e-300), np.diff(rows.indptr))
        return rows
    rows = np.asarray(X, dtype=np.float64)
    return rows / np.maximum(lengths(rows), 1e-300)[:, None]


def lengths(X: Matrix) -> Doubles:
    """Euclidean length of each row, float64 (n,)."""
    if hasattr(X, "tocsr"):
        norms: Doubles = np.sqrt(np.asarray(X.astype(np.float64).multiply(X).sum(axis=1)).ravel())
        return norms
    rows = np.asarray(X, dtype=np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return norms
