"""ONNX models through fastembed: by a name that fastembed knows, or from a local folder."""

from __future__ import annotations

import difflib
import mmap
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, ParameterError, at_least, require
from components.embedders import weights


class FastEmbedEmbedder:
    """An ONNX model, run by onnxruntime.

    Parameters
    ----------
    model : str
        A name from fastembed's list, or a folder (a path, or `pkg://package/folder`) with the
        .onnx file, `tokenizer.json` and `tokenizer_config.json`.
    file : str, optional
        The .onnx file inside the folder; needed where there are several.
    pooling : str
        How the rows of a document's tokens become one, for a folder: fastembed knows its own
        models. `disabled`: the model does it itself.
    normalise : bool
        Scale rows to length 1, for a folder.
    device : {"auto", "cpu", "cuda"}
    threads : int, optional
        Of onnxruntime; None takes all.
    batch_size : int
    cache_dir : str, optional
        Where models are downloaded to; None takes FASTEMBED_CACHE_PATH, else a temporary folder.
    """

    by_length = True

    def __init__(
        self,
        *,
        model: str = "BAAI/bge-small-en-v1.5",
        file: str | None = None,
        pooling: Literal["mean", "cls", "last_token", "disabled"] = "mean",
        normalise: bool = True,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        threads: int | None = None,
        batch_size: int = 64,
        cache_dir: str | None = None,
    ) -> None:
        require("fastembed", extra="fastembed")
        self.model = model
        self.file = file
        self.pooling = pooling
        self.normalise = normalise
        self.device = device
        self.threads = threads
        self.batch_size = batch_size
        self.cache_dir = cache_dir
        at_least(1, batch_size=batch_size)
        at_least(1, "or null", threads=threads)
        if weights.is_local(weights.resolve(model)):
            self._onnx_file()

    def fingerprint(self) -> dict[str, Any]:
        """The files of a folder; for a name, that and fastembed's version, which fixes the rest."""
        if weights.is_local(weights.resolve(self.model)):
            return {
                "class": "FastEmbedEmbedder",
                **weights.identity(self.model),
                "file": self._onnx_file(),
                "pooling": self.pooling,
                "normalise": self.normalise,
            }
        from importlib.metadata import version

        return {
            "class": "FastEmbedEmbedder",
            "model": self.model,
            "fastembed": version("fastembed"),
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d). Sets `truncated_`, bool (n,)."""
        engine = self._loaded
        texts = list(documents)
        lengths, self.truncated_ = self._lengths(texts)
        # Texts of as many tokens share a batch, so that little of it is padding.
        order = np.argsort(lengths, kind="stable")
        rows = np.empty(len(texts), np.int64)
        rows[order] = np.arange(len(texts))
        vectors = engine.embed([texts[row] for row in order], batch_size=self._batch_size)
        return np.stack([np.asarray(vector, np.float32) for vector in vectors])[rows]

    @cached_property
    def _loaded(self) -> Any:
        from fastembed import TextEmbedding
        from loguru import logger

        model = weights.resolve(self.model)
        options: dict[str, Any] = {"cache_dir": self.cache_dir, "threads": self.threads}
        if self.device != "auto":
            options["cuda"] = self.device == "cuda"
        if weights.is_local(model):
            options |= {"model_name": self._register(model), "specific_model_path": model}
        else:
            models = TextEmbedding.list_supported_models()
            supported = {m["model"].lower(): m["model"] for m in models}
            if model.lower() not in supported:
                near = difflib.get_close_matches(model.lower(), supported, n=1, cutoff=0.5)
                hint = f" Did you mean {supported[near[0]]!r}?" if near else ""
                raise ParameterError(
                    "model",
                    model,
                    f"fastembed has no such model.{hint} It has {len(supported)}: python -c "
                    "'import fastembed; "
                    'print(*(m["model"] for m in '
                    'fastembed.TextEmbedding.list_supported_models()), sep="\\n")\'. Other ONNX '
                    "models: give their folder.",
                )
            options["model_name"] = model
        logger.disable("fastembed")  # its own errors for a failed download; ours is enough
        try:
            with weights.loading(model):
                return TextEmbedding(**options)
        finally:
            logger.enable("fastembed")

    def _register(self, folder: str) -> str:
        """Tell fastembed of a folder, once per process: its list outlives this object."""
        from fastembed import TextEmbedding
        from fastembed.common.model_description import ModelSource, PoolingType

        file = self._onnx_file()
        name = f"{folder}:{file}:{self.pooling}:{self.normalise}"
        if name.lower() not in {m["model"].lower() for m in TextEmbedding.list_supported_models()}:
            TextEmbedding.add_custom_model(
                model=name,
                pooling=PoolingType[self.pooling.upper()],
                normalization=self.normalise,
                sources=ModelSource(url=Path(folder).as_uri()),
                dim=0,  # only metadata: the vectors have the length that the model gives them
                model_file=file,
            )
        return name

    def _onnx_file(self) -> str:
        """The .onnx file, relative to its folder."""
        folder = Path(weights.resolve(self.model))
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.onnx"))
        if self.file is not None and (folder / self.file).is_file():
            return self.file
        if self.file is not None or len(files) != 1:
            raise ParameterError(
                "file",
                self.file,
                f"must name the .onnx file of {folder} that is the model. There are: "
                f"{', '.join(files) or 'none'}.",
            )
        return files[0]

    @cached_property
    def _batch_size(self) -> int:
        """1 where the model's scales depend on the batch: a row must not depend on its company."""
        inner = self._loaded.model
        file = Path(getattr(inner, "_model_dir", ""), inner.model_description.model_file)
        return 1 if file.is_file() and quantises_at_run_time(file) else self.batch_size

    def _lengths(self, texts: list[str]) -> tuple[Integers, NDArray[np.bool_]]:
        """Tokens of each text, int64 (n,), and whether it is truncated, bool (n,).

        Characters and False, where the model has no tokenizer of its own.
        """
        tokenizer = getattr(self._loaded.model, "tokenizer", None)
        if tokenizer is None:
            return np.array([*map(len, texts)], np.int64), np.zeros(len(texts), bool)
        encodings = map(tokenizer.encode, texts)  # what was cut off "overflows"
        pairs = [(len(e.ids), bool(e.overflowing)) for e in encodings]
        lengths, truncated = zip(*pairs, strict=True) if pairs else ((), ())
        return np.array(lengths, np.int64), np.array(truncated, bool)


def quantises_at_run_time(file: Path) -> bool:
    """Whether an .onnx file takes its scales from the largest value in the whole batch.

    The operator stands in the file by its name.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"DynamicQuantizeLinear") >= 0
