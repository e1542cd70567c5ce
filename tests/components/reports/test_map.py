from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from components.neighbors import neighbors
from components.reports.map import coordinates


def blobs(n: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    centres = np.eye(3, 20) * 8
    return (centres[labels] + rng.normal(size=(n, 20))).astype(np.float32), labels


def test_likes_lie_together() -> None:
    X, labels = blobs(90)
    placed = coordinates(X, neighbors)
    distance = np.linalg.norm(placed[:, None] - placed[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert np.mean(labels[distance.argmin(axis=1)] == labels) > 0.95


def test_the_same_each_time() -> None:
    X, _ = blobs(60)
    first = coordinates(X, neighbors)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, coordinates(X, neighbors))


@pytest.mark.parametrize("size", [2.0**-90, 2.0**-60, 2.0**60, 2.0**90])
def test_the_size_of_the_numbers_does_not_matter(size: float) -> None:
    X, _ = blobs(60)
    expected = coordinates(X, neighbors)
    np.testing.assert_array_equal(coordinates(X * np.float32(size), neighbors), expected)


def test_sparse_counts() -> None:
    X, _ = blobs(60)
    placed = coordinates(csr_matrix(np.maximum(X, 0)), neighbors)
    assert placed.shape == (60, 2)
    assert np.isfinite(placed).all()


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_documents(n: int) -> None:
    X, _ = blobs(n)
    placed = coordinates(X, neighbors)
    assert placed.shape == (n, 2)
    assert np.isfinite(placed).all()


def test_identical_documents() -> None:
    assert np.isfinite(coordinates(np.ones((30, 5), dtype=np.float32), neighbors)).all()
