"""Plain text: a file with a document a line, or a folder with a document a file."""

from __future__ import annotations

from typing import Literal

from components.base import Corpus, UserError, progress
from components.datasets.columns import check_sample, to_corpus
from components.datasets.files import check_encoding, files_below, folder_labels, locate, open_text


class TextDataset:
    """A text file, each line a document, or a folder of `*.txt` files, each a document.

    An empty line is an empty document, so that row and line number go together. In a folder the
    files below it are read too, in the order of their paths. Either may be packed with gzip.

    Parameters
    ----------
    path : str
        The file or the folder.
    label : "folder", optional
        Label each file of a folder by its subfolder.
    encoding : str
        Of the text. A byte order mark is skipped in UTF-8.
    limit, seed : int, optional
        Take a sample of at most so many documents.
    """

    def __init__(
        self,
        *,
        path: str,
        label: Literal["folder"] | None = None,
        encoding: str = "utf-8",
        limit: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.label = label
        self.encoding = encoding
        self.limit = limit
        self.seed = seed
        found = locate(path, "either")
        if label not in (None, "folder"):
            raise UserError(f"dataset.label={label}: type folder, or null. Text has no columns.")
        if label == "folder" and not found.is_dir():
            raise UserError(
                f"dataset.label=folder: {found} is a file. Only the files of a folder get labels."
            )
        check_encoding(encoding)
        check_sample(limit, seed)

    def load(self) -> Corpus:
        source = locate(self.path, "either")
        values: dict[str, list[str]] = {}
        if source.is_dir():
            files = files_below(source, (".txt", ".txt.gz"))
            values["text"] = []
            for file in progress(files, total=len(files), label=f"reading {source.name}"):
                with open_text(file, self.encoding) as stream:
                    values["text"].append(stream.read())
            if self.label == "folder":
                values["label"] = folder_labels(files, source)
        else:
            with open_text(source, self.encoding) as lines:
                bar = progress(lines, label=f"reading {source.name}")
                values["text"] = [line.removesuffix("\n") for line in bar]
        return to_corpus(values, str(source)).sample(self.limit, self.seed)
