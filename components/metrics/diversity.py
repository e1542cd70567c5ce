"""How many topics there are, and how much they repeat each other's words."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from components.base import Bounds, Result


def n_topics(result: Result) -> float:
    """Number of topics that hold a document."""
    return float(len(np.unique(result.labels[result.labels >= 0])))


def topic_diversity(result: Result, *, n_words: Annotated[int, Bounds(1)] = 10) -> float | None:
    """Share of different words among the first `n_words` words of all topics.

    1: no word stands for two topics. Dieng, Ruiz and Blei 2020 (TACL 8, section 6), who take 25
    words. A topic with fewer words counts with those. None where no topic has a word.
    """
    words = [word for topic in result.topics for word, _ in topic.words[:n_words]]
    return len(set(words)) / len(words) if words else None


def size_gini(result: Result) -> float | None:
    """Gini coefficient of the topics' sizes, in [0, 1): 0 where all are of the same size.

    Sum over all pairs of topics of |s_i - s_j|, divided by 2 t sum(s), with t topics of sizes s.
    Neither high nor low is good: near 1, one topic holds almost everything. None without topics.
    """
    sizes = np.sort(np.bincount(result.labels[result.labels >= 0]))
    sizes = sizes[sizes > 0].astype(np.float64)
    if not len(sizes):
        return None
    # Sorted, each size counts once for every smaller one and against once for every larger one.
    ranks = 2 * np.arange(1, len(sizes) + 1) - len(sizes) - 1
    return float((ranks * sizes).sum() / (len(sizes) * sizes.sum()))
