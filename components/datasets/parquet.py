"""Parquet: a file, or a folder of them."""

from __future__ import annotations

from typing import Any

from components.base import Corpus, UserError, progress
from components.datasets.columns import check_columns, check_sample, to_corpus, wanted_columns
from components.datasets.files import files_below, locate


class ParquetDataset:
    """A Parquet file, or all `*.parquet` files of a folder in the order of their paths.

    Only the columns asked for are read.

    Parameters
    ----------
    path : str
        The file or the folder.
    text, label, timestamp : str, optional
        Names of columns. `text` may be None where `image` is given.
    image : str, optional
        Name of a column with paths of image files, relative to the folder (of the file).
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
        limit: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.text = text
        self.label = label
        self.timestamp = timestamp
        self.image = image
        self.limit = limit
        self.seed = seed
        locate(path, "either")
        wanted_columns(text=text, label=label, timestamp=timestamp, image=image)
        check_sample(limit, seed)

    def load(self) -> Corpus:
        import pyarrow
        import pyarrow.parquet

        wanted = wanted_columns(
            text=self.text, label=self.label, timestamp=self.timestamp, image=self.image
        )
        source = locate(self.path, "either")
        folder = source if source.is_dir() else source.parent
        values: dict[str, list[Any]] = {role: [] for role in wanted}
        names = list(dict.fromkeys(wanted.values()))
        for file in files_below(source, (".parquet",)) if source.is_dir() else [source]:
            try:
                with pyarrow.parquet.ParquetFile(file) as table:
                    check_columns(wanted, table.schema_arrow.names, str(file))
                    batches = table.iter_batches(columns=names)
                    for batch in progress(batches, label=f"reading {file.name}"):
                        for role, name in wanted.items():
                            values[role] += batch.column(name).to_pylist()
            except (pyarrow.ArrowException, OSError) as error:
                reason = str(error).rstrip(".")
                raise UserError(
                    f"{file} cannot be read as Parquet: {reason}. Is it another format "
                    "(dataset=csv, dataset=jsonl), or was it not copied to the end?"
                ) from error
        return to_corpus(values, str(source), folder).sample(self.limit, self.seed)
