"""Vectors that were computed before: .npy, .npz, .parquet or .safetensors."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Floats, Integers, Matrix, ParameterError, UserError
from components.file_hash import sha256
from components.text import shorten

log = logging.getLogger(__name__)

BLOCK = 8192  # rows converted and checked at a time


class PrecomputedEmbedder:
    """The rows of a file, one for each document of the data set, in its order.

    Parameters
    ----------
    path : str
        `.npy` or `.safetensors` (both memory-mapped: rows that are not needed are not read),
        `.npz` (arrays, or what `scipy.sparse.save_npz` writes), or `.parquet`. Files that hold
        Python objects are refused.
    key : str, optional
        Which array of an .npz or .safetensors, which column of lists in a .parquet. Not needed
        where there is only one. A .parquet without a column of lists gives its numbered columns
        of floats, such as v0, v1, ... (or, without any, of integers); `key` is then what is before
        the number, needed only where there are several such series.
    """

    stored = False

    def __init__(self, *, path: str, key: str | None = None) -> None:
        self.path = path
        self.key = key
        if self._file.suffix.lower() not in _READERS:
            raise ParameterError("path", path, f"must end in {', '.join(_READERS)}.")
        if not self._file.is_file():
            raise ParameterError(
                "path",
                path,
                f"there is no such file (looked for {self._file.absolute()}). Give the path of "
                "your vectors, relative to the folder where you start the run.",
            )

    @property
    def _file(self) -> Path:
        return Path(self.path).expanduser()

    def fingerprint(self) -> dict[str, Any]:
        """The sha256 of the file, and which part of it is used."""
        digest = sha256(str(self._file))
        return {"class": "PrecomputedEmbedder", "sha256": digest, "key": self.key}

    def encode(
        self,
        documents: Sequence[str],
        *,
        rows: Integers | None = None,
        n_rows: int | None = None,
    ) -> Matrix:
        """The file's rows for these documents.

        Parameters
        ----------
        documents : sequence of str, length n
            Only their number matters.
        rows : int64 (n,), optional
            Row of each document in the data set; 0..n-1 by default.
        n_rows : int, optional
            Number of documents in the whole data set, which the file must have; n by default.

        Returns
        -------
        float32 (n, d), a read-only view of the file where it holds just that, or CSR float32 (n, d)

        Raises
        ------
        ParameterError
            When the file is no table of finite numbers, or has not `n_rows` rows.
        """
        n_rows = len(documents) if n_rows is None else n_rows
        X = self._load()
        if X.ndim != 2:
            raise self._error(f"has the shape {X.shape}, not (documents, dimensions)")
        if X.dtype.kind not in "fiub":
            raise self._error(f"holds {X.dtype}, not numbers")
        if X.shape[0] != n_rows:
            raise self._error(
                f"has {X.shape[0]} rows but the data set has {n_rows} documents",
                "There must be one row for each document, in the same order.",
            )
        if rows is None:
            rows = np.arange(len(documents))
        if hasattr(X, "tocsr"):
            return self._sparse(X, rows)
        return self._dense(X, rows)

    def _load(self) -> Any:
        read = _READERS[self._file.suffix.lower()]
        try:
            return read(self._file, self.key)
        except UserError:
            raise
        except Exception as error:  # each library has its own errors for a damaged file
            reason = str(error)
            if "pickle" in reason or "Python objects" in reason:  # numpy advises to load them
                reason = "it is damaged, or holds Python objects, which are never loaded"
            raise self._error(f"cannot be read ({reason})") from error

    def _dense(self, X: Any, rows: Integers) -> Floats:
        view = X.dtype == np.float32 and np.array_equal(rows, np.arange(len(X)))
        out = X if view else np.empty((len(rows), X.shape[1]), np.float32)
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            if not view:
                with np.errstate(over="ignore"):  # float64 beyond float32 is found just below
                    out[block] = X[rows[block]]
            self._check_finite(out[block], rows[block])
        return out

    def _sparse(self, X: Any, rows: Integers) -> Matrix:
        from scipy.sparse import csr_matrix

        with np.errstate(over="ignore"):
            picked = csr_matrix(X.tocsr(), dtype=np.float32)[rows]
        bad = np.flatnonzero(~np.isfinite(picked.data))
        if len(bad):
            raise self._not_finite(rows[np.searchsorted(picked.indptr, bad[0], "right") - 1])
        return picked

    def _check_finite(self, block: Floats, rows: Integers) -> None:
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            raise self._not_finite(rows[np.argmin(finite)])

    def _not_finite(self, row: int) -> ParameterError:
        return self._error(
            f"has a value that is not a finite float32 number (NaN or infinite) in row {row}",
            "Compute the vectors again, or drop that document from both files.",
        )

    def _error(self, fault: str, advice: str = "") -> ParameterError:
        return ParameterError("path", self.path, f"{fault}. {advice}".rstrip())


def _npy(file: Path, key: str | None) -> Any:
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _npz(file: Path, key: str | None) -> Any:
    from scipy import sparse

    with np.load(file, allow_pickle=False) as arrays:
        if {"format", "shape", "data"} <= set(arrays.files) and key is None:
            return sparse.load_npz(file)
        return arrays[_only(file, arrays.files, key)]


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
        "%s: the %d columns from %s to %s are the vectors%s.",
        file,
        len(names),
        names[0],
        names[-1],
        f"; not used: {shorten(others)}" if others else "",
    )
    table = pq.read_table(file, columns=names)
    out = np.empty((table.num_rows, len(names)), np.float32)
    for column, name in enumerate(names):
        if table[name].null_count:
            row = int(np.argmax(table[name].is_null().to_numpy()))
            raise ParameterError("path", str(file), f"row {row} has no number in column {name!r}.")
        with np.errstate(over="ignore"):
            out[:, column] = table[name].to_numpy()
    return out


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
    log.info("%s: the vectors are in column %s.", file, name)
    return pc.list_flatten(column).to_numpy().reshape(len(lengths), int(lengths[0]))


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


_READERS = {".npy": _npy, ".npz": _npz, ".parquet": _parquet, ".safetensors": _safetensors}
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
