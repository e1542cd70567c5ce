from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from components.base import ParameterError, Topic
from components.labelers.zeroshot import ZeroShotLabels

X = np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
LABELS = np.array([0, 0, 1, 2])
TOPICS = [Topic(i, 1, (("word", 1.0),), typical=i) for i in range(3)]
VECTORS = {"animals": [2, 0, 0], "cars": [0, 3, 1], "unknown": [0, 0, 0]}


def label(
    candidates: list[str], as_matrix: Any = np.asarray, topics: Any = TOPICS, **options: Any
) -> list[str]:
    def encode(texts: list[str]) -> Any:
        return as_matrix(np.array([VECTORS[text] for text in texts], np.float32))

    part = ZeroShotLabels(candidates=candidates, **options)
    found = part.label(topics, embeddings=as_matrix(X), labels=LABELS, encode_texts=encode)
    return [topic.label for topic in found]


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_matrix])
def test_the_nearest_candidate_or_the_words_below_the_threshold(as_matrix: Any) -> None:
    assert label(["animals", "cars"], as_matrix, threshold=0.5) == ["animals", "cars", "word"]
    assert label(["cars", "animals"], as_matrix, threshold=0.3) == ["animals", "cars", "cars"]
    assert label(["cars", "animals"], as_matrix, threshold=0.96) == ["animals", "word", "word"]


def test_some_of_the_topics_may_have_a_name_already() -> None:
    """As after an update: only new topics are labelled."""
    assert label(["animals", "cars"], topics=TOPICS[1:], threshold=0.5) == ["cars", "word"]


def test_a_candidate_without_a_known_word_is_given_to_no_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert label(["unknown", "animals"], threshold=-1) == ["animals"] * 3
    assert "no word of unknown" in caplog.text
    assert label(["unknown"], threshold=-1) == ["word"] * 3


@pytest.mark.parametrize(
    ("options", "name"),
    [({"candidates": []}, "candidates"), ({"candidates": ["a", " "]}, "candidates"),
     ({"candidates": ["a", "a"]}, "candidates"),
     ({"candidates": ["a"], "threshold": 1.5}, "threshold")],
)  # fmt: skip
def test_wrong_parameters(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ParameterError) as error:
        ZeroShotLabels(**options)
    assert error.value.name == name
