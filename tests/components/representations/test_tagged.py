from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.base import ParameterError, UserError
from components.representations.ctfidf import CTFIDF

DOCUMENTS = [
    "The quick foxes were running through the dark forest, and a fox ran again.",
    "Machine learning models are trained on large data sets by our new engineers.",
]


def words(model: Path, **options: Any) -> list[list[str]]:
    part = CTFIDF(spacy_model=str(model), **options).fit(DOCUMENTS, np.array([0, 1]))
    return [[word for word, _ in topic] for topic in part.words_]


def test_only_some_parts_of_speech(spacy_md_folder: Path) -> None:
    assert words(spacy_md_folder, pos=["NOUN"])[0] == ["forest", "fox"]  # and not foxes
    assert {"quick", "dark"} == set(words(spacy_md_folder, pos=["ADJ"])[0])


def test_dictionary_forms(spacy_md_folder: Path) -> None:
    found = words(spacy_md_folder, lemmatize=True)
    assert found[0][:2] == ["fox", "run"]  # each twice
    assert {"train", "engineer", "model"} <= set(found[1])


def test_noun_phrases_are_terms(spacy_md_folder: Path) -> None:
    found = words(spacy_md_folder, noun_phrases=True, n_words=30)
    assert "dark forest" in found[0]
    assert {"machine learning models", "large data sets"} <= set(found[1])
    lemmas = words(spacy_md_folder, noun_phrases=True, lemmatize=True, pos=["NOUN"], n_words=30)
    assert "machine learning model" in lemmas[1]


def test_without_them_spacy_is_not_imported(spacy_md_folder: Path) -> None:
    assert CTFIDF().reader.tagger is None


def test_a_pipeline_that_is_not_there() -> None:
    with pytest.raises(ParameterError, match=r"spacy_model=xx_not_there.*spacy download"):
        CTFIDF(pos=["NOUN"], spacy_model="xx_not_there")
    for name in ("./not_there", "not.there", "", "numpy"):
        with pytest.raises(ParameterError, match="neither an installed spaCy pipeline nor"):
            CTFIDF(pos=["NOUN"], spacy_model=name)


def test_a_pipeline_without_a_tagger(tmp_path: Path) -> None:
    import spacy

    spacy.blank("en").to_disk(tmp_path)
    part = CTFIDF(lemmatize=True, spacy_model=str(tmp_path))
    with pytest.raises(UserError, match="lemmatize needs a lemmatizer"):
        part.fit(DOCUMENTS, np.array([0, 1]))
