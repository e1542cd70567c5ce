"""Any LangChain `Embeddings` object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.base import Floats, UserError, require


class LangChainEmbedder:
    """Vectors from an object's `embed_documents`.

    Parameters
    ----------
    embeddings : langchain_core.embeddings.Embeddings
    batch_size : int
        Documents handed over at once.
    """

    def __init__(self, *, embeddings: Any, batch_size: int = 64) -> None:
        require("langchain_core", extra="langchain")
        self.embeddings = embeddings
        self.batch_size = batch_size
        if not callable(getattr(embeddings, "embed_documents", None)):
            raise UserError(
                f"embedder.embeddings: {type(embeddings).__name__} is no LangChain Embeddings "
                "object: it has no embed_documents. Name a class such as "
                "langchain_huggingface.HuggingFaceEmbeddings in embedder.embeddings._target_."
            )
        if batch_size < 1:
            raise UserError(f"embedder.batch_size={batch_size} must be at least 1.")

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d)."""
        texts = list(documents)
        rows: list[list[float]] = []
        for start in range(0, len(texts), self.batch_size):
            try:
                rows += self.embeddings.embed_documents(texts[start : start + self.batch_size])
            except Exception as error:  # every provider has its own
                reason = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
                raise UserError(
                    f"embedder.embeddings: {type(self.embeddings).__name__} failed ({reason}). "
                    "Check its parameters, its key and its server."
                ) from error
        return np.array(rows, dtype=np.float32)
