"""Density-based cluster validity."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from components.base import Bounds, Result
from components.metrics.geometry import sampled_rows

Distances = NDArray[np.float64]


def dbcv(
    result: Result, *, n_documents: Annotated[int, Bounds(2)] = 2000, seed: int = 0
) -> float | None:
    """Density-based clustering validation, in [-1, 1]; higher is better.

    For each topic, sparseness is the longest inner edge of the minimum spanning tree over mutual
    reachability distances, and separation the shortest such distance from its inner documents to
    those of another topic;

        DBCV = sum over topics of (size / n) (separation - sparseness) / max of the two

    (Moulavi, Jaskowiak, Campello, Zimek and Sander 2014). In the vectors that were clustered, with
    Euclidean distances, on a sample; outliers, and topics with one document in the sample, count
    in n only. Not comparable between embedders, nor between reducers. None with fewer than two
    topics.

    Notes
    -----
    Equal to `hdbscan.validity.validity_index`, which overflows where vectors have many dimensions:
    here powers are taken of logarithms.
    """
    from hdbscan.validity import internal_minimum_spanning_tree
    from sklearn.metrics import pairwise_distances

    rows = sampled_rows(np.arange(len(result.rows)), n_documents, seed)
    labels = result.labels[result.rows][rows]
    X = result.reduced[rows].astype(np.float64)
    topics, sizes = np.unique(labels[labels >= 0], return_counts=True)
    members = [np.flatnonzero(labels == topic) for topic in topics[sizes > 1]]
    if len(members) < 2:
        return None
    distances = pairwise_distances(X)
    np.fill_diagonal(distances, 0.0)
    core = np.zeros(len(rows))
    sparseness, inner = [], []
    for inside in members:
        within = distances[np.ix_(inside, inside)]
        core[inside] = _core_distances(within, X.shape[1])
        reachable = np.maximum(within, np.maximum.outer(core[inside], core[inside]))
        nodes, edges = internal_minimum_spanning_tree(reachable)
        sparseness.append(float(edges[:, 2].max()))
        inner.append(inside[nodes])
    total = 0.0
    for number, inside in enumerate(members):
        others = np.concatenate([nodes for other, nodes in enumerate(inner) if other != number])
        nodes = inner[number]
        between = np.maximum(
            distances[np.ix_(nodes, others)], np.maximum.outer(core[nodes], core[others])
        )
        separation = float(between.min())
        largest = max(separation, sparseness[number])
        validity = (separation - sparseness[number]) / largest if largest > 0 else 0.0
        total += len(inside) / len(rows) * validity
    return total


def _core_distances(distances: Distances, dimension: int) -> Distances:
    """(mean over the others of distance^-dimension)^(-1/dimension), (n,); equal rows left out."""
    with np.errstate(divide="ignore"):
        logarithms = np.log(distances)
    powers = np.where(distances > 0, -dimension * logarithms, -np.inf)
    largest = powers.max(axis=1)
    alone = np.isneginf(largest)  # nothing but duplicates
    shifted = np.exp(powers - np.where(alone, 0, largest)[:, None]).sum(axis=1)
    with np.errstate(divide="ignore"):
        mean = np.log(shifted) + largest - np.log(len(distances) - 1)
    core: Distances = np.where(alone, 0.0, np.exp(-mean / dimension))
    return core
