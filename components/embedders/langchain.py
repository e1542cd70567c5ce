"""Any LangChain `Embeddings` object."""

from __future__ import annotations

import inspect
import os
import re
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components.api.failures import redact
from components.base import Floats, Integers, Matrix, ParameterError, UserError, at_least, require
from components.embedders.matrix import as_matrix
from components.file_hash import sha256

# Settings by these names change when, where and how fast vectors come, not what they are.
NEUTRAL = frozenset(
    "async_client batch_size cache_folder check_embedding_ctx_length chunk_size client "
    "default_headers default_query device headers http_async_client http_client max_concurrency "
    "max_retries max_workers multi_process n_jobs num_gpu num_thread request_timeout "
    "retry_max_seconds retry_min_seconds show_progress show_progress_bar timeout verbose".split()
)
SECRET = re.compile(r"key$|secret|password|(^|_)token$|credential|auth")


class LangChainEmbedder:
    """Vectors from an object's `embed_documents`.

    Parameters
    ----------
    embeddings : langchain_core.embeddings.Embeddings
    batch_size : int
        Documents passed at a time.
    """

    def __init__(self, *, embeddings: Any, batch_size: int = 64) -> None:
        require("langchain_core", extra="langchain")
        self.embeddings = embeddings
        self.batch_size = batch_size
        if not callable(getattr(embeddings, "embed_documents", None)):
            raise ParameterError(
                "embeddings",
                type(embeddings).__name__,
                "is not a LangChain Embeddings object: it has no embed_documents. Name a class "
                "such as langchain_huggingface.HuggingFaceEmbeddings in its _target_.",
            )
        at_least(1, batch_size=batch_size)

    def fingerprint(self) -> dict[str, Any]:
        """The class and those of its settings that may change a vector, without secrets."""
        return {"class": "LangChainEmbedder", "embeddings": _describe(self.embeddings)}

    def encode(self, documents: Sequence[str]) -> Matrix:
        """Vectors, float32 (n, d)."""
        return np.concatenate([vectors for _, vectors in self.iter_encode(documents)])

    def iter_encode(self, documents: Sequence[str]) -> Iterator[tuple[Integers, Floats]]:
        """Yield (rows, vectors) of each batch as it comes: most of these objects call a paid API.

        Raises
        ------
        UserError
            When the object raises anything, or gives another number of vectors than of documents.
        """
        name = type(self.embeddings).__name__
        for start in range(0, len(documents), self.batch_size):
            batch = list(documents[start : start + self.batch_size])
            try:
                vectors = np.asarray(as_matrix(self.embeddings.embed_documents(batch)))
            except UserError:
                raise
            except Exception as error:  # every provider has its own
                reason = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
                raise UserError(
                    f"{name} failed ({reason}). Check its parameters, its key and its server."
                ) from error
            if len(vectors) != len(batch):
                raise UserError(f"{name} gave {len(vectors)} vectors for {len(batch)} documents.")
            yield np.arange(start, start + len(batch)), vectors


def _describe(part: Any) -> dict[str, Any]:
    """The class of an object, and its settings: those that are not at their default, and `model*`.

    A default is left out, so that a new release of a package, which may add settings, does not
    make anybody pay again.
    """
    fields = getattr(type(part), "model_fields", None)  # LangChain's own classes are of pydantic
    names = list(vars(part)) if fields is None else list(fields)
    settings = {}
    for name in sorted(names):
        if name.startswith("_") or name in NEUTRAL or SECRET.search(name):
            continue
        value = getattr(part, name, None)
        if fields is None or "model" in name or value != fields[name].default:
            settings[name] = _json(value)
    return {"class": _name(type(part)), "settings": settings}


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        if any(map(str.isalnum, value)) and os.path.exists(value):
            return {"sha256": sha256(value)}
        return redact(value) if "://" in value else value
    if isinstance(value, Mapping):
        items = {str(key): item for key, item in value.items()}
        return {k: _json(v) for k, v in items.items() if k not in NEUTRAL and not SECRET.search(k)}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if hasattr(type(value), "model_fields"):
        return _describe(value)
    return _name(type(value))


def _name(kind: type) -> str:
    """A class by its full name; one that is no installed package's with a hash of its source."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    try:
        file = os.path.realpath(inspect.getfile(kind))
    except (OSError, TypeError):  # compiled, or typed into an interpreter
        return name
    paths = sysconfig.get_paths()
    installed = [os.path.realpath(paths[key]) for key in ("stdlib", "purelib", "platlib")]
    return name if file.startswith(tuple(installed)) else f"{name}:{sha256(file)}"
