"""Hugging Face `datasets`: from the Hub, or from a local folder or file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from components.base import Corpus, ParameterError, UserError, progress, require
from components.datasets.base import ByteBudget, TableDataset
from components.datasets.files import advice, locate
from components.datasets.jsonl import values_of
from components.text import shorten

# What reads a file that is not of the library's kind, by the end of its name.
_READERS = {
    ".csv": "csv", ".tsv": "csv", ".json": "jsonl", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".txt": "text",
}  # fmt: skip


@dataclass(kw_only=True, eq=False)
class HuggingfaceDataset(TableDataset):
    """One split of a data set that `datasets.load_dataset` reads.

    Class numbers become class names; -1, the library's mark for "no label", is a missing label.

    Parameters
    ----------
    path : str
        A name on the Hub, such as `fancyzhx/ag_news`, or a local folder or file in a format that
        the library knows.
    config : str, optional
        The data set's configuration, where it has several.
    split : str
        Such as `train`, `test`, `train+test` or `train[:10%]`.
    pieces : str, optional
        What `split` is to other data sets: cut documents into sentences, paragraphs or tokens.
    revision : str, optional
        A branch, tag or commit on the Hub. Name a commit to get the same data every time.
    image : str, optional
        A column of paths, or of images that lie in files on this machine.
    cache_dir : str, optional
        Where the library stores its copies; None is its own default.
    text, label, timestamp, timestamp_format, columns, max_bytes, limit, seed, missing
        See `TableDataset` and `DatasetBase`.
    """

    config: str | None = None
    split: str = "train"
    pieces: str | None = None
    revision: str | None = None
    cache_dir: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require("datasets", extra="huggingface")
        if local_path(self.path) is None:
            check_no_reader(self.path)

    @property
    def pieces_by(self) -> str | None:
        return self.pieces

    def read(self) -> Corpus:
        source = f"{self.path}, split {self.split},"
        with bars_in_terminals_only():
            table = self._table()
        names = [name for key, kind in table.features.items() for name in field_names(key, kind)]
        actual = self.find(names, source)
        roots = {
            name: name if name in table.column_names else name.partition(".")[0]
            for name in actual.values()
        }
        table = table.select_columns(list(dict.fromkeys(roots.values())))
        if self.image is not None and actual[self.image] in table.column_names:
            table = with_image_paths(table, actual[self.image])
        classes = class_names(table)
        budget = ByteBudget(self.max_bytes, source)
        cells: dict[str, list[Any]] = {column: [] for column in actual}
        batches = table.iter(batch_size=10_000)
        for batch in progress(batches, label=f"reading {self.path}"):
            for column, name in actual.items():
                root = roots[name]
                values = batch[root]
                if root != name:
                    values = values_of(({root: value} for value in values), name)
                budget.keep(values)
                numbered = classes.get(name)
                cells[column] += [numbered.get(v) for v in values] if numbered else values
        local = local_path(self.path)
        folder = local if local is None or local.is_dir() else local.parent
        return self.corpus(cells, source, folder)

    def _table(self) -> Any:
        import datasets

        local = local_path(self.path)
        path, data_files = self.path, None
        if local is not None:
            path = str(local if local.is_dir() else local.parent)
            data_files = None if local.is_dir() else local.name
        prepared = False
        try:
            builder = datasets.load_dataset_builder(
                path,
                self.config,
                data_files=data_files,
                revision=self.revision,
                cache_dir=self.cache_dir,
            )
            check_files(self.path, builder.config.data_files or {}, local and Path(path))
            builder.download_and_prepare()
            prepared = True
            return builder.as_dataset(split=self.split)
        except UserError:
            raise
        except ConnectionError as error:
            raise ParameterError(
                "path",
                self.path,
                "there is no such folder here, and the Hugging Face Hub cannot be reached "
                f"({shorten(str(error))}). Check the network, or set path to a folder with the "
                "files. With HF_HUB_OFFLINE=1 a copy that was downloaded before is used at once.",
            ) from error
        except Exception as error:  # what a reader of any format may raise
            if not prepared and local is not None and local.is_file():
                raise ParameterError("path", self.path, _other_reader(local)) from error
            reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            raise ParameterError(
                "path",
                self.path,
                f"cannot be loaded: {reason[:300]}. Check path, config, split and revision; a "
                "private or gated data set needs HF_TOKEN in the environment.",
            ) from error


def _other_reader(file: Path) -> str:
    """Why a file cannot be read with the library, and what reads it."""
    with file.open("rb") as stream:
        what = advice(stream.read(8))
    suffixes = [suffix.lower() for suffix in file.suffixes]
    options = {option for suffix, option in _READERS.items() if suffix in suffixes}
    hint = what or (f"Type dataset={options.pop()}." if len(options) == 1 else "Save it as CSV.")
    return f"the library `datasets` cannot read this file. {hint}"


def local_path(path: str) -> Path | None:
    """The local folder or file, or None for a name on the Hub."""
    if path.startswith((".", "/", "~")) or Path(path).exists():
        return locate(path, "either")
    return None


def check_files(path: str, data_files: Mapping[str, Iterable[object]], folder: Path | None) -> None:
    """Refuse a data set that names files outside it, as its README.md may, absolute or by `..`.

    Parameters
    ----------
    path : what the user called it
    data_files : by split, as the library has found them; `zip://a.csv::b.zip` is `a.csv` in `b.zip`
    folder : where it lies; None for one of the Hub, which may name files of servers
    """
    for name in map(str, chain.from_iterable(data_files.values())):
        place = name.rpartition("::")[2].removeprefix("file://")
        if "://" in place:
            inside = folder is None
        else:
            root = folder and folder.expanduser().resolve()
            inside = root is not None and Path(os.path.normpath(place)).is_relative_to(root)
        if not inside:
            raise ParameterError(
                "path",
                path,
                f"this data set names a file outside it, {shorten(name)}. If you want to read that "
                "file, set path to it; else remove it from data_files in README.md.",
            )


def check_no_reader(path: str) -> None:
    """Refuse the name of one of the library's readers, such as `pandas`, which loads pickles.

    The library would read what lies in the current folder with it.
    """
    from datasets import packaged_modules

    if path in getattr(packaged_modules, "_PACKAGED_DATASETS_MODULES", ()):
        raise ParameterError(
            "path",
            path,
            "is a reader of the library `datasets`, and no data set. Set path to the file or "
            f"folder to read; for a folder of that name: ./{path}",
        )


def field_names(key: str, kind: Any) -> list[str]:
    """The name of a column, and those of its fields where it is a struct."""
    if not isinstance(kind, dict):
        return [key]
    inner = [name for child, of_child in kind.items() for name in field_names(child, of_child)]
    return [key, *(f"{key}.{name}" for name in inner)]


def class_names(table: Any) -> dict[str, dict[int, str]]:
    """For each column of class numbers: the name of each."""
    import datasets

    return {
        column: dict(enumerate(feature.names))
        for column, feature in table.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }


def with_image_paths(table: Any, column: str) -> Any:
    """The table with the paths of its images in place of the images themselves."""
    import datasets

    if not isinstance(table.features[column], datasets.Image):
        return table
    table = table.cast_column(column, datasets.Image(decode=False))
    cells = [cell and cell["path"] for cell in table[column]]
    if any(cell and not Path(cell).is_file() for cell in cells):
        raise ParameterError(
            "image",
            column,
            "these images lie inside the data set, not in files. Save them to a folder, and read "
            "that with the data set images.",
        )
    return table.remove_columns(column).add_column(column, cells)


@contextmanager
def bars_in_terminals_only() -> Iterator[None]:
    """Without a terminal, silence the progress bars of `datasets` for a while."""
    import datasets

    if sys.stderr.isatty() or datasets.utils.are_progress_bars_disabled():
        yield
        return
    datasets.utils.disable_progress_bars()
    try:
        yield
    finally:
        datasets.utils.enable_progress_bars()
