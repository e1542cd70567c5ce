import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from components.base import Guidance
from components.clusterers.copies import find_originals
from components.clusterers.leiden import LeidenClusterer

TRUTH = np.arange(300) % 6
N_COPIES = np.where(np.arange(300) % 10 == 0, 20, 1)
N_COPIES[7] = 300  # in topic 1
OF = np.repeat(np.arange(300), N_COPIES)  # which of 300 documents each row is


def documents():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 30))
    return (centres[TRUTH] + 0.6 * rng.normal(size=(300, 30))).astype(np.float32)


def group_of(seeds, fixed):
    """Guidance of two groups, with a seed and a fixed group for some rows."""
    values = sparse.lil_matrix((len(OF), 2))
    for row, group in seeds.items():
        values[row, group] = 1
    groups = np.full(len(OF), -1)
    groups[[*fixed]] = [*fixed.values()]
    return Guidance(("one", "two"), groups, values.tocsr())


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("settings", [{}, {"n_topics": 6}, {"outliers": "score"}])
def test_copies_leave_the_topics_of_the_others_as_they_are(form, settings):
    X = documents()
    alone = LeidenClusterer(random_state=1, layers=["broad", "fine"], **settings)
    part = LeidenClusterer(random_state=1, layers=["broad", "fine"], **settings)
    expected, labels = alone.fit_predict(form(X)), part.fit_predict(form(X[OF]))
    assert adjusted_rand_score(expected[OF], labels) == 1
    assert labels.shape == part.probabilities_.shape == (len(OF),)
    once = (N_COPIES == 1)[OF]
    np.testing.assert_array_equal(alone.probabilities_[OF][once], part.probabilities_[once])
    assert (alone.probabilities_[OF] <= part.probabilities_ + 1e-6).all()
    assert part.memberships_.shape == (len(OF), len(np.unique(labels[labels >= 0])))
    for name, layer in part.layers_.items():
        assert adjusted_rand_score(alone.layers_[name][OF], layer) == 1
    sizes = np.bincount(labels[labels >= 0])
    assert (np.diff(sizes) <= 0).all()
    assert labels[OF == 7][0] == 0
    # What predicts the topics of new documents goes by the same graph.
    degrees = [np.bincount(TRUTH[OF], part.prediction_["degrees"]),
               np.bincount(TRUTH, alone.prediction_["degrees"])]  # fmt: skip
    np.testing.assert_allclose(*degrees)


def test_nothing_but_copies_is_one_topic():
    part = LeidenClusterer(random_state=1)
    assert (part.fit_predict(np.ones((1000, 4), np.float32)) == 0).all()
    assert part.choice_["n_topics"] == 1


def test_copies_count_for_the_size_of_a_topic():
    X = sparse.block_diag([np.random.default_rng(0).random((60, 30)), [[1]]], format="csr")
    lonely = np.r_[np.arange(60), np.full(5, 60)]  # the last has nothing in common with the others
    assert LeidenClusterer(random_state=1).fit_predict(X)[-1] == -1
    labels = LeidenClusterer(random_state=1).fit_predict(X[lonely])
    assert (labels[-5:] == labels[-1]).all()
    assert labels[-1] > labels[:60].max()


def test_copies_are_members_of_their_topic():
    X = np.repeat(np.eye(3, dtype=np.float32) + 0.1, 20, axis=0)
    part = LeidenClusterer(random_state=1, n_topics=3)
    labels = part.fit_predict(X)
    assert len(np.unique(labels)) == 3
    assert (part.probabilities_ > 0.8).all()
    np.testing.assert_array_equal(part.memberships_.toarray().argmax(axis=1), labels)


def test_what_is_known_of_a_copy_is_known_of_all():
    X = documents()[OF]
    row = int(np.flatnonzero(OF == 7)[3])
    guidance = group_of({row: 0}, {row + 1: 1})
    originals = find_originals([X], guidance)
    assert originals.n_copies == len(OF) - 300
    inside = originals.guidance(guidance)
    assert inside.fixed[originals.of_row[row]] == 1
    assert inside.seeds[originals.of_row[row], 0] == 1
    assert inside.seeds.sum() == 1


def test_copies_with_different_known_labels_keep_them():
    X = documents()[OF]
    first, *_, last = np.flatnonzero(OF == 7)
    part = LeidenClusterer(random_state=1)
    labels = part.fit_predict(X, guidance=group_of({}, {first: 0, last: 1}))
    assert labels[first] != labels[last]
    assert (labels[first + 1 : last] == labels[first]).all()


def test_the_words_of_a_copy_may_be_in_another_order():
    starts, values = np.array([0, 2, 4]), np.array([1.0, 2.0, 2.0, 1.0], np.float32)
    X = sparse.csr_matrix((values, np.array([0, 3, 3, 0]), starts), shape=(2, 4))
    assert find_originals([X]).n_copies == 1


def test_documents_are_copies_where_every_member_of_an_ensemble_says_so():
    one = documents()[OF]
    other = np.arange(len(OF), dtype=np.float32)[:, None]
    assert find_originals([one]).n_copies == len(OF) - 300
    assert find_originals([one, other]).n_copies == 0
