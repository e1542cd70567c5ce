from __future__ import annotations

import numpy as np
import pytest

from components.representations.acronyms import Acronyms
from components.representations.ctfidf import CTFIDF
from components.representations.keybert import KeyBERT
from components.representations.stopwords import stop_words
from words_support import shown

NEWS = [
    "Nobody told us that the US wants more of it.",
    "The WHO said who is ill. US troops left.",
    "It was our IT staff, who said it.",
]


def test_an_acronym_that_is_spelt_like_a_stop_word_is_a_word() -> None:
    found = shown(NEWS)
    assert {"US", "IT", "WHO", "troops", "staff"} <= found
    assert not {"us", "it", "who"} & {*map(str.lower, found - {"US", "IT", "WHO"})}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The US and US-led forces, the US's", "the US and US-led forces, the US's"),
        ("Give it to us", "give it to us"),
        ("GIVE IT TO US, WHO ELSE", "give it to us, who else"),
        ("please DO IT now, IT'S or IT\u2019LL", "please do it now, it's or it\u2019ll"),
        ("It is the\nUS\nand not us", "it is the\nus\nand not us"),  # alone in its line
        ("VIRUS, USA, BUS_US, us_US", "virus, usa, bus_us, us_us"),
        ("我们的IT部门 и US-рынок", "我们的IT部门 и US-рынок"),
        ("İstanbul and the US", "i\u0307stanbul and the US"),
        ("the EU, US and WHO/US, EU-US too", "the eu, US and WHO/US, eu-US too"),
        ("the US FDA and US TV; tell US WHO", "the US fda and US tv; tell us who"),
        ("MR. SMITH: The MR scan", "mr. smith: the MR scan"),
        ("our GREAT U.S. Army, U.S.-led; U.S", "our great US. army, US.-led; US"),
    ],
)  # fmt: skip
def test_only_acronyms_in_running_text_keep_their_capitals(text: str, expected: str) -> None:
    assert Acronyms(frozenset({"us", "it", "who", "mr"}))(text) == expected


def test_an_abbreviation_with_dots_is_one_word() -> None:
    texts = ["The U.K. and the U.S. met in Washington, D.C. today.", "So the UK met the US."]
    found = shown(texts)
    assert {"UK", "US", "DC", "Washington"} <= found
    assert not {"uk", "us", "U.K", "dc"} & found
    assert shown(["IN THE U.S. MARKETS FELL"]) == {"US", "markets", "fell"}


def test_words_that_are_no_stop_word_are_one_in_all_forms() -> None:
    assert shown(["Das IT-Team kauft ein", "Die it ist teuer"], language="de") >= {"it"}
    assert Acronyms(frozenset())("The US and us") == "the us and us"


def test_stress_does_not_make_a_word_of_a_stop_word() -> None:
    assert shown(["This is NOT a cat, and ALL of them know", "DO not ANY more"] * 3) == {"cat"}


def test_in_phrases_and_as_seeds() -> None:
    phrases = shown(NEWS, ngram_range=[2, 2])
    assert {"US troops", "IT staff", "WHO ill"} <= phrases
    documents = [*NEWS, "a boat"]
    labels = np.array([0, 0, 0, 1])
    plain = dict(CTFIDF().fit(documents, labels).words_[0])
    seeded = dict(CTFIDF(seed_words=["U.S."], seed_multiplier=3.0).fit(documents, labels).words_[0])
    assert seeded["US"] == pytest.approx(3 * plain["US"])


def test_where_words_are_not_shown_as_written() -> None:
    assert not {"us", "US"} & shown(NEWS, case="lower")
    assert "US" in shown(NEWS, lowercase=False)
    assert not {"US", "us"} & shown(["GIVE IT TO US"], lowercase=False)


def test_own_stop_words() -> None:
    found = shown(NEWS, stop_words=[*stop_words(["en"]), "Troops"])
    assert {"US", "IT", "WHO"} <= found
    assert not {"us", "troops"} & found
    assert not {"us", "US"} & shown(NEWS, stop_words=["US"])
    assert "US" not in shown(NEWS, extra_stop_words=["U.S."])
    assert "us" in {*map(str.lower, shown(NEWS, stop_words=None))}


def test_keybert_can_choose_an_acronym() -> None:
    part = KeyBERT(candidates=CTFIDF(n_words=30, language="en"), n_words=30)
    part.fit(
        NEWS,
        np.zeros(3, int),
        embeddings=np.ones((3, 2), np.float32),
        encode_words=lambda texts: np.ones((len(texts), 2), np.float32),
    )
    assert {"US", "IT", "WHO"} <= dict(part.words_[0]).keys()
