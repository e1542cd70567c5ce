"""A binary tree over the topics, and any number of broader topics read off it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Layer, ParameterError, Result, Topic, largest
from components.labels import by_size
from components.reports.groups import membership, words_of
from components.reports.similarity import similarity


@dataclass(frozen=True)
class TopicTree:
    """A binary tree over t topics.

    The topics are its nodes 0 to t - 1, and merge i makes node t + i; the last is the root.

    Parameters
    ----------
    merges : int64 array (t - 1, 2)
        The two nodes merged, nearest first.
    distances : float64 array (t - 1,)
        At which they merged; they never fall.
    """

    merges: Integers
    distances: NDArray[np.float64]

    @property
    def n_topics(self) -> int:
        return len(self.merges) + 1

    @cached_property
    def topics(self) -> list[list[int]]:
        """The topics below each node, in ascending order."""
        below = [[topic] for topic in range(self.n_topics)]
        for left, right in self.merges.tolist():
            below.append(sorted(below[left] + below[right]))
        return below

    @cached_property
    def parents(self) -> Integers:
        """Parent of each node (2t - 1,); -1: the root has none."""
        parents = np.full(2 * self.n_topics - 1, -1, np.int64)
        nodes = np.arange(len(self.merges)) + self.n_topics
        parents[self.merges[:, 0]] = parents[self.merges[:, 1]] = nodes
        return parents

    @property
    def members(self) -> Any:
        """CSR matrix, int64 (2t - 1, t): 1 where a node holds a topic."""
        from scipy import sparse

        starts = np.cumsum([0, *map(len, self.topics)])
        columns = np.concatenate(self.topics)
        shape = (len(self.topics), self.n_topics)
        return sparse.csr_matrix((np.ones(len(columns), np.int64), columns, starts), shape)

    def nodes(self, k: int) -> list[int]:
        """The k nodes that are left when the last k - 1 merges are undone, in ascending order.

        Those of a smaller k are unions of those of a larger one.
        """
        first = 2 * self.n_topics - k  # the first node that is undone
        parents = self.parents
        return [n for n in range(first) if parents[n] < 0 or parents[n] >= first]


@dataclass(frozen=True)
class SavedTree:
    """A tree that a run has written, with the words of its nodes (2t - 1)."""

    tree: TopicTree
    words: list[str]


def topic_tree(result: Result) -> TopicTree | None:
    """The tree of a result's topics; None without vectors, or with fewer than two topics.

    Ward's linkage (Ward 1963) of the topics, each a point at the mean of its documents' unit
    vectors, brought to unit length. On two labelled corpora it agrees with people's upper levels
    better than other linkages do, and it does not split off odd small topics first, as average
    linkage does: experiments/hierarchy. Every clusterer has vectors, so that every run has a
    tree; a graph's own communities nest only at a few levels.
    """
    cosines = similarity(result, len(result.topics))
    if cosines is None:
        return None
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    distances = np.sqrt(np.clip(2 - 2 * cosines.astype(np.float64), 0, None))
    np.fill_diagonal(distances, 0)
    distances = (distances + distances.T) / 2
    merges = linkage(squareform(distances, checks=False), "ward")
    return TopicTree(merges[:, :2].astype(np.int64), merges[:, 2])


def topics_at(result: Result, k: int, n_words: int = 10) -> Layer:
    """`k` broader topics, each a union of the result's topics, read off its tree.

    Parameters
    ----------
    k : int
        From 1 to the number of topics. The topics of a smaller k are unions of those of a larger.
    n_words : int
        Words of each topic, at most. They are weighed as the topics' own words are.

    Returns
    -------
    Layer
        ``labels`` (n,), -1 where a document is in no topic; ``topics``, numbered by size. Typical
        documents are those of the largest topic in each.

    Raises
    ------
    ParameterError
        When there are not so many topics, or the result has no tree.
    """
    t = len(result.topics)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= t:
        raise ParameterError("k", k, f"must be from 1 to {t}, the number of topics.")
    tree = topic_tree(result)
    if tree is None:
        if t != 1:
            raise ParameterError("k", k, "the result has no vectors, so there is no tree.")
        return Layer(result.labels.copy(), list(result.topics))
    node_of = np.empty(t + 1, np.int64)
    node_of[-1] = -1
    for place, node in enumerate(tree.nodes(int(k))):
        node_of[tree.topics[node]] = place
    labels = by_size(node_of[result.labels])
    words = words_of(result, membership(labels, int(k)), n_words)
    topics = []
    for number in range(int(k)):
        inside = np.unique(result.labels[labels == number])
        main = largest([result.topics[topic] for topic in inside.tolist()])[0]
        if len(inside) == 1:  # its words are those of the run, whatever they were chosen by
            named = main.words[:n_words]
            label, description = main.label, main.description
        else:
            named, label, description = tuple(words[number]) or main.words[:n_words], "", ""
        topics.append(
            Topic(
                number,
                int((labels == number).sum()),
                named,
                main.typical,
                main.examples,
                label,
                description,
            )
        )
    return Layer(labels, topics)
