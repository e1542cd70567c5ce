from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import silhouette_score

from components.base import Corpus, Result
from components.metrics import clustering
from components.metrics.clustering import outlier_ratio, silhouette


def result_of(topics: Any, rows: Any = None, embeddings: Any = None) -> Result:
    n = len(topics)
    rows = np.arange(n) if rows is None else np.array(rows)
    if embeddings is None:
        embeddings = np.ones((len(rows), 2), np.float32)
    return Result(
        Corpus(["x"] * n), rows, embeddings, embeddings, np.array(topics), np.zeros(n, np.float32)
    )


def vectors(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, 5))


@settings(deadline=None)
@given(st.lists(st.integers(-1, 4), min_size=3, max_size=30), st.booleans())
def test_silhouette_equals_scikit_learn(labels: list[int], is_sparse: bool) -> None:
    topics, X = np.array(labels), vectors(len(labels))
    X[:, 0] = X[:, 0].clip(0)
    found = silhouette(result_of(topics, embeddings=sparse.csr_matrix(X) if is_sparse else X))
    inside = topics >= 0
    if not 2 <= len(np.unique(topics[inside])) < inside.sum():
        assert found is None
    else:
        expected = silhouette_score(X[inside], topics[inside], metric="cosine")
        assert found == pytest.approx(expected, abs=1e-9)


def test_silhouette_over_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "_BLOCK", 7)
    X, topics = vectors(60).astype(np.float32), np.arange(60) % 4
    expected = silhouette_score(X.astype(float), topics, metric="cosine")
    assert silhouette(result_of(topics, embeddings=X)) == pytest.approx(expected, abs=1e-6)


def test_silhouette_by_hand() -> None:
    # Cosine distances: 0 inside topic 0, 1 to topic 1, whose only document scores 0.
    X = np.array([[1, 0], [3, 0], [0, 2]], np.float32)
    assert silhouette(result_of([0, 0, 1], embeddings=X)) == pytest.approx(2 / 3)


def test_silhouette_of_equal_documents_is_zero() -> None:
    X = np.repeat(vectors(1), 6, axis=0)
    assert silhouette(result_of([0, 0, 0, 1, 1, 1], embeddings=X)) == 0


def test_silhouette_sees_only_kept_documents() -> None:
    X = vectors(4)
    found = silhouette(result_of([0, -1, 0, 1, 1], rows=[0, 2, 3, 4], embeddings=X))
    assert found == silhouette(result_of([0, 0, 1, 1], embeddings=X))


@pytest.mark.parametrize("topics", [[0, 0, 0], [0, 0, -1], [-1, -1, -1], [0, 1, 2], [0, 1, -1]])
def test_no_silhouette(topics: list[int]) -> None:
    assert silhouette(result_of(topics, embeddings=vectors(3))) is None


def test_outliers_are_counted_among_kept_documents() -> None:
    assert outlier_ratio(result_of([0, -1, 1, 0])) == 0.25
    assert outlier_ratio(result_of([0, -1, 1, -1], rows=[0, 2, 3])) == pytest.approx(1 / 3)
