"""CSV and its relatives: separated values with a header line."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, dropwhile, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from components.base import Corpus, ParameterError, UserError, at_least, progress
from components.datasets.base import BATCH, ByteBudget, TableDataset, checked_lines
from components.datasets.files import begins_json, check_encoding, locate, open_text
from components.text import shorten

T = TypeVar("T")
log = logging.getLogger(__name__)

SEPARATORS = (",", ";", "\t", "|")
SEP_LINE = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?\s*', re.IGNORECASE)  # Excel's
ESCAPED = re.compile(r'\\(["\\])')
HEAD = 30  # lines in which a header is looked for


class MalformedRowError(UserError):
    """A row that does not fit the header, or a quote in a wrong place."""


@dataclass(kw_only=True, eq=False)
class CsvDataset(TableDataset):
    """A table of separated values (RFC 4180), with the names of the columns in its first line.

    Every cell is text: `NA`, `null` and `007` are documents or labels like any other, and an
    empty cell is an empty document. Spaces around names and at the start of cells do not count.
    A row with too few or too many cells is an error, and so is a quote that is never closed,
    which would otherwise swallow the rest of the file. Where quotes do not fit, the file is read
    once more with quotes escaped by backslashes.

    Parameters
    ----------
    path : str
        The file; it may be compressed with gzip.
    encoding : str
        Of the text; a byte order mark has precedence.
    separator : str, optional
        One character, or `tab`; None takes that of Excel's `sep=` line, or else the first of
        comma, semicolon, tab and `|` with which the header has the columns that are asked for.
    quote : str, optional
        One character; None reads quotes as any other character.
    skip : int
        Lines above the header, such as a title.
    text, label, timestamp, timestamp_format, image, columns, max_bytes, limit, seed, missing
        See `TableDataset` and `DatasetBase`.
    """

    encoding: str = "utf-8"
    separator: str | None = None
    quote: str | None = '"'
    skip: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        locate(self.path, "file")
        check_encoding(self.encoding)
        if self.separator is not None:
            if self.separator in ("\\t", "tab"):
                self.separator = "\t"
            if len(self.separator) != 1 or self.separator in "\r\n":
                reason = "must be one character, such as ',' or ';' (in quotes), or tab, or null."
                raise ParameterError("separator", self.separator, reason)
        if self.quote is not None and (
            len(self.quote) != 1 or self.quote in "\r\n " + (self.separator or "".join(SEPARATORS))
        ):
            raise ParameterError("quote", self.quote, "must be one character, or null for none.")
        at_least(0, skip=self.skip)

    def read(self) -> Corpus:
        return self._with_quotes(self._read)[0]

    def _with_quotes(self, read: Callable[[bool], T]) -> tuple[T, bool]:
        """What `read` returns, and whether it was told that backslashes escape quotes.

        It is told so only where quotes do not fit otherwise.
        """
        try:
            return read(False), False
        except MalformedRowError as error:
            if self.quote is None:
                raise
            try:
                found = read(True)
            except UserError:
                raise error from None
        log.info("%s: quotes are escaped by backslashes.", self.path)
        return found, True

    def _read(self, backslashes: bool) -> Corpus:
        file = locate(self.path, "file")
        budget = ByteBudget(self.max_bytes, str(file))
        cells: dict[str, list[str]] = {column: [] for _, column in self.named_columns}
        rows = progress(self._cells(file, backslashes, budget), label=f"reading {file.name}")
        while batch := list(islice(rows, BATCH)):
            for values, column in zip(cells.values(), zip(*batch, strict=True), strict=True):
                budget.keep(column)
                values += column
        return self.corpus(cells, str(file), file.parent)

    def blocks(self, size: int) -> Iterator[Corpus]:
        """All documents, at most `size` at a time: for a file that does not fit into memory.

        The file is read twice, as only its end says whether quotes fit. There is no `limit`, and
        `max_bytes` does not count.
        """
        file = locate(self.path, "file")
        budget = ByteBudget(None, str(file))

        def walk(backslashes: bool) -> None:
            for _ in self._cells(file, backslashes, budget):
                pass

        _, backslashes = self._with_quotes(walk)
        names = list(dict.fromkeys(column for _, column in self.named_columns))
        rows, start = self._cells(file, backslashes, budget), 0
        while block := list(islice(rows, size)):
            cells = dict(zip(names, zip(*block, strict=True), strict=True))
            corpus = self.corpus(cells, str(file), file.parent, start)
            yield replace(corpus, rows=np.arange(start, start + len(block)))
            start += len(block)
        if not start:
            self.corpus({name: [] for name in names}, str(file), file.parent)  # an error

    def _cells(self, file: Path, backslashes: bool, budget: ByteBudget) -> Iterator[list[str]]:
        """The cells of each row, in the order of the columns that are wanted."""
        with open_text(file, self.encoding, newline="", budget=budget) as stream, long_fields():
            head = list(islice(stream, HEAD + self.skip))
            sep_line = SEP_LINE.fullmatch(head[0]) if head else None
            skip = max(self.skip, 1 if sep_line else 0)
            top = list(dropwhile(lambda line: not line.strip(), head[skip:]))
            separator = self.separator or (
                sep_line["separator"] if sep_line else self._separator(top)
            )
            if begins_json("".join(top)) and not self._holds_all(self._names(top, separator)):
                raise ParameterError("path", self.path, f"{file} holds JSON: type dataset=jsonl.")
            lines: Iterable[str] = chain(head[skip:], stream)
            if backslashes:
                lines = (ESCAPED.sub(self._unescape, line) for line in lines)
            reader = self._reader(checked_lines(lines, separator, budget), separator)
            rows = checked_rows(reader, file, skip, self._reader(top, separator, False))
            header = next(rows, None)
            if header is None:
                raise ParameterError("path", self.path, f"{file} is empty.")
            try:
                actual = self.find(header, str(file))
            except ParameterError as error:
                raise self._with_hint(error, head) from error
            places = [header.index(name) for name in actual.values()]
            for row in rows:
                yield [row[place] for place in places]

    def _reader(self, lines: Iterable[str], separator: str, strip: bool = True) -> Any:
        return csv.reader(
            lines,
            delimiter=separator,
            quotechar=self.quote,
            quoting=csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL,
            skipinitialspace=strip and separator != " ",
            strict=True,
        )

    def _unescape(self, match: re.Match[str]) -> str:
        """The character after a backslash; a quote doubled, as RFC 4180 has it."""
        character = match[1]
        return character * 2 if character == self.quote else character

    def _separator(self, lines: list[str]) -> str:
        """The first separator with which the header has all columns, or the one with most cells."""
        best, most = ",", 1
        for separator in SEPARATORS:
            names = self._names(lines, separator)
            if self._holds_all(names):
                return separator
            if len(names) > most:
                best, most = separator, len(names)
        return best

    def _names(self, lines: list[str], separator: str) -> list[str]:
        try:
            return next(self._reader(lines, separator), [])
        except csv.Error:
            return []

    def _holds_all(self, names: list[str]) -> bool:
        try:
            self.find(names, "")
        except ParameterError:
            return False
        return True

    def _with_hint(self, error: ParameterError, head: list[str]) -> ParameterError:
        """The error, with what may be wrong with the line that was taken for the header."""
        for number in range(self.skip + 1, len(head)):
            names = (self._names(head[number:], separator) for separator in SEPARATORS)
            if any(map(self._holds_all, names)):
                hint = f"Line {number + 1} has it: set skip={number} if that is the header."
                return ParameterError(error.name, error.value, f"{error.reason} {hint}")
        if "Did you mean" in error.reason:
            return error
        hint = "The names are those in the first line: a file without names needs a line of them."
        return ParameterError(error.name, error.value, f"{error.reason} {hint}")


@contextmanager
def long_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a cell: a document may be a book."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def checked_rows(reader: Any, file: Path, skip: int, unstripped: Any) -> Iterator[list[str]]:
    """The header, then the rows of a `csv.reader`, each as long as the header.

    Empty lines are left out, except in a table of one column, where they are empty cells. Empty
    cells beyond the header, as spreadsheets write them, are dropped.

    Parameters
    ----------
    reader : csv.reader
    file, skip
        The file and the number of lines above the first, for messages.
    unstripped : csv.reader
        Of the header alone, its spaces kept: where the header is longer than the first row, a
        separator with a space after it is taken as part of a name.
    """
    rows = _rows(reader, file, skip)
    _, header = next(rows, (0, None))
    if header is None:
        return
    line, first = next(rows, (0, None))
    if first is not None and len(first) < len(header):
        joined = _joined(next(unstripped), reader.dialect.delimiter)
        if len(joined) == len(first):
            log.warning("%s: the header is read as %s.", file, shorten(joined))
            header = joined
    yield header
    width = len(header)
    for number, row in chain([] if first is None else [(line, first)], rows):
        if not row:
            if width != 1:
                continue
            row = [""]
        if len(row) > width and not any(row[width:]):
            row = row[:width]
        if len(row) != width:
            if len(row) == 1 and not row[0].strip():
                continue
            raise MalformedRowError(
                f"{file}, line {number}: the row has {len(row)} cells, and the header has {width} "
                f"({shorten(header)}). A text or a name that holds the separator "
                f"({reader.dialect.delimiter!r}) must stand in quotes."
            )
        yield row


def _rows(reader: Any, file: Path, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; empty lines only after the header."""
    started = False
    while True:
        line = reader.line_num + 1 + skip
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise MalformedRowError(
                f"{file}, the row that starts in line {line}: {error}. Close or double the quote, "
                "or set quote to null to read quotes as plain characters."
            ) from error
        if not started and not "".join(row).strip():
            continue
        started = True
        yield reader.line_num + skip, row


def _joined(header: list[str], separator: str) -> list[str]:
    """The names of a header, with those that begin with a space joined to the one before."""
    names: list[str] = []
    for name in header:
        if names and name.startswith(" "):
            names[-1] += separator + name
        else:
            names.append(name)
    return names
