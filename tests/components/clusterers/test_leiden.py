import logging
import subprocess
import sys

import igraph
import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from components import neighbors as search
from components.base import UserError
from components.clusterers import granularity, graph
from components.clusterers.communities import Communities
from components.clusterers.granularity import MODULARITY_LOSS
from components.clusterers.graph import averaged, weighted
from components.clusterers.leiden import LeidenClusterer

TRUTH = np.arange(400) % 8


def groups(n=400):
    """Eight groups in four pairs."""
    rng = np.random.default_rng(0)
    pairs = np.repeat(rng.normal(size=(4, 30)), 2, axis=0) * 1.2
    centres = pairs + rng.normal(size=(8, 30)) * 0.8
    return (centres[TRUTH[:n]] + 0.5 * rng.normal(size=(n, 30))).astype(np.float32)


def nested(fine, coarse):
    return all(len(np.unique(coarse[fine == topic])) == 1 for topic in np.unique(fine[fine >= 0]))


def test_auto_finds_the_groups_and_says_why():
    part = LeidenClusterer(random_state=1)
    labels = part.fit_predict(groups())
    assert labels.dtype == np.int64
    assert adjusted_rand_score(TRUTH, labels) > 0.95
    assert part.choice_["n_topics"] == 8
    assert part.choice_["why"].startswith("auto: ")
    assert sum(point["weight"] for point in part.curve_) == pytest.approx(1)
    assert all(0 <= point["score"] <= 1 for point in part.curve_)


def test_auto_knows_the_modularity_of_what_it_tries():
    part = LeidenClusterer(random_state=1)
    part.fit_predict(groups())
    # Both are one topic for each group here, in the halves as in the whole.
    point = max(part.curve_, key=lambda p: p["weight"])
    links = weighted(search.neighbors(groups(), 30), "fuzzy").tocoo()
    graph = igraph.Graph(400, np.column_stack([links.row, links.col])[links.row < links.col])
    weights = links.data[links.row < links.col]
    assert point["modularity"] == pytest.approx(graph.modularity(TRUTH, weights), abs=0.01)
    best = max(point["modularity"] for point in part.curve_)
    ruled_out = [point["ruled_out"] for point in part.curve_]
    assert ruled_out == [point["modularity"] <= best - MODULARITY_LOSS[1] for point in part.curve_]
    assert any(ruled_out)


def test_modularity_is_that_of_igraph():
    links = weighted(search.neighbors(groups(), 30), "fuzzy")
    upper = sparse.triu(links, 1).tocoo()
    graph = igraph.Graph(400, np.column_stack([upper.row, upper.col]))
    for labels in (TRUTH, np.arange(400) % 7, np.zeros(400, np.int64)):
        expected = graph.modularity(labels.tolist(), upper.data)
        assert Communities(links).modularity(labels) == pytest.approx(expected, abs=1e-12)
    assert Communities(sparse.csr_matrix((5, 5))).modularity(np.arange(5)) == 0


def test_the_largest_topic_is_number_0():
    X = np.vstack([groups(), groups()[TRUTH == 5]])
    sizes = np.bincount(LeidenClusterer(random_state=1).fit_predict(X))
    assert (np.diff(sizes) <= 0).all()


def test_strengths_are_the_share_of_links_inside():
    part = LeidenClusterer(resolution=1.0, random_state=1)
    labels = part.fit_predict(groups())
    total = np.asarray(part.memberships_.sum(axis=1)).ravel()
    np.testing.assert_allclose(total, 1, rtol=1e-5)
    own = part.memberships_.toarray()[np.arange(400), labels]
    np.testing.assert_allclose(part.probabilities_, own)
    assert sparse.issparse(part.memberships_)


@pytest.mark.parametrize("n_topics", [2, 5, 8, 13])
def test_an_exact_number_of_topics(n_topics):
    part = LeidenClusterer(n_topics=n_topics, random_state=1)
    labels = part.fit_predict(groups())
    assert len(np.unique(labels)) == n_topics == part.choice_["n_topics"]


def test_fewer_topics_than_parts_of_the_graph():
    X = np.repeat(np.eye(6, dtype=np.float32), 40, axis=0)
    labels = LeidenClusterer(n_topics=3, n_neighbors=5, random_state=1).fit_predict(X)
    assert len(np.unique(labels)) == 3


def test_broad_medium_and_fine_are_nested_layers():
    part = LeidenClusterer(layers=["fine", "broad", "medium"], random_state=1)
    labels = part.fit_predict(np.random.default_rng(0).normal(size=(600, 6)))
    layers = part.layers_
    assert nested(layers["fine"], layers["medium"])
    assert nested(layers["medium"], layers["broad"])
    assert nested(layers["fine"], labels) or nested(labels, layers["fine"])
    counts = [len(np.unique(layers[name])) for name in ("broad", "medium", "fine")]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


@pytest.mark.parametrize("weights", ["fuzzy", "jaccard"])
@pytest.mark.parametrize("metric", ["auto", "cosine", "euclidean"])
def test_weights_and_metrics(weights, metric):
    part = LeidenClusterer(resolution=1.0, weights=weights, metric=metric, random_state=1)
    assert adjusted_rand_score(TRUTH, part.fit_predict(groups())) > 0.9


def test_sparse_weights_go_by_hellinger():
    rng = np.random.default_rng(0)
    profile = rng.random((8, 300)) ** 6
    X = sparse.csr_matrix(rng.poisson(3 * profile[TRUTH]).astype(np.float32))
    asked = []

    def shared(X, k, metric):
        asked.append((sparse.issparse(X), k, metric))
        return search.neighbors(X, k, metric)

    labels = LeidenClusterer(random_state=1).fit_predict(X, neighbors=shared)
    assert asked == [(True, 30, "hellinger")]
    assert adjusted_rand_score(TRUTH, labels) > 0.9


def test_weak_documents_are_outliers_where_that_is_asked_for():
    X = groups()
    X[::20] = np.random.default_rng(1).normal(size=(20, 30)) * 0.5
    keep = LeidenClusterer(resolution=1.0, random_state=1)
    drop = LeidenClusterer(
        resolution=1.0, outliers="score", outlier_threshold=0.6, layers=["broad"], random_state=1
    )
    assert (keep.fit_predict(X) >= 0).all()
    labels = drop.fit_predict(X)
    out = labels < 0
    np.testing.assert_array_equal(out, keep.probabilities_ < 0.6)
    assert out[::20].mean() > 5 * out.mean() > 0
    assert (drop.probabilities_[out] == 0).all()
    assert (drop.layers_["broad"][out] == -1).all()


def test_a_document_without_any_link_is_an_outlier():
    X = sparse.lil_matrix((60, 40), dtype=np.float32)
    X[:59, :30] = np.random.default_rng(0).random((59, 30))
    X[59, 35] = 1
    part = LeidenClusterer(random_state=1)
    labels = part.fit_predict(X.tocsr())
    assert labels[59] == -1
    assert (labels[:59] >= 0).all()
    assert part.probabilities_[59] == 0


@pytest.mark.parametrize("n", [1, 2, 3, 6, 12])
def test_few_documents(n, caplog):
    with caplog.at_level(logging.WARNING):
        part = LeidenClusterer(random_state=1)
        labels = part.fit_predict(groups(n))
    assert labels.shape == part.probabilities_.shape == (n,)
    assert part.memberships_.shape[0] == n
    assert "n_neighbors=30 is too large" in caplog.text


def test_identical_documents_are_one_topic():
    labels = LeidenClusterer(random_state=1).fit_predict(np.ones((25, 4), np.float32))
    assert (labels == 0).all()


WITHOUT_IGRAPH = """
import sys
import numpy as np
from components.clusterers.leiden import LeidenClusterer
LeidenClusterer(random_state=3).fit_predict(np.random.default_rng(0).normal(size=(200, 8)))
print(*sorted({"igraph", "matplotlib"} & set(sys.modules)))
import igraph
print(len(igraph.Graph.Famous("petersen").community_leiden()))
"""


def test_igraph_comes_without_its_plots_and_can_be_imported_after_it():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_IGRAPH],
        env={"PYTHONPATH": ":".join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n10\n"


CODE = """
import igraph
import numpy as np
from components.clusterers.leiden import LeidenClusterer
X = np.random.default_rng(0).normal(size=(600, 40)).astype(np.float32)
print(LeidenClusterer(random_state=3, layers=["fine"]).fit_predict(X).tolist())
"""


def test_every_process_finds_the_same_whatever_its_threads():
    found = set()
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            env={"OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": ":".join(p for p in sys.path if p)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_the_generator_of_the_process_is_left_alone():
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    LeidenClusterer(random_state=1).fit_predict(groups())
    assert random.random() == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"granularity": "coarse"}, "granularity=coarse"),
        ({"n_topics": 3, "resolution": 1.0}, "one of the two to null"),
        ({"n_topics": 0}, "n_topics=0"),
        ({"layers": ["auto"]}, "layers"),
        ({"min_topic_size": 0}, "min_topic_size=0"),
        ({"resolution": float("nan")}, "resolution=nan"),
        ({"outlier_threshold": 30}, "outlier_threshold=30: must be from 0 to 1"),
        ({"n_iterations": 0}, "n_iterations=0: must be at least 1, or -1"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(UserError, match=message):
        LeidenClusterer(**settings)


def test_graphs_are_averaged_by_hand() -> None:
    one = sparse.csr_matrix([[0, 1.0, 0.4, 0], [1.0, 0, 0, 0], [0.4, 0, 0, 0.2], [0, 0, 0.2, 0]])
    other = sparse.csr_matrix([[0, 0, 0.4, 0.6], [0, 0, 0, 0], [0.4, 0, 0, 0], [0.6, 0, 0, 0]])
    # Means: 01 .5, 02 .4, 03 .3, 23 .1. Of the heaviest two of each row, 3 has 0 and 2: 23 stays.
    expected = [[0, 0.5, 0.4, 0.3], [0.5, 0, 0, 0], [0.4, 0, 0, 0.1], [0.3, 0, 0.1, 0]]
    np.testing.assert_allclose(averaged([one, other], 2).toarray(), expected)
    expected = [[0, 0.5, 0.4, 0.3], [0.5, 0, 0, 0], [0.4, 0, 0, 0], [0.3, 0, 0, 0]]
    np.testing.assert_allclose(averaged([one, other], 1).toarray(), expected)


def test_members_whose_errors_differ_find_together_what_neither_finds_alone():
    rng = np.random.default_rng(0)
    members = [groups() + 2 * rng.normal(size=(400, 30)).astype(np.float32) for _ in range(3)]
    part = LeidenClusterer(n_topics=8, random_state=1)
    alone = [adjusted_rand_score(TRUTH, part.fit_predict(member)) for member in members]
    together = adjusted_rand_score(TRUTH, part.fit_predict(np.hstack(members), members=members))
    assert together > max(alone) + 0.05


def test_one_member_twice_is_that_member():
    X = groups()
    alone, twice = LeidenClusterer(random_state=1), LeidenClusterer(random_state=1)
    labels = twice.fit_predict(np.hstack([X, X]), members=[X, X])
    assert adjusted_rand_score(alone.fit_predict(X), labels) > 0.99


def test_a_document_that_a_member_does_not_know_has_its_links_from_the_others():
    X = groups()
    blind = X.copy()
    blind[:100] = 0  # which are equal, and so each other's nearest in this space
    labels = LeidenClusterer(random_state=1).fit_predict(np.hstack([X, blind]), members=[X, blind])
    assert adjusted_rand_score(TRUTH, labels) > 0.95


@pytest.fixture
def sampled(monkeypatch):
    """`auto` looks at a sample of 200 where there are more than 300 documents."""
    monkeypatch.setattr(granularity, "AUTO_LIMIT", 300)
    monkeypatch.setattr(granularity, "AUTO_SAMPLE", 200)
    monkeypatch.setattr(granularity, "MANY_DOCUMENTS", 300)


def test_auto_on_a_sample_finds_the_groups_of_all(sampled, caplog):
    sizes = []

    def shared(X, k, metric):
        sizes.append(len(X))
        return search.neighbors(X, k, metric)

    part = LeidenClusterer(random_state=1)
    with caplog.at_level(logging.INFO):
        labels = part.fit_predict(groups(), neighbors=shared)
    assert adjusted_rand_score(TRUTH, labels) > 0.95
    assert sizes == [400, 200]
    assert part.choice_["why"].endswith("; on a sample of 200 of the 400 documents")
    assert {point["n_documents"] for point in part.curve_} == {200}
    assert "sample of 200 of the 400 documents" in caplog.text
    again = LeidenClusterer(random_state=1).fit_predict(groups())
    np.testing.assert_array_equal(labels, again)


def test_an_ensemble_is_sampled_too(sampled):
    part = LeidenClusterer(random_state=1)
    X = groups()
    labels = part.fit_predict(np.hstack([X, X]), members=[X, X])
    assert adjusted_rand_score(TRUTH, labels) > 0.95
    assert {point["n_documents"] for point in part.curve_} == {200}


def test_what_is_not_chosen_needs_no_sample(sampled):
    for settings in ({"resolution": 1.0}, {"granularity": "medium"}):
        part = LeidenClusterer(random_state=1, **settings)
        part.fit_predict(groups())
        assert part.curve_ == []


def test_rounds_one_by_one_find_what_rounds_at_once_find(monkeypatch):
    links = weighted(search.neighbors(groups(), 30), "fuzzy")
    communities = Communities(links)
    at_once = communities.find(3.0, 4, 7)
    monkeypatch.setattr(graph, "LARGE", 100)
    np.testing.assert_array_equal(communities.find(3.0, 4, 7), at_once)
    assert len(np.unique(communities.find(3.0, -1, 7))) > 1


def test_links_put_away_for_a_search_come_back_to_the_bit(monkeypatch):
    links = weighted(search.neighbors(groups(), 30), "fuzzy")
    small = Communities(links.copy())
    expected = small.find(3.0, 2, 7)
    monkeypatch.setattr(graph, "LARGE", 100)
    large = Communities(links.copy())
    np.testing.assert_array_equal(large.find(3.0, 2, 7), expected)
    assert large.links is not small.links
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(large.links, name), getattr(links, name))
        assert getattr(large.links, name).dtype == getattr(links, name).dtype


@pytest.mark.parametrize("weights", ["fuzzy", "jaccard"])
def test_a_large_graph_does_without_its_lightest_links(monkeypatch, weights):
    links = weighted(search.neighbors(groups(), 30), weights)
    assert graph.thinned(links.copy()).nnz == links.nnz
    monkeypatch.setattr(graph, "LARGE", 100)
    thin = graph.thinned(links.copy())
    assert 0.7 * links.nnz < thin.nnz < 0.85 * links.nnz  # entries that are equal stay
    assert (thin != thin.T).nnz == 0
    assert links[thin.nonzero()].min() == thin.data.min()
    gone = links - thin
    gone.eliminate_zeros()
    assert gone.max() < thin.data.min()
    labels = LeidenClusterer(random_state=1, weights=weights, resolution=1.0).fit_predict(groups())
    assert adjusted_rand_score(TRUTH, labels) > 0.95


def test_no_document_is_left_without_a_link(monkeypatch):
    monkeypatch.setattr(graph, "LARGE", 3)
    light = np.zeros((4, 4))
    light[0, 1], light[1, 2], light[0, 2], light[2, 3] = 0.9, 0.8, 0.1, 0.2
    links = graph.thinned(sparse.csr_matrix(light + light.T))
    expected = [(0, 1), (1, 2), (2, 3)]
    assert sorted(zip(*sparse.triu(links).nonzero(), strict=True)) == expected
    empty = graph.thinned(sparse.csr_matrix((5, 5)))
    assert empty.nnz == 0


def test_an_exact_number_of_topics_of_many_documents_takes_one_search(sampled, monkeypatch):
    searched = []
    find = Communities.find

    def counted(self, *args):
        searched.append(len(self.degrees))
        return find(self, *args)

    monkeypatch.setattr(Communities, "find", counted)
    X = groups()
    for n_topics in (4, 8):
        searched.clear()
        part = LeidenClusterer(n_topics=n_topics, random_state=1)
        labels = part.fit_predict(X)
        assert len(np.unique(labels)) == n_topics
        assert searched.count(400) == 1
        assert searched.count(200) > 0
        np.testing.assert_array_equal(
            labels, LeidenClusterer(n_topics=n_topics, random_state=1).fit_predict(X)
        )
    assert adjusted_rand_score(TRUTH, labels) > 0.95


def test_of_many_documents_without_clear_topics_a_few_giants_are_not_chosen(sampled):
    X = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
    part = LeidenClusterer(random_state=1)
    part.fit_predict(X)
    few = [point["n_topics"] < 3 for point in part.curve_]  # the fourth root of 400 is 4.5
    assert any(few)
    assert all(point["ruled_out"] for point, is_few in zip(part.curve_, few, strict=True) if is_few)
    assert "left out for fewer than 4 topics" in part.choice_["why"]
    part.fit_predict(X[:300])  # not many
    assert "fewer" not in part.choice_["why"]
