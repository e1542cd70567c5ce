"""Files of arrays that are there whole or not at all, and whose damage is noticed.

The format is safetensors (8 bytes of length, little endian; a JSON header; the arrays), which
any tool that knows it can read and which can be memory-mapped. The header's `__metadata__` holds
a sha256 over the whole file, itself taken as zeros.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from components.base import Matrix, UserError

SUFFIX = ".safetensors"
_START = b'{"__metadata__":{"checksum":"'
_ZEROS = b"0" * 64
_ALIGNMENT = 64
_TYPES = {"F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}

_TICK = 10**8  # nanoseconds; a file may change twice within one tick of a file system's clock

_verified: set[tuple[int, int, int, int]] = set()  # files whose sum was right in this process


class DamagedError(Exception):
    """A file is not what was written."""


@dataclass(frozen=True)
class Blocks:
    """An array that is written piece by piece, and so never whole in memory."""

    shape: tuple[int, ...]
    dtype: str
    pieces: Iterable[NDArray[Any]]


@dataclass(frozen=True)
class Content:
    """What a file holds. The arrays lie in the file; writing to one does not change it."""

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, str]


def write(
    path: Path, arrays: Mapping[str, NDArray[Any] | Blocks], meta: dict[str, str] | None = None
) -> None:
    """Write arrays under `path`: a reader finds all of it, or nothing."""
    blocks = [
        (
            name,
            array if isinstance(array, Blocks) else Blocks(array.shape, array.dtype.str, [array]),
        )
        for name, array in arrays.items()
    ]
    blocks.sort(key=lambda item: -np.dtype(item[1].dtype).itemsize)  # so that each is aligned
    header = _header(blocks, meta or {})
    digest = hashlib.sha256(header)
    with replacing(path) as stream:
        stream.write(header)
        for _, block in blocks:
            for piece in block.pieces:
                data = np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data
                digest.update(data)
                stream.write(data)
        stream.seek(8 + len(_START))
        stream.write(digest.hexdigest().encode())


def _header(blocks: list[tuple[str, Blocks]], meta: dict[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"checksum": _ZEROS.decode(), **meta}}
    offset = 0
    for name, block in blocks:
        dtype = np.dtype(block.dtype)
        end = offset + dtype.itemsize * int(np.prod(block.shape, dtype=np.int64))
        entries[name] = {
            "dtype": _NAMES[dtype.str],
            "shape": list(block.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def read(path: Path) -> Content:
    """Map a file into memory, without checking its sum: see `verify`.

    Raises
    ------
    DamagedError
        When it is not such a file, or too short.
    FileNotFoundError
    """
    buffer = _map(path)
    length = int.from_bytes(buffer[:8].tobytes(), "little")
    start = 8 + length
    if len(buffer) < start or not buffer[8:start].tobytes().startswith(_START):
        raise DamagedError("its header is truncated or overwritten")
    try:
        entries = json.loads(buffer[8:start].tobytes())
        meta = entries.pop("__metadata__")
        arrays, end = {}, 0
        for name, entry in entries.items():
            first, end = entry["data_offsets"]
            data = buffer[start + first : start + end].view(_TYPES[entry["dtype"]])
            arrays[name] = data.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError("its header does not fit its content") from error
    if start + end != len(buffer):
        raise DamagedError("it is truncated, or too long")
    return Content(arrays, meta)


def _map(path: Path) -> NDArray[np.uint8]:
    try:
        stat = path.stat()
    except OSError as error:
        if path.is_symlink():  # to nothing, or to itself
            raise DamagedError("it is a link that leads nowhere") from error
        raise
    if not S_ISREG(stat.st_mode):
        raise DamagedError("it is not a regular file")
    if stat.st_size < 8 + len(_START):
        raise DamagedError("it is truncated")
    try:
        # Many libraries want arrays that they may write to. What is written stays in memory.
        return np.asarray(np.memmap(path, np.uint8, "c"))
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        return np.asarray(np.memmap(path, np.uint8, "r"))  # larger than the memory


def verify(path: Path) -> None:
    """Check the sum of a file, once for each process unless the file changes.

    Raises
    ------
    DamagedError
    FileNotFoundError
    """
    with path.open("rb") as stream:
        stat = os.fstat(stream.fileno())
        state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if state in _verified:
            return
        start = stream.read(8 + len(_START) + len(_ZEROS))
        digest = hashlib.sha256(start[: -len(_ZEROS)] + _ZEROS)
        while piece := stream.read(2**20):
            digest.update(piece)
    if start[-len(_ZEROS) :] != digest.hexdigest().encode():
        raise DamagedError("its checksum does not fit its content")
    if time.time_ns() - stat.st_mtime_ns > _TICK:
        _verified.add(state)


def pack(X: Matrix) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """A float32 array or CSR matrix as arrays and metadata for `write`."""
    if hasattr(X, "indptr"):
        arrays = {"data": X.data, "indices": X.indices, "indptr": X.indptr}
        return arrays, {"columns": str(X.shape[1])}
    return {"vectors": X}, {}


def unpack(content: Content) -> Matrix:
    """The argument of `pack`, still in the file."""
    arrays = content.arrays
    if "vectors" in arrays:
        return arrays["vectors"]
    from scipy.sparse import csr_matrix

    shape = len(arrays["indptr"]) - 1, int(content.meta["columns"])
    matrix = csr_matrix(shape, dtype=np.float32)
    # Given to the constructor, they would be copied.
    matrix.data, matrix.indices, matrix.indptr = (
        arrays[name] for name in ("data", "indices", "indptr")
    )
    return matrix


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream to a new file that takes the place of `path` once it is complete and on disk.

    Two writers must not write the same path at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # of a killed process; or a link, in somebody's cache
        with temporary.open("w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):  # where the disk fails, its own error counts
            temporary.unlink()
        raise


def key_of(settings: Any) -> str:
    """sha256 (hex) of settings as canonical JSON.

    Raises
    ------
    UserError
        When they hold something that JSON does not know.
    """
    try:
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise UserError(
            f"a component's settings cannot be a key of the cache: {error}. Its fingerprint() "
            "and its config may hold text, numbers, true, false, null, lists and dicts only."
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()
