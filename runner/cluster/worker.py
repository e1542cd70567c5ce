"""What runs in a worker: an embedder, and the blocks of documents that the driver sends."""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from components.base import ParameterError, UserError
from runner.cache import array_file
from runner.cache.encoding import EncodeRequest
from runner.cache.fingerprint import identity


class Worker:
    """Embeds blocks, in a process of its own, with the model loaded once.

    Errors are part of the answer: an exception would be one of Ray, and no longer ours.
    """

    def __init__(self, payload: bytes) -> None:
        self._payload: bytes | None = payload
        self._embedder: Any = None

    def __call__(self, table: Any) -> Any:
        """From `block` and `request` to `block`, `about` and `vectors`; one row each."""
        import pyarrow as pa

        about, contents = [], []
        for request in table["request"].to_pylist():
            content = b""
            try:
                answer, content = self._encode(json.loads(request))
            except ParameterError as error:
                answer = {"parameter": [error.name, str(error.value), error.reason]}
            except UserError as error:
                answer = {"user_error": str(error)}
            except Exception as error:
                answer = {
                    "error": f"{type(error).__name__}: {error}",
                    "traceback": traceback.format_exc(),
                }
            answer |= {"host": socket.gethostname(), "pid": os.getpid()}
            about.append(json.dumps(answer))
            contents.append(content)
        return pa.table(
            {
                "block": table["block"],
                "about": about,
                "vectors": pa.array(contents, pa.large_binary()),
            }
        )

    def _encode(self, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        from safetensors.numpy import save

        self._load()
        rows = None if asked["rows"] is None else np.array(asked["rows"])
        request = EncodeRequest(self._embedder, asked["documents"], asked["images"], rows, None)
        vectors, truncated = request.encode(np.arange(len(request.documents)))
        arrays, meta = array_file.pack(vectors)
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        answer = {"costs": request.costs(), "columns": meta.get("columns")}
        return answer, save({**arrays, "truncated": truncated})

    def _load(self) -> None:
        if self._payload is None:
            return
        import ray

        try:
            embedder, settings, expected = ray.cloudpickle.loads(self._payload)
        except ImportError as error:
            raise UserError(
                f"the worker on {socket.gethostname()} cannot load the embedder: {error}. Every "
                "machine of the cluster needs the same version of topic-runner, the embedder's "
                "extra, and your own packages."
            ) from error
        if differences := list(_differences(expected, _identity(embedder, settings))):
            raise UserError(
                f"the worker on {socket.gethostname()} has another embedder than the driver: "
                + "; ".join(differences[:5])
                + ". Install the same versions and weights on every machine of the cluster."
            )
        self._embedder, self._payload = embedder, None


def pack(embedder: Any, settings: Mapping[str, Any]) -> bytes:
    """The embedder, and what identifies it, for the workers."""
    import ray

    try:
        return bytes(
            ray.cloudpickle.dumps((embedder, dict(settings), _identity(embedder, settings)))
        )
    except Exception as error:  # whatever an attribute's own __reduce__ raises
        raise UserError(
            f"engine.cluster=ray: {type(embedder).__name__} cannot be sent to workers "
            f"({type(error).__name__}: {error}). Use engine.cluster=none, or another embedder."
        ) from error


def _identity(embedder: Any, settings: Mapping[str, Any]) -> Any:
    described = identity(embedder, settings)
    return json.loads(json.dumps(described))


def _differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """What differs in two identities; nothing where one is unknown. Files may lie elsewhere."""
    if not path and (expected is None or actual is None):
        return
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted({*expected, *actual} - {"path"}):
            where = f"{path}.{key}" if path else key
            yield from _differences(expected.get(key), actual.get(key), where)
    elif expected != actual:
        yield f"{path} is {actual} there and {expected} here"
