"""What the data sets share: sampling, the policy for missing values, the columns of a table."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.base import Corpus, ParameterError, at_least
from components.datasets.html import without_markup
from components.datasets.split import check_split, split_corpus
from components.datasets.table import find_column, to_corpus, warn_of_useless_labels

MAX_BYTES = 2_000_000_000
BATCH = 1000  # rows that are read, and counted, at a time
OBJECT = 64  # bytes of a small object of Python, such as a word, with what refers to it


@dataclass(kw_only=True, eq=False)
class DatasetBase:
    """A data set that may be sampled.

    Parameters
    ----------
    limit, seed : int, optional
        Take a sample of at most so many documents, drawn with this seed; without a seed, another
        sample each time.
    missing : {"keep", "error"}
        What to do with rows without a text, label, time or value of a column that was asked for:
        keep them and count them in the log, or stop.
    clean : {"html"}, optional
        Take the markup out of documents in HTML, before all else: what is embedded, described and
        shown is the text that a browser would show.
    split : {"sentences", "paragraphs", "tokens"}, optional
        Cut documents into pieces, which are embedded and clustered; a document's topics are the
        mixture of its pieces.
    split_length : int, optional
        Of a piece, see `components.datasets.split.split_corpus`.
    """

    limit: int | None = None
    seed: int | None = None
    missing: Literal["keep", "error"] = "keep"
    clean: Literal["html"] | None = None
    split: str | None = None
    split_length: int | None = None

    def __post_init__(self) -> None:
        at_least(1, "or null for all", limit=self.limit)
        at_least(0, "or null", seed=self.seed)
        if self.missing not in ("keep", "error"):
            raise ParameterError("missing", self.missing, "must be keep or error.")
        if self.clean not in (None, "html"):
            raise ParameterError("clean", self.clean, "must be html or null.")
        check_split(self.pieces_by, self.split_length)

    def load(self) -> Corpus:
        """All documents, or a sample of them, or their pieces."""
        documents = self.cleaned(self.read().sample(self.limit, self.seed))
        warn_of_useless_labels(documents.labels or ())
        return split_corpus(documents, self.pieces_by, self.split_length)

    def cleaned(self, corpus: Corpus) -> Corpus:
        """The corpus, or where `clean` says so, one without markup."""
        return corpus if self.clean is None else without_markup(corpus)

    @property
    def pieces_by(self) -> str | None:
        """What documents are cut into."""
        return self.split

    def read(self) -> Corpus:
        """All documents; each data set has its own."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False)
class TableDataset(DatasetBase):
    """A data set of rows and named columns.

    Parameters
    ----------
    path : str
        Where the table is.
    text, label, timestamp : str, optional
        Names of columns. `text` may be None where `image` is given. Timestamps are parsed, see
        `components.datasets.timestamps.parse_times`.
    timestamp_format : str, optional
        Format of the timestamps, as for `datetime.strptime`, where they have an unusual one.
    image : str, optional
        Name of a column with paths of image files, relative to the folder of the file.
    columns : list of str, optional
        Further columns to keep, for reports.
    classes : list of str, optional
        Columns whose values are classes, such as sources or countries, by which reports compare
        topics. They become columns of the corpus, as `columns` do.
    known_labels : str, optional
        Column with labels that guide the run, where they are known. Unlike `label`, which only
        measures see, they decide on the topics.
    max_bytes : int, optional
        Refuse tables that take more memory than this; None reads whatever fits into memory.
    """

    path: str
    text: str | None = "text"
    label: str | None = None
    timestamp: str | None = None
    timestamp_format: str | None = None
    image: str | None = None
    columns: list[str] | None = None
    classes: list[str] | None = None
    known_labels: str | None = None
    max_bytes: int | None = MAX_BYTES

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, "or null for no limit", max_bytes=self.max_bytes)
        if self.text is None and self.image is None:
            raise ParameterError("text", None, "name the column of texts, or set image.")

    @property
    def named_columns(self) -> list[tuple[str, str]]:
        """(parameter, column) of each column to read."""
        roles = ("text", "label", "timestamp", "image", "known_labels")
        named = [(role, getattr(self, role)) for role in roles if getattr(self, role) is not None]
        further = (("columns", self.columns), ("classes", self.classes))
        return named + [(role, column) for role, columns in further for column in columns or ()]

    def find(self, present: Sequence[str], source: str) -> dict[str, str]:
        """For each column asked for, its name in the table, which may differ in white space."""
        return {
            column: find_column(name, column, present, source)
            for name, column in self.named_columns
        }

    def corpus(
        self,
        cells: Mapping[str, Sequence[Any]],
        source: str,
        folder: Path | None = None,
        first: int = 0,
    ) -> Corpus:
        """The corpus of these columns, by the names that were asked for; see `to_corpus`."""
        return to_corpus(
            cells,
            source,
            text=self.text,
            label=self.label,
            timestamp=self.timestamp,
            image=self.image,
            columns=self.columns or (),
            classes=self.classes or (),
            known_labels=self.known_labels,
            timestamp_format=self.timestamp_format,
            missing=self.missing,
            folder=folder,
            first=first,
        )


class ByteBudget:
    """Counts what is read, and what is kept of it, so that a file that never ends, decompresses to
    far more, or is much larger as Python's objects is refused.

    Parameters
    ----------
    limit : int, optional
        Bytes that may be read, and as many that may be kept; None counts nothing.
    source : str
        What is read, for the message.
    """

    def __init__(self, limit: int | None, source: str) -> None:
        self.limit = limit
        self.source = source
        self.used = 0
        self.kept = 0

    def add(self, n_bytes: int) -> None:
        """Count bytes that are read.

        Raises
        ------
        ParameterError
            When there are more than the limit.
        """
        self.used += n_bytes
        self._check(self.used, "holds more bytes than this, decompressed")

    def keep(self, cells: Collection[Any]) -> None:
        """Count the memory of cells that are kept.

        Raises
        ------
        ParameterError
            When all that is kept takes more than the limit.
        """
        if self.limit is not None:
            self.keep_bytes(_size(cells))

    def keep_bytes(self, n_bytes: int) -> None:
        """Count memory; see `keep`."""
        self.kept += n_bytes
        self.check(0)

    def check(self, n_bytes: int) -> None:
        """Check whether so much more memory would be too much, without counting it."""
        self._check(self.kept + n_bytes, "takes more bytes of memory than this")

    def check_parts(self, text: str, marks: str) -> None:
        """Check a text that is about to be cut at each of the characters `marks`."""
        if self.limit is not None and len(text) * OBJECT > self.limit:
            self.check(len(text) + OBJECT * sum(map(text.count, marks)))

    def _check(self, n_bytes: int, fault: str) -> None:
        if self.limit is not None and n_bytes > self.limit:
            raise ParameterError(
                "max_bytes",
                self.limit,
                f"{self.source} {fault}. If that is right and fits into memory, set a higher "
                "max_bytes.",
            )


def checked_lines(lines: Iterable[str], marks: str, budget: ByteBudget) -> Iterator[str]:
    """The lines; one of so many values that they would not fit into memory is refused."""
    for line in lines:
        budget.check_parts(line, marks)
        yield line


def _size(cells: Collection[Any]) -> int:
    """Bytes of some cells, with what is inside them, and of what refers to them."""
    size = 8 * len(cells) + sum(map(sys.getsizeof, cells))
    for cell in cells:
        if isinstance(cell, dict):
            size += _size(cell.keys()) + _size(cell.values())
        elif isinstance(cell, list):
            size += _size(cell)
    return size
