import logging

import numpy as np
import pytest
from scipy import sparse

from components.base import UserError
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
    assert "reducer.n_components=50" in caplog.text


def test_sparse_rows_are_for_the_svd():
    rows = sparse.random(50, 200, density=0.05, format="csr", random_state=0)
    reducer = LinearReducer(method="truncated_svd", n_components=5, random_state=1)
    assert reducer.fit_transform(rows).shape == (50, 5)
    with pytest.raises(UserError, match="reducer=truncated_svd"):
        LinearReducer(method="pca").fit_transform(rows)


def test_identity_gives_back_what_it_got():
    assert Identity().fit_transform(X) is X
    assert Identity().transform(X) is X
