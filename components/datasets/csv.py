"""CSV and its relatives: separated values with a header line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.base import Corpus, UserError, progress
from components.datasets.columns import check_columns, check_sample, to_corpus, wanted_columns
from components.datasets.files import check_encoding, locate, open_text


class CsvDataset:
    """A table of separated values (RFC 4180), with the names of the columns in its first line.

    Every cell is text: `NA`, `null` and `007` are documents or labels like any other, and an
    empty cell is an empty document. A row with too few or too many cells is an error, and so is
    a quote that is never closed, which would otherwise swallow the rest of the file.

    Parameters
    ----------
    path : str
        The file; it may be packed with gzip.
    text, label, timestamp : str, optional
        Names of columns. `text` may be None where `image` is given.
    image : str, optional
        Name of a column with paths of image files, relative to the folder of the file.
    encoding : str
        Of the text. A byte order mark is skipped in UTF-8.
    separator : str
        One character, or `tab`.
    quote : str, optional
        One character; None reads quotes as any other character.
    limit, seed : int, optional
        Take a sample of at most so many documents.
    """

    def __init__(
        self,
        *,
        path: str,
        text: str | None = "text",
        label: str | None = None,
        timestamp: str | None = None,
        image: str | None = None,
        encoding: str = "utf-8",
        separator: str = ",",
        quote: str | None = '"',
        limit: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.text = text
        self.label = label
        self.timestamp = timestamp
        self.image = image
        self.encoding = encoding
        self.separator = separator
        self.quote = quote
        self.limit = limit
        self.seed = seed
        locate(path, "file")
        wanted_columns(text=text, label=label, timestamp=timestamp, image=image)
        check_encoding(encoding)
        if len(character(separator)) != 1 or separator in "\r\n":
            raise UserError(
                f"dataset.separator={separator!r}: type one character, such as ',' or ';' "
                "(in quotes), or tab."
            )
        if quote is not None and (len(quote) != 1 or quote in "\r\n " + character(separator)):
            raise UserError(f"dataset.quote={quote!r}: type one character, or null for none.")
        check_sample(limit, seed)

    def load(self) -> Corpus:
        wanted = wanted_columns(
            text=self.text, label=self.label, timestamp=self.timestamp, image=self.image
        )
        file = locate(self.path, "file")
        with open_text(file, self.encoding, newline="") as lines, long_fields():
            reader = csv.reader(
                lines,
                delimiter=character(self.separator),
                quotechar=self.quote,
                quoting=csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL,
                strict=True,
            )
            rows = checked_rows(reader, file)
            header = next(rows, None)
            if header is None:
                raise UserError(f"{file} is empty. Point dataset.path at a file with a header.")
            check_columns(wanted, header, described(file, header))
            columns = [(header.index(name), role) for role, name in wanted.items()]
            values: dict[str, list[str]] = {role: [] for role in wanted}
            targets = [(place, values[role].append) for place, role in columns]
            for row in progress(rows, label=f"reading {file.name}"):
                for place, append in targets:
                    append(row[place])
        return to_corpus(values, str(file), file.parent).sample(self.limit, self.seed)


def character(separator: str) -> str:
    return "\t" if separator in ("\\t", "tab") else separator


def described(file: Path, header: list[str]) -> str:
    """The file's name, with a hint where the separator seems to be another one."""
    for name, separator in (("';'", ";"), ("tab", "\t"), ("'|'", "|"), ("','", ",")):
        if len(header) == 1 and separator in header[0]:
            return f'{file} (is its separator {name}? Then type "dataset.separator={name}")'
    return str(file)


@contextmanager
def long_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a cell: a document may be a book."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def checked_rows(reader: Any, file: Path) -> Iterator[list[str]]:
    """The header, then the rows of a `csv.reader`, each as long as the header.

    Empty lines are left out, except in a table of one column, where they are empty cells.
    """
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"{file}, the row that starts in line {line}: {error}. Close or double the quote, "
                "or read quotes as plain characters with dataset.quote=null."
            ) from error
        if not row:
            if width != 1:
                continue
            row = [""]
        width = width or len(row)
        if len(row) != width:
            raise UserError(
                f"{file}, line {line}: the row has {len(row)} cells, and the header has {width}. "
                "Put a text that holds the separator in quotes, or set dataset.separator."
            )
        yield row
