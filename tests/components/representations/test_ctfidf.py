from __future__ import annotations

import logging
from collections import Counter
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.base import ParameterError, UserError
from components.representations.ctfidf import CTFIDF

PETS = ["cat cat dog", "cat fish", "fish boat", "boat boat sea dog", "noise cat"]
TOPICS = np.array([0, 0, 1, 1, -1])


def weights(part: CTFIDF, topic: int) -> dict[str, float]:
    return dict(part.words_[topic])


def test_weights_by_hand() -> None:
    # Topic 0: cat 3, dog 1, fish 1; topic 1: boat 3, fish 1, sea 1, dog 1. A = (5 + 6) / 2.
    found = CTFIDF().fit(PETS, TOPICS)
    assert weights(found, 0) == pytest.approx(
        {"cat": 3 / 5 * log(1 + 5.5 / 3), "dog": 1 / 5 * log(1 + 5.5 / 2),
         "fish": 1 / 5 * log(1 + 5.5 / 2)}
    )  # fmt: skip
    assert weights(found, 1) == pytest.approx(
        {"boat": 3 / 6 * log(1 + 5.5 / 3), "sea": 1 / 6 * log(1 + 5.5 / 1),
         "dog": 1 / 6 * log(1 + 5.5 / 2), "fish": 1 / 6 * log(1 + 5.5 / 2)}
    )  # fmt: skip


def test_best_word_first_and_ties_by_the_alphabet() -> None:
    found = CTFIDF().fit(PETS, TOPICS)
    assert [word for word, _ in found.words_[0]] == ["cat", "dog", "fish"]
    assert [word for word, _ in found.words_[1]] == ["boat", "sea", "dog", "fish"]


def test_ties_at_the_last_place_go_by_the_alphabet() -> None:
    found = CTFIDF(n_words=3).fit(["zebra yak wolf vole", "unicorn"], np.array([0, 1]))
    assert [word for word, _ in found.words_[0]] == ["vole", "wolf", "yak"]


def test_square_root_of_the_frequency() -> None:
    found = CTFIDF(reduce_frequent_words=True).fit(PETS, TOPICS)
    assert weights(found, 0)["cat"] == pytest.approx(sqrt(3 / 5) * log(1 + 5.5 / 3))


def test_bm25_by_hand() -> None:
    found = CTFIDF(bm25_weighting=True).fit(PETS, TOPICS)
    assert weights(found, 0)["cat"] == pytest.approx(3 / 5 * log(1 + (5.5 - 3 + 0.5) / 3.5))


def test_bm25_is_never_negative_and_falls_with_frequency() -> None:
    documents = ["the " * 50 + "of " * 40 + "cat", "the " * 50 + "of " * 40 + "dog"] + ["pad"] * 8
    found = CTFIDF(bm25_weighting=True, stop_words=None).fit(documents, np.arange(10))
    assert found.components_.data.min() > 0
    idf = dict(zip(found.get_feature_names_out(), found.idf_, strict=True))
    assert idf["cat"] > idf["of"] > idf["the"] > 0


def test_seed_words_weigh_more() -> None:
    plain = CTFIDF().fit(PETS, TOPICS)
    found = CTFIDF(seed_words=["Fish"], seed_multiplier=3.0).fit(PETS, TOPICS)
    assert weights(found, 0)["fish"] == pytest.approx(3 * weights(plain, 0)["fish"])
    assert weights(found, 0)["dog"] == pytest.approx(weights(plain, 0)["dog"])


def test_unknown_seed_words_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        CTFIDF(seed_words=["cat", "unicorn"]).fit(PETS, TOPICS)
    assert "unicorn" in caplog.text
    assert "cat" not in caplog.text


def test_stop_words() -> None:
    documents = ["The engine isn't what you'd think; it won't start, and we've tried", "a boat"]
    labels = np.array([0, 1])
    assert set(weights(CTFIDF().fit(documents, labels), 0)) == {"engine", "start"}
    given_list = CTFIDF(stop_words=["ENGINE"]).fit(documents, labels)
    assert {"the", "start"} <= set(weights(given_list, 0))
    assert "engine" not in weights(given_list, 0)
    assert "the" in weights(CTFIDF(stop_words=None).fit(documents, labels), 0)
    assert "The" not in weights(CTFIDF(lowercase=False).fit(documents, labels), 0)


def test_extra_stop_words_are_left_out_beside_those_of_the_language() -> None:
    documents = ["The engine of the US troops won't start", "a boat"]
    labels = np.array([0, 1])
    assert set(weights(CTFIDF().fit(documents, labels), 0)) == {"engine", "US", "troops", "start"}
    extra = CTFIDF(extra_stop_words=["Engine", "us"]).fit(documents, labels)
    assert set(weights(extra, 0)) == {"US", "troops", "start"}
    acronym = CTFIDF(extra_stop_words=["US"]).fit(documents, labels)
    assert set(weights(acronym, 0)) == {"engine", "troops", "start"}
    both = CTFIDF(stop_words=["the", "of"], extra_stop_words=["engine"]).fit(documents, labels)
    assert {"engine", "the", "of"}.isdisjoint(weights(both, 0))
    assert "boat" not in weights(
        CTFIDF(stop_words=None, extra_stop_words=["boat"]).fit(documents, labels), 1
    )


def test_terms_of_two_words_step_over_stop_words() -> None:
    found = CTFIDF(ngram_range=[2, 2]).fit(["University of New York", "boat"], np.array([0, 1]))
    assert set(weights(found, 0)) == {"university new", "new york"}
    assert found.words_[1] == []


def test_terms_do_not_run_over_the_end_of_a_document() -> None:
    found = CTFIDF(ngram_range=[1, 2], merge_variants=False).fit(
        ["red cat", "blue dog"], np.array([0, 0])
    )
    assert set(weights(found, 0)) == {"red", "cat", "blue", "dog", "red cat", "blue dog"}


def test_min_df_and_max_df_count_documents_that_have_a_topic() -> None:
    found = CTFIDF(min_df=2).fit(PETS, TOPICS)
    assert set(found.get_feature_names_out()) == {"cat", "dog", "fish", "boat"}
    found = CTFIDF(max_df=0.25).fit(PETS, TOPICS)
    assert set(found.get_feature_names_out()) == {"sea"}


def test_min_df_gives_way_where_nothing_would_be_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = CTFIDF(min_df=9).fit(PETS, TOPICS)
    assert found.words_[0][0][0] == "cat"
    assert "9 documents (min_df)" in caplog.text


def test_outliers_count_nowhere() -> None:
    with_outliers = CTFIDF().fit(PETS, TOPICS)
    without = CTFIDF().fit(PETS[:4], TOPICS[:4])
    assert with_outliers.words_ == without.words_
    assert "noise" not in with_outliers.get_feature_names_out()
    assert with_outliers.counts_.shape[0] == 5


@pytest.mark.parametrize("documents", [["the and of", "cat"], ["", "cat"], ["12 3 4", "cat"]])
def test_a_topic_without_words_has_an_empty_list(documents: list[str]) -> None:
    found = CTFIDF().fit(documents, np.array([0, 1]))
    assert found.words_[0] == []
    assert found.words_[1][0][0] == "cat"


def test_nothing_to_say_at_all() -> None:
    assert CTFIDF().fit(["the", ""], np.array([0, 1])).words_ == [[], []]
    assert CTFIDF().fit(["cat", "dog"], np.array([-1, -1])).words_ == []


def test_words_do_not_depend_on_the_order_of_the_documents() -> None:
    order = [3, 1, 4, 0, 2]
    shuffled = CTFIDF().fit([PETS[row] for row in order], TOPICS[order])
    assert shuffled.words_ == CTFIDF().fit(PETS, TOPICS).words_


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["aa", "bb", "cc", "dd", "ee", "ff"])), st.integers(-1, 3)
        ),
        min_size=1,
        max_size=12,
    ),
    st.booleans(),
    st.booleans(),
)
def test_equals_the_formula_written_out(
    rows: list[tuple[list[str], int]], bm25: bool, root: bool
) -> None:
    documents = [" ".join(words) for words, _ in rows]
    labels = np.array([label for _, label in rows])
    found = CTFIDF(bm25_weighting=bm25, reduce_frequent_words=root).fit(documents, labels)
    n_topics = max(labels.max() + 1, 0)
    topics: list[Counter[str]] = [Counter() for _ in range(n_topics)]
    for words, label in rows:
        if label >= 0:
            topics[label].update(words)
    total = sum(topics, Counter[str]())
    mean_size = total.total() / max(n_topics, 1)
    expected = np.zeros((n_topics, len(total)))
    terms = list(found.get_feature_names_out())
    assert set(terms) == set(total)
    for topic, counts in enumerate(topics):
        for term, count in counts.items():
            tf = count / counts.total()
            f = total[term]
            rarity = (max(mean_size - f, 0) + 0.5) / (f + 0.5) if bm25 else mean_size / f
            expected[topic, terms.index(term)] = (sqrt(tf) if root else tf) * log(1 + rarity)
    np.testing.assert_allclose(found.components_.toarray(), expected, rtol=1e-12)
    for topic, pairs in enumerate(found.words_):
        assert pairs == sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        assert {word for word, _ in pairs} == set(topics[topic])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_words": 0}, "n_words=0: must be at least 1."),
        ({"min_df": 0}, "min_df=0: must be at least 1."),
        ({"seed_words": "drug"}, "seed_words=drug: must be a list of words, as in [drug, cancer]."),
        ({"seed_words": ["og", False]}, "word 2 is not text. YAML reads no, off and false"),
        ({"ngram_range": 2}, "ngram_range=2: must be the shortest and the longest"),
        ({"ngram_range": [1, 2.5]}, "as in [1,2]"),
        ({"ngram_range": [2, 1]}, "as in [1,2]"),
        ({"ngram_range": [1]}, "as in [1,2]"),
        ({"stop_words": "germn"}, "Did you mean 'german'?"),
        ({"extra_stop_words": "said"}, "extra_stop_words=said: must be a list of words"),
        ({"extra_stop_words": ["og", False]}, "word 2 is not text. YAML reads no, off and false"),
        ({"language": "xx"}, "language=xx: is not a known language."),
        ({"language": []}, "language=[]: is empty."),
        ({"pos": ["NOUNS"]}, "pos=NOUNS: is not a part of speech."),
        ({"pos": "NOUN"}, "pos=NOUN: must be a list of tags, as in [NOUN, PROPN]."),
        ({"also": ["keyburt"]}, "Did you mean 'keybert'?"),
        ({"also": "mmr"}, "also=mmr: must be a list, as in [mmr]."),
        ({"also": {"mmr": {"n_typical": 3}}}, "also.mmr=n_typical: is not an option."),
        (
            {"also": {"mmr": 0.7}},
            "also.mmr=0.7: must be a mapping of options, as in {n_words: 5}.",
        ),
        ({"also": {"mmr": {"diversity": 2}}}, "also.mmr.diversity=2: must be a number from 0 to 1"),
        ({"also": {"ctfidf": {"n_words": 0}}}, "also.ctfidf.n_words=0: must be at least 1"),
        ({"also": {"keybert": {"n_typical": "x"}}}, "also.keybert.n_typical=x: must be a whole"),
        ({"max_df": 0.0}, "max_df=0.0: must be a share"),
        ({"max_df": 5.0}, "max_df=5.0: must be a share"),
        ({"seed_multiplier": 0.0}, "seed_multiplier=0.0: must be above 0."),
        ({"token_pattern": "[a-z"}, "token_pattern=[a-z: is not a regular expression"),
        ({"token_pattern": "(a)(b)"}, "(?:...)"),
        ({"token_pattern": ""}, "token_pattern=: is empty. Type null"),
        ({"language": None}, "language=null: is not text. Type auto, or a language such as de."),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        CTFIDF(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["og", "i", False, "det"], "word 3 is not text. YAML reads no, off and false"),
        (["og", True], "word 2 is not text. YAML reads yes, on and true"),
        ([None], "word 1 is not text. YAML reads null and ~"),
        ([1e5], "word 1 is not text. YAML reads 100000.0"),
    ],
)
def test_words_that_yaml_reads_as_something_else(words: list[Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        CTFIDF(stop_words=words)
    assert caught.value.name == "stop_words"
    assert message in str(caught.value)
    assert "quote it, as in ['no', 'on', '1e5']" in str(caught.value)


def test_one_label_for_each_document() -> None:
    with pytest.raises(UserError, match="there are 5 documents and 4 labels"):
        CTFIDF().fit(PETS, TOPICS[:4])


def test_the_language_no_is_norwegian_in_quotes() -> None:
    assert CTFIDF(language="no").reader.language == ("no",)
    with pytest.raises(ParameterError, match="quote it"):
        CTFIDF(language=False)
