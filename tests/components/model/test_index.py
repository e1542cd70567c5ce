"""Nearest rows are right, and are the same bits whatever else is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from components.model.index import NearestIndex

RNG = np.random.default_rng(0)


def _dense(n: int, d: int) -> np.ndarray:
    return RNG.normal(size=(n, d)).astype(np.float32)


def _counts(n: int, d: int) -> sparse.csr_matrix:
    rows = sparse.random(n, d, 0.2, format="csr", random_state=1, dtype=np.float32)
    return sparse.csr_matrix(rows + sparse.eye(n, d, dtype=np.float32) * 0.1 + 0.01 * _first(n, d))


def _first(n: int, d: int) -> sparse.csr_matrix:
    """Ones in the first column: no row is empty."""
    ones, zeros = np.ones(n, np.float32), np.zeros(n, np.int64)
    return sparse.csr_matrix((ones, (np.arange(n), zeros)), (n, d))


CASES = [
    ("cosine", _dense(300, 70), _dense(40, 70)),
    ("cosine", _dense(300, 5), _dense(40, 5)),
    ("cosine", _dense(300, 70).astype(np.float16), _dense(40, 70)),
    ("cosine", _counts(300, 80), _counts(40, 80)),
    ("euclidean", _dense(300, 70) * 1000 + 5000, _dense(40, 70) * 1000 + 5000),
    ("euclidean", _dense(300, 5), _dense(40, 5)),
    ("euclidean", _counts(300, 80), _counts(40, 80)),
    ("manhattan", _dense(300, 5), _dense(40, 5)),
    ("chebyshev", _dense(300, 5), _dense(40, 5)),
    ("hellinger", _counts(300, 80), _counts(40, 80)),
    ("hellinger", abs(_dense(300, 5)), abs(_dense(40, 5))),
]


def _expected(metric: str, X, Q) -> np.ndarray:
    X, Q = (np.asarray(M.todense() if sparse.issparse(M) else M, np.float64) for M in (X, Q))
    if metric == "hellinger":
        X, Q = (np.sqrt(M / M.sum(axis=1, keepdims=True)) for M in (X, Q))
        return np.sqrt(np.clip(1 - Q @ X.T, 0, None))
    return cdist(Q, X, "cityblock" if metric == "manhattan" else metric)


@pytest.mark.parametrize(("metric", "X", "Q"), CASES)
def test_the_nearest_rows_of_all(metric, X, Q):
    indices, distances = NearestIndex(X, metric).query(Q, 7)
    expected = _expected(metric, X, Q)
    assert np.allclose(distances, np.sort(expected, axis=1)[:, :7], rtol=1e-6, atol=1e-6)
    assert np.allclose(np.take_along_axis(expected, indices, axis=1), distances, atol=1e-6)


@pytest.mark.parametrize(("metric", "X", "Q"), CASES)
def test_the_same_bits_alone_in_another_order_and_beside_others(metric, X, Q):
    index = NearestIndex(X, metric)
    indices, distances = index.query(Q, 7)
    order = RNG.permutation(Q.shape[0])
    again = index.query(Q[order], 7)
    assert np.array_equal(indices[order], again[0])
    assert distances[order].tobytes() == again[1].tobytes()
    for row in range(0, Q.shape[0], 7):
        alone = index.query(Q[row : row + 1], 7)
        assert alone[0][0].tolist() == indices[row].tolist()
        assert alone[1].tobytes() == distances[row].tobytes()


def test_of_equal_rows_the_first_comes_first_and_none_is_lost():
    X = np.repeat(_dense(3, 64), 50, axis=0)
    indices, distances = NearestIndex(X, "cosine").query(X[60:61], 4)
    assert indices.tolist() == [[50, 51, 52, 53]]
    assert distances.max() == 0
    assert NearestIndex(X[:2], "cosine").query(X[:1], 9)[0].shape == (1, 2)


def test_a_copy_in_half_precision_is_at_no_distance_to_speak_of():
    X = _dense(50, 64)
    _, distances = NearestIndex(X.astype(np.float16), "cosine").query(X, 1)
    assert distances.max() < 1e-6
