"""Predictions as a Parquet, CSV or JSON lines file, written block by block, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from components.arrow import numbers, strings
from components.base import UserError
from components.reports.tables import escaped

Block = Mapping[str, Any]  # columns by name: lists of text, or arrays of numbers (n,) or (n, k)
Write = Callable[[Block], None]

SUFFIXES = (".csv", ".parquet", ".jsonl")
DECIMALS = 4  # of a number in a CSV file


def check_suffix(path: Path, key: str) -> None:
    """Raise a `UserError` where a file's name does not say how to write it."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{key}={path}: its name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    if path.is_dir():
        raise UserError(f"{key}={path} is a folder. Name a file.")


@contextmanager
def writing(path: Path) -> Iterator[Write]:
    """What writes blocks of columns to a file, in the format that its suffix names.

    Parquet has every number as it is, and a column with two dimensions as lists. CSV is for
    spreadsheets, as `components.reports.tables.write_csv` writes it with `csv_safe`: numbers have
    `DECIMALS` decimals, and a column with two dimensions becomes one column each, as in
    `memberships_0`.

    Raises
    ------
    UserError
        When the file cannot be written, as its disk is full.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    kinds = {".csv": _csv, ".jsonl": _jsonl}
    stack = ExitStack()
    try:
        with _refused(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write = stack.enter_context(kinds.get(path.suffix.lower(), _parquet)(draft))

        def told(block: Block) -> None:
            with _refused(path):
                write(block)

        yield told
        with _refused(path):
            stack.close()
            if draft.exists():
                draft.replace(path)
    except BaseException:
        with suppress(OSError):  # what is still to be written has no room either
            stack.close()
        raise
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise UserError(
            f"{path} cannot be written: {reason}. Nothing of it is left. Make room, or name a file "
            "in a folder of yours on another disk."
        ) from error


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def column(values: Any) -> Any:
        if isinstance(values, list):
            return strings(values)
        if values.ndim == 1:
            return numbers(values)
        if not values.shape[1]:  # memberships in no topic: there are no lists of the fixed size 0
            return pa.array(values.tolist(), pa.list_(pa.float32()))
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])

    def write(block: Block) -> None:
        nonlocal writer
        table = pa.table({name: column(values) for name, values in block.items()})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        writer = csv.writer(file)

        def write(block: Block) -> None:
            flat: dict[str, Any] = {}
            for name, values in block.items():
                if isinstance(values, list):
                    flat[name] = map(escaped, values)
                elif values.ndim == 1:
                    flat[name] = _rounded(values)
                else:
                    flat |= {f"{name}_{i}": _rounded(v) for i, v in enumerate(values.T)}
            if not file.tell():
                writer.writerow(map(escaped, flat))
            writer.writerows(zip(*flat.values(), strict=True))

        yield write


def _rounded(values: Any) -> Any:
    if values.dtype.kind != "f":
        return values.tolist()
    return np.round(values.astype(np.float64), DECIMALS).tolist()


@contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as file:

        def write(block: Block) -> None:
            cells = [v if isinstance(v, list) else _shortest(v) for v in block.values()]
            for row in zip(*cells, strict=True):
                line = dict(zip(block, row, strict=True))
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

        yield write


def _shortest(values: Any) -> list[Any]:
    """Numbers as lists; single precision with no more digits than it has."""
    if values.dtype != np.float32:
        plain: list[Any] = values.tolist()
        return plain
    if values.ndim > 1:
        return [_shortest(row) for row in values]
    return [float(str(value)) for value in values]
