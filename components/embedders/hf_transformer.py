"""The hidden states of any transformers model, pooled over a document's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

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
from components.embedders.torch_models import (
    faster_precision,
    length_limit,
    pick_devices,
    too_long,
    truncated,
)


class HFTransformerEmbedder:
    """What `transformers.pipeline("feature-extraction")` computes, batched and pooled.

    Of a model with an encoder and a decoder, the encoder is used.

    Parameters
    ----------
    model : str
        A hub's name, a local folder, or `pkg://package/folder`.
    revision : str, optional
        Branch, tag or commit on the hub; None takes what is cached here, else the newest.
    pooling : {"mean", "cls", "max"}
        Over the last hidden states of all tokens, padding aside; "cls" takes the first token.
    normalise : bool
        Scale rows to length 1.
    max_length : int, optional
        Tokens at which a document is truncated. None takes the tokenizer's maximum; where it names
        none, the number of positions of the model, or 512.
    device : str or list of str, optional
        cpu, cuda, cuda:1, mps; None takes the best one there is. Several, as a list or as
        "cuda:0,cuda:1", share the batches.
    batch_size : int, optional
        The most texts in a batch. None: 32 on a CPU, found by trial elsewhere. Where the memory
        of a GPU is too small, it is halved.
    engine : {"torch", "onnx", "openvino", "auto"}
        What computes the states on a CPU. Vectors are equal to float rounding, so it is not part
        of the fingerprint. "auto" takes the fastest that is installed, by a short trial on the
        first documents.
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
        pooling: Literal["mean", "cls", "max"] = "mean",
        normalise: bool = True,
        max_length: int | None = None,
        device: str | list[str] | None = None,
        batch_size: int | None = None,
        engine: Engine = "torch",
        precision: Literal["float32", "float16", "bfloat16"] = "float32",
        trust_remote_code: bool = False,
        trust_pickle: bool = False,
    ) -> None:
        self.model = model
        self.revision = revision
        self.pooling = pooling
        self.normalise = normalise
        self.max_length = max_length
        self.device = device
        self.batch_size = batch_size
        self.engine = engine
        self.precision = precision
        self.trust_remote_code = trust_remote_code
        self.trust_pickle = trust_pickle
        at_least(1, "or null", batch_size=batch_size)
        check_engine(engine, precision)
        self._size = BatchSize(batch_size)
        self._models: list[Any] | None = None  # one for each device
        self.metrics_: dict[str, float] = {}
        if pooling not in ("mean", "cls", "max"):
            raise ParameterError("pooling", pooling, "must be mean, cls or max.")
        weights.resolve(model)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            **weights.identity(self.model, self.revision),
            "pooling": self.pooling,
            "normalise": self.normalise,
            "max_length": self.max_length,
            "precision": self.precision,
            "trust_remote_code": self.trust_remote_code,
        }

    @property
    def faster_precision(self) -> str | None:
        """A `precision` that takes far less time on the devices of the model; None for none."""
        return faster_precision(self.precision, self.engine, pick_devices(self.device))

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d). Sets `truncated_`, bool (n,), and `metrics_`."""
        tokenizer, model, limit = self._loaded
        texts = list(documents)

        def tokenize(some: list[str]) -> tuple[Any, Any]:
            inputs = tokenizer(
                some, padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            cut = truncated(inputs)
            return inputs, too_long(tokenizer, some, limit) if cut is None else cut

        with memory_errors(self.batch_size):
            if self._models is None:
                if texts and self.engine != "torch":
                    features, _ = tokenize(texts[:CPU_TEXTS])
                    identity = weights.identity(self.model, self.revision)
                    model = with_engine(model, self.engine, identity, model_inputs(features))
                self._models = replicas(model, self._devices)
            with peak_memory(self._devices, self.metrics_):
                rows, self.truncated_ = encode_batches(
                    texts, self._models, tokenize, self._pooled, size=self._size
                )
        return rows

    def _pooled(self, model: Any, inputs: Any) -> Any:
        """Vectors of a batch, on its device."""
        import torch

        states = model(**inputs).last_hidden_state.float()
        mask = inputs["attention_mask"].unsqueeze(-1)
        if self.pooling == "cls":
            pooled = states[:, 0]
        elif self.pooling == "max":
            pooled = states.masked_fill(mask == 0, -torch.inf).max(dim=1).values
        else:
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=1) if self.normalise else pooled

    @cached_property
    def _loaded(self) -> tuple[Any, Any, int]:
        """The tokenizer, the model, and the tokens at which a document is truncated."""
        self._devices = pick_devices(self.device)

        def build(name: str, **source: Any) -> Any:
            from transformers import AutoModel, AutoTokenizer

            source["trust_remote_code"] = self.trust_remote_code
            safe = None if self.trust_pickle else True
            return AutoTokenizer.from_pretrained(name, **source), AutoModel.from_pretrained(
                name, dtype=self.precision, use_safetensors=safe, **source
            )

        tokenizer, model = weights.fetch(self.model, self.revision, build, "config.json")
        if model.config.is_encoder_decoder:
            model = model.get_encoder()
        if tokenizer.pad_token is None:  # as in GPT-2; what stands there is masked out
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.padding_side = "right"  # so that the first token is the document's own
        model = model.to(self._devices[0]).eval()
        return tokenizer, model, length_limit(model, tokenizer, self.max_length)
