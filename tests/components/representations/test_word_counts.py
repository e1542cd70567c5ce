from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from components.representations.counts import count_terms
from components.representations.tokens import Tokens, tokenize

DOCUMENTS = st.lists(st.text("ab 1,é'_", max_size=20), min_size=1, max_size=8)


def words_of(tokens: Tokens) -> list[list[str]]:
    spans = zip(tokens.starts, tokens.starts[1:], strict=False)
    return [[tokens.words[word] for word in tokens.ids[start:end]] for start, end in spans]


def one(document: str, **options: object) -> list[str]:
    return words_of(tokenize([document], **options))[0]  # type: ignore[arg-type]


def test_words_are_runs_of_letters_and_digits() -> None:
    assert one("It's Covid-19, e-mail: x_y-ray (3D)!") == ["it", "covid", "mail", "ray", "3d"]


def test_numbers_and_single_characters_are_no_words() -> None:
    assert one("In 1999, 12.5 % of a ½ x² ٣٤") == ["in", "of", "x²"]


def test_accents_and_vowel_signs_stay_in_their_word() -> None:
    assert one("cafe\u0301 हिन्दी ภาษาไทย") == ["café", "हिन्दी", "ภาษาไทย"]


def test_emoji_leave_nothing_behind() -> None:
    assert one("love❤\ufe0fyou 👍🏽 ok") == ["love", "you", "ok"]


def test_case_is_kept_on_request() -> None:
    assert one("NASA and nasa", lower=str) == ["NASA", "and", "nasa"]


def test_a_pattern_says_what_a_word_is() -> None:
    assert one("C# or R 42", token_pattern=r"[\w#]+") == ["c#", "or", "r", "42"]
    assert one("a=1 b=2", token_pattern=r"(\w)=\d") == ["a", "b"]
    assert one("ab", token_pattern=r"x*") == []


def test_odd_documents_keep_their_place() -> None:
    documents = ["", "two words", "   ", "\ud800 lone\x00half", "more"]
    assert words_of(tokenize(documents)) == [[], ["two", "words"], [], ["lone", "half"], ["more"]]


def test_no_words_at_all() -> None:
    counts, _ = count_terms(tokenize(["", "1 2"]), 1, 2)
    assert counts.shape[0] == 2
    assert counts.nnz == 0


@settings(deadline=None)
@given(DOCUMENTS, st.sampled_from([(1, 1), (1, 2), (2, 2), (1, 3), (2, 3)]))
def test_counts_are_those_of_scikit_learn(documents: list[str], sizes: tuple[int, int]) -> None:
    tokens = tokenize(documents)
    counts, terms = count_terms(tokens, *sizes)
    assert counts.dtype == np.int32
    assert len(set(terms)) == len(terms)
    vectorizer = CountVectorizer(ngram_range=sizes, token_pattern=r"[^\W_]{2,}", lowercase=True)
    analyze = vectorizer.build_analyzer()
    kept = [" ".join(w for w in analyze_words(d) if not w.isnumeric()) for d in documents]
    found = [dict(zip(terms, row.tolist(), strict=True)) for row in counts.toarray()]
    for row, document in zip(found, kept, strict=True):
        expected = analyze(document)
        assert {term: n for term, n in row.items() if n} == {
            term: expected.count(term) for term in expected
        }


analyze_words = CountVectorizer(token_pattern=r"[^\W_]{2,}").build_analyzer()


def test_counting_leaves_the_tokens_as_they_were() -> None:
    tokens = tokenize(["b a b aa bb aa", "cc aa"])
    before = tokens.ids.copy()
    count_terms(tokens, 1, 2)
    assert np.array_equal(tokens.ids, before)
