import numpy as np

from components.clusterers.split_half import split_half_agreement


def test_what_is_found_twice_scores_high_and_what_is_not_low():
    truth = np.arange(300) % 3
    noise = np.random.default_rng(0)

    def cluster(rows):
        return [truth[rows], noise.integers(0, 3, len(rows)), np.zeros(len(rows), int)]

    def carry(source, target, found):
        return [truth[target], noise.integers(0, 3, len(target)), np.zeros(len(target), int)]

    points = split_half_agreement(300, 3, cluster, carry, random_state=1)
    assert points[0]["score"] > 0.99
    assert abs(points[1]["score"]) < 0.1
    assert points[2] == {"score": 0.0, "n_topics": 1.0}
    seen = []
    points = split_half_agreement(300, 3, cluster, carry, 1, lambda x: seen.append(x) or 0.5)
    assert [point["modularity"] for point in points] == [0.5] * 3
    assert any(np.array_equal(labels, truth) for labels in seen)
