"""Topics that are found again, and are the old ones as far as they agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from components.base import Corpus, Result, Topic
from components.clusterers.leiden import LeidenClusterer
from components.model import TopicModel
from components.model.fit import fit, unit_means
from components.model.grow import Growth
from components.model.recluster import carry_over, match_topics
from components.topics import Labels

SUBJECTS = 5


def blobs(counts: list[int]) -> tuple[Any, Any]:
    """So many unit vectors around each subject, and the subjects."""
    centres = np.random.default_rng(0).normal(size=(SUBJECTS, 40))
    truth = np.repeat(np.arange(len(counts)), counts)
    X = centres[truth] + 0.3 * np.random.default_rng(1).normal(size=(len(truth), 40))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), truth


def model_of(X: Any, labels: Any) -> TopicModel:
    sizes = np.bincount(labels[labels >= 0])
    topics = [Topic(t, int(size), ((f"w{t}", 1.0),), 0) for t, size in enumerate(sizes)]
    clusterer = LeidenClusterer(n_topics=len(sizes), random_state=0)
    clusterer.fit_predict(X)
    corpus = Corpus([f"text {row}" for row in range(len(X))])
    strengths = np.ones(len(X), np.float32)
    rows = np.arange(len(X))
    return fit(
        Result(corpus, rows, X, X, labels, strengths, topics, parts={"clusterer": clusterer})
    )


def labels_of(found: Any, memberships: Any = None) -> Labels:
    return Labels(found, {}, np.full(len(found), 0.5, np.float32), 0, memberships)


@pytest.mark.parametrize(
    ("before", "found", "numbers", "sources"),
    [
        # The same topics in other numbers, and new documents.
        ([0, 0, 0, 1, 1, -1, -1], [1, 1, 1, 0, 0, 0, 1], [1, 0], [(0,), (1,)]),
        # One is split: the larger part is the old one.
        ([0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 2, 2], [0, 2, 1], [(0,), (1,), ()]),
        # Two become one: the larger one stays, and the last number takes the free place.
        ([0, 0, 1, 1, 1, 2, 2], [0, 0, 0, 0, 0, 1, 1], [1, 0], [(2,), (1, 0)]),
        # Only new documents.
        ([0, 0, 0, -1, -1], [0, 0, 0, 1, 1], [0, 1], [(0,), ()]),
        # What is gone has left no topic behind, and a new one has its number.
        ([0, 0, 1, 1, -1, -1], [-1, -1, 0, 0, 1, 1], [1, 0], [(), (1,)]),
        ([0, 0, 1, 1], [-1, -1, -1, -1], [], []),
    ],
)
def test_a_topic_is_an_old_one_where_most_documents_are_the_same(before, found, numbers, sources):
    match = match_topics(np.array(before), np.array(found), max(before) + 1)
    assert match.numbers.tolist() == numbers
    assert match.sources == sources


def test_topics_keep_their_numbers_and_memberships_follow():
    X, truth = blobs([40, 40, 40, 30])
    model = model_of(X[:120], truth[:120])
    found = np.array([2, 0, 1, 3])[truth]
    memberships = sparse.csr_matrix(np.eye(4, dtype=np.float32)[found])
    before = Growth(np.where(truth < 3, truth, 7), np.zeros(len(X)), {}, [])
    labels, matches = carry_over(model, X, before, truth == 3, labels_of(found, memberships))
    assert labels.main.tolist() == truth.tolist()
    assert matches[""].sources == [(0,), (1,), (2,), ()]
    assert np.array_equal(labels.memberships.toarray().argmax(axis=1), truth)
    assert (labels.strengths == 0.5).all()


def test_what_a_person_has_made_stays():
    X, truth = blobs([40, 40, 40, 40, 40])
    old = np.array([0, 0, 1, 1, 2])  # subjects 0 and 1 are merged, 2 and 3 are one topic
    is_new = np.arange(len(X)) % 4 == 0
    before = np.where(is_new, -1, old[truth])
    model = model_of(X[~is_new], before[~is_new])
    memberships = sparse.csr_matrix(np.eye(5, dtype=np.float32)[truth])
    found = labels_of(truth, memberships)
    growth = Growth(before, np.zeros(len(X)), {}, [])
    free, _ = carry_over(model, X, growth, is_new, found)
    assert len(np.unique(free.main)) == 5
    labels, matches = carry_over(model, X, growth, is_new, found, held=[0])
    assert (labels.main[truth < 2] == 0).all(), "new documents too"
    assert len(matches[""].sources) == 4
    assert (labels.memberships[np.flatnonzero(truth < 2)].toarray()[:, 0] == 1).all()
    assert np.array_equal(labels.memberships.toarray().argmax(axis=1), labels.main)
    assert (labels.strengths > 0).all()
    # Split by a person: what is found in one is divided as the model says.
    halves = np.where(truth == 4, 2 + (np.arange(len(X)) > 180), old[truth])
    before = np.where(is_new, -1, halves)
    model = model_of(X[~is_new], before[~is_new])
    growth = Growth(before, np.zeros(len(X)), {}, [])
    labels, _ = carry_over(model, X, growth, is_new, labels_of(truth), held=[2, 3])
    assert np.array_equal(labels.main[~is_new & (truth == 4)], before[~is_new & (truth == 4)])
    assert set(labels.main[is_new & (truth == 4)]) <= {2, 3}


def test_held_topics_that_are_found_as_one_with_a_third_stay_themselves():
    X, truth = blobs([40, 35, 50])
    growth = Growth(truth, np.zeros(len(X)), {}, [])
    found = labels_of(np.zeros(len(X), np.int64))
    is_new = np.zeros(len(X), bool)
    labels, matches = carry_over(model_of(X, truth), X, growth, is_new, found, held=[0, 1])
    assert matches[""].sources == [(0,), (1,), (2,)]
    assert np.array_equal(labels.main, truth)


def test_what_a_person_has_dropped_stays_dropped():
    X, truth = blobs([40, 40, 40])
    is_new = np.arange(len(X)) % 4 == 0
    before = np.where(is_new | (truth == 1), -1, np.array([0, -1, 1])[truth])
    model = model_of(X[~is_new & (truth != 1)], before[~is_new & (truth != 1)])
    model.arrays["dropped"] = unit_means(X, np.where(truth == 1, 0, -1), 1)
    growth = Growth(before, np.zeros(len(X)), {}, [])
    found = truth.copy()
    found[-4:] = 1  # found among what was dropped, and not of it
    labels, matches = carry_over(model, X, growth, is_new, labels_of(found))
    assert (labels.main[truth == 1] == -1).all()
    assert (labels.strengths[truth == 1] == 0).all()
    assert matches[""].sources == [(0,), (1,)]
    assert labels.main[truth != 1].tolist() == np.array([0, -1, 1])[truth[truth != 1]].tolist()
