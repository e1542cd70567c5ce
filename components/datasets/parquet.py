"""Parquet: a file, or a folder of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Corpus, UserError, progress
from components.datasets.base import OBJECT, ByteBudget, TableDataset
from components.datasets.files import advice, files_below, locate
from components.datasets.jsonl import values_of

# Rows read at a time. With each batch comes the whole dictionary of texts read so far, so that
# small batches cost more than they save.
BATCH = 1 << 17


@dataclass(kw_only=True, eq=False)
class ParquetDataset(TableDataset):
    """A Parquet file, or all `*.parquet` files of a folder in the order of their paths.

    Only the columns asked for are read. A field of a struct is a column too: `review.body`.

    Parameters
    ----------
    path : str
        The file or the folder.
    text, label, timestamp, timestamp_format, image, columns, max_bytes, limit, seed, missing
        See `TableDataset` and `DatasetBase`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        locate(self.path, "either")

    def read(self) -> Corpus:
        import pyarrow

        source = locate(self.path, "either")
        budget = ByteBudget(self.max_bytes, str(source))
        cells: dict[str, list[Any]] = {column: [] for _, column in self.named_columns}
        for file in files_below(source, (".parquet",)) if source.is_dir() else [source]:
            try:
                self._read_file(file, cells, budget)
            except (pyarrow.ArrowException, OSError) as error:
                raise self._unreadable(file, error) from error
        return self.corpus(cells, str(source), source if source.is_dir() else source.parent)

    def blocks(self, size: int) -> Iterator[Corpus]:
        """All documents, at most `size` at a time: for files that do not fit into memory.

        There is no `limit`, and `max_bytes` does not count.
        """
        import pyarrow
        import pyarrow.parquet as pq

        source = locate(self.path, "either")
        folder = source if source.is_dir() else source.parent
        budget, start = ByteBudget(None, ""), 0
        for file in files_below(source, (".parquet",)) if source.is_dir() else [source]:
            try:
                with pq.ParquetFile(file) as table:
                    names = [name for field in table.schema_arrow for name in _field_names(field)]
                    actual = self.find(names, str(file))
                    for batch in table.iter_batches(size, columns=list(actual.values())):
                        cells = {c: _values(batch, name, budget) for c, name in actual.items()}
                        corpus = self.corpus(cells, str(source), folder, start)
                        yield replace(corpus, rows=np.arange(start, start + len(corpus)))
                        start += len(corpus)
            except (pyarrow.ArrowException, OSError) as error:
                raise self._unreadable(file, error) from error

    def _unreadable(self, file: Path, error: Exception) -> UserError:
        message = f"{file} cannot be read as Parquet: {str(error).rstrip('.')}."
        try:
            with file.open("rb") as raw:
                head = raw.read(8)
        except OSError:
            return UserError(message)
        if head.startswith(b"PAR1"):
            return UserError(f"{message} Was it not copied to the end?")
        what = advice(head) or "For CSV type dataset=csv, for JSON Lines dataset=jsonl."
        return UserError(f"{message} {what}")

    def _read_file(self, file: Path, cells: dict[str, list[Any]], budget: ByteBudget) -> None:
        import pyarrow.parquet as pq

        schema = pq.read_schema(file)
        names = [name for field in schema for name in _field_names(field)]
        actual = self.find(names, str(file))
        # A text that is stored once for many rows is then one string in memory, too.
        coded = [
            field.name
            for field in schema
            if field.name in actual.values() and _is_string(field.type)
        ]
        with pq.ParquetFile(file, read_dictionary=coded) as table:
            _count_pages(table.metadata, set(actual.values()), budget)
            batches = table.iter_batches(batch_size=BATCH, columns=list(actual.values()))
            for batch in progress(batches, label=f"reading {file.name}"):
                for column, name in actual.items():
                    cells[column] += _values(batch, name, budget)


def _field_names(field: Any) -> list[str]:
    import pyarrow as pa

    if not pa.types.is_struct(field.type):
        return [field.name]
    inner = [name for child in field.type for name in _field_names(child)]
    return [field.name, *(f"{field.name}.{name}" for name in inner)]


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _count_pages(metadata: Any, columns: set[str], budget: ByteBudget) -> None:
    """Check the sizes that the file states, before any page is decompressed."""
    stated = ByteBudget(budget.limit, budget.source)
    for group in range(metadata.num_row_groups):
        chunks = metadata.row_group(group)
        for place in range(chunks.num_columns):
            chunk = chunks.column(place)
            path = chunk.path_in_schema
            if any(path == name or path.startswith(f"{name}.") for name in columns):
                stated.add(chunk.total_uncompressed_size)
    stated.add(budget.kept)


def _values(batch: Any, name: str, budget: ByteBudget) -> list[Any]:
    """The cells of one column of a batch; times as numpy's, which knows no zones to look up."""
    import pyarrow as pa

    present = batch.schema.names
    root = name if name in present else name.partition(".")[0]
    array = batch.column(present.index(root))
    if pa.types.is_dictionary(array.type):
        return _decoded(array, budget)
    if pa.types.is_timestamp(array.type):
        budget.keep_bytes(OBJECT * len(array))
        micro = array.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return list(np.asarray(micro.fill_null(np.iinfo(np.int64).min)).view("datetime64[us]"))
    budget.check(array.nbytes + OBJECT * _n_values(array))
    values: list[Any] = array.to_pylist()
    if root != name:
        values = values_of(({root: value} for value in values), name)
    budget.keep(values)
    return values


def _n_values(array: Any) -> int:
    """The values of an array and of what is nested in it."""
    if not array.type.num_fields:
        return len(array)
    inner = array.flatten()
    return len(array) + sum(map(_n_values, inner if isinstance(inner, list) else [inner]))


def _decoded(array: Any, budget: ByteBudget) -> list[str | None]:
    """The texts of a dictionary array; their size is checked before any of them is made.

    Each counts as often as it is used.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = np.append(np.asarray(pc.binary_length(array.dictionary).fill_null(0)), 0)
    codes = np.asarray(array.indices.fill_null(len(array.dictionary)))
    used, places = np.unique(codes, return_inverse=True)
    budget.check(int(sizes[codes].sum()) + 8 * len(codes) + OBJECT * len(used))
    valid = used < len(array.dictionary)
    texts = array.dictionary.take(pa.array(used[valid])).to_pylist() + [None] * int(sum(~valid))
    taken = np.array([sys.getsizeof(text) for text in texts], np.int64)
    budget.keep_bytes(int(taken[places].sum()) + 8 * len(codes))
    return [texts[place] for place in places]
