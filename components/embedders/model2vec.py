"""Static models: a table of word vectors distilled from a sentence model, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from components.base import Floats, ParameterError, at_least, require
from components.embedders import weights


class Model2VecEmbedder:
    """A model2vec model.

    Parameters
    ----------
    model : str
        A hub's name, a local folder, or `pkg://package/folder`.
    normalise : bool, optional
        Scale rows to length 1; None does as the model says.
    dimensions : int, optional
        Keep only the first dimensions.
    max_length : int, optional
        Tokens at which a document is truncated. A static model has no limit of its own.
    batch_size : int
    """

    block = 4096  # documents to compute and store at a time: storing few takes longer

    def __init__(
        self,
        *,
        model: str = "pkg://static_model/model",
        normalise: bool | None = None,
        dimensions: int | None = None,
        max_length: int | None = None,
        batch_size: int = 1024,
    ) -> None:
        require("model2vec", extra="model2vec")
        self.model = model
        self.normalise = normalise
        self.dimensions = dimensions
        self.max_length = max_length
        self.batch_size = batch_size
        weights.resolve(model)
        at_least(1, batch_size=batch_size)
        at_least(1, "or null", max_length=max_length, dimensions=dimensions)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": "Model2VecEmbedder",
            **weights.identity(self.model),
            "normalise": self.normalise,
            "dimensions": self.dimensions,
            "max_length": self.max_length,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Mean of the vectors of each document's tokens; zero where it knows none.

        Returns
        -------
        float32 (n, d); `truncated_`, bool (n,), is set
        """
        texts = list(documents)
        self.truncated_ = np.zeros(len(texts), bool)
        if self.max_length is not None:
            for row, text in enumerate(texts):
                whole, cut = (self._loaded.tokenize([text], n) for n in (None, self.max_length))
                self.truncated_[row] = len(cut[0]) < len(whole[0])
        rows = self._loaded.encode(
            texts,
            max_length=self.max_length,
            batch_size=self.batch_size,
            show_progress_bar=False,
            use_multiprocessing=False,
        )
        return np.asarray(rows, dtype=np.float32)

    @cached_property
    def _loaded(self) -> Any:
        model = weights.resolve(self.model)
        with weights.loading(model):
            from model2vec import StaticModel

            loaded = StaticModel.from_pretrained(model, force_download=False)
        size = loaded.embedding.shape[1]
        if self.dimensions is not None and not 1 <= self.dimensions <= size:
            raise ParameterError(
                "dimensions",
                self.dimensions,
                f"the model {self.model} has {size}: choose 1 to {size}, or null for all.",
            )
        loaded.embedding = loaded.embedding[:, : self.dimensions]
        if self.normalise is not None:
            loaded.config["normalize"] = loaded.normalize = self.normalise
        return loaded
