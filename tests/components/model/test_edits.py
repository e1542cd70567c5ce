"""Every mistake in a file of edits is named."""

from __future__ import annotations

import numpy as np
import pytest

from components.base import UserError
from components.model.edits import Edits, apply_edits, read_edits


def test_what_a_file_may_hold():
    plain = {"merge": [[7, 3]], "rename": {2: " delivery "}, "drop": [9], "split": [0]}
    edits = read_edits(plain, 10, "edits.yaml")
    assert edits == Edits([[3, 7]], {2: "delivery"}, [9], [0])
    assert edits.as_plain() == plain | {"merge": [[3, 7]], "rename": {2: "delivery"}}
    plain = {"split": {4: 3, 5: None}}
    edits = read_edits(plain, 10, "edits.yaml")
    assert (edits.split, edits.parts) == ([4, 5], {4: 3})
    assert edits.as_plain() == plain


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (None, "must hold merge, rename, drop or split"),
        (["drop"], "must hold merge, rename, drop or split"),
        ({"drops": [1]}, "drops: there is no such edit. Did you mean 'drop'"),
        ({"drop": [10]}, "drop: there is no topic 10; they are 0 to 9"),
        ({"drop": [-1]}, "drop: there is no topic -1"),
        ({"drop": 3}, "drop: 3 must be a list of topic numbers"),
        ({"split": {3: 1}}, "split: the parts of topic 3 must be 2 or more, not 1"),
        ({"split": {10: 2}}, "split: there is no topic 10"),
        ({"split": ["two"]}, "split: 'two' is not a topic number"),
        ({"merge": [3, 7]}, r"merge: \[3, 7\] must be a list of groups: write \[\[3, 7\]\]"),
        ({"merge": [[3]]}, r"group 1: \[3\] must name two topics"),
        ({"merge": [[3, 3]]}, "must name two topics"),
        ({"merge": [[3, 7], [7, 8]]}, "topic 7 is in merge, group 1 and in merge, group 2"),
        ({"merge": [[3, 7]], "drop": [7]}, "topic 7 is in merge, group 1 and in drop"),
        ({"drop": [2], "split": [2]}, "topic 2 is in drop and in split"),
        ({"drop": [2], "rename": {2: "x"}}, "topic 2 is dropped, and renamed"),
        ({"merge": [[1, 2]], "rename": {1: "x", 2: "y"}}, r"topics \[1, 2\] are merged: rename"),
        ({"rename": {2: 5}}, "the label of topic 2 must be text, not 5"),
        ({"rename": ["x"]}, "must name labels by topic"),
        ({"rename": {12: "x"}}, "rename: there is no topic 12"),
    ],
)
def test_what_it_may_not_hold(plain, message):
    with pytest.raises(UserError, match=message):
        read_edits(plain, 10, "edits.yaml")


def test_all_mistakes_are_named_at_once():
    with pytest.raises(UserError) as caught:
        read_edits({"drop": [99], "split": [98]}, 10, "my.yaml")
    assert str(caught.value).count("there is no topic") == 2
    assert str(caught.value).startswith("my.yaml:")


def test_a_topic_of_few_documents_cannot_be_split():
    X = np.eye(9, dtype=np.float32)
    with pytest.raises(UserError, match="topic 0 has 9 documents, and 10 are needed"):
        apply_edits(Edits(split=[0]), np.zeros(9, np.int64), X, 0)


def test_a_topic_is_split_into_as_many_parts_as_asked_for():
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(6), 40)
    X = (10 * np.eye(6)[truth] + rng.normal(size=(240, 6))).astype(np.float32)
    for number in (2, 4):
        edited = apply_edits(Edits(split=[0], parts={0: number}), np.zeros(240, np.int64), X, 0)
        assert edited.is_new == [False] + [True] * (number - 1)
        assert len(np.unique(edited.labels)) == number
        assert all(len(np.unique(edited.labels[truth == t])) == 1 for t in range(6))


def test_a_topic_is_split_into_a_few_parts_where_nobody_says_how_many(caplog):
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(20), 20)
    X = (10 * np.eye(20)[truth] + rng.normal(size=(400, 20))).astype(np.float32)
    edited = apply_edits(Edits(split=[0]), np.zeros(400, np.int64), X, 0)
    assert len(np.unique(edited.labels)) == 6
    assert "topic 0 is divided into 6 parts" in caplog.text
    assert "write split: {0: 20}" in caplog.text
