import numpy as np
import pytest
from scipy import sparse

from components.base import UserError
from components.topics.outliers import assign_outliers

X = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [0.8, 0.3], [-1, -1]], np.float32)
LABELS = np.array([0, 0, 1, 1, -1, -1])
LIKENESS = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0.3, 0.4], [0, 0]])


@pytest.mark.parametrize("rows", [X, sparse.csr_matrix(X)])
def test_by_the_nearest_topic(rows):
    found = assign_outliers(rows, LABELS, None, "nearest")
    assert found.tolist() == [0, 0, 1, 1, 0, -1]  # the last is like neither
    assert LABELS[4] == -1


@pytest.mark.parametrize("likeness", [LIKENESS, sparse.csr_matrix(LIKENESS)])
def test_by_strength_from_a_threshold_on(likeness):
    assert assign_outliers(None, LABELS, likeness, "strength", 0.4)[4] == 1
    assert assign_outliers(None, LABELS, likeness, "strength", 0.5)[4] == -1


def test_nothing_to_assign():
    labels = np.array([-1, -1])
    assert assign_outliers(X[:2], labels, None, "nearest").tolist() == [-1, -1]
    assert assign_outliers(X[:2], labels + 1, None, "nearest").tolist() == [0, 0]


def test_strength_needs_memberships():
    with pytest.raises(UserError, match=r"by=strength.*by=nearest"):
        assign_outliers(X, LABELS, None, "strength")
