import numpy as np
import pytest
from scipy import sparse

from components.base import ParameterError, UserError
from components.representations.ctfidf import CTFIDF
from components.topics import outliers
from components.topics.outliers import AssignOutliers

X = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [0.8, 0.3], [-1, -1]], np.float32)
LABELS = np.array([0, 0, 1, 1, -1, -1])
SHARES = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0.3, 0.4], [0, 0]])
TEXTS = ["cat"] * len(X)


@pytest.mark.parametrize("block", [2, 4096])
@pytest.mark.parametrize("rows", [X, sparse.csr_matrix(X)])
def test_by_the_nearest_topic(rows, block, monkeypatch):
    monkeypatch.setattr(outliers, "BLOCK", block)
    assigned = AssignOutliers().assign(LABELS, rows, TEXTS, None)
    assert assigned.tolist() == [0, 0, 1, 1, 0, -1]  # the last is similar to neither
    assert LABELS[4] == -1


@pytest.mark.parametrize("shares", [SHARES, sparse.csr_matrix(SHARES)])
def test_by_strength_from_a_threshold_on(shares):
    def assigned(threshold):
        part = AssignOutliers(by="strength", threshold=threshold)
        return part.assign(LABELS, X, TEXTS, shares)[4]

    assert assigned(0.4) == 1
    assert assigned(0.5) == -1


def test_nothing_to_assign():
    labels = np.array([-1, -1])
    part = AssignOutliers()
    assert part.assign(labels, X[:2], TEXTS, None).tolist() == [-1, -1]
    assert part.assign(labels + 1, X[:2], TEXTS, None).tolist() == [0, 0]


def test_words_that_were_read_already_are_not_read_again(monkeypatch):
    texts = ["cat cat", "cat dog", "dog", "dog dog", "dog cat dog", "zebra"]
    part = AssignOutliers(by="ctfidf")
    assert part.needs_words
    expected = part.assign(LABELS, X, texts, None)
    assert expected.tolist() == [0, 0, 1, 1, 1, -1]
    words = CTFIDF().read(texts)
    monkeypatch.setattr(CTFIDF, "read", None)
    assert part.assign(LABELS, X, texts, None, words=words).tolist() == expected.tolist()


def test_strength_needs_memberships():
    with pytest.raises(UserError, match=r"by=strength.*by=nearest"):
        AssignOutliers(by="strength").assign(LABELS, X, TEXTS, None)


def test_a_threshold_that_no_similarity_reaches_is_refused():
    with pytest.raises(ParameterError, match="threshold=30: must be a similarity, from -1 to 1"):
        AssignOutliers(threshold=30)
