"""Files of vectors: the array that a .npy, .npz, .safetensors or .parquet file holds."""

from __future__ import annotations

import json
import logging
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from components.base import ParameterError
from components.memory import check_fits
from components.text import shorten

log = logging.getLogger(__name__)

DENSE_ROWS = 100  # topics and components, whose rows are dense and as wide as sparse vectors


def _npy(file: Path, key: str | None) -> Any:
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _npz(file: Path, key: str | None) -> Any:
    from scipy import sparse

    with np.load(file, allow_pickle=False) as arrays:
        is_sparse = {"format", "shape", "data"} <= set(arrays.files) and key is None
        names = arrays.files if is_sparse else [_only(file, arrays.files, key)]
        _check_packed(file, arrays.zip, names)
        if is_sparse:
            matrix = sparse.load_npz(file)
            if hasattr(matrix, "check_format"):  # scipy would read beyond its arrays
                matrix.check_format(full_check=True)
            dense = 8 * min(matrix.shape[0], DENSE_ROWS) * matrix.shape[1]
            check_fits(dense, "path", str(file), _NARROWER)
            return matrix
        return arrays[names[0]]


def _check_packed(file: Path, archive: zipfile.ZipFile, names: Iterable[str]) -> None:
    """Refuse arrays that would not fit into memory, or are packed as numpy packs none."""
    parts = [part for part in archive.infolist() if part.filename.removesuffix(".npy") in names]
    # Of other packings, which numpy does not write, the library unpacks more than it is asked for.
    if any(p.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for p in parts):
        raise ParameterError("path", str(file), "is packed otherwise than numpy.savez does it.")
    check_fits(sum(part.file_size for part in parts), "path", str(file), _MAPPED)


def _safetensors(file: Path, key: str | None) -> Any:
    from safetensors import safe_open

    with safe_open(file, framework="np") as tensors:  # checks the whole header
        name = _only(file, tensors.keys(), key)
    # The library would copy the array: the header says where it lies, so that it can be mapped.
    # Format: 8 bytes length (little endian), that many of JSON, then the data.
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        entry = json.loads(stream.read(length))[name]
    if entry["dtype"] not in _SAFETENSORS_TYPES:
        raise ParameterError(
            "path",
            str(file),
            f"holds {entry['dtype']}, which numpy has no type for. Save the vectors as float32.",
        )
    offset = 8 + length + entry["data_offsets"][0]
    dtype = np.dtype(_SAFETENSORS_TYPES[entry["dtype"]])
    if 0 in entry["shape"]:
        return np.empty(entry["shape"], dtype)
    return np.memmap(file, dtype, "r", offset, tuple(entry["shape"]))


def _parquet(file: Path, key: str | None) -> Any:
    """The vectors of a Parquet file: one column of lists, or numbered columns of numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    lists = [
        f.name
        for f in schema
        if pa.types.is_list(f.type)
        or pa.types.is_large_list(f.type)
        or pa.types.is_fixed_size_list(f.type)
    ]
    series = _numbered(schema)
    if lists and key not in series:
        return _list_column(file, _only(file, lists, key))
    prefix = _series(file, series, key, [f.name for f in schema])
    names = series[prefix]
    others = [f.name for f in schema if f.name not in names]
    log.info(
        "%s: the %d columns from %s to %s are the vectors%s",
        file,
        len(names),
        names[0],
        names[-1],
        _unused(others),
    )
    each = sum(_n_bytes(schema.field(name).type) + 4 for name in names)  # 4: of the result
    check_fits(pq.read_metadata(file).num_rows * each, "path", str(file), _MAPPED)
    table = pq.read_table(file, columns=names)
    out = np.empty((table.num_rows, len(names)), np.float32)
    for column, name in enumerate(names):
        if table[name].null_count:
            row = int(np.argmax(table[name].is_null().to_numpy()))
            raise ParameterError("path", str(file), f"row {row} has no number in column {name!r}.")
        with np.errstate(over="ignore"):
            out[:, column] = table[name].to_numpy()
    return out


def _check_column(file: Path, name: str) -> None:
    """Refuse lists that would not fit into memory: a number that repeats is stored once."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file)
    about, kind = table.metadata, table.schema_arrow.field(name).type.value_type
    chunks = (
        about.row_group(group).column(place)
        for group in range(about.num_row_groups)
        for place in range(about.num_columns)
    )
    n_values = sum(c.num_values for c in chunks if c.path_in_schema.startswith(f"{name}."))
    check_fits(n_values * _n_bytes(kind), "path", str(file), _MAPPED)


def _n_bytes(kind: Any) -> float:
    """Bytes of a number of a type of pyarrow's."""
    try:
        return float(kind.bit_width / 8)
    except ValueError:  # of any length, such as text
        return 8.0


def _numbered(schema: Any) -> dict[str, list[str]]:
    """The columns of numbers whose names differ only in a number at the end, by what is before it.

    Columns of integers count only where there is no such series of floats: they may as well be
    identifiers.
    """
    import pyarrow as pa

    for is_kind in (pa.types.is_floating, pa.types.is_integer):
        series: dict[str, list[str]] = {}
        for entry in schema:
            match = re.fullmatch(r"(.*?)\d+", entry.name)
            if match and is_kind(entry.type):
                series.setdefault(match[1], []).append(entry.name)
        series = {prefix: names for prefix, names in series.items() if len(names) > 1}
        if series:
            return series
    return {}


def _series(file: Path, series: dict[str, list[str]], key: str | None, names: list[str]) -> str:
    """The prefix of the numbered columns that hold the vectors."""
    if key is not None and key not in series:
        has = ", ".join([*series, *names][:30])
        raise ParameterError("key", key, f"{file} has no such column of lists. It has: {has}.")
    if len(series) > 1 and key is None:
        raise ParameterError(
            "key",
            None,
            f"{file} holds {len(series)} series of numbered columns. Set the one that holds the "
            f"vectors by what is before the number: {', '.join(map(repr, series))}.",
        )
    if not series:
        raise ParameterError(
            "path",
            str(file),
            "has no column of lists of numbers, and no columns of numbers with numbered names, "
            "such as v0, v1, ... Save the vectors as either.",
        )
    return key if key is not None else next(iter(series))


def _list_column(file: Path, name: str) -> Any:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    _check_column(file, name)
    others = [other for other in pq.read_schema(file).names if other != name]
    column = pq.read_table(file, columns=[name])[name]
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        raise ParameterError("path", str(file), f"row {row} has no vector in column {name!r}.")
    lengths = pc.list_value_length(column).to_numpy()
    if not len(lengths):
        return np.empty((0, 0), np.float32)
    different = np.flatnonzero(lengths != lengths[0])
    if len(different):
        row = int(different[0])
        raise ParameterError(
            "path",
            str(file),
            f"in column {name!r}, row {row} has {lengths[row]} numbers and row 0 has "
            f"{lengths[0]}. Every row must have the same length.",
        )
    log.info("%s: the vectors are in column %s%s", file, name, _unused(others))
    return pc.list_flatten(column).to_numpy().reshape(len(lengths), int(lengths[0]))


def _unused(columns: list[str]) -> str:
    """The end of a sentence: no column tells which row belongs to which document."""
    if not columns:
        return "."
    return f"; not used: {shorten(columns)}. Its rows must be in the order of the documents."


def _only(file: Path, names: Iterable[str], key: str | None) -> str:
    """`key`, or the only name there is."""
    names = list(names)
    if key is not None and key not in names:
        raise ParameterError("key", key, f"{file} has no such array: {', '.join(names)}.")
    if key is None and len(names) != 1:
        raise ParameterError(
            "key",
            key,
            f"{file} holds {len(names)} arrays ({', '.join(names)}). Name the one that holds the "
            "vectors.",
        )
    return key or names[0]


_NARROWER = (
    "Topics and components have dense rows, as wide as the sparse vectors: leave out the columns "
    "that few documents use."
)
_MAPPED = "Save them as .npy or .safetensors, of which only the rows in use are read."
# From a file and the key of an array in it to an array or a sparse matrix, as it lies there.
READERS = {".npy": _npy, ".npz": _npz, ".parquet": _parquet, ".safetensors": _safetensors}
_SAFETENSORS_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}
