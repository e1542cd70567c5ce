"""JSON Lines, and JSON files that hold a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from components.base import Corpus, UserError, progress
from components.datasets.base import BATCH, ByteBudget, TableDataset, checked_lines
from components.datasets.files import begins_json, check_encoding, locate, open_text
from components.datasets.table import find_column
from components.text import shorten

Record = dict[str, Any]
DEPTH = 5  # of the names that an error lists
NAMES = 1000  # that are looked through for one that is not found
MARKS = "[{,"  # before each value


@dataclass(kw_only=True, eq=False)
class JsonlDataset(TableDataset):
    """A file with one JSON object per line, or with one array or table of objects.

    Blank lines are left out. Read are also one array of objects, objects over several lines, and
    what pandas' `to_json` writes: by columns (its default), by index, split, or as a table.
    A column may be nested: `review.body` is the body in `{"review": {"body": "..."}}`.

    Parameters
    ----------
    path : str
        The file; it may be compressed with gzip.
    encoding : str
        Of the file; a byte order mark has precedence.
    text, label, timestamp, timestamp_format, image, columns, max_bytes, limit, seed, missing
        See `TableDataset` and `DatasetBase`.
    """

    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        super().__post_init__()
        locate(self.path, "file")
        check_encoding(self.encoding)

    def read(self) -> Corpus:
        file = locate(self.path, "file")
        budget = ByteBudget(self.max_bytes, str(file))
        actual = self._actual(file)
        cells: dict[str, list[Any]] = {column: [] for column in actual}
        with open_text(file, self.encoding, newline="\n", budget=budget) as lines:
            rows = records(lines, file, list(actual.values()), budget)
            bar = progress(rows, label=f"reading {file.name}")
            while batch := list(islice(bar, BATCH)):
                for column, name in actual.items():
                    values = values_of(batch, name)
                    budget.keep(values)
                    cells[column] += values
        return self.corpus(cells, str(file), file.parent)

    def blocks(self, size: int) -> Iterator[Corpus]:
        """All documents, at most `size` at a time: for a file that does not fit into memory.

        There is no `limit`, and `max_bytes` does not count.
        """
        file = locate(self.path, "file")
        unlimited = replace(self, max_bytes=None)
        actual, start = unlimited._actual(file), 0
        with open_text(file, self.encoding, newline="\n") as lines:
            rows = records(lines, file, list(actual.values()), ByteBudget(None, str(file)))
            while block := list(islice(rows, size)):
                cells = {column: values_of(block, name) for column, name in actual.items()}
                corpus = self.corpus(cells, str(file), file.parent, start)
                yield replace(corpus, rows=np.arange(start, start + len(block)))
                start += len(block)

    def _actual(self, file: Path) -> dict[str, str]:
        """The name in the file of each column asked for, which may differ in white space.

        The file is read up to the first row that has the last of them: any row may lack some.
        """
        budget = ByteBudget(self.max_bytes, str(file))
        actual = {column: column for _, column in self.named_columns}
        missing = set(actual)
        seen: Record = {}
        record = None
        with open_text(file, self.encoding, newline="\n", budget=budget) as lines:
            rows = records(lines, file, list(actual), budget)
            for record in progress(rows, label=f"columns of {file.name}"):
                if len(seen) < NAMES:
                    seen.update(record)
                missing -= {c for c in missing if lookup(record, c) is not ABSENT}
                if not missing:
                    break
        names = list(flat_names(seen))
        for name, column in self.named_columns:
            if column in missing and record is not None:  # an error, or near by its spaces
                actual[column] = find_column(name, column, names, str(file))
        return actual


class _Absent:
    """What a record holds under a name that it has not."""


ABSENT = _Absent()


def lookup(record: Any, column: str) -> Any:
    """The value of a column, by its name or by a path of names with dots; or `ABSENT`."""
    if column in record:
        return record[column]
    head, dot, tail = column.partition(".")
    while dot:
        inner = record.get(head)
        if isinstance(inner, dict):
            value = lookup(inner, tail)
            if value is not ABSENT:
                return value
        next_part, dot, tail = tail.partition(".")
        head = f"{head}.{next_part}"
    return ABSENT


def values_of(records: Iterable[Record], column: str) -> list[Any]:
    """The value of a column in each record, see `lookup`; None where a record has none."""
    values = (lookup(record, column) for record in records)
    return [None if value is ABSENT else value for value in values]


def flat_names(record: Record, prefix: str = "") -> Iterator[str]:
    """The names that `lookup` would find a value under, a few levels deep."""
    for name, value in record.items():
        if isinstance(value, dict) and value and prefix.count(".") < DEPTH:
            yield from flat_names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def records(lines: TextIO, file: Path, columns: list[str], budget: ByteBudget) -> Iterator[Record]:
    """The rows of a file, whatever form of JSON it holds."""
    numbered = (
        (number, line)
        for number, line in enumerate(checked_lines(lines, MARKS, budget), 1)
        if not line.isspace()
    )
    first, second = next(numbered, None), next(numbered, None)
    if first is None:
        return
    value = _parsed(first[1])
    if value is ABSENT and not begins_json(first[1]):
        raise UserError(
            f"{file} holds no JSON: line {first[0]} is {shorten(first[1].strip(), 80)}. For a "
            "table with separators type dataset=csv, for one document per line dataset=text."
        )
    if second is None:
        if value is ABSENT:
            value = _checked(first, file)
        yield from from_table(value, columns, file)
    elif isinstance(value, dict) or (value is ABSENT and isinstance(_parsed(second[1]), dict)):
        for item in chain((first, second), numbered):
            yield _object(_checked(item, file), file, item[0])
    elif value is ABSENT:
        text = first[1] + second[1] + lines.read()
        budget.check_parts(text, MARKS)
        yield from from_document(text, first[0], columns, file)
    else:
        yield _object(value, file, first[0])  # an error: it is no object


def from_document(text: str, line: int, columns: list[str], file: Path) -> Iterator[Record]:
    """The rows of one JSON value over several lines, or of several, one after the other."""
    decoder, place, values = json.JSONDecoder(), 0, []
    text = text.strip()
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            at = getattr(error, "lineno", 1) + line - 1
            raise _not_json(file, at, getattr(error, "msg", error)) from error
        values.append(value)
        while text[place : place + 1].isspace():
            place += 1
    if len(values) == 1:
        yield from from_table(values[0], columns, file)
    else:
        for value in values:
            yield _object(value, file, line)


def from_table(value: Any, needed: list[str], file: Path) -> Iterable[Record]:
    """The rows of a file that holds one JSON value."""
    if isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            return ({"text": item} for item in value)
        return (_object(item, file, row, "element") for row, item in enumerate(value))
    table = _object(value, file, 1)
    if any(isinstance(lookup(table, column), str) for column in needed):
        return [table]  # a JSON Lines file of one line
    parts = table.values()
    if isinstance(table.get("columns"), list) and isinstance(table.get("data"), list):
        return _split(table["columns"], table["data"], file)
    if any(isinstance(table.get(column.partition(".")[0]), list) for column in needed):
        columns = {name: cells for name, cells in table.items() if isinstance(cells, list)}
        return (dict(zip(columns, row, strict=True)) for row in _aligned(columns, file))
    if any(isinstance(table.get(column.partition(".")[0]), dict) for column in needed):
        frames = {name: cells for name, cells in table.items() if isinstance(cells, dict)}
        index = dict.fromkeys(key for cells in frames.values() for key in cells)
        return ({name: cells.get(key) for name, cells in frames.items()} for key in index)
    lists = [part for part in parts if isinstance(part, list) and part]
    if len(lists) == 1 and all(isinstance(item, dict) for item in lists[0]):
        return lists[0]
    if parts and all(isinstance(part, dict) for part in parts):
        return parts
    return [table]


def _split(names: list[Any], rows: list[Any], file: Path) -> Iterator[Record]:
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            reason = f"row {number} of its data is not a list of {len(names)} cells."
            raise UserError(f"{file}: {reason}")
        yield dict(zip(map(str, names), row, strict=True))


def _aligned(columns: dict[str, list[Any]], file: Path) -> Iterator[tuple[Any, ...]]:
    if len({len(cells) for cells in columns.values()}) > 1:
        lengths = {name: len(cells) for name, cells in columns.items()}
        raise UserError(f"{file}: its columns differ in length: {shorten(lengths)}.")
    return zip(*columns.values(), strict=True)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return ABSENT


def _checked(item: tuple[int, str], file: Path) -> Any:
    number, line = item
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _not_json(file, number, error) from error


def _not_json(file: Path, number: int, error: object) -> UserError:
    return UserError(
        f"{file}, line {number} is not JSON: {error}. Correct or drop the line; each must hold "
        "one whole object, or the file one array of objects."
    )


def _object(value: Any, file: Path, number: int, unit: str = "line") -> Record:
    if not isinstance(value, dict):
        raise UserError(
            f"{file}, {unit} {number} holds a {type(value).__name__} ({shorten(value, 80)}), not "
            'an object such as {"text": "..."}.'
        )
    return value
