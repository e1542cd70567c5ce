import logging

import numpy as np
import pytest
from scipy import sparse
from sklearn.manifold import trustworthiness
from threadpoolctl import threadpool_limits

from components import neighbors as search
from components.base import UserError
from components.reducers.umap import UMAPReducer


def groups(n=120, d=20, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, d)) * 3
    return (centres[np.arange(n) % 4] + rng.normal(size=(n, d))).astype(np.float32)


def test_neighbours_stay_neighbours_and_a_seed_repeats_them():
    X = groups()
    first = UMAPReducer(random_state=1).fit_transform(X)
    assert first.shape == (120, 5)
    assert first.dtype == np.float32
    assert trustworthiness(X, first, metric="cosine", n_neighbors=10) > 0.85
    with threadpool_limits(1):
        second = UMAPReducer(random_state=1).fit_transform(X)
    np.testing.assert_array_equal(first, second)


def test_the_shared_graph_is_asked_for_and_used():
    asked = []

    def shared(X, k, metric):
        asked.append((X.shape, k, metric))
        return search.neighbors(X, k, metric)

    reducer = UMAPReducer(n_neighbors=10, random_state=1)
    given = reducer.fit_transform(groups(), neighbors=shared)
    assert asked == [((120, 20), 9, "cosine")]
    own = UMAPReducer(n_neighbors=10, random_state=1).fit_transform(groups())
    np.testing.assert_array_equal(given, own)


def test_it_equals_plain_umap_on_the_same_neighbours():
    from umap import UMAP

    X = groups()
    ours = UMAPReducer(random_state=1, n_components=2)
    ours.fit_transform(X)
    plain = UMAP(n_components=2, metric="cosine", min_dist=0.0, random_state=1, n_jobs=1).fit(X)
    difference = abs(ours.umap_.graph_ - plain.graph_).max()
    assert difference < 1e-3


def test_sparse_weights_go_by_hellinger_and_stay_sparse(monkeypatch):
    X = sparse.random(200, 500, density=0.05, format="csr", random_state=0, dtype=np.float32)
    asked = []

    def shared(X, k, metric):
        asked.append((sparse.issparse(X), metric))
        return search.neighbors(X, k, metric)

    reduced = UMAPReducer(random_state=1).fit_transform(X, neighbors=shared)
    assert asked == [(True, "hellinger")]
    assert np.isfinite(reduced).all()


def test_documents_without_a_neighbour_get_a_place(caplog):
    X = sparse.random(60, 100, density=0.1, format="lil", random_state=0, dtype=np.float32)
    X[:3] = 0
    X[0, 0], X[1, 1], X[2, 2] = 1, 1, 1
    X[3:, :3] = 0
    with caplog.at_level(logging.WARNING):
        reduced = UMAPReducer(random_state=1).fit_transform(X.tocsr())
    assert np.isfinite(reduced).all()
    assert "3 documents share nothing" in caplog.text


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9, 14])
def test_few_documents_are_reduced_with_a_warning(n, caplog):
    with caplog.at_level(logging.WARNING):
        reduced = UMAPReducer(random_state=1).fit_transform(groups(n))
    assert reduced.shape == (n, 5)
    assert np.isfinite(reduced).all()
    assert ("one document" if n == 1 else "n_neighbors=15") in caplog.text


def test_identical_documents():
    reduced = UMAPReducer(random_state=1).fit_transform(np.ones((40, 8), np.float32))
    assert np.isfinite(reduced).all()


def test_new_documents_land_by_their_like():
    X = groups()
    reducer = UMAPReducer(random_state=1)
    reduced = reducer.fit_transform(X[:100])
    placed = reducer.transform(X[100:])
    assert placed.shape == (20, 5)
    centres = np.stack([reduced[np.arange(100) % 4 == c].mean(axis=0) for c in range(4)])
    found = np.linalg.norm(placed[:, None] - centres[None], axis=2).argmin(axis=1)
    assert (found == np.arange(100, 120) % 4).all()


def test_a_metric_of_umaps_own_works_and_an_unknown_one_is_named():
    reduced = UMAPReducer(metric="manhattan", random_state=1).fit_transform(groups(40))
    assert np.isfinite(reduced).all()
    with pytest.raises(UserError, match=r"metric=cosin"):
        UMAPReducer(metric="cosin")  # before any document is read
    with pytest.raises(UserError, match=r"metric=mahalanobis: .* sparse"):
        UMAPReducer(metric="mahalanobis").fit_transform(sparse.csr_matrix(groups(40)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_neighbors": 1}, "n_neighbors=1"),
        ({"n_components": 0}, "n_components=0"),
        ({"min_dist": 2.0}, "min_dist=2.0"),
        ({"min_dist": 0.0, "spread": 0.0}, "spread=0.0"),
        ({"n_epochs": -1}, "n_epochs=-1"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(UserError, match=message):
        UMAPReducer(**settings)
