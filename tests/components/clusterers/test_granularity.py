import numpy as np
from scipy import sparse

from components.clusterers.granularity import agreement, finest_agreed, reason
from components.clusterers.graph import absorb, by_size, merge_down


def curve(*scores):
    return [{"score": score, "n_topics": 2.0} for score in scores]


def test_the_choice_moves_on_to_finer_topics_while_they_cost_little():
    assert finest_agreed(curve(0.5, 0.9, 0.88, 0.87, 0.6)) == 3
    assert finest_agreed(curve(0.9, 0.5, 0.89)) == 0
    assert finest_agreed(curve(0.1, 0.2, 0.3)) == 2
    assert "0.87" in reason(1, curve(0.9, 0.87))


def test_what_is_found_twice_scores_high_and_what_is_not_low():
    truth = np.arange(300) % 3
    noise = np.random.default_rng(0)

    def cluster(rows):
        return [truth[rows], noise.integers(0, 3, len(rows)), np.zeros(len(rows), int)]

    def carry(source, target, found):
        return [truth[target], noise.integers(0, 3, len(target)), np.zeros(len(target), int)]

    points = agreement(300, 3, cluster, carry, random_state=1)
    assert points[0]["score"] > 0.99
    assert abs(points[1]["score"]) < 0.1
    assert points[2] == {"score": 0.0, "n_topics": 1.0}


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
