"""What computes a transformer's states: torch, or its ONNX export in ONNX Runtime or OpenVINO.

sentence-transformers has such backends too. They export into the model's own folder or again at
each start, serve no plain transformers model, and OpenVINO's computes in bfloat16 where the
processor can. So the export alone is taken from optimum, and is run from here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from components.base import ParameterError, UserError, require
from components.embedders import weights
from components.embedders.torch_models import packed

log = logging.getLogger(__name__)

Engine = Literal["auto", "torch", "onnx", "openvino"]
# The modules that an engine needs, and its extra by its own name.
MODULES = {"onnx": ("onnxruntime", "optimum"), "openvino": ("openvino", "optimum")}

LEAST_COSINE = 0.9999  # of an engine's states and torch's, for each token
FASTER = 1.1  # times as fast as torch, for `auto` to choose another engine
TURNS = 2  # of each engine in a trial
TOKENS = 1024  # about, of the batch that it is made on
FORMAT = 1  # of the export's folder


def check_engine(engine: str, precision: str) -> None:
    """Raise where `engine` cannot be, without importing anything."""
    if engine not in ("auto", "torch", *MODULES):
        raise ParameterError("engine", engine, "must be auto, torch, onnx or openvino.")
    for module in MODULES.get(engine, ()):
        require(module, extra=engine)
    if engine in MODULES and precision != "float32":
        raise ParameterError(
            "engine", engine, f"computes in float32, but precision={precision}. Use engine=torch."
        )


def with_engine(
    model: Any,
    engine: str,
    identity: Mapping[str, Any],
    features: Mapping[str, Any],
) -> Any:
    """What to call instead of `model`, in the same way.

    Parameters
    ----------
    model : transformers model, in float32 on the CPU for any engine but torch
    engine : {"auto", "torch", "onnx", "openvino"}
        "auto" takes the fastest of those that are installed, by a trial on `features`.
    identity : mapping
        Of the weights: an export is cached by it, in the user's cache folder.
    features : mapping of str to int64 tensor (b, t)
        A tokenized batch of the documents to come: each engine's states of it are compared with
        torch's.

    Returns
    -------
    torch.nn.Module
        `model` itself, or one whose call returns an object with `last_hidden_state`.

    Raises
    ------
    ParameterError
        For `engine`, where the model cannot be exported, does not run on the CPU, or has other
        states there than in torch.
    """
    import torch

    on_cpu = model.device.type == "cpu" and model.dtype == torch.float32
    if engine == "torch" or (engine == "auto" and not on_cpu):
        return model
    if not on_cpu:
        raise ParameterError(
            "engine",
            engine,
            f"runs on the CPU, but the device is {model.device}. Use engine=torch.",
        )
    rows = max(1, TOKENS // features["input_ids"].shape[1])
    features = {name: value[:rows] for name, value in features.items()}
    if engine != "auto":
        return _built(model, engine, identity, features, _states(model, features))
    return _fastest(model, identity, features)


def model_inputs(features: Mapping[str, Any]) -> dict[str, Any]:
    """What of a tokenizer's output a model takes: not a modality or the length of a prompt."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    return {name: features[name] for name in names if name in features}


def _fastest(model: Any, identity: Mapping[str, Any], features: Mapping[str, Any]) -> Any:
    installed = [e for e, needed in MODULES.items() if all(map(importlib.util.find_spec, needed))]
    if not installed:
        log.info("engine: torch (neither onnx nor openvino is installed)")
        return model
    engines, expected = {"torch": model}, _states(model, features)
    for engine in installed:
        try:
            engines[engine] = _built(model, engine, identity, features, expected)
        except ParameterError as error:
            log.info("engine: %s left out: %s", engine, error.reason)
    packed(model)  # as it will be used; no export can be made of it any more
    tokens = int(features["attention_mask"].sum())
    seconds = dict.fromkeys(engines, float("inf"))
    for _ in range(TURNS):  # by turns, as other work on the machine slows down all alike
        for engine, built in engines.items():
            begun = time.perf_counter()
            _states(built, features)
            seconds[engine] = min(seconds[engine], time.perf_counter() - begun)
    best = min(seconds, key=lambda engine: seconds[engine])
    if seconds["torch"] < FASTER * seconds[best]:
        best = "torch"
    rates = ", ".join(f"{engine} {tokens / s:,.0f}" for engine, s in seconds.items())
    log.info("engine: %s (tokens per second in a trial: %s)", best, rates)
    return engines[best]


def _built(
    model: Any,
    engine: str,
    identity: Mapping[str, Any],
    features: Mapping[str, Any],
    expected: Any,
) -> Any:
    """An engine that gives the states that torch gives, those `expected` of the features."""
    with _exported(model, engine, identity) as file:
        built = _module(model.config, *{"onnx": _onnxruntime, "openvino": _openvino}[engine](file))
    filled, states = features["attention_mask"].bool(), _states(built, features)
    cosine = float(_cosines(states[filled], expected[filled]).min())
    if not cosine >= LEAST_COSINE:  # a NaN neither
        raise ParameterError(
            "engine",
            engine,
            f"its states have a cosine of {cosine:.5f} to torch's. Use engine=torch.",
        )
    return built


def _states(model: Any, features: Mapping[str, Any]) -> Any:
    import torch

    with torch.inference_mode():
        return model(**features).last_hidden_state


def _cosines(a: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=1)


@contextmanager
def _exported(model: Any, engine: str, identity: Mapping[str, Any]) -> Iterator[Path]:
    """The file of the ONNX export, from the cache where the weights are known."""
    from transformers import __version__ as transformers

    key = {
        **identity,
        "class": type(model).__name__,
        "format": FORMAT,
        "optimum": version("optimum-onnx"),
        "transformers": transformers,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    folder = weights.user_cache("onnx") / digest
    if None in identity.values():
        with tempfile.TemporaryDirectory() as scratch:
            _export(model, engine, Path(scratch))
            yield Path(scratch, "model.onnx")
            return
    if not (folder / "model.onnx").is_file():
        with weights.making(folder) as draft:
            _export(model, engine, draft)
    yield folder / "model.onnx"


def _export(model: Any, engine: str, folder: Path) -> None:
    log.info("engine: exporting the model to ONNX, once")
    begun = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a trace finds constant is so in every model
            from optimum.exporters.onnx import onnx_export_from_model

            onnx_export_from_model(
                model, folder, task="feature-extraction", do_validation=False, device="cpu"
            )
    except (MemoryError, UserError):
        raise
    except Exception as error:  # torch, onnx and optimum raise their own
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ParameterError(
            "engine", engine, f"the model cannot be exported to ONNX ({reason}). Use engine=torch."
        ) from error
    log.info("engine: exported in %.0f s", time.perf_counter() - begun)


Run = Callable[[dict[str, Any]], Any]  # arrays by name to the states (b, t, d)


def _onnxruntime(file: Path) -> tuple[list[str], Run]:
    """The names of the inputs, and what computes the states."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()  # it does not read OMP_NUM_THREADS
    options.log_severity_level = 3
    # Idle threads wait without spinning, which takes the cores from torch and the tokenizer: of
    # 400 titles with two threads, 1.35 CPU seconds instead of 2.24.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in session.get_inputs()]
    return names, lambda arrays: session.run(["last_hidden_state"], arrays)[0]


def _openvino(file: Path) -> tuple[list[str], Run]:
    """As `_onnxruntime`."""
    import openvino
    import torch

    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16, where the processor can
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(file, "CPU", settings)
    names = [port.get_any_name() for port in compiled.inputs]
    request, output = compiled.create_infer_request(), compiled.output("last_hidden_state")
    return names, lambda arrays: np.array(request.infer(arrays)[output])


def _module(config: Any, names: list[str], run: Run) -> Any:
    """A module that is called as a transformers model is."""
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    class Exported(torch.nn.Module):  # type: ignore[misc]  # torch is not typed here
        device = torch.device("cpu")
        own_threads = True  # it divides a batch among threads of its own

        def __init__(self) -> None:
            super().__init__()
            self.config = config

        def forward(self, **features: Any) -> Any:
            if "token_type_ids" not in features:  # some tokenizers make none: all are 0
                features["token_type_ids"] = torch.zeros_like(features["input_ids"])
            states = run({name: features[name].numpy() for name in names})
            return BaseModelOutput(last_hidden_state=torch.from_numpy(states))

    return Exported().eval()
