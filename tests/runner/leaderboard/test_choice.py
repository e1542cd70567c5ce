"""Consensus and the choice among runs: by hand, and on runs whose quality is known."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from conftest import ROOT
from runner.leaderboard.choice import (
    HALVED,
    KIND_PRIORS,
    MOST,
    SENTENCES,
    SLOPE,
    WORD_COUNTS,
    WORD_VECTORS,
    choice_score,
    consensus,
    kind_prior,
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


def test_choice_score_by_its_formula() -> None:
    one, other = np.array([0.1, 0.5, 0.3]), np.array([0.70, 0.64, 0.58])
    leads = np.array([[-0.15, 0.15, 0], [0.06, 0, -0.06]])  # 0.2 in the first counts as 0.15
    expected = SLOPE * leads.sum(axis=0)
    np.testing.assert_allclose(choice_score(one, other), expected, atol=2e-4)
    lacking, same = np.array([0.1, np.nan, 0.2]), np.full(3, 0.4)
    np.testing.assert_allclose(choice_score(one, lacking, other, same), expected, atol=2e-4)
    assert np.isnan(choice_score(lacking)).all()


def test_equal_scores_are_ordered_by_the_measures_as_they_are() -> None:
    both_high = np.array([0.9, 0.8, 0.1, 0.1, 0.1])
    scores = choice_score(both_high)
    assert scores[0] > scores[1] > scores[2] == scores[3]
    assert scores[0] - scores[1] < 1e-3


def test_few_topics_count_against_a_run() -> None:
    same = np.full(5, 0.4)
    scores = choice_score(same, n_topics=np.array([4, 16, 16, 30, 64.0]))
    np.testing.assert_allclose(scores[1:], scores[1])  # many topics do not
    assert scores[1] - scores[0] == pytest.approx(2 * HALVED)  # halved twice
    # Three topics on which everything agrees, beside sixteen that are right.
    words, halves, agreed = np.array([[0.25, 0.22], [0.33, 0.29], [0.103, 0.102]])
    assert choice_score(words, halves, agreed).argmax() == 0
    assert choice_score(words, halves, agreed, n_topics=np.array([3.0, 16.0])).argmax() == 1


def test_no_single_measure_outweighs_the_others() -> None:
    words = np.array([0.95, 0.30, 0.30, 0.30, 0.30, 0.30])  # the first counts words
    halves = np.array([0.3, 0.6, 0.2, 0.2, 0.2, 0.2])
    agreed = np.array([0.2, 0.4, 0.2, 0.2, 0.2, 0.2])
    assert choice_score(words, halves, agreed).argmax() == 1


def test_what_is_known_of_an_embedders_kind_counts() -> None:
    measure = np.array([0.6, 0.5, 0.4])
    plain = choice_score(measure)
    prior = np.array([WORD_VECTORS, SENTENCES, np.nan])
    expected = plain + np.nan_to_num(prior)
    expected -= expected.mean()
    np.testing.assert_allclose(choice_score(measure, prior=prior), expected)
    np.testing.assert_allclose(choice_score(measure, prior=np.full(3, np.nan)), plain)


def test_every_kind_of_embedder_is_a_class_of_the_project() -> None:
    options = (ROOT / "conf" / "embedder").glob("*.yaml")
    targets = {
        match[1]
        for path in options
        if (match := re.search(r"^_target_: (\S+)", path.read_text(), re.M))
    }
    assert {target.rpartition(".")[2] for target in targets} >= KIND_PRIORS.keys()
    assert kind_prior("components.embedders.openai.OpenAIEmbedder") == SENTENCES
    assert np.isnan(kind_prior("my_parts.Mine"))


def test_the_priors_are_those_of_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments" / "which_measure_to_trust"))
    report = importlib.import_module("report")
    gains = report.beyond_measures(report.read("leiden_auto", "seen"))
    of_kind = [report.of_kind(gains, kind) for kind in report.KINDS_KNOWN.values()]
    assert of_kind == pytest.approx([SENTENCES, WORD_VECTORS, WORD_COUNTS], abs=0.006)


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
    lead = SLOPE * MOST  # of the measure that it has, truncated
    assert found[2] == pytest.approx(lead, abs=1e-3)
