"""Ways to merge topics two by two: each returns merges (t - 1, 2), as scipy numbers the nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

Merges = Any
N_BLOCK = 4096


def mean_vectors(X: Any, topic_of: Any) -> Any:
    """Means (t, d) of the unit vectors of each topic, not of unit length themselves."""
    n_topics = topic_of.max() + 1
    sums = np.zeros((n_topics, X.shape[1]))
    for start in range(0, len(X), N_BLOCK):
        rows = X[start : start + N_BLOCK].astype(np.float64)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        np.add.at(sums, topic_of[start : start + N_BLOCK], rows)
    return sums / np.bincount(topic_of)[:, None]


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def of_distances(method: str) -> Callable[..., Merges]:
    def merges(means: Any, sizes: Any, between: Any) -> Merges:
        cosines = unit(means) @ unit(means).T
        distances = np.clip(1 - (cosines + cosines.T) / 2, 0, None)
        np.fill_diagonal(distances, 0)
        return linkage(squareform(distances, checks=False), method)[:, :2].astype(int)

    return merges


def ward(means: Any, sizes: Any, between: Any) -> Merges:
    """Ward on the unit means: a topic counts as one point, however large."""
    return linkage(unit(means), "ward")[:, :2].astype(int)


def greedy(gain: Callable[[Any, Any, Any], Any], add: Callable[..., Any], start: Any) -> Merges:
    """Merge the pair of the greatest gain, until one is left.

    gain(state, sizes, alive) is (t, t); add(state, a, b, sizes) puts b into a.
    """
    state, sizes = start
    n = len(sizes)
    node = np.arange(n)
    alive = np.ones(n, bool)
    made = []
    for step in range(n - 1):
        value = gain(state, sizes, alive)
        value[~alive] = value[:, ~alive] = -np.inf
        np.fill_diagonal(value, -np.inf)
        a, b = sorted(np.unravel_index(value.argmax(), value.shape))
        made.append((node[a], node[b]))
        state = add(state, a, b, sizes)
        sizes[a] += sizes[b]
        alive[b] = False
        node[a] = n + step
    return np.array(made)


def ward_documents(means: Any, sizes: Any, between: Any) -> Merges:
    """Ward in which a topic counts as many points as it has documents, all at its unit mean."""

    def gain(state: Any, sizes: Any, alive: Any) -> Any:
        square = (state**2).sum(axis=1)
        gap = np.clip(square[:, None] + square - 2 * state @ state.T, 0, None)
        return -gap * np.outer(sizes, sizes) / np.add.outer(sizes, sizes)

    def add(state: Any, a: int, b: int, sizes: Any) -> Any:
        state[a] = (sizes[a] * state[a] + sizes[b] * state[b]) / (sizes[a] + sizes[b])
        return state

    return greedy(gain, add, (unit(means), sizes.astype(float)))


def average_documents(means: Any, sizes: Any, between: Any) -> Merges:
    """The mean cosine of all pairs of documents of two nodes."""

    def add(state: Any, a: int, b: int, sizes: Any) -> Any:
        state[a] = (sizes[a] * state[a] + sizes[b] * state[b]) / (sizes[a] + sizes[b])
        return state

    return greedy(lambda state, *_: state @ state.T, add, (means.copy(), sizes.astype(float)))


def _add_links(state: Any, a: int, b: int, sizes: Any) -> Any:
    state[a] += state[b]
    state[:, a] += state[:, b]
    state[b] = state[:, b] = 0
    return state


def graph_density(means: Any, sizes: Any, between: Any) -> Merges:
    """The weight of the links between two nodes for the product of their degrees."""

    def gain(state: Any, sizes: Any, alive: Any) -> Any:
        degrees = state.sum(axis=1)
        return state / np.maximum(np.outer(degrees, degrees), 1e-300)

    return greedy(gain, _add_links, (between.copy(), sizes.astype(float)))


def graph_modularity(means: Any, sizes: Any, between: Any) -> Merges:
    """The gain, or the least loss, of modularity (Clauset, Newman and Moore 2004)."""

    def gain(state: Any, sizes: Any, alive: Any) -> Any:
        degrees = state.sum(axis=1)
        return state - np.outer(degrees, degrees) / degrees.sum()

    return greedy(gain, _add_links, (between.copy(), sizes.astype(float)))


def graph_normalised(means: Any, sizes: Any, between: Any) -> Merges:
    """The weight of the links between two nodes for the geometric mean of their degrees."""

    def gain(state: Any, sizes: Any, alive: Any) -> Any:
        degrees = state.sum(axis=1)
        return state / np.sqrt(np.maximum(np.outer(degrees, degrees), 1e-300))

    return greedy(gain, _add_links, (between.copy(), sizes.astype(float)))


LINKAGES: dict[str, Callable[..., Merges]] = {
    "average": of_distances("average"),
    "complete": of_distances("complete"),
    "ward": ward,
    "ward, by documents": ward_documents,
    "average, by documents": average_documents,
    "graph, density": graph_density,
    "graph, modularity": graph_modularity,
    "graph, normalised": graph_normalised,
}


def cut(merges: Merges, n_nodes: int) -> Any:
    """Node (t,) of each topic, numbered from 0, after the first t - n_nodes merges."""
    n = len(merges) + 1
    member = {topic: [topic] for topic in range(n)}
    for step, (a, b) in enumerate(merges[: n - n_nodes].tolist()):
        member[n + step] = member.pop(a) + member.pop(b)
    made = np.empty(n, np.int64)
    for node, topics in enumerate(member.values()):
        made[topics] = node
    return made
