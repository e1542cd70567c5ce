from __future__ import annotations

import numpy as np
import pytest

from components.representations.ctfidf import CTFIDF
from components.representations.variants import Distinct, without_parts


def distinct(terms: list[str], languages: list[str]) -> list[bool]:
    return list(map(Distinct(languages).add, terms))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("game", "games"), ("game", "gaming"), ("city", "cities"), ("church", "churches"),
        ("color", "colours"), ("organise", "organized"), ("travelling", "traveling"),
        ("centre", "center"), ("bus", "buses"), ("cafe", "café"), ("new york", "new yorks"),
        ("Rocket", "rockets"), ("plan", "planned"), ("defence", "defense"),
    ],
)  # fmt: skip
def test_forms_of_one_english_word(one: str, other: str) -> None:
    assert distinct([one, other], ["en"]) == [True, False]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("police", "policy"), ("universe", "university"), ("string", "strong"), ("news", "new"),
        ("county", "country"), ("israel", "iraq"), ("king", "kings cross"), ("general", "generic"),
        ("organ", "organization"), ("thing", "this"), ("bass", "base"), ("gas", "gap"),
        ("mill", "mile"), ("planet", "plane"),
    ],
)  # fmt: skip
def test_different_english_words(one: str, other: str) -> None:
    assert distinct([one, other], ["en"]) == [True, True]


def test_forms_in_other_languages() -> None:
    assert distinct(["rechnung", "rechnungen", "häuser", "haus"], ["de"]) == [
        True, False, True, False
    ]  # fmt: skip
    assert distinct(["книга", "книги", "город"], ["ru"]) == [True, False, True]
    assert distinct(["लड़का", "लड़के", "किताब"], ["hi"]) == [True, False, True]
    assert distinct(["البيانات", "بيانات", "والأعمدة", "الأعمدة", "الله"], ["ar"]) == [
        True, False, True, False, True
    ]  # fmt: skip
    assert distinct(["手机", "手机", "电池"], ["zh"]) == [True, False, True]


def test_any_of_the_languages_of_a_corpus() -> None:
    assert distinct(["games", "game", "rechnungen", "rechnung"], ["de", "en"]) == [
        True, False, True, False
    ]  # fmt: skip


def test_signs_of_indic_scripts_are_no_accents() -> None:
    assert distinct(["कल", "काल"], ["mr"]) == [True, True]


def test_forms_take_one_place_and_the_heaviest_stays() -> None:
    documents = ["games games game team score goal", "boat"]
    found = CTFIDF(n_words=4).fit(documents, np.array([0, 1]))
    assert [word for word, _ in found.words_[0]] == ["games", "goal", "score", "team"]
    found = CTFIDF(n_words=4, merge_variants=False).fit(documents, np.array([0, 1]))
    assert [word for word, _ in found.words_[0]] == ["games", "game", "goal", "score"]


def test_places_are_filled_when_many_forms_take_the_first() -> None:
    forms = "walk walks walked walking talk talks talked talking"
    found = CTFIDF(n_words=2).fit([f"{forms} {forms} zebra", "boat"], np.array([0, 1]))
    assert [word for word, _ in found.words_[0]] == ["talk", "walk"]
    found = CTFIDF(n_words=3).fit([f"{forms} {forms} zebra", "boat"], np.array([0, 1]))
    assert [word for word, _ in found.words_[0]] == ["talk", "walk", "zebra"]


def test_a_word_that_stands_mostly_in_a_phrase_takes_no_place() -> None:
    terms = [
        ("south", 9.0), ("commission", 5.0), ("royal commission", 4.0), ("royal", 4.0),
        ("south africa", 3.5), ("africa", 3.0), ("new south wales", 2.0), ("south wales", 2.0),
    ]  # fmt: skip
    left = [term for term, _ in without_parts(terms)]
    assert left == ["south", "royal commission", "south africa", "new south wales"]
    documents = ["the royal commission sat", "a royal commission", "boats sail"] * 3
    labels = np.array([0, 0, 1] * 3)
    assert CTFIDF(ngram_range=[1, 2]).fit(documents, labels).words_[0][0][0] == "royal commission"
