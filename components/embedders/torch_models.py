"""What the embedders that run a torch model share: device, speed, length limit, truncation."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import ParameterError

# Where TensorFlow is installed, transformers would import it: seconds, for nothing.
os.environ.setdefault("USE_TF", "0")


def pick_device(device: str | None) -> str:
    """`device` checked, or for None the best one there is: cuda, mps, cpu."""
    import torch

    if device is None:
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ParameterError(
            "device",
            device,
            "is not a torch device. Use cpu, cuda, cuda:1, mps, or null for the best one there is.",
        ) from error
    usable = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if kind in usable and not usable[kind]():
        raise ParameterError(
            "device",
            device,
            "torch finds no such device on this machine. Use cpu, or null for the best one there "
            "is.",
        )
    return device


def pick_devices(device: str | Sequence[str] | None) -> list[str]:
    """The devices that `device` names, each checked: one, a list, or "cuda:0,cuda:1"."""
    if device is None:
        return [pick_device(None)]
    names = device.split(",") if isinstance(device, str) else list(device)
    if not names:
        raise ParameterError("device", "[]", "names no device. Use cpu, cuda, or null.")
    return [pick_device(name.strip()) for name in names]


def packed(model: Any) -> Any:
    """`model`, with its linear layers replaced by faster ones: for inference alone.

    Those in float32 on an x86-64 processor, by `PackedLinear`; layers of a subclass of
    `torch.nn.Linear` and layers with hooks stay as they are.
    """
    import torch

    operators = ("_reorder_linear_weight", "_linear_pointwise")
    if (
        platform.machine() not in ("x86_64", "AMD64")
        or not torch.backends.mkldnn.is_available()
        or not all(hasattr(torch.ops.mkldnn, name) for name in operators)
    ):
        return model
    from components.embedders.packed_linear import PackedLinear

    for module in list(model.modules()):
        for name, layer in list(module.named_children()):
            hooked = layer._forward_hooks or layer._forward_pre_hooks
            if type(layer) is not torch.nn.Linear or hooked:
                continue
            if layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32:
                setattr(module, name, PackedLinear(layer).eval())
    return model


def faster_precision(precision: str, engine: str, devices: Sequence[str]) -> str | None:
    """The precision that takes half to a third of the time of `precision` on the devices, or None.

    bfloat16 for float32, where the CPU has units that multiply matrices in it (AMX), and where the
    engine may be torch, the only one that computes in it.
    """
    import torch

    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    is_float = precision == "float32" and engine in ("torch", "auto")
    return (
        "bfloat16" if is_float and [*devices] == ["cpu"] and capabilities.get("amx_bf16") else None
    )


def position_limit(model: Any) -> int | None:
    """The most tokens that a transformers `model` has positions for; None if it sets no limit."""
    count = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(count, int) or count <= 0:
        return None
    for name, module in model.named_modules():
        if name.endswith("position_embeddings"):
            padding = getattr(module, "padding_idx", None)  # RoBERTa and MPNet count from behind it
            return count if padding is None else count - padding - 1
    return count


def length_limit(model: Any, tokenizer: Any, max_length: int | None) -> int:
    """Tokens at which to truncate a document, special tokens included.

    `max_length` if given, else what the tokenizer says, else the model's positions, else 512.

    Raises
    ------
    ParameterError
        When `max_length` is more than the model has positions for.
    """
    positions = position_limit(model)
    if max_length is not None:
        check_max_length(max_length, positions)
        return max_length
    named = getattr(tokenizer, "model_max_length", None)
    limits = [named if named and named < 1_000_000 else None, positions]  # 1e30 stands for "none"
    return min((limit for limit in limits if limit), default=512)


def check_max_length(max_length: int, positions: int | None) -> None:
    """Raise a `ParameterError` for a length in tokens that a model with `positions` cannot read."""
    if max_length < 3 or (positions is not None and max_length > positions):
        most = "" if positions is None else f" and at most {positions}"
        raise ParameterError(
            "max_length",
            max_length,
            f"must be at least 3 tokens{most} for this model; null takes the model's own limit.",
        )


def too_long(
    tokenizer: Any, documents: Sequence[str] | Sequence[list[str]], limit: int
) -> NDArray[np.bool_]:
    """Which documents have more than `limit` tokens, special tokens included: bool (n,).

    A document is a text, or a list of the words that it was cut into.
    """
    # A token stands for at least one byte, so most documents need no counting.
    sizes = (len((d if isinstance(d, str) else " ".join(d)).encode()) for d in documents)
    longer = np.fromiter(sizes, np.int64, len(documents)) + 8 > limit
    rows = np.flatnonzero(longer).tolist()
    if rows:
        tokens = tokenizer(
            [documents[row] for row in rows],
            is_split_into_words=not isinstance(documents[rows[0]], str),
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        longer[rows] = [len(ids) > limit for ids in tokens]
    return longer


def truncated(features: Any) -> list[bool] | None:
    """Which texts a tokenizer has truncated, from what it returned; None where that tells nothing.

    Fast tokenizers hold what they cut off, so that no text is tokenized a second time to know.
    """
    encodings = getattr(features, "encodings", None)
    if not encodings:
        return None
    return [bool(encoding.overflowing) for encoding in encodings]


class RecordingTokenizer:
    """A tokenizer inside a library's model: `returned` is what it returned last.

    So `truncated` can tell what a library truncates without saying so.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.returned: Any = None

    def __call__(self, *texts: Any, **settings: Any) -> Any:
        self.returned = self._inner(*texts, **settings)
        return self.returned

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # not yet there, when this object is copied
            raise AttributeError(name)
        return getattr(self._inner, name)
