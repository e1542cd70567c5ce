"""What `runner.embed` adds to the cache: what is embedded, and whose parameter an error names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.base import Corpus, ParameterError, UserError
from components.embedders.word_doc import WordDocEmbedder
from runner.cache import Cache
from runner.embed import embed, word_encoder

CORPUS = Corpus(["one document", "another one"])


class Failing:
    def encode(self, documents: Sequence[str]) -> np.ndarray:
        raise ParameterError("max_length", 9, "is too much.")


class Working:
    def encode(self, documents: Sequence[str]) -> np.ndarray:
        return np.ones((len(documents), 2), np.float32)


def test_a_parameter_of_the_embedder() -> None:
    with pytest.raises(ParameterError, match=r"^max_length=9: is too much"):
        embed(CORPUS, Failing(), Cache(None), {})
    with pytest.raises(UserError, match=r"^embedder\.max_length=9: is too much"):
        word_encoder(Failing(), Cache(None), CORPUS, {})(["word"])


def test_a_parameter_of_an_embedder_in_another_one() -> None:
    documents = WordDocEmbedder(document_embedder=Failing(), word_embedder=Working())
    with pytest.raises(ParameterError, match=r"^document_embedder\.max_length=9: is too much"):
        embed(CORPUS, documents, Cache(None), {})
    words = WordDocEmbedder(document_embedder=Working(), word_embedder=Failing())
    with pytest.raises(UserError, match=r"^embedder\.word_embedder\.max_length=9: is too much"):
        word_encoder(words, Cache(None), CORPUS, {})(["word"])


class Texts(Working):
    """Yields vectors as they come, as the embedders of an API do."""

    def iter_encode(self, documents: Sequence[str]) -> Iterator[Any]:
        self.given = dict.fromkeys(documents)
        yield range(len(documents)), self.encode(documents)


class TextsAndImages(Texts):
    def iter_encode(self, documents: Sequence[str], *, images: Sequence[Any]) -> Iterator[Any]:
        self.given = dict(zip(documents, images, strict=True))
        yield range(len(documents)), self.encode(documents)


@pytest.mark.parametrize("embedder", [Texts(), TextsAndImages()])
def test_images_go_to_an_embedder_that_yields_vectors(embedder: Texts, tmp_path: Path) -> None:
    image = str(tmp_path / "a.png")
    Path(image).write_bytes(b"a picture")
    corpus = Corpus(["a caption", "", "another one"], images=[None, image, None])
    embed(corpus, embedder, Cache(None), {})
    images = {"": image} if isinstance(embedder, TextsAndImages) else {}
    assert embedder.given == {"a caption": None, "another one": None, **images}


def test_an_embedder_of_texts_gets_no_image_without_one() -> None:
    images = Corpus(["a caption", "", "another one"], images=["a.png", "b.png", "c.png"])
    rows, _ = embed(images, Working(), Cache(None), {})
    assert sorted(rows.tolist()) == [0, 2]
    with pytest.raises(UserError, match=r"images without text.* Type embedder=clip"):
        embed(Corpus(["", ""], images=["a.png", "b.png"]), Working(), Cache(None), {})
