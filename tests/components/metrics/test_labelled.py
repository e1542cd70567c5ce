from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import v_measure_score

from components.base import Corpus, Result
from components.metrics.labelled import (
    ami,
    ami_interval,
    ari,
    completeness,
    coverage,
    homogeneity,
    purity,
    v_measure,
)
from components.metrics.mteb import mteb_v_measure

MEASURES = [ari, ami, v_measure, homogeneity, completeness, purity]


def result_of(topics: Any, labels: Any = None, rows: Any = None) -> Result:
    n = len(topics)
    rows = np.arange(n) if rows is None else np.array(rows)
    X = np.ones((len(rows), 2), np.float32)
    corpus = Corpus(["x"] * n, labels=labels)
    return Result(corpus, rows, X, X, np.array(topics), np.zeros(n, np.float32))


def test_coverage_is_a_share_of_all_documents() -> None:
    assert coverage(result_of([0, -1, 1, -1], labels=list("abab"), rows=[0, 2, 3])) == 0.5


@pytest.mark.parametrize("measure", [*MEASURES, coverage])
def test_none_without_labels(measure: Any) -> None:
    assert measure(result_of([0, 0, 1])) is None


@pytest.mark.parametrize("measure", [*MEASURES, ami_interval, mteb_v_measure])
@pytest.mark.parametrize("labels", ["a" * 60, [f"id {i}" for i in range(60)]], ids=["one", "ids"])
def test_none_where_labels_group_nothing(measure: Any, labels: Any) -> None:
    assert measure(result_of([0, 1, 2] * 20, list(labels))) is None


@pytest.mark.parametrize("measure", [ari, ami, v_measure])
def test_agreement(measure: Any) -> None:
    labels = ["cat", "cat", "dog", "dog", "sea", "sea"]
    assert measure(result_of([2, 2, 0, 0, 1, 1], labels)) == pytest.approx(1)
    assert measure(result_of([0, 0, 0, 0, 0, 0], labels)) == pytest.approx(0)
    some = measure(result_of([0, 0, 0, 1, 1, 1], labels))
    assert 0 < some < 1


def test_adjusted_rand_index_by_hand() -> None:
    # Pairs together in both: 2 of 15; in the topics 6, in the labels 3, so 1.2 by chance.
    found = ari(result_of([0, 0, 0, 1, 1, 1], ["a", "a", "b", "b", "c", "c"]))
    assert found == pytest.approx((2 - 1.2) / ((6 + 3) / 2 - 1.2))


@pytest.mark.parametrize("measure", MEASURES)
def test_outliers_are_a_class_of_their_own(measure: Any) -> None:
    labels = ["a", "a", "b", "b", "c", "c"]
    assert measure(result_of([0, 0, 1, 1, -1, -1], labels)) == pytest.approx(1)


@pytest.mark.parametrize("measure", MEASURES)
def test_blank_documents_are_left_out(measure: Any) -> None:
    labels = ["a", "b", "a", "b", "b"]
    found = measure(result_of([0, -1, 0, 1, 1], labels, rows=[0, 2, 3, 4]))
    assert found == pytest.approx(1)


@pytest.mark.parametrize("measure", MEASURES)
def test_documents_without_a_label_are_left_out(measure: Any) -> None:
    some = result_of([0, 0, 1, 1, 1, 0], ["a", None, "b", None, "a", "b"])
    same = result_of([0, 1, 1, 0], ["a", "b", "a", "b"])
    assert measure(some) == measure(same)
    assert measure(result_of([0, 0, 1], [None, "a", None])) is None


@pytest.mark.parametrize("measure", MEASURES)
def test_covered_leaves_outliers_out(measure: Any) -> None:
    labels, topics = ["a", "b", "a", "b", "b"], [0, 1, 0, -1, 1]
    assert measure(result_of(topics, labels), covered=True) == pytest.approx(1)
    assert measure(result_of([-1, -1, 0], list("aab")), covered=True) is None


def test_coverage_is_one_of_labelled_documents() -> None:
    assert coverage(result_of([0, -1, 1, -1], ["a", "b", None, None])) == 0.5
    assert coverage(result_of([0, -1], [None, None])) is None


def test_homogeneous_but_not_complete() -> None:
    result = result_of([0, 1, 2, 2], ["a", "a", "b", "b"])
    assert homogeneity(result) == pytest.approx(1)
    # H(labels) = ln 2 of H(topics) = 1.5 ln 2.
    assert completeness(result) == pytest.approx(2 / 3)
    assert v_measure(result) == pytest.approx(0.8)
    assert purity(result) == 1


def test_an_interval_where_few_documents_have_a_label() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    topics = np.where(rng.random(300) < 0.3, rng.integers(0, 3, 300), labels)
    some = [f"l{label}" if row < 100 else None for row, label in enumerate(labels)]
    result = result_of(topics, some)
    found = ami_interval(result)
    value = ami(result)
    assert found is not None
    assert value is not None
    assert found["ami_low"] < value < found["ami_high"]
    every = ami_interval(result_of(topics, [f"l{label}" for label in labels]))
    assert every is not None
    assert every["ami_high"] - every["ami_low"] < found["ami_high"] - found["ami_low"]
    assert ami_interval(result_of(topics, some), n_documents=99) is None
    assert ami_interval(result_of(topics, [*some[:39], *[None] * 261])) is None
    assert ami_interval(result_of(topics)) is None


def test_mtebs_protocol() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 150)
    X = (rng.normal(size=(4, 8))[labels] + rng.normal(size=(150, 8))).astype(np.float32)
    corpus = Corpus(["x"] * 150, labels=[f"l{label}" if i < 140 else None
                                         for i, label in enumerate(labels)])  # fmt: skip
    result = Result(corpus, np.arange(10, 150), X[10:], X[10:], np.zeros(150), np.zeros(150))
    scores = []
    draws = np.random.default_rng(42)
    for _ in range(10):
        rows = 10 + draws.integers(130, size=2048)
        model = MiniBatchKMeans(4, batch_size=512, n_init=1, random_state=42).fit(X[rows])
        scores.append(v_measure_score(labels[rows], model.labels_))
    assert mteb_v_measure(result) == pytest.approx(np.mean(scores), abs=1e-9)
    assert 0.2 < np.mean(scores) < 0.95
    assert mteb_v_measure(result_of([0, 0, 1])) is None
    assert mteb_v_measure(result_of([0, 0, 1], ["a", "a", "a"])) is None
