import logging

import numpy as np
import pytest
from scipy import sparse

from components import neighbors as search
from components.clusterers.hdbscan import HDBSCANClusterer
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.topics.zeroshot import AroundNames, NearNames, near_names

TRUTH = np.arange(300) % 5
CENTRES = np.random.default_rng(3).normal(size=(5, 40))


def vectors():
    rng = np.random.default_rng(0)
    return (CENTRES[TRUTH] + 0.7 * rng.normal(size=(300, 40))).astype(np.float32)


def encode(names):
    """The name of a group is a blurred picture of it, far from all documents, as phrases are."""
    rng = np.random.default_rng(1)
    away = 2 * rng.normal(size=40)
    return np.stack([CENTRES[int(name)] + away for name in names]).astype(np.float32)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_documents_near_a_name_are_those_of_its_group(form):
    near = near_names(["1", "3"], form(vectors()), encode, search.neighbors).near
    assert near.dtype == np.int64
    for name, group in enumerate([1, 3]):
        assert (TRUTH[near == name] == group).mean() > 0.9
        assert (near[group == TRUTH] == name).mean() > 0.5


def test_a_name_whose_documents_are_no_group_is_a_warning(caplog):
    near_names(["1", "3"], vectors(), encode, search.neighbors)
    assert "scattered" not in caplog.text
    blurred = (CENTRES[TRUTH] + 2 * np.random.default_rng(0).normal(size=(300, 40))).astype("f4")
    near_names(["1", "3"], blurred, encode, search.neighbors)
    assert "documents near to '1' lie scattered" in caplog.text


def test_a_threshold_is_a_cosine():
    X = vectors()
    near = near_names(["1", "3"], X, encode, search.neighbors, threshold=0.2).near
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    names = encode(["1", "3"])
    cosines = unit @ (names / np.linalg.norm(names, axis=1, keepdims=True)).T
    expected = np.where(cosines.max(axis=1) >= 0.2, cosines.argmax(axis=1), -1)
    np.testing.assert_array_equal(near, expected)
    assert (near >= 0).any()
    assert (near_names(["1"], X, encode, search.neighbors, threshold=1.0).near == -1).all()


def test_documents_that_are_all_alike_are_near_no_name():
    near = near_names(["1"], np.ones((20, 40), np.float32), encode, search.neighbors).near
    assert (near == -1).all()


def test_names_that_mean_the_same_are_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        near_names(["1", "1"], vectors(), encode, search.neighbors)
    assert "mean about the same" in caplog.text


def around(clusterer, near):
    return AroundNames(clusterer, NearNames(near, np.zeros((2, 40), np.float32)))


CLUSTERERS = {
    "leiden": lambda: LeidenClusterer(random_state=1, layers=["broad", "fine"]),
    "kmeans": lambda: KMeansClusterer(n_clusters=3, random_state=1),
    "hdbscan": lambda: HDBSCANClusterer(),
}


@pytest.mark.parametrize("name", CLUSTERERS)
def test_any_clusterer_groups_the_rest(name):
    X = vectors()
    near = np.where(TRUTH == 2, 1, np.where(TRUTH == 4, 0, -1))
    part = around(CLUSTERERS[name](), near)
    labels = part.fit_predict(X, neighbors=search.neighbors)
    alone = CLUSTERERS[name]().fit_predict(X[near < 0])
    np.testing.assert_array_equal(labels[near < 0], alone)
    n_found = alone.max() + 1
    assert set(labels[near == 0]) == {n_found}
    assert set(labels[near == 1]) == {n_found + 1}
    if hasattr(part, "probabilities_"):
        assert (part.probabilities_[near >= 0] == 1).all()
    if hasattr(part, "memberships_"):
        assert part.memberships_.shape == (300, n_found + 2)
        np.testing.assert_allclose(part.memberships_[near >= 0].sum(axis=1), 1)
    for layer in part.layers_.values():
        assert len(set(layer[near == 0]) | set(layer[near == 1])) == 2
        assert not set(layer[near == 0]) & set(layer[near < 0])
    for key in ("degrees", "births", "deaths"):
        if key in part.prediction_:
            assert len(part.prediction_[key]) == 300
            assert np.isfinite(part.prediction_[key][near >= 0]).all()


def test_every_document_near_a_name_leaves_nothing_to_cluster():
    part = around(LeidenClusterer(), TRUTH[:300] % 2)
    labels = part.fit_predict(vectors(), neighbors=search.neighbors)
    assert set(labels) == {0, 1}
