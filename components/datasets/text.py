"""Plain text: a file with one document per line, or a folder with one document per file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from components.base import Corpus, ParameterError, at_least, progress
from components.datasets.base import BATCH, MAX_BYTES, ByteBudget, DatasetBase
from components.datasets.files import (
    TABLES,
    check_encoding,
    files_below,
    folder_labels,
    locate,
    open_text,
)
from components.datasets.table import to_corpus

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class TextDataset(DatasetBase):
    """A text file, each line a document, or a folder of `*.txt` files, each a document.

    An empty line is an empty document, so that row and line number go together. In a folder the
    files below it are read too, in the order of their paths, which the column `file` names.
    Either may be compressed with gzip.

    Parameters
    ----------
    path : str
        The file or the folder.
    label : "folder", optional
        Label each file of a folder by its subfolder.
    encoding : str
        Of the text; a byte order mark has precedence.
    max_bytes : int, optional
        Refuse documents that take more memory than this; None reads whatever fits into memory.
    limit, seed, missing
        See `DatasetBase`.
    """

    path: str
    label: Literal["folder"] | None = None
    encoding: str = "utf-8"
    max_bytes: int | None = MAX_BYTES

    def __post_init__(self) -> None:
        super().__post_init__()
        source = locate(self.path, "either")
        if self.label not in (None, "folder"):
            raise ParameterError(
                "label", self.label, "must be folder or null: text has no columns."
            )
        if self.label == "folder" and not source.is_dir():
            reason = f"{source} is a file. Only the files of a folder get labels."
            raise ParameterError("label", self.label, reason)
        check_encoding(self.encoding)
        at_least(1, "or null for no limit", max_bytes=self.max_bytes)

    def read(self) -> Corpus:
        source = locate(self.path, "either")
        budget = ByteBudget(self.max_bytes, str(source))
        cells: dict[str, list[str]] = {"text": []}
        if source.is_dir():
            files = files_below(source, (".txt", ".txt.gz"))
            for file in progress(files, total=len(files), label=f"reading {source.name}"):
                with open_text(file, self.encoding, budget=budget) as stream:
                    cells["text"].append(stream.read())
                    budget.keep(cells["text"][-1:])
            cells["file"] = [file.relative_to(source).as_posix() for file in files]
            if self.label == "folder":
                cells["label"] = folder_labels(files, source)
        else:
            if TABLES & set(source.name.lower().split(".")[1:]):
                log.warning(
                    "%s: each line is a document as it stands. To read a column of a table, choose "
                    "the data set csv or jsonl.",
                    source,
                )
            with open_text(source, self.encoding, budget=budget) as lines:
                bar = progress(lines, label=f"reading {source.name}")
                while batch := [line.removesuffix("\n") for line in islice(bar, BATCH)]:
                    budget.keep(batch)
                    cells["text"] += batch
        label = "label" if "label" in cells else None
        columns = ["file"] if "file" in cells else []
        return to_corpus(
            cells, str(source), text="text", label=label, columns=columns, missing=self.missing
        )
