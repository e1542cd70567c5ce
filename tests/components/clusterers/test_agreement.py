import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from components.clusterers.agreement import adjusted_mutual_information, agreement


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
    seen = []
    points = agreement(300, 3, cluster, carry, 1, lambda labels: seen.append(labels) or 0.5)
    assert [point["modularity"] for point in points] == [0.5] * 3
    assert any(np.array_equal(labels, truth) for labels in seen)


@pytest.mark.parametrize("seed", range(20))
def test_the_adjusted_mutual_information_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 1000))
    one = rng.integers(-1, rng.integers(0, 60), n)
    other = np.where(rng.random(n) < rng.random(), one, rng.integers(-1, rng.integers(0, 60), n))
    expected = adjusted_mutual_info_score(one, other)
    assert adjusted_mutual_information(one, other) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([0, 0, 0], [1, 1, 1]),
        ([0, 1, 2], [2, 1, 0]),
        ([0, 0, 1, 1], [0, 0, 0, 0]),
        ([0, 1, 2, 3], [0, 0, 0, 0]),
        ([5, 5, -1, 9], [0, 0, 1, 2]),
        ([3], [0]),
    ],
)
def test_clusterings_with_little_to_compare(one, other):
    expected = adjusted_mutual_info_score(one, other)
    found = adjusted_mutual_information(np.array(one), np.array(other))
    assert found == pytest.approx(expected, abs=1e-10)
