from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.base import UserError
from components.representations.ctfidf import CTFIDF
from components.representations.keybert import KeyBERT
from components.representations.mmr import MMR

DOCUMENTS = ["ship ships port harbour sea", "ship port sea sea", "road car cars engine", "car road"]
LABELS = np.array([0, 0, 1, 1])
EMBEDDINGS = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)


def encode(texts: list[str]) -> np.ndarray:
    """Letters as directions."""
    return np.array([[text.count(x) for x in "aeiorst"] for text in texts], np.float32)


def fit(**options: object) -> CTFIDF:
    part = CTFIDF(**options)  # type: ignore[arg-type]
    return part.fit(DOCUMENTS, LABELS, embeddings=EMBEDDINGS, encode_words=encode)


def test_views_are_those_of_the_parts_themselves() -> None:
    found = fit(
        also={"ctfidf": {"n_words": 3}, "keybert": {"n_typical": 1}, "mmr": {"diversity": 0.7}}
    )
    assert list(found.views_) == ["ctfidf", "keybert", "mmr"]
    assert found.words_ == fit().words_
    assert found.views_["ctfidf"] == [words[:3] for words in found.words_]
    keybert = KeyBERT(candidates=CTFIDF(n_words=30), n_typical=1)
    keybert.fit(DOCUMENTS, LABELS, embeddings=EMBEDDINGS, encode_words=encode)
    assert found.views_["keybert"] == keybert.words_
    mmr = MMR(candidates=CTFIDF(n_words=30), diversity=0.7)
    assert found.views_["mmr"] == mmr.fit(DOCUMENTS, LABELS, encode_words=encode).words_


def test_no_views_unless_they_are_asked_for() -> None:
    assert fit().views_ == {}
    assert not CTFIDF().needs_word_vectors
    assert not CTFIDF(also=["ctfidf"]).needs_word_vectors
    assert CTFIDF(also=["mmr"]).needs_word_vectors


def test_a_view_beside_keybert() -> None:
    part = KeyBERT(candidates=CTFIDF(n_words=30, also=["ctfidf"]))
    part.fit(DOCUMENTS, LABELS, embeddings=EMBEDDINGS, encode_words=encode)
    assert part.views_["ctfidf"] == fit().words_


def test_a_copy_leaves_the_first_as_it_is() -> None:
    from copy import copy

    part = KeyBERT(candidates=CTFIDF(n_words=30))
    part.fit(DOCUMENTS, LABELS, embeddings=EMBEDDINGS, encode_words=encode)
    words, components = part.words_, part.components_
    copy(part).fit(DOCUMENTS, 1 - LABELS, embeddings=EMBEDDINGS, encode_words=encode)
    assert part.words_ is words
    assert part.components_ is components


def test_a_view_without_vectors() -> None:
    with pytest.raises(UserError, match="'mmr' needs the vectors"):
        CTFIDF(also=["mmr"]).fit(DOCUMENTS, LABELS)


def test_a_view_by_parts_of_speech(spacy_md_folder: Path) -> None:
    part = CTFIDF(also={"pos": {"spacy_model": str(spacy_md_folder), "pos": ["ADJ"]}})
    documents = ["We ran through the quick dark forest.", "A fast engine is loud."]
    part.fit(documents, np.array([0, 1]))
    assert [word for word, _ in part.views_["pos"][0]] == ["dark", "quick"]
    assert "forest" in dict(part.words_[0])
