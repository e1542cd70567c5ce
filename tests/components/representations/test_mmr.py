from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from components.base import ParameterError
from components.representations.ctfidf import CTFIDF
from components.representations.mmr import MMR

# car and cars are the same thing; road stands apart; zzz is not known to the word model.
SPACE = {"car": [1, 0, 0], "cars": [1, 0.05, 0], "road": [0, 1, 0], "engine": [0.6, 0.8, 0]}
DOCUMENTS = ["car " * 5 + "cars " * 4 + "engine " * 3 + "road " * 2 + "zzz", "boat"]
LABELS = np.array([0, 1])


def choose(kind: type = np.asarray, **options: float) -> list[tuple[str, float]]:
    part = MMR(candidates=CTFIDF(n_words=30, merge_variants=False), **options)  # type: ignore[arg-type]

    def encode(words: list[str]) -> object:
        return kind(np.array([SPACE.get(word, [0, 0, 0]) for word in words], np.float32))

    return part.fit(DOCUMENTS, LABELS, encode_words=encode).words_[0]


def names(pairs: list[tuple[str, float]]) -> list[str]:
    return [word for word, _ in pairs]


def test_no_diversity_is_the_order_of_the_candidates() -> None:
    plain = CTFIDF(merge_variants=False).fit(DOCUMENTS, LABELS).words_[0]
    assert names(choose(diversity=0.0)) == names(plain)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_a_repetition_falls_behind(kind: type) -> None:
    found = names(choose(kind, diversity=0.7))
    assert found[0] == "car"
    assert found.index("road") < found.index("cars")


def test_scores_by_hand() -> None:
    weights = dict(CTFIDF().fit(DOCUMENTS, LABELS).words_[0])
    found = choose(diversity=0.7, n_words=2)
    assert found[0] == ("car", pytest.approx(0.3))
    assert found[1] == ("road", pytest.approx(0.3 * weights["road"] / weights["car"]))


def test_scores_never_rise() -> None:
    scores = [score for _, score in choose(diversity=0.5)]
    assert scores == sorted(scores, reverse=True)


def test_an_unknown_word_gains_nothing_by_being_unknown() -> None:
    assert names(choose(diversity=0.9)).index("zzz") > names(choose(diversity=0.9)).index("road")


def test_words_are_embedded_in_one_call_and_once_each() -> None:
    asked: list[list[str]] = []

    def encode(words: list[str]) -> np.ndarray:
        asked.append(words)
        return np.ones((len(words), 2), np.float32)

    part = MMR(candidates=CTFIDF()).fit(["cat dog", "dog"], LABELS, encode_words=encode)
    assert asked == [["cat", "dog"]]
    assert part.tokens_.words == ["cat", "dog"]


def test_topics_without_words() -> None:
    part = MMR(candidates=CTFIDF())

    def encode(words: list[str]) -> np.ndarray:
        return np.ones((len(words), 2), np.float32)

    assert part.fit(["the", "of"], LABELS, encode_words=encode).words_ == [[], []]
    assert names(part.fit(["the", "cat"], LABELS, encode_words=encode).words_[1]) == ["cat"]


@pytest.mark.parametrize("diversity", [-0.1, 1.1])
def test_wrong_diversity_is_named(diversity: float) -> None:
    with pytest.raises(ParameterError, match=r"^diversity=.*from 0 to 1"):
        MMR(candidates=CTFIDF(), diversity=diversity)


def test_wrong_number_of_words_is_named() -> None:
    with pytest.raises(ParameterError, match=r"^n_words=0"):
        MMR(candidates=CTFIDF(), n_words=0)
