"""`hierarchy.csv`: a binary tree over the topics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.base import ParameterError, Result
from components.reports.groups import membership, words_of_groups
from components.reports.similarity import similarity
from components.reports.tables import write_csv

HEADS = ["node", "parent", "left", "right", "distance", "n_topics", "size", "topics", "words"]


def write_hierarchy(
    result: Result, folder: Path, *, n_words: int = 10, csv_safe: bool = True
) -> list[Path]:
    """`hierarchy.csv`, a row a node; nothing without vectors, or with fewer than two topics.

    The tree is average-linkage clustering (UPGMA; Sokal and Michener 1958) of the topics by the
    cosine distance, 1 - cosine, of the means of their unit vectors. A graph's communities would
    give a tree too, but only for clusterers that have a graph, and only with the few levels at
    which they nest; this one exists for every clusterer, and its distances never fall from a node
    to its parent, so that it can be cut at any number of topics.

    Columns: node (the topics have their numbers; of t topics, t is the first merge and 2t - 2 the
    root), parent (empty: the root), left and right (the two nodes merged, empty for topics),
    distance (at which they merged: the mean over pairs of topics; 0 for topics), n_topics, size
    (documents), topics (numbers, spaces between) and words. The words of a merged node are weighed
    as those of its topics are: by term frequency in all of its documents, times c-TF-IDF's factor
    of the term. The first t - k merges leave k nodes without a parent among them: k topics.

    Parameters
    ----------
    n_words : int
        Words of each node, at least 1.
    csv_safe : bool
        See `write_csv`.
    """
    if n_words < 1:
        raise ParameterError("n_words", n_words, "must be at least 1.")
    n = len(result.topics)
    cosines = similarity(result, n)
    if cosines is None:
        return []
    from scipy import sparse
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    distances = np.clip(1 - cosines.astype(np.float64), 0, None)
    np.fill_diagonal(distances, 0)
    distances = (distances + distances.T) / 2
    merges = linkage(squareform(distances, checks=False), "average")
    below: list[list[int]] = [[topic] for topic in range(n)]  # topics of each node
    parents = np.full(2 * n - 1, -1)
    for node, (left, right) in enumerate(merges[:, :2].astype(int).tolist(), start=n):
        below.append(sorted(below[left] + below[right]))
        parents[[left, right]] = node
    starts = np.cumsum([0, *map(len, below)])
    columns = np.concatenate(below)
    nodes = sparse.csr_matrix((np.ones(len(columns), np.int64), columns, starts), (2 * n - 1, n))
    words = words_of_groups(result, nodes @ membership(result.labels, n), n_words)
    words[:n] = [", ".join(w for w, _ in topic.words[:n_words]) for topic in result.topics]
    sizes = nodes @ np.array([topic.size for topic in result.topics])
    rows = [
        [
            node,
            "" if parents[node] < 0 else int(parents[node]),
            *(("", "", 0.0) if node < n else _merged(merges[node - n])),
            len(topics),
            int(sizes[node]),
            " ".join(map(str, topics)),
            words[node],
        ]
        for node, topics in enumerate(below)
    ]
    return [write_csv(folder / "hierarchy.csv", HEADS, rows, csv_safe=csv_safe)]


def _merged(merge: NDArray[np.float64]) -> tuple[int, int, float]:
    left, right, distance = merge[:3].tolist()
    return int(left), int(right), round(distance, 6)
