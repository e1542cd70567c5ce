import numpy as np
import pytest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    homogeneity_score,
)

from components.agreement import (
    T_QUANTILE,
    adjusted_mutual_information,
    adjusted_rand_index,
    homogeneity_and_completeness,
    jackknife_error,
    jackknife_values,
    purity,
)


@pytest.mark.parametrize("seed", range(20))
def test_measures_equal_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 1000))
    one = rng.integers(-1, rng.integers(0, 60), n)
    other = np.where(rng.random(n) < rng.random(), one, rng.integers(-1, rng.integers(0, 60), n))
    check(one, other)


def check(one, other):
    close = {"abs": 1e-10}
    expected = adjusted_mutual_info_score(one, other)
    assert adjusted_mutual_information(one, other) == pytest.approx(expected, **close)
    assert adjusted_rand_index(one, other) == pytest.approx(
        adjusted_rand_score(one, other), **close
    )
    assert homogeneity_and_completeness(one, other) == pytest.approx(
        (homogeneity_score(one, other), completeness_score(one, other)), **close
    )


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
def test_partitions_with_little_to_compare(one, other):
    check(np.array(one), np.array(other))


def test_purity_by_hand():
    # The topics hold "a" twice of three, and "b" twice of two.
    assert purity(np.array([0, 0, 1, 1, 1]), np.array([4, 4, 4, -1, -1])) == 4 / 5


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=20)
    left_out = np.array([np.delete(values, i).mean() for i in range(20)])
    assert jackknife_error(left_out) == pytest.approx(values.std(ddof=1) / np.sqrt(20))


def test_intervals_hold_what_they_should():
    def drawn(n, rng):
        one = rng.integers(0, 6, n)
        return one, np.where(rng.random(n) < 0.4, rng.integers(0, 6, n), one)

    true = adjusted_mutual_info_score(*drawn(100_000, np.random.default_rng(0)))
    inside = 0
    for seed in range(1, 101):
        one, other = drawn(200, np.random.default_rng(seed))
        error = jackknife_error(jackknife_values(one, [other])[:, 0])
        inside += abs(adjusted_mutual_info_score(one, other) - true) <= T_QUANTILE * error
    assert 86 <= inside <= 99


def test_the_jackknife_leaves_each_document_out_once():
    one = np.arange(60) % 3
    found = jackknife_values(one, [one, np.roll(one, 1)])
    assert found.shape == (20, 2)
    assert found == pytest.approx(1)
