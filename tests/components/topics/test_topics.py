from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from components.base import Topic, UserError
from components.topics import describe, settle
from components.topics.outliers import AssignOutliers, KeepOutliers

# Two topics along two axes; rows 2 and 5 are near one each, row 6 is near neither.
X = np.array(
    [[1, 0, 0], [0.9, 0.1, 0], [0.8, 0.3, 0], [0, 1, 0], [0.1, 0.9, 0], [0.3, 0.8, 0], [0, 0, 1]],
    dtype=np.float32,
)
TEXTS = ["cat cat", "cat", "cat dog", "dog dog", "dog", "dog", "zebra"]
FOUND = np.array([4, 4, -1, 2, 2, -1, -1])


def outliers(policy: str, by: str = "nearest", threshold: float = 0.0) -> object:
    return KeepOutliers() if policy == "keep" else AssignOutliers(by=by, threshold=threshold)


def test_outliers_are_kept() -> None:
    labels = settle(FOUND, SimpleNamespace(), X, TEXTS, outliers("keep"))
    assert labels.main.tolist() == [0, 0, -1, 1, 1, -1, -1]
    assert labels.strengths[[2, 5, 6]].tolist() == [0, 0, 0]
    assert labels.before == 3


def test_outliers_go_to_the_nearest_topic() -> None:
    labels = settle(FOUND, SimpleNamespace(), X, TEXTS, outliers("assign", threshold=0.5))
    assert labels.main.tolist() == [0, 0, 0, 1, 1, 1, -1]
    assert labels.strengths[2] > 0.5
    assert labels.before == 3


def test_outliers_go_where_their_words_are() -> None:
    labels = settle(FOUND, SimpleNamespace(), X, TEXTS, outliers("assign", by="ctfidf"))
    assert labels.main[5] == labels.main[3]
    assert labels.main[6] == -1  # no word of a zebra is in any topic


def test_outliers_go_by_the_clusterers_memberships() -> None:
    shares = csr_matrix(np.array([[1, 0]] * 2 + [[0.2, 0.6]] + [[0, 1]] * 3 + [[0, 0]]))
    clusterer = SimpleNamespace(memberships_=shares, probabilities_=np.ones(7))
    found = np.array([0, 0, -1, 1, 1, -1, -1])
    labels = settle(found, clusterer, X, TEXTS, outliers("assign", by="strength"))
    assert labels.main.tolist() == [1, 1, 0, 0, 0, 0, -1]


@pytest.mark.parametrize("policy", ["keep", "assign"])
def test_layers_stay_nested(policy: str) -> None:
    broad = np.array([0, 0, -1, 0, 0, -1, -1])
    fine = np.array([0, 1, -1, 2, 2, -1, -1])
    clusterer = SimpleNamespace(layers_={"broad": broad, "fine": fine})
    labels = settle(FOUND, clusterer, X, TEXTS, outliers(policy, threshold=0.5))
    ordered = [labels.layers["broad"], labels.main, labels.layers["fine"]]
    for coarse, finer in pairwise(ordered):
        for topic in np.unique(finer[finer >= 0]):
            assert len(np.unique(coarse[finer == topic])) == 1
    assert [int(np.sum(layer < 0)) for layer in ordered] == [3 if policy == "keep" else 1] * 3


class Describer:
    """A representation that says what it was told to."""

    def __init__(self, words: list[list[tuple[object, float]]]) -> None:
        self.words_ = words

    def fit(self, documents: list[str], labels: np.ndarray) -> None: ...


def describe_with(words: list[list[tuple[object, float]]]) -> list[Topic]:
    labels = np.array([0, 0, 0, 1, 1, 1, -1])
    part: Any = Describer(words)
    return describe(part, TEXTS, labels, X, np.arange(7), lambda texts: X)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([[("cat", 1.0)]], "holds 1 topics, and there are 2"),
        ([[("cat", 1.0)], [("dog", float("nan"))]], "topic 1 has ('dog', nan)"),
        ([[(7, 1.0)], [("dog", 1.0)]], "topic 0 has (7, 1.0)"),
        ([[("cat", "1")], [("dog", 1.0)]], "topic 0 has ('cat', '1')"),
        ([["cat"], ["dog"]], "topic 0 has 'cat'"),
        ([[("cat", 1.0, 2)], []], "topic 0 has ('cat', 1.0, 2)"),
        ([None, []], "topic 0 has None"),
        ([{"cat": 1.0}, {}], "topic 0 has {'cat': 1.0}"),
        (["cat", "dog"], "topic 0 has 'cat'"),
        (None, "is of type NoneType"),
        ("ab", "is of type str"),
    ],
)
def test_words_that_break_the_contract(words: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        describe_with(words)
    assert message in str(caught.value)
    assert "Describer.words_" in str(caught.value)


def test_a_topic_without_words_is_called_by_a_typical_document() -> None:
    assert [topic.label for topic in describe_with([[("cat", 1.0)], []])] == ["cat", "“dog”"]


def test_topics_without_words_are_announced(caplog: pytest.LogCaptureFixture) -> None:
    assert [topic.words for topic in describe_with([[("cat", 1.0)], []])] == [(("cat", 1.0),), ()]
    assert "1 of 2 topics have no words (the first is topic 1)" in caplog.text
    assert "nearly every document" not in caplog.text


def test_topics_of_what_documents_have_in_common_are_announced_as_that(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from components.representations.ctfidf import CTFIDF
    from components.topics import _check_words

    footer = "please open the attached quarterly invoice"
    own = ["cats chase mice", "stocks fell sharply", "rivers flood valleys"]
    documents = [f"{footer} {text}" for text in own * 8] + [footer] * 6
    labels = np.array([0] * 24 + [1] * 6)
    described = CTFIDF().fit(documents, labels)
    assert not described.words_[1]
    _check_words(described, 2)
    assert "nor does what stands in nearly every document: representation.clean=false" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.9, 0.9, 1.2, 1.7], "not whole numbers"),
        ([0, 1, np.nan, 1], "not whole numbers"),
        ([0, 1, 1], r"shape \(3,\) for 4 documents"),
        ([[0], [1], [1], [0]], r"shape \(4, 1\)"),
        (["a", "b", "a", "b"], "not whole numbers"),
        ([0, 1, 10**12, 1], "the label 1000000000000"),
    ],
)
def test_labels_that_are_none_are_refused(labels, message):
    class Odd:
        pass

    X = np.eye(4, dtype=np.float32)
    with pytest.raises(UserError, match=rf"Odd\.fit_predict gave .*{message}"):
        settle(labels, Odd(), X, list("abcd"), KeepOutliers())


def test_every_negative_label_is_an_outlier_and_that_is_logged(caplog):
    X = np.eye(4, dtype=np.float32)
    found = settle(np.array([0, -2, 0, -1]), object(), X, list("abcd"), KeepOutliers())
    assert found.main.tolist() == [0, -1, 0, -1]
    assert "1 labels below -1 (-2, ...)" in caplog.text
