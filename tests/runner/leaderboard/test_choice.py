"""Consensus and the choice among runs: by hand, and on runs whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import zscore
from sklearn.metrics import adjusted_mutual_info_score

from runner.leaderboard.choice import (
    choice_score,
    consensus,
    neighbor_overlap,
    topic_agreement,
    voting_weights,
)


def noisy(truth: np.ndarray, share: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(truth)) < share, rng.integers(0, 5, len(truth)), truth)


def test_agreement_equals_scikit_learn() -> None:
    truth = np.arange(200) % 5
    topics = [truth, noisy(truth, 0.3, 1), np.where(truth == 0, -1, truth)]
    found = topic_agreement(topics)
    for i in range(3):
        for j in range(3):
            expected = adjusted_mutual_info_score(topics[i], topics[j])
            assert found[i, j] == pytest.approx(expected, abs=1e-9)


def test_overlap_of_neighbours_by_hand() -> None:
    # Ten documents, two neighbours each, of which the two spaces share one: (1/2 - 2/9) / (7/9).
    one = np.array([[(d + 1) % 10, (d + 2) % 10] for d in range(10)])
    other = np.array([[(d + 1) % 10, (d + 3) % 10] for d in range(10)])
    found = neighbor_overlap([one, other])
    assert found[0, 1] == found[1, 0] == pytest.approx((1 / 2 - 2 / 9) / (7 / 9))
    assert found[0, 0] == 1


def test_random_neighbours_overlap_by_nothing() -> None:
    rng = np.random.default_rng(0)
    spaces = [rng.permuted(np.tile(np.arange(50), (400, 1)), axis=1)[:, :10] for _ in range(2)]
    chance = (10 / 50 - 10 / 399) / (1 - 10 / 399)
    assert neighbor_overlap(spaces)[0, 1] == pytest.approx(chance, abs=0.02)


def test_documents_without_a_vector_count_for_no_pair() -> None:
    one = np.array([[1, 2], [2, 0], [0, 1], [-1, -1]])
    other = np.array([[1, 2], [2, 0], [-1, -1], [0, 1]])
    found = neighbor_overlap([one, other])
    assert found[0, 1] == pytest.approx(1)  # of the two documents that both have
    assert neighbor_overlap([one, np.full_like(one, -1)])[0, 1] == 0


def test_variants_of_one_model_count_little_more_than_one() -> None:
    overlap = np.eye(5)
    overlap[:3, :3] = 0.95  # three variants, and two that are like none
    np.fill_diagonal(overlap, 1)
    weights = voting_weights(overlap)
    assert weights[4, :3].sum() == pytest.approx(weights[4, 3], rel=0.05)
    assert weights[0, 1] < 0.02
    assert weights[0, 0] == 0


def test_variants_that_vote_for_each_other_do_not_win() -> None:
    truth = np.arange(600) % 5
    good = [noisy(truth, 0.2, seed) for seed in range(3)]
    bad = noisy(truth, 0.7, 9)
    topics = [*good, bad, noisy(bad, 0.01, 10), noisy(bad, 0.01, 11), noisy(bad, 0.01, 12)]
    agreement = topic_agreement(topics)
    overlap = np.full((7, 7), 0.3)
    overlap[3:, 3:] = 0.98
    np.fill_diagonal(overlap, 1)
    plain = (agreement.sum(axis=1) - 1) / 6
    weighted = consensus(agreement, overlap)
    assert plain.argmax() >= 3
    assert weighted.argmax() < 3
    assert weighted[:3].min() > weighted[3:].max()


def test_no_consensus_among_runs_with_the_same_vectors() -> None:
    assert np.isnan(consensus(np.full((2, 2), 0.5), np.ones((2, 2)))).all()
    assert np.isnan(consensus(np.ones((1, 1)), np.ones((1, 1)))).all()


def test_choice_score_is_the_mean_of_z_scores() -> None:
    one, other = np.array([0.1, 0.5, 0.3]), np.array([0.9, 0.7, 0.2])
    expected = (zscore(one) + zscore(other)) / 2
    np.testing.assert_allclose(choice_score(one, other), expected)
    lacking, same = np.array([0.1, np.nan, 0.2]), np.full(3, 0.4)
    np.testing.assert_allclose(choice_score(one, lacking, other, same), expected)
    assert np.isnan(choice_score(lacking, same)).all()


def test_an_ensemble_has_no_vote_and_its_members_none_on_it() -> None:
    overlap = np.full((4, 4), 0.2)
    np.fill_diagonal(overlap, 1)
    overlap[3, :2] = overlap[:2, 3] = 0.8  # the last is an ensemble of the first two
    agreement = np.array([[1, 0.4, 0.3, 0.9], [0.4, 1, 0.1, 0.9], [0.3, 0.1, 1, 0.5],
                          [0.9, 0.9, 0.5, 1]])  # fmt: skip
    silent = np.zeros((4, 4), bool)
    silent[:, 3] = silent[3, :2] = True
    found = consensus(agreement, overlap, silent=silent)
    assert found[:3] == pytest.approx(consensus(agreement[:3, :3], overlap[:3, :3]))
    assert found[3] == pytest.approx(0.5)  # by the third alone


def test_an_ensemble_changes_nobodys_score() -> None:
    one, other = np.array([0.1, 0.5, 0.9]), np.array([0.9, 0.7, np.nan])
    single = np.array([True, True, False])
    found = choice_score(one, other, among=single)
    np.testing.assert_allclose(found[:2], choice_score(one[:2], other[:2]))
    assert found[2] == pytest.approx((0.9 - 0.3) / 0.2)  # of the measure that it has
