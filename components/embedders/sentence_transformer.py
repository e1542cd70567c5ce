"""Any sentence-transformers model, the default embedder among them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components import file_hash
from components.base import Floats, ParameterError, require
from components.embedders import weights
from components.embedders.torch_models import (
    batches,
    check_max_length,
    memory_errors,
    pick_device,
    position_limit,
    too_long,
    truncated,
)


class SentenceTransformerEmbedder:
    """A sentence-transformers model.

    Parameters
    ----------
    model : str
        A hub's name, a local folder, or `pkg://package/folder`.
    revision : str, optional
        Branch, tag or commit on the hub; None takes what is cached here, else the newest.
    sha256 : str, optional
        Of `model.safetensors` in a local folder; checked before the weights are loaded.
    device : str, optional
        cpu, cuda, cuda:1, mps; None takes the best one there is.
    batch_size : int
    prompt : str, optional
        Put in front of every document.
    prompt_name : str, optional
        Instead of `prompt`: one of the prompts that the model brings.
    normalise : bool
        Scale rows to length 1, where the model does not do so itself.
    max_length : int, optional
        Tokens at which a document is truncated; None takes the model's own limit.
    dimensions : int, optional
        Keep only the first dimensions, for models trained so (Matryoshka).
    precision : {"float32", "float16", "bfloat16"}
        Of the weights. In half precision a row depends slightly on its batch.
    trust_remote_code : bool
        Run the Python code that comes with the model.
    trust_pickle : bool
        Also read weights that only come as `pytorch_model.bin`.
    """

    by_length = True

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        sha256: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalise: bool = False,
        max_length: int | None = None,
        dimensions: int | None = None,
        precision: Literal["float32", "float16", "bfloat16"] = "float32",
        trust_remote_code: bool = False,
        trust_pickle: bool = False,
    ) -> None:
        require("sentence_transformers", extra="all")
        self.model = model
        self.revision = revision
        self.sha256 = sha256
        self.device = device
        self.batch_size = batch_size
        self.prompt = prompt
        self.prompt_name = prompt_name
        self.normalise = normalise
        self.max_length = max_length
        self.dimensions = dimensions
        self.precision = precision
        self.trust_remote_code = trust_remote_code
        self.trust_pickle = trust_pickle
        if prompt and prompt_name:
            raise ParameterError("prompt_name", prompt_name, "prompt is given too: give one.")
        if not weights.is_local(weights.resolve(model)) and sha256:
            raise ParameterError(
                "sha256",
                sha256,
                f"checks a local folder, but model={model} is on a hub. Set sha256=null and name a "
                "commit in revision.",
            )

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            **weights.identity(self.model, self.revision),
            "prompt": self.prompt,
            "prompt_name": self.prompt_name,
            "normalise": self.normalise,
            "max_length": self.max_length,
            "dimensions": self.dimensions,
            "precision": self.precision,
            "trust_remote_code": self.trust_remote_code,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d). Sets `truncated_`, bool (n,)."""
        model, texts = self._loaded, list(documents)
        with memory_errors(self.batch_size):
            if _is_plain(model):
                return self._encode(texts)
            self.truncated_ = self._truncated(texts)
            rows = model.encode(
                texts,
                prompt=self.prompt,
                prompt_name=self.prompt_name,
                batch_size=self.batch_size,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=self.normalise,
                truncate_dim=self.dimensions,
            )
        return np.asarray(rows, dtype=np.float32)

    def _encode(self, texts: list[str]) -> Floats:
        """As the library's `encode`, which tells neither what was cut nor fits batches to a CPU."""
        import torch

        model, prompt = self._loaded, self._prompt
        size = self.dimensions or model.truncate_dim  # None: all
        self.truncated_ = np.zeros(len(texts), bool)
        rows: Floats = np.empty((len(texts), 0), np.float32)
        with torch.inference_mode():
            for batch in batches(texts, self.batch_size, model.max_seq_length, model.device):
                features = model.preprocess([texts[row] for row in batch], prompt=prompt or None)
                self.truncated_[batch] = truncated(features)
                on_device = {
                    k: v.to(model.device) if hasattr(v, "to") else v for k, v in features.items()
                }
                vectors = model(on_device)["sentence_embedding"][:, :size]
                if self.normalise:
                    vectors = torch.nn.functional.normalize(vectors, dim=1)
                if not rows.shape[1]:
                    rows = np.empty((len(texts), vectors.shape[1]), np.float32)
                rows[batch] = vectors.float().cpu().numpy()
        return rows

    @property
    def _prompt(self) -> str:
        """What is put in front of a document; empty for nothing."""
        model = self._loaded
        name = self.prompt_name or model.default_prompt_name
        return str(self.prompt or (model.prompts[name] if name else ""))

    @cached_property
    def _loaded(self) -> Any:
        if self.sha256:
            file = os.path.join(weights.resolve(self.model), "model.safetensors")
            if (found := file_hash.sha256(file)) != self.sha256.lower():
                raise ParameterError(
                    "sha256",
                    self.sha256,
                    f"{file} has the sha256 {found}. Install or download it again, or set "
                    "sha256=null to use it as it is.",
                )
        device = pick_device(self.device)

        def build(name: str, **source: Any) -> Any:
            from sentence_transformers import SentenceTransformer

            return SentenceTransformer(
                name,
                device=device,
                trust_remote_code=self.trust_remote_code,
                model_kwargs={
                    "dtype": self.precision,
                    "use_safetensors": None if self.trust_pickle else True,
                },
                **source,
            )

        loaded = weights.fetch(self.model, self.revision, build, "modules.json")
        if self.max_length is not None:
            transformer = getattr(loaded[0], "auto_model", None)
            check_max_length(self.max_length, transformer and position_limit(transformer))
            loaded.max_seq_length = self.max_length
        if self.prompt_name and self.prompt_name not in loaded.prompts:
            raise ParameterError(
                "prompt_name",
                self.prompt_name,
                f"the model {self.model} has no such prompt. It has: "
                f"{', '.join(loaded.prompts) or 'none'}.",
            )
        return loaded.eval()

    def _truncated(self, texts: list[str]) -> NDArray[np.bool_]:
        model = self._loaded
        limit, tokenizer = model.max_seq_length, getattr(model, "tokenizer", None)
        if not callable(tokenizer) or limit is None or not np.isfinite(limit):
            return np.zeros(len(texts), bool)
        return too_long(tokenizer, [self._prompt + text.strip() for text in texts], int(limit))


def _is_plain(model: Any) -> bool:
    """Whether a model takes texts only, by a transformer whose fast tokenizer pads its batches."""
    from sentence_transformers.models import Transformer

    first = model[0]
    return (
        isinstance(first, Transformer)
        and first.modalities == ["text"]
        and getattr(model.tokenizer, "is_fast", False)
        and not first.can_flatten_inputs
    )
