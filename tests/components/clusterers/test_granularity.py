import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from components.clusterers.agglomerative import AgglomerativeClusterer
from components.clusterers.granularity import middle_agreed, nest, reason
from components.clusterers.hdbscan import FastHDBSCANClusterer, HDBSCANClusterer
from components.clusterers.joining import absorb, merge_down
from components.clusterers.kmeans import KMeansClusterer
from components.labels import by_size


def curve(*scores):
    return [{"score": score, "n_topics": 2.0} for score in scores]


def test_of_settings_that_are_agreed_on_about_equally_the_middle_one_is_chosen():
    assert middle_agreed(curve(0.5, 0.9, 0.89, 0.88, 0.6)) == 2
    assert middle_agreed(curve(0.9, 0.5, 0.4)) == 0
    assert middle_agreed(curve(0.1, 0.2, 0.3)) == 2
    assert middle_agreed(curve(0.5, 0.5, 0.5, 0.5, 0.5)) == 2
    assert middle_agreed(curve(0.0, 0.0)) == 1
    assert middle_agreed(curve(0.90, 0.5, 0.89, 0.89)) == 0  # the others are not around the best
    assert "0.88" in reason(1, curve(0.9, 0.88))


def test_giants_with_crumbs_are_left_out_however_well_they_are_found_twice():
    points = curve(0.9, 0.6, 0.5)
    for point, modularity in zip(points, (0.3, 0.6, 0.62), strict=True):
        point["modularity"] = modularity
    assert middle_agreed(points) == 1
    assert "1 of 3 left out" in reason(1, points)


def test_topics_are_numbered_by_size():
    assert by_size(np.array([2, 2, 5, -1, 5, 5, 0, 0])).tolist() == [1, 1, 0, -1, 0, 0, 2, 2]


LINKS = sparse.csr_matrix(
    [
        [0, 1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0, 0],
        [1, 1, 0, 0.5, 0, 0, 0],
        [0, 0, 0.5, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
)
LABELS = np.array([0, 0, 0, 1, 2, 2, 3])


def test_small_topics_join_those_they_are_linked_with():
    assert absorb(LABELS, LINKS, 2).tolist() == [0, 0, 0, 0, 1, 1, -1]
    assert absorb(LABELS, LINKS, 2, keep_unlinked=True).tolist() == [0, 0, 0, 0, 1, 1, 2]


def test_the_most_linked_topics_merge_first():
    assert merge_down(LABELS, LINKS, 3).tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert merge_down(LABELS, LINKS, 1).tolist() == [0] * 7


def test_layers_are_made_of_whole_topics_or_cut_along_them():
    main = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, -1])
    coarse = np.array([0, 0, 0, 1, 0, 0, 1, 1, 1, 1])
    fine = np.array([0, 0, 1, 1, 2, 2, 2, 3, -1, 3])
    layers = nest(main, {"broad": coarse}, {"fine": fine})
    assert layers["broad"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, -1]
    assert layers["fine"].tolist() == [1, 1, 2, 2, 0, 0, 0, 3, -1, -1]


TRUTH = np.arange(600) % 6


def groups():
    """Six groups in three pairs."""
    rng = np.random.default_rng(0)
    pairs = np.repeat(rng.normal(size=(3, 5)), 2, axis=0) * 12
    centres = pairs + rng.normal(size=(6, 5)) * 3
    return (centres[TRUTH] + rng.normal(size=(600, 5))).astype(np.float32)


@pytest.fixture(
    params=[HDBSCANClusterer, FastHDBSCANClusterer, KMeansClusterer, AgglomerativeClusterer],
    ids=["hdbscan", "fast_hdbscan", "kmeans", "agglomerative"],
)
def clusterer(request):
    if request.param is FastHDBSCANClusterer:
        pytest.importorskip("fast_hdbscan")
    return request.param


def test_auto_finds_the_groups_and_says_why(clusterer):
    part = clusterer(granularity="auto", random_state=1)
    labels = part.fit_predict(groups())
    assert adjusted_rand_score(TRUTH, labels) > 0.6
    assert part.choice_["why"].startswith("auto: ")
    assert part.choice_["n_topics"] == len(np.unique(labels[labels >= 0]))
    assert len(part.curve_) > 3
    np.testing.assert_array_equal(
        labels, clusterer(granularity="auto", random_state=1).fit_predict(groups())
    )


@pytest.mark.parametrize("n_topics", [1, 3, 6])
def test_an_exact_number_of_topics(clusterer, n_topics):
    labels = clusterer(n_topics=n_topics, random_state=1).fit_predict(groups())
    assert len(np.unique(labels[labels >= 0])) == n_topics


def test_broad_medium_and_fine_are_nested(clusterer):
    part = clusterer(granularity="medium", layers=["broad", "medium", "fine"], random_state=1)
    labels = part.fit_predict(np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32))
    assert list(part.layers_) == ["broad", "medium", "fine"]
    for coarse, fine in (("broad", "medium"), ("medium", "fine")):
        outer, inner = part.layers_[coarse], part.layers_[fine]
        assert all(len(np.unique(outer[inner == topic])) == 1 for topic in range(inner.max() + 1))
    np.testing.assert_array_equal(part.layers_["medium"], labels)


@pytest.mark.parametrize("granularity", ["auto", "fine"])
def test_few_documents(clusterer, granularity):
    for n in (1, 2, 5):
        part = clusterer(granularity=granularity, layers=["broad"], random_state=1)
        assert part.fit_predict(groups()[:n]).shape == (n,)


@pytest.mark.parametrize("settings", [{}, {"min_samples": 3}, {"cluster_selection_method": "leaf"}])
def test_a_cut_of_the_tree_is_what_the_library_finds(settings):
    from hdbscan import HDBSCAN

    part = HDBSCANClusterer(min_cluster_size=15, **settings)
    model = HDBSCAN(min_cluster_size=15, core_dist_n_jobs=1, **settings).fit(groups())
    np.testing.assert_array_equal(part.fit_predict(groups()), model.labels_)
    np.testing.assert_allclose(part.probabilities_, model.probabilities_, rtol=1e-6)


def test_a_cut_of_the_fast_tree_is_what_the_library_finds():
    library = pytest.importorskip("fast_hdbscan")
    model = library.HDBSCAN(min_cluster_size=15, reproducible=True).fit(groups())
    labels = FastHDBSCANClusterer(min_cluster_size=15).fit_predict(groups())
    assert adjusted_rand_score(model.labels_, labels) > 0.999
