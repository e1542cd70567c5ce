from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from components.base import ParameterError
from components.representations.ctfidf import CTFIDF
from components.representations.keybert import KeyBERT

# The word model has three directions: sea, land and air. It knows no "zzz".
SPACE = {"ship": [1, 0, 0], "port": [0.9, 0.4, 0], "road": [0, 1, 0], "car": [0.1, 1, 0],
         "sky": [0, 0, 1], "bird": [0, 0.2, 1]}  # fmt: skip
DOCUMENTS = ["ship port zzz", "ship port road", "car road", "car bird sky", "sky"]
LABELS = np.array([0, 0, 1, 1, -1])
EMBEDDINGS = np.array([[1, 0], [1, 0.1], [0, 1], [0.5, 1], [-1, 0]], np.float32)


class WordModel:
    """Mean of word vectors; remembers what it was asked."""

    def __init__(self, kind: type = np.asarray) -> None:
        self.kind = kind
        self.asked: list[list[str]] = []

    def __call__(self, texts: list[str]) -> object:
        self.asked.append(texts)
        rows = [
            np.sum([SPACE.get(word, [0, 0, 0]) for word in text.split()], axis=0) for text in texts
        ]
        return self.kind(np.array(rows, np.float32))


def fit(model: WordModel, **options: int) -> KeyBERT:
    part = KeyBERT(candidates=CTFIDF(n_words=30), **options)
    return part.fit(DOCUMENTS, LABELS, embeddings=EMBEDDINGS, encode_words=model)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_ranks_by_cosine_in_the_space_of_the_word_model(kind: type) -> None:
    found = fit(WordModel(kind))
    assert [word for word, _ in found.words_[0]] == ["port", "ship", "road", "zzz"]
    texts = np.array([[1.9, 0.4, 0], [1.9, 1.4, 0]])
    topic = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).sum(axis=0)
    expected = topic[0] / np.linalg.norm(topic)
    assert dict(found.words_[0])["ship"] == pytest.approx(expected, abs=1e-6)


def test_an_unknown_word_comes_last() -> None:
    assert fit(WordModel()).words_[0][-1] == ("zzz", -1.0)


def test_words_are_embedded_once_and_so_are_the_typical_documents() -> None:
    model = WordModel()
    fit(model, n_typical=1)
    words, documents = model.asked
    assert words == sorted(set(words))
    assert set(words) == {"ship", "port", "zzz", "road", "car", "bird", "sky"}
    assert documents == ["ship port zzz", "car road"]


def test_typical_documents_are_those_of_the_embedder() -> None:
    assert fit(WordModel(), n_typical=1).words_[1][0][0] == "car"


def test_keeps_the_best() -> None:
    found = fit(WordModel(), n_words=2)
    assert [len(words) for words in found.words_] == [2, 2]
    assert found.components_.shape == (2, len(found.get_feature_names_out()))


def test_equals_keep_the_order_of_the_candidates() -> None:
    part = KeyBERT(candidates=CTFIDF())
    part.fit(
        ["bb bb aa", "cc"],
        np.array([0, 1]),
        embeddings=np.eye(2, dtype=np.float32),
        encode_words=lambda texts: np.ones((len(texts), 3), np.float32),
    )
    assert [word for word, _ in part.words_[0]] == ["bb", "aa"]


def test_topics_without_words() -> None:
    part = KeyBERT(candidates=CTFIDF())
    model = WordModel()
    part.fit(["the", "of"], np.array([0, 1]), embeddings=np.eye(2), encode_words=model)
    assert part.words_ == [[], []]
    part.fit(["the", "car"], np.array([0, 1]), embeddings=np.eye(2), encode_words=model)
    assert [len(words) for words in part.words_] == [0, 1]


@pytest.mark.parametrize("name", ["n_words", "n_typical"])
def test_wrong_settings_are_named(name: str) -> None:
    with pytest.raises(ParameterError, match=rf"^{name}=0: must be at least 1"):
        KeyBERT(candidates=CTFIDF(), **{name: 0})
