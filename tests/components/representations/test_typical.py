from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from components.representations import typical
from components.representations.typical import cosine_to_topic, typical_rows

# Topic 0 points right, with one row far to the side; topic 1 points up.
X = np.array([[1, 0], [9, 1], [0, 5], [1, 1], [0, 1], [-3, 3]], np.float32)
LABELS = np.array([0, 0, 1, 0, 1, -1])


def as_lists(found: list[np.ndarray]) -> list[list[int]]:
    return [rows.tolist() for rows in found]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_nearest_to_the_mean_direction_first(kind: type) -> None:
    # The mean of topic 0 points 17 degrees up: row 1 (6 degrees) is nearer than row 0 or row 3.
    assert as_lists(typical_rows(kind(X), LABELS, 2)) == [[1, 0], [2, 4]]


def test_length_of_a_vector_counts_for_nothing() -> None:
    scaled = X * np.array([[100], [1], [1], [0.01], [7], [1]], np.float32)
    assert as_lists(typical_rows(scaled, LABELS, 3)) == [[1, 0, 3], [2, 4]]


def test_of_equal_documents_the_first() -> None:
    rows = np.random.default_rng(0).normal(size=(1, 97)).astype(np.float32)
    assert as_lists(typical_rows(np.repeat(rows, 9, axis=0), np.zeros(9, int), 4)) == [[0, 1, 2, 3]]


def test_without_topics() -> None:
    assert typical_rows(X, np.full(6, -1)) == []
    assert cosine_to_topic(X, np.full(6, -1)).tolist() == [0] * 6


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_cosines(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typical, "_BLOCK", 2)
    rng = np.random.default_rng(1)
    rows, labels = rng.normal(size=(30, 7)), rng.integers(-1, 3, 30)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    expected = np.zeros(30)
    for topic in range(3):
        mean = units[labels == topic].mean(axis=0)
        expected[labels == topic] = units[labels == topic] @ mean / np.linalg.norm(mean)
    np.testing.assert_allclose(cosine_to_topic(kind(rows), labels), expected, atol=1e-12)
