"""`hierarchy.csv`: a binary tree over the topics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from components.base import Bounds, Result
from components.reports.groups import membership, words_of_groups
from components.reports.tables import write_csv
from components.reports.text import words_or_label
from components.reports.tree import TopicTree, topic_tree

HEADS = ["node", "parent", "left", "right", "distance", "n_topics", "size", "topics", "words"]


def write_hierarchy(
    result: Result, folder: Path, *, n_words: Annotated[int, Bounds(1)] = 10, csv_safe: bool = True
) -> list[Path]:
    """`hierarchy.csv`, one row per node; nothing without vectors, or with fewer than two topics.

    The tree is that of `components.reports.tree.topic_tree`.

    Columns: node (the topics have their numbers; of t topics, t is the first merge and 2t - 2 the
    root), parent (empty: the root), left and right (the two nodes merged, empty for topics),
    distance (at which they merged, 0 for topics), n_topics, size (documents), topics (their
    numbers, separated by spaces) and words; see `words_of_nodes`. The first t - k merges leave k
    nodes without a parent among them: k topics.

    Parameters
    ----------
    n_words : int
        Words of each node.
    csv_safe : bool
        See `write_csv`.
    """
    tree = topic_tree(result)
    if tree is None:
        return []
    n = tree.n_topics
    words = words_of_nodes(result, tree, n_words)
    sizes = node_sizes(result, tree)
    rows = [
        [
            node,
            "" if tree.parents[node] < 0 else int(tree.parents[node]),
            *(("", "", 0.0) if node < n else _merged(tree, node - n)),
            len(topics),
            sizes[node],
            " ".join(map(str, topics)),
            words[node],
        ]
        for node, topics in enumerate(tree.topics)
    ]
    return [write_csv(folder / "hierarchy.csv", HEADS, rows, csv_safe=csv_safe)]


def words_of_nodes(result: Result, tree: TopicTree, n_words: int) -> list[str]:
    """Words of each node, best first, separated by commas.

    Topics have their own. Those of a merged node are weighed as those of its topics are: by term
    frequency in all of its documents, times c-TF-IDF's factor of the term.
    """
    groups = tree.members @ membership(result.labels, tree.n_topics)
    words = words_of_groups(result, groups, n_words)
    of_topics = [words_or_label(topic, n_words) for topic in result.topics]
    return [*of_topics, *words[tree.n_topics :]]


def node_sizes(result: Result, tree: TopicTree) -> list[int]:
    """Documents of each node."""
    sizes: list[int] = (tree.members @ np.array([t.size for t in result.topics])).tolist()
    return sizes


def _merged(tree: TopicTree, merge: int) -> tuple[int, int, float]:
    left, right = tree.merges[merge].tolist()
    return left, right, round(float(tree.distances[merge]), 6)
