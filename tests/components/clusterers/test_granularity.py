from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from components.clusterers.agglomerative import AgglomerativeClusterer
from components.clusterers.granularity import (
    CLEAR_AGREEMENT,
    GAIN_PER_DOUBLING,
    MODULARITY_LOSS,
    TOLERANCE,
    weigh,
)
from components.clusterers.hdbscan import FastHDBSCANClusterer, HDBSCANClusterer
from components.clusterers.joining import absorb, merge_down
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.labels import by_size


def curve(*scores):
    return [{"score": score, "n_topics": 2.0} for score in scores]


def test_a_setting_weighs_more_the_more_the_halves_agree_on_it():
    weights = weigh(curve(0.1, 0.9, 0.9 - TOLERANCE, 0.2))
    assert weights.sum() == pytest.approx(1)
    assert weights[1] / weights[2] == pytest.approx(np.e)
    assert weights[[0, 3]].max() < 1e-6
    np.testing.assert_allclose(weigh(curve(0.5, 0.5, 0.5)), 1 / 3)
    np.testing.assert_allclose(weigh(curve(0.0, 0.0)), 1 / 2)


def test_a_little_more_agreement_changes_the_weights_a_little():
    for scores in ((0.5, 0.48, 0.5), (0.30, 0.27, 0.2), (0.9, 0.1, 0.9)):
        changed = weigh(curve(scores[0] + 0.001, *scores[1:])) - weigh(curve(*scores))
        assert np.abs(changed).max() < 0.02


def test_of_equal_agreement_that_on_more_topics_weighs_more():
    points = curve(0.9, 0.9, 0.2, 0.2)
    for point, n_topics in zip(points, (2, 4, 2, 16), strict=True):
        point["n_topics"] = n_topics
    weights = weigh(points)
    assert weights[1] / weights[0] == pytest.approx(np.exp(0.9 * GAIN_PER_DOUBLING / TOLERANCE))
    assert weights[2:].max() < 1e-6  # however many they are, who do not agree say nothing
    for point in points:
        point["modularity"] = 0.5  # which tells more
    assert weigh(points)[0] == pytest.approx(weigh(points)[1])


def test_giants_with_crumbs_are_left_out_however_well_they_are_found_twice():
    points = curve(0.9, 0.6, 0.5)
    for point, modularity in zip(points, (0.3, 0.6, 0.62), strict=True):
        point["modularity"] = modularity
    assert weigh(points)[0] == 0
    assert weigh(points)[1] > 0.9
    points[0]["modularity"] = 0.62 - sum(MODULARITY_LOSS) / 2  # half of the weight
    assert weigh(points)[0] > 0.99
    points[0]["score"] = 0.6
    np.testing.assert_allclose(weigh(points)[:2], [1 / 3, 2 / 3], atol=0.02)


def test_a_few_giants_are_left_out_where_the_halves_agree_on_nothing():
    points = curve(0.4, 0.3, 0.28)
    for point, n_topics, modularity in zip(points, (5, 30, 90), (0.6, 0.5, 0.48), strict=True):
        point |= {"n_topics": n_topics, "modularity": modularity}
    assert weigh(points)[0] > 0.99
    weights = weigh(points, 20)
    assert weights[0] == 0
    assert weights[1:].min() > 0.1  # their modularity is compared with the best that is left
    np.testing.assert_allclose(weigh(points, 30.3), weights, atol=0.02)  # nearly as many
    np.testing.assert_array_equal(weigh(points, 120), weigh(points))  # none has as many
    points[0]["score"] = CLEAR_AGREEMENT
    np.testing.assert_array_equal(weigh(points, 20), weigh(points))


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


@pytest.fixture(scope="module")
def news():
    """Vectors (300, 50) of the Lee corpus: curves of agreement that are flat and noisy."""
    from gensim.test.utils import datapath
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    lines = Path(datapath("lee_background.cor")).read_text(encoding="utf-8").splitlines()
    X = TfidfVectorizer(stop_words="english").fit_transform(lines)
    return TruncatedSVD(50, random_state=0).fit_transform(X).astype(np.float32)


@pytest.mark.parametrize(
    ("part", "factor"),
    [(LeidenClusterer, 1.5), (AgglomerativeClusterer, 1.5)],
    ids=["leiden", "agglomerative"],
)
def test_the_number_of_topics_does_not_jump(part, factor, news):
    """Taking the middle of the best settings gave agglomerative 3 to 30 topics here."""

    def count(X, seed=1):
        clusterer = part(granularity="auto", random_state=seed)
        clusterer.fit_predict(X)
        return clusterer.choice_["n_topics"]

    orders = [np.random.default_rng(seed).permutation(len(news)) for seed in range(5)]
    for counts in (
        [count(news, seed) for seed in range(5)],
        [count(news[np.sort(order[:270])]) for order in orders],
    ):
        assert max(counts) <= factor * min(counts)


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
