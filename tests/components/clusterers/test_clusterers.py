"""What every clusterer owes its caller, whatever its library does."""

import logging
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from components.base import UserError
from components.clusterers.agglomerative import AgglomerativeClusterer
from components.clusterers.hdbscan import FastHDBSCANClusterer, HDBSCANClusterer
from components.clusterers.kmeans import KMeansClusterer

TRUTH = np.arange(200) % 4

PARTS = {
    "hdbscan": lambda: HDBSCANClusterer(),
    "fast_hdbscan": lambda: FastHDBSCANClusterer(),
    "kmeans": lambda: KMeansClusterer(n_clusters=4, random_state=1),
    "agglomerative": lambda: AgglomerativeClusterer(n_clusters=4),
}
every = pytest.mark.parametrize("name", PARTS)


@pytest.fixture(autouse=True)
def installed(request):
    if "fast_hdbscan" in request.node.name:
        pytest.importorskip("fast_hdbscan")


def groups():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 5)) * 10
    return (centres[TRUTH] + rng.normal(size=(200, 5))).astype(np.float32)


@every
def test_it_finds_the_groups_twice(name):
    part = PARTS[name]()
    labels = part.fit_predict(groups())
    assert labels.dtype == np.int64
    assert adjusted_rand_score(TRUTH, labels) > 0.9
    with threadpool_limits(1):
        np.testing.assert_array_equal(labels, PARTS[name]().fit_predict(groups()))
    strengths = getattr(part, "probabilities_", None)
    if strengths is not None:
        assert strengths.shape == (200,)
        assert ((strengths >= 0) & (strengths <= 1)).all()


@every
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_few_documents_are_clustered_with_a_warning(name, n, caplog):
    with caplog.at_level(logging.WARNING):
        labels = PARTS[name]().fit_predict(groups()[:n])
    assert labels.shape == (n,)
    assert labels.min() >= -1
    if n > 1 and not (n == 6 and "hdbscan" not in name):
        assert caplog.text.count("is too large for") == 1


@every
def test_identical_documents(name):
    labels = PARTS[name]().fit_predict(np.ones((30, 5), np.float32))
    assert labels.shape == (30,)
    if "hdbscan" in name:
        assert (labels == -1).all()


@pytest.mark.parametrize("name", ["hdbscan", "fast_hdbscan", "agglomerative"])
def test_sparse_vectors_are_sent_to_a_reducer(name):
    with pytest.raises(UserError, match="reducer=truncated_svd"):
        PARTS[name]().fit_predict(sparse.csr_matrix(np.eye(30)))


def test_kmeans_takes_sparse_vectors():
    labels = KMeansClusterer(n_clusters=4, normalise=True, random_state=1).fit_predict(
        sparse.csr_matrix(groups())
    )
    assert adjusted_rand_score(TRUTH, labels) > 0.9


@pytest.mark.parametrize(
    "part",
    [
        HDBSCANClusterer(normalise=True),
        KMeansClusterer(n_clusters=2, normalise=True, random_state=1),
        AgglomerativeClusterer(n_clusters=2, normalise=True),
    ],
)
def test_normalised_vectors_go_by_direction(part):
    rng = np.random.default_rng(0)
    lengths = rng.uniform(1, 100, size=(100, 1))
    directions = np.where(np.arange(100)[:, None] % 2, [1.0, 0.0], [0.0, 1.0])
    X = lengths * (directions + rng.normal(scale=0.02, size=(100, 2)))
    assert adjusted_rand_score(np.arange(100) % 2, part.fit_predict(X)) > 0.9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HDBSCANClusterer(min_cluster_size=1), "min_cluster_size=1"),
        (lambda: HDBSCANClusterer(min_samples=0), "min_samples=0"),
        (lambda: KMeansClusterer(n_clusters=0), "n_clusters=0"),
        (
            lambda: AgglomerativeClusterer(n_clusters=3, distance_threshold=1.0),
            "one of the two to null",
        ),
        (
            lambda: AgglomerativeClusterer(n_clusters=None, distance_threshold=-1.0),
            "distance_threshold=-1.0",
        ),
        (lambda: AgglomerativeClusterer(metric="cosine"), "linkage=average"),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("settings", [{"granularity": "broad"}, {"n_topics": 4}])
def test_agglomerative_needs_no_n_clusters_where_something_else_sets_it(settings):
    part = AgglomerativeClusterer(n_clusters=None, **settings)
    assert adjusted_rand_score(TRUTH, part.fit_predict(groups())) > 0.9


@pytest.mark.parametrize("make", [KMeansClusterer, AgglomerativeClusterer])
def test_the_documents_say_how_many_topics_where_nobody_does(make):
    truth = np.arange(120) % 3
    noise = np.random.default_rng(0).normal(scale=0.5, size=(120, 10))
    labels = make(random_state=1).fit_predict((4 * np.eye(3, 10)[truth] + noise).astype(np.float32))
    assert adjusted_rand_score(truth, labels) == 1


def test_agglomerative_cuts_at_a_distance():
    part = AgglomerativeClusterer(n_clusters=None, distance_threshold=30.0)
    assert adjusted_rand_score(TRUTH, part.fit_predict(groups())) > 0.9


def test_agglomerative_refuses_what_does_not_fit_in_memory():
    with pytest.raises(UserError, match="leiden or kmeans"):
        AgglomerativeClusterer().fit_predict(np.zeros((3_000_000, 1), np.float32))


@pytest.mark.parametrize("layers", [None, ["broad"]])
def test_memberships_of_fewer_distinct_rows_than_topics(layers):
    X = np.eye(5, dtype=np.float32)[np.repeat(np.arange(5), [20, 12, 8, 6, 4])]
    part = KMeansClusterer(n_clusters=8, memberships=True, layers=layers, random_state=1)
    labels = part.fit_predict(X)
    own = part.memberships_.toarray()[np.arange(50), labels]
    assert part.memberships_.shape == (50, 5)
    np.testing.assert_allclose(own, 1, atol=1e-3)


@pytest.mark.parametrize("settings", [{}, {"normalise": True}, {"memberships": True}])
def test_the_memory_that_kmeans_is_said_to_need_is_what_it_needs(settings):
    X = np.random.default_rng(0).normal(size=(20_000, 20)).astype(np.float32)
    part = KMeansClusterer(n_clusters=100, max_iter=2, random_state=1, **settings)
    part.fit_predict(X[:200])  # imports
    tracemalloc.start()
    part.fit_predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.7 < part.peak_memory(*X.shape) / peak < 1.5


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (KMeansClusterer, {"n_clusters": 4, "random_state": 1}),
        (KMeansClusterer, {"n_clusters": 4, "random_state": 1, "layers": ["fine"]}),
        (HDBSCANClusterer, {}),
        (HDBSCANClusterer, {"n_topics": 2}),
        (HDBSCANClusterer, {"n_topics": 1}),
    ],
)
def test_memberships_are_highest_in_the_documents_own_topic(make, settings):
    plain = make(**settings)
    labels = plain.fit_predict(groups())
    assert not hasattr(plain, "memberships_")
    part = make(**settings, memberships=True)
    np.testing.assert_array_equal(labels, part.fit_predict(groups()))
    weights = part.memberships_.toarray()
    assert weights.shape == (200, labels.max() + 1)
    assert (weights.sum(axis=1) <= 1.001).all()
    inside = labels >= 0
    assert (weights.argmax(axis=1)[inside] == labels[inside]).mean() > 0.95


def test_the_first_use_of_fast_hdbscan_says_that_it_is_compiled(tmp_path, monkeypatch, caplog):
    fast_hdbscan = pytest.importorskip("fast_hdbscan")
    monkeypatch.setattr(fast_hdbscan, "__file__", str(tmp_path / "__init__.py"))  # no cache there
    with caplog.at_level(logging.INFO):
        FastHDBSCANClusterer().fit_predict(np.eye(30, 3, dtype=np.float32))
    assert "numba compiles it at its first use" in caplog.text
