"""JSON Lines: one object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from components.base import Corpus, UserError, progress
from components.datasets.columns import check_columns, check_sample, to_corpus, wanted_columns
from components.datasets.files import check_encoding, locate, open_text

log = logging.getLogger(__name__)


class JsonlDataset:
    """A file with a JSON object a line. Blank lines are left out.

    Half a Unicode character (an unpaired surrogate, as in a tweet cut within an emoji) cannot
    be stored or embedded: it becomes U+FFFD, with a warning.

    Parameters
    ----------
    path : str
        The file; it may be packed with gzip.
    text, label, timestamp : str, optional
        Names of keys. `text` may be None where `image` is given.
    image : str, optional
        Name of a key with the path of an image file, relative to the folder of the file.
    encoding : str
        Of the file. A byte order mark is skipped in UTF-8.
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
        limit: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.text = text
        self.label = label
        self.timestamp = timestamp
        self.image = image
        self.encoding = encoding
        self.limit = limit
        self.seed = seed
        locate(path, "file")
        wanted_columns(text=text, label=label, timestamp=timestamp, image=image)
        check_encoding(encoding)
        check_sample(limit, seed)

    def load(self) -> Corpus:
        wanted = wanted_columns(
            text=self.text, label=self.label, timestamp=self.timestamp, image=self.image
        )
        file = locate(self.path, "file")
        values: dict[str, list[Any]] = {role: [] for role in wanted}
        targets = [(name, values[role].append) for role, name in wanted.items()]
        keys: dict[str, Any] = {}
        with open_text(file, self.encoding, newline="\n") as lines:
            for record in progress(records(lines, file), label=f"reading {file.name}"):
                keys.update(record)
                for name, append in targets:
                    append(record.get(name))
        if keys:
            check_columns(wanted, list(keys), str(file))
        return to_corpus(values, str(file), file.parent).sample(self.limit, self.seed)


def records(lines: TextIO, file: Path) -> Iterator[dict[str, Any]]:
    broken = 0
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{file}, line {number} is not JSON: {error}. Mend or drop the line; "
                "each must hold one whole object."
            ) from error
        if not isinstance(record, dict):
            raise UserError(
                f"{file}, line {number} holds a {type(record).__name__}, not an object such as "
                '{"text": "..."}. Mend or drop the line.'
            )
        if "\\ud" in line or "\\uD" in line:
            record, mended = without_halves(record)
            broken += mended
        yield record
    if broken:
        log.warning("%s: %d lines hold half a character, now U+FFFD", file, broken)


def without_halves(record: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The record with U+FFFD for each unpaired surrogate, and whether there was one."""
    mended = {
        key: value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, str)
        else value
        for key, value in record.items()
    }
    return mended, mended != record
