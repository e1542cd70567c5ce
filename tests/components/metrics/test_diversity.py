from __future__ import annotations

import numpy as np
import pytest

from components.base import Corpus, Result, Topic
from components.metrics.diversity import n_topics, size_gini, topic_diversity


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


def test_gini_of_sizes() -> None:
    assert size_gini(result_of([], [0, 0, 1, 1, -1])) == 0
    # Sizes 1 and 3: |1 - 3| twice, over 2 x 2 topics x 4 documents.
    assert size_gini(result_of([], [0, 0, 0, 1])) == pytest.approx(4 / 16)
    assert size_gini(result_of([], [-1, -1])) is None


def test_gini_equals_the_sum_over_pairs() -> None:
    labels = np.random.default_rng(0).geometric(0.2, 500).tolist()
    sizes = np.unique(labels, return_counts=True)[1]
    expected = np.abs(np.subtract.outer(sizes, sizes)).sum() / (2 * len(sizes) * sizes.sum())
    assert size_gini(result_of([], labels)) == pytest.approx(expected)
