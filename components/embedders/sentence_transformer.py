"""Any sentence-transformers model, the default embedder among them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components import file_hash
from components.base import Floats, ParameterError, at_least
from components.embedders import weights
from components.embedders.batch_size import CPU_TEXTS, BatchSize
from components.embedders.batching import (
    encode_batches,
    memory_errors,
    peak_memory,
    replicas,
)
from components.embedders.engines import Engine, check_engine, model_inputs, with_engine
from components.embedders.own_code import check_no_own_code, refused_imports
from components.embedders.torch_models import (
    check_max_length,
    faster_precision,
    packed,
    pick_devices,
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
    device : str or list of str, optional
        cpu, cuda, cuda:1, mps; None takes the best one there is. Several, as a list or as
        "cuda:0,cuda:1", share the batches.
    batch_size : int, optional
        The most texts in a batch. None: 32 on a CPU, found by trial elsewhere. Where the memory
        of a GPU is too small, it is halved.
    engine : {"torch", "onnx", "openvino", "auto"}
        What computes the transformer's states on a CPU. Vectors are equal to float rounding, so it
        is not part of the fingerprint. "auto" takes the fastest that is installed, by a short
        trial on the first documents.
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
        device: str | list[str] | None = None,
        batch_size: int | None = None,
        engine: Engine = "torch",
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalise: bool = False,
        max_length: int | None = None,
        dimensions: int | None = None,
        precision: Literal["float32", "float16", "bfloat16"] = "float32",
        trust_remote_code: bool = False,
        trust_pickle: bool = False,
    ) -> None:
        self.model = model
        self.revision = revision
        self.sha256 = sha256
        self.device = device
        self.batch_size = batch_size
        self.engine = engine
        self.prompt = prompt
        self.prompt_name = prompt_name
        self.normalise = normalise
        self.max_length = max_length
        self.dimensions = dimensions
        self.precision = precision
        self.trust_remote_code = trust_remote_code
        self.trust_pickle = trust_pickle
        at_least(1, "or null", batch_size=batch_size, dimensions=dimensions)
        check_engine(engine, precision)
        self._size = BatchSize(batch_size)
        self._models: list[Any] | None = None  # one for each device
        self.metrics_: dict[str, float] = {}
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

    @property
    def faster_precision(self) -> str | None:
        """A `precision` that takes far less time on the devices of the model; None for none."""
        return faster_precision(self.precision, self.engine, pick_devices(self.device))

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d). Sets `truncated_`, bool (n,), and `metrics_`."""
        texts = list(documents)
        with memory_errors(self.batch_size):
            if _is_plain(self._loaded):
                return self._encode(texts)
            model = packed(self._loaded)
            if self.engine not in ("torch", "auto"):
                raise ParameterError(
                    "engine", self.engine, "needs a model for texts only. Use engine=torch."
                )
            self.truncated_ = self._truncated(texts)
            rows = model.encode(
                texts,
                prompt=self.prompt,
                prompt_name=self.prompt_name,
                batch_size=self.batch_size or 32,
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
        dimensions = self.dimensions or model.truncate_dim  # None: all

        def tokenize(some: list[str]) -> tuple[Any, Any]:
            features = model.preprocess(some, prompt=prompt or None)
            return features, truncated(features)

        def vectors(model: Any, features: Any) -> Any:
            rows = model(features)["sentence_embedding"][:, :dimensions].float()
            return torch.nn.functional.normalize(rows, dim=1) if self.normalise else rows

        if self._models is None:
            if texts and self.engine != "torch":
                transformer, (features, _) = model[0], tokenize(texts[:CPU_TEXTS])
                identity = weights.identity(self.model, self.revision)
                transformer.model = with_engine(
                    transformer.model, self.engine, identity, model_inputs(features)
                )
            self._models = replicas(model, self._devices)
        with peak_memory(self._devices, self.metrics_):
            rows, self.truncated_ = encode_batches(
                texts, self._models, tokenize, vectors, size=self._size
            )
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
            if (actual := file_hash.sha256(file)) != self.sha256.lower():
                raise ParameterError(
                    "sha256",
                    self.sha256,
                    f"{file} has the sha256 {actual}. Install or download it again, or set "
                    "sha256=null to use it as it is.",
                )
        self._devices = pick_devices(self.device)

        def build(name: str, **source: Any) -> Any:
            from sentence_transformers import SentenceTransformer

            if not self.trust_remote_code:
                check_no_own_code(self.model, name)
            with refused_imports():
                return SentenceTransformer(
                    name,
                    device=self._devices[0],
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
