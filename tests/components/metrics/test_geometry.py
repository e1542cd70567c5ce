from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import entropy, skew
from sklearn.neighbors import NearestNeighbors

from components.base import Corpus, Result
from components.metrics.geometry import effective_rank, hubness, intrinsic_dimension


def result_of(X: Any) -> Result:
    n = X.shape[0]
    return Result(Corpus(["x"] * n), np.arange(n), X, X, np.zeros(n, int), np.zeros(n, np.float32))


def normal(n: int, d: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)])
def test_effective_rank_equals_numpys_singular_values(shape: tuple[int, int]) -> None:
    X = normal(*shape) * np.linspace(0.1, 2, shape[1])
    values = np.linalg.svd(X / np.linalg.norm(X, axis=1, keepdims=True), compute_uv=False)
    assert effective_rank(result_of(X)) == pytest.approx(np.exp(entropy(values)))
    positive = sparse.csr_matrix(np.abs(X))
    assert effective_rank(result_of(positive)) == pytest.approx(
        effective_rank(result_of(positive.toarray()))
    )


def test_effective_rank_by_hand() -> None:
    assert effective_rank(result_of(np.eye(5))) == pytest.approx(5)
    assert effective_rank(result_of(np.ones((5, 3)))) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("dimension", [2, 5])
def test_intrinsic_dimension_of_a_sphere(dimension: int) -> None:
    # Turned into 30 dimensions, points of a sphere still lie on a surface of this dimension.
    turned = normal(2000, dimension + 1) @ normal(dimension + 1, 30, seed=1)
    found = intrinsic_dimension(result_of(turned))
    assert found == pytest.approx(dimension, rel=0.1)
    with_duplicates = np.vstack([turned, turned[:300]])
    assert intrinsic_dimension(result_of(with_duplicates), n_documents=9999) == pytest.approx(
        dimension, rel=0.1
    )


def test_no_intrinsic_dimension() -> None:
    assert intrinsic_dimension(result_of(np.ones((9, 3)))) is None
    assert intrinsic_dimension(result_of(normal(2, 3))) is None


def test_hubness_equals_scipys_skewness_of_scikit_learns_neighbours() -> None:
    X = normal(300, 40) + 0.5
    near = (
        NearestNeighbors(n_neighbors=10, metric="cosine").fit(X).kneighbors(return_distance=False)
    )
    expected = skew(np.bincount(near.ravel(), minlength=300))
    assert expected > 0.3
    assert hubness(result_of(X)) == pytest.approx(expected)


def test_no_hubness_where_all_are_neighbours() -> None:
    assert hubness(result_of(normal(5, 3))) is None


@pytest.mark.parametrize("measure", [effective_rank, intrinsic_dimension, hubness])
def test_a_sample_is_seeded(measure: Any) -> None:
    result = result_of(normal(400, 10))
    sampled = measure(result, n_documents=200)
    assert sampled == measure(result, n_documents=200)
    assert sampled != measure(result)
