"""One model for documents, another one for words."""

from __future__ import annotations

from typing import Any

from components.base import Embedder, within
from components.embedders.adapt import as_embedder


class WordDocEmbedder:
    """Embeds documents by one model and lends another one to whoever needs vectors of words.

    Everything that is asked of it (`encode` and its arguments, `fingerprint`, `fits_corpus`,
    `truncated_`, ...) is the document embedder's, except `word_embedder`.

    Parameters
    ----------
    document_embedder, word_embedder : Embedder
        Or whatever `components.embedders.adapt.as_embedder` makes one of.
    """

    def __init__(self, *, document_embedder: Any, word_embedder: Any) -> None:
        with within("document_embedder"):
            self.document_embedder: Embedder = as_embedder(document_embedder)
        with within("word_embedder"):
            self.word_embedder: Embedder = as_embedder(word_embedder)

    def __getattr__(self, name: str) -> Any:
        if name == "document_embedder":  # not yet there, when this object is unpickled
            raise AttributeError(name)
        return getattr(self.document_embedder, name)
