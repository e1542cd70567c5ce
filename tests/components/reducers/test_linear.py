import logging

import numpy as np
import pytest
from scipy import sparse

from components.reducers.identity import Identity
from components.reducers.linear import LinearReducer

X = np.random.default_rng(0).normal(size=(60, 30)).astype(np.float32)


@pytest.mark.parametrize("method", ["pca", "truncated_svd"])
def test_it_keeps_most_of_what_there_is(method):
    reducer = LinearReducer(method=method, n_components=10, random_state=1)
    reduced = reducer.fit_transform(X)
    assert reduced.shape == (60, 10)
    assert reduced.dtype == np.float32
    best = np.linalg.svd(X - (X.mean(axis=0) if method == "pca" else 0), compute_uv=False)
    assert (reduced**2).sum() == pytest.approx((best[:10] ** 2).sum(), rel=0.02)
    np.testing.assert_allclose(reducer.transform(X[:3]), reduced[:3], atol=1e-4)


@pytest.mark.parametrize("method", ["pca", "truncated_svd"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_fewer_documents_than_components(method, n, caplog):
    with caplog.at_level(logging.WARNING):
        reduced = LinearReducer(method=method, random_state=1).fit_transform(X[:n])
    assert reduced.shape == (n, n)
    assert np.isfinite(reduced).all()
    assert "n_components=50" in caplog.text


@pytest.mark.parametrize("method", ["pca", "truncated_svd"])
def test_sparse_rows_give_what_the_dense_ones_give(method):
    rows = sparse.random(50, 200, density=0.05, format="csr", random_state=0)
    of_sparse = LinearReducer(method=method, n_components=5, random_state=1).fit_transform(rows)
    dense = rows.toarray()
    of_dense = LinearReducer(method=method, n_components=5, random_state=1).fit_transform(dense)
    assert of_sparse.shape == (50, 5)
    for one, other in zip(of_sparse.T, of_dense.T, strict=True):
        assert min(abs(one - other).max(), abs(one + other).max()) < 1e-3  # signs are free


def test_two_sparse_documents():
    rows = sparse.random(2, 20, density=0.5, format="csr", random_state=0)
    assert LinearReducer(method="pca", random_state=1).fit_transform(rows).shape == (2, 1)


def test_equal_sparse_documents_stay_equal():
    rows = sparse.csr_matrix(np.ones((100, 4), np.float32))
    reduced = LinearReducer(method="pca", random_state=1).fit_transform(rows)
    assert np.ptp(reduced, axis=0).max() < 1e-6


def test_identity_gives_back_what_it_got():
    assert Identity().fit_transform(X) is X
    assert Identity().transform(X) is X
