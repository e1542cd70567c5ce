from __future__ import annotations

import numpy as np

from components.base import Corpus, Result, Topic
from components.metrics.diversity import n_topics, topic_diversity


def result_of(topics: list[list[str]], labels: list[int] | None = None) -> Result:
    labels = labels or [0]
    n = len(labels)
    empty = np.zeros((n, 1), np.float32)
    return Result(
        Corpus(["x"] * n),
        np.arange(n),
        empty,
        empty,
        np.array(labels),
        np.zeros(n, np.float32),
        [Topic(i, 1, tuple((word, 1.0) for word in words), 0) for i, words in enumerate(topics)],
    )


def test_share_of_different_words() -> None:
    assert topic_diversity(result_of([["cat", "dog"], ["sea", "boat"]])) == 1
    assert topic_diversity(result_of([["cat", "dog"], ["cat", "boat"]])) == 3 / 4
    assert topic_diversity(result_of([["cat"], ["cat"], ["cat"], ["cat"]])) == 1 / 4


def test_only_the_first_words() -> None:
    assert topic_diversity(result_of([["cat", "dog"], ["sea", "dog"]]), n_words=1) == 1


def test_a_short_topic_counts_with_the_words_it_has() -> None:
    assert topic_diversity(result_of([["cat", "dog", "fish"], [], ["cat"]])) == 3 / 4


def test_none_without_words() -> None:
    assert topic_diversity(result_of([])) is None
    assert topic_diversity(result_of([[], []])) is None


def test_number_of_topics() -> None:
    assert n_topics(result_of([], [2, 0, -1, 0, 1])) == 3
    assert n_topics(result_of([], [-1, -1])) == 0
