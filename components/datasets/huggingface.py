"""Hugging Face `datasets`: from the Hub, or from a local folder or file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.base import Corpus, UserError, progress, require
from components.datasets.columns import check_columns, check_sample, to_corpus, wanted_columns
from components.datasets.files import locate


class HuggingfaceDataset:
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
    revision : str, optional
        A branch, tag or commit on the Hub. Name a commit to get the same data for ever.
    text, label, timestamp : str, optional
        Names of columns. `text` may be None where `image` is given.
    image : str, optional
        A column of paths, or of images that lie in files on this machine.
    cache_dir : str, optional
        Where the library keeps its copies; None is its own default.
    limit, seed : int, optional
        Take a sample of at most so many documents.
    """

    def __init__(
        self,
        *,
        path: str,
        config: str | None = None,
        split: str = "train",
        revision: str | None = None,
        text: str | None = "text",
        label: str | None = None,
        timestamp: str | None = None,
        image: str | None = None,
        cache_dir: str | None = None,
        limit: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.config = config
        self.split = split
        self.revision = revision
        self.text = text
        self.label = label
        self.timestamp = timestamp
        self.image = image
        self.cache_dir = cache_dir
        self.limit = limit
        self.seed = seed
        require("datasets", extra="huggingface")
        local_path(path)
        wanted_columns(text=text, label=label, timestamp=timestamp, image=image)
        check_sample(limit, seed)

    def load(self) -> Corpus:
        wanted = wanted_columns(
            text=self.text, label=self.label, timestamp=self.timestamp, image=self.image
        )
        with bars_in_terminals_only():
            table = self._table()
        check_columns(wanted, table.column_names, f"{self.path}, split {self.split},")
        table = table.select_columns(list(dict.fromkeys(wanted.values())))
        values: dict[str, list[Any]] = {role: [] for role in wanted}
        if self.image is not None:
            table = with_image_paths(table, self.image)
        classes = class_names(table)
        batches = table.iter(batch_size=10_000)
        for batch in progress(batches, label=f"reading {self.path}"):
            for role, name in wanted.items():
                names = classes.get(name)
                cells = batch[name]
                values[role] += [names.get(c) for c in cells] if names else cells
        local = local_path(self.path)
        folder = local if local is None or local.is_dir() else local.parent
        source = f"{self.path}, split {self.split},"
        return to_corpus(values, source, folder).sample(self.limit, self.seed)

    def _table(self) -> Any:
        import datasets

        local = local_path(self.path)
        path, data_files = self.path, None
        if local is not None:
            path = str(local if local.is_dir() else local.parent)
            data_files = None if local.is_dir() else local.name
        try:
            return datasets.load_dataset(
                path,
                self.config,
                data_files=data_files,
                split=self.split,
                revision=self.revision,
                cache_dir=self.cache_dir,
            )
        except ConnectionError as error:
            raise UserError(
                f"dataset.path={self.path}: there is no such folder here, and the Hugging Face Hub "
                f"cannot be reached ({error}). Check the network, or point dataset.path at a "
                "folder with the files. With HF_HUB_OFFLINE=1 a copy that was fetched before is "
                "used at once."
            ) from error
        except Exception as error:  # what a reader of any format may raise
            reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            raise UserError(
                f"dataset=huggingface cannot load {self.path}: {reason}. Check dataset.path, "
                "dataset.config, dataset.split and dataset.revision; a private or gated data set "
                "needs HF_TOKEN in the environment."
            ) from error


def local_path(path: str) -> Path | None:
    """The local folder or file, or None for a name on the Hub."""
    if path.startswith((".", "/", "~")) or Path(path).exists():
        return locate(path, "either")
    return None


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
        raise UserError(
            f"dataset.image={column}: these images lie inside the data set, not in files. Save "
            "them to a folder, and read that with dataset=images."
        )
    return table.remove_columns(column).add_column(column, cells)


@contextmanager
def bars_in_terminals_only() -> Iterator[None]:
    import datasets

    if sys.stderr.isatty() or datasets.utils.are_progress_bars_disabled():
        yield
        return
    datasets.utils.disable_progress_bars()
    try:
        yield
    finally:
        datasets.utils.enable_progress_bars()
