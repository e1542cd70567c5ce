from __future__ import annotations

import numpy as np

from components.representations.boilerplate import boilerplate
from components.representations.tokens import tokenize


def left(documents: list[str], stop: tuple[str, ...] = ()) -> list[list[str]]:
    tokens = tokenize(documents)
    tokens = tokens.only(
        ~boilerplate(tokens, np.array([word in stop for word in tokens.words], bool))
    )
    spans = zip(tokens.starts, tokens.starts[1:], strict=False)
    return [[tokens.words[word] for word in tokens.ids[start:end]] for start, end in spans]


def test_runs_that_stand_in_more_than_half_of_the_documents() -> None:
    body = [f"word{n} other{n}" for n in range(30)]
    signed = [text + (" sent from my small phone" if n % 3 else "") for n, text in enumerate(body)]
    assert left(signed) == [text.split() for text in body]


def test_single_words_that_stand_in_nearly_every_document() -> None:
    documents = [f"hello word{n}" for n in range(29)] + ["bye"]
    assert left(documents) == [[f"word{n}"] for n in range(29)] + [["bye"]]


def test_stop_words_stay_in_the_tokens() -> None:
    documents = [f"the word{n} of the kind" for n in range(30)]
    assert left(documents, ("the", "of"))[0] == ["the", "word0", "of", "the"]


def test_a_run_of_stop_words_is_language() -> None:
    documents = [f"word{n} and so it is" for n in range(30)]
    assert left(documents, ("and", "so", "it", "is"))[0] == ["word0", "and", "so", "it", "is"]


def test_what_is_frequent_in_half_of_the_documents_stays() -> None:
    documents = [f"cat word{n} on the old mat" for n in range(15)]
    documents += [f"dog word{n}" for n in range(15)]
    assert left(documents)[0] == ["cat", "word0", "on", "the", "old", "mat"]


def test_runs_do_not_cross_documents() -> None:
    assert left(["one two", "three four"] * 20) == [["one", "two"], ["three", "four"]] * 20


def test_what_most_documents_are_is_no_boilerplate() -> None:
    """Forty times the same line is what the corpus is about, and so is an automatic reply."""
    line = "the parcel came late and wet".split()
    assert left([" ".join(line)] * 40) == [line] * 40
    mixed = [" ".join(line)] * 24 + [f"word{n} other{n}" for n in range(16)]
    assert left(mixed)[0] == line


def test_few_documents_tell_nothing() -> None:
    assert left(["same words in each of these"] * 19)[0] == "same words in each of these".split()


def test_no_documents_and_no_words() -> None:
    assert left([]) == []
    assert left([""] * 30) == [[]] * 30
