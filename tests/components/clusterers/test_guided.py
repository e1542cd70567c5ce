"""What the user knows is obeyed: together, apart, and pulled."""

import numpy as np
from scipy import sparse
from sklearn.metrics import adjusted_mutual_info_score

from components.base import Guidance
from components.clusterers import guided
from components.clusterers.communities import Communities
from components.clusterers.graph import weighted
from components.clusterers.guided import GuidedCommunities
from components.clusterers.leiden import LeidenClusterer
from components.neighbors import neighbors

TRUTH = np.arange(400) % 8


def vectors(spread=1.0):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(8, 30))
    return (centres[TRUTH] + spread * rng.normal(size=(400, 30))).astype(np.float32)


def guidance(fixed=None, seeds=None, names="abcdefgh"):
    nothing = np.full(400, -1, np.int64)
    empty = sparse.csr_matrix((400, len(names)))
    return Guidance(tuple(names), nothing if fixed is None else fixed,
                    empty if seeds is None else sparse.csr_matrix(seeds))  # fmt: skip


def test_without_a_word_on_any_document_nothing_changes():
    plain = LeidenClusterer(random_state=1).fit_predict(vectors())
    guided = LeidenClusterer(random_state=1).fit_predict(vectors(), guidance=guidance())
    np.testing.assert_array_equal(plain, guided)


def test_known_documents_stay_together_and_apart_against_their_vectors():
    fixed = np.full(400, -1, np.int64)
    fixed[:80] = np.arange(80) // 20 % 2  # two groups straight across the eight true ones
    for settings in ({"granularity": "broad"}, {"n_topics": 3}, {"outliers": "score"}):
        labels = LeidenClusterer(random_state=1, **settings).fit_predict(
            vectors(), guidance=guidance(fixed, names="ab")
        )
        groups = [set(labels[fixed == group].tolist()) for group in (0, 1)]
        assert [len(group) for group in groups] == [1, 1], settings
        assert groups[0] != groups[1], settings
        assert -1 not in groups[0] | groups[1]


def test_few_known_documents_are_a_topic_however_small():
    fixed = np.full(400, -1, np.int64)
    fixed[[0, 8]] = 0
    fixed[[16, 24]] = 1  # of the same true group
    labels = LeidenClusterer(random_state=1, min_topic_size=20).fit_predict(
        vectors(), guidance=guidance(fixed, names="ab")
    )
    assert labels[0] == labels[8] != labels[16] == labels[24]


def test_so_many_topics_as_there_are_known_groups_stay():
    fixed = np.where(np.arange(400) < 80, TRUTH, -1)
    labels = LeidenClusterer(random_state=1, n_topics=3).fit_predict(
        vectors(), guidance=guidance(fixed)
    )
    assert len(np.unique(labels)) == 8


def test_seeds_pull_their_neighbours_along():
    X = vectors(spread=2.0)  # so blurred that the groups are not found without help
    seeds = np.zeros((400, 8))
    seeds[np.arange(160), TRUTH[:160]] = 0.5
    plain = LeidenClusterer(random_state=1).fit_predict(X)
    guided = LeidenClusterer(random_state=1).fit_predict(X, guidance=guidance(seeds=seeds))

    def agreement(rows, labels):
        return adjusted_mutual_info_score(TRUTH[rows], labels[rows])

    seeded, rest = slice(160), slice(160, None)
    assert agreement(seeded, plain) < 0.65
    assert agreement(seeded, guided) > 0.95
    assert agreement(rest, guided) > agreement(rest, plain) + 0.03


def test_a_word_that_stands_everywhere_pulls_nothing_together():
    seeds = np.zeros((400, 2))
    seeds[:, 0] = 0.5
    seeds[TRUTH == 3, 1] = 0.5
    labels = LeidenClusterer(random_state=1, resolution=1).fit_predict(
        vectors(), guidance=guidance(seeds=seeds, names="ab")
    )
    assert adjusted_mutual_info_score(TRUTH, labels) > 0.95


def test_of_several_starts_the_one_that_gathers_the_most_seeds_stays(monkeypatch):
    seeds = np.zeros((400, 8))
    seeded = np.arange(40)
    seeds[seeded, TRUTH[:40]] = 0.5
    graph = neighbors(vectors(spread=3.0), 30, "cosine")  # hardly a group is found without help
    communities = Communities(weighted(graph, "fuzzy"))

    def gathered():
        guided = GuidedCommunities(communities, guidance(seeds=seeds))
        found = [guided.find(1.0, 4, seed)[seeded] for seed in range(6)]
        most = [[np.bincount(topics[TRUTH[:40] == g]).max() for g in range(8)] for topics in found]
        return np.mean(most) / 5

    several = gathered()
    monkeypatch.setattr(guided, "FRESH", 0)
    assert several > gathered() + 0.02
