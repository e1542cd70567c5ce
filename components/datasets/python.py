"""Documents that are already in memory: lists, columns and tables of other libraries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, ClassVar

from components.base import Corpus, ParameterError, UserError
from components.datasets.base import DatasetBase
from components.datasets.cells import scalars, texts
from components.datasets.huggingface import class_names
from components.datasets.table import find_column, to_corpus

SOURCE = "the data"
_COLUMNS = {"label": "labels", "timestamp": "timestamps", "known_labels": "known_labels"}


@dataclass(kw_only=True, eq=False)
class PythonDataset(DatasetBase):
    """Documents that a Python program hands over, as `corpus`; a config alone holds none.

    Parameters
    ----------
    limit, seed, missing
        See `DatasetBase`.
    """

    corpus: ClassVar[Corpus | None] = None

    def read(self) -> Corpus:
        if self.corpus is None:
            raise UserError(
                "dataset=python holds the documents that a Python program gives to runner.run, and "
                "there are none. Choose a data set that reads a file, such as dataset=csv."
            )
        return self.corpus


def corpus_from(
    data: Any,
    text: str | None = None,
    label: str | Sequence[Any] | None = None,
    timestamp: str | Sequence[Any] | None = None,
    columns: Sequence[str] | Mapping[str, Sequence[Any]] = (),
    classes: Sequence[str] | Mapping[str, Sequence[Any]] = (),
    known_labels: str | Sequence[Any] | Mapping[int, Any] | None = None,
    *,
    timestamp_format: str | None = None,
    missing: str = "keep",
) -> Corpus:
    """A corpus from Python objects, under the rules that hold for files.

    Parameters
    ----------
    data : Corpus, iterable of str, or table
        A corpus is returned as it is. Documents may be a list, an array, or a column of pandas,
        polars or pyarrow; a table may be a DataFrame of pandas or polars, a pyarrow Table, a
        Hugging Face `Dataset`, a mapping of columns, or a list of dicts.
    text : str, optional
        The column with the documents of a table; None is `text`, or the only column.
    label, timestamp : str or sequence, optional
        A column of a table; or, beside documents, the values themselves.
    columns : sequence of str, or mapping of str to sequence
        Further columns of a table to keep; or, beside documents, the values by name.
    classes : sequence of str, or mapping of str to sequence
        The same, for columns whose values are classes by which reports compare topics.
    known_labels : str, sequence or mapping, optional
        As `label`, or a mapping of rows, from 0, to labels: labels that guide the run; None or
        empty where nothing is known.
    timestamp_format, missing
        See `components.datasets.table.to_corpus`.

    Raises
    ------
    ParameterError
        When a column is not there, or a cell is not what it should be.
    UserError
        When `data` holds no documents.
    """
    if isinstance(known_labels, Mapping):
        corpus = corpus_from(
            data, text, label, timestamp, columns, classes,
            timestamp_format=timestamp_format, missing=missing,
        )  # fmt: skip
        return replace(corpus, known_labels=_by_row(known_labels, len(corpus)))
    if isinstance(data, Corpus):
        return data
    table = _table(data)
    settings: dict[str, Any] = {"timestamp_format": timestamp_format, "missing": missing}
    if table is None:
        named = {"label": label, "timestamp": timestamp, "known_labels": known_labels}
        return _from_documents(data, text, named, (columns, classes), settings)
    names = list(table)
    text = text or _text_column(names)
    references: list[tuple[str, Any]] = [("text", text), ("label", label), ("timestamp", timestamp)]
    references.append(("known_labels", known_labels))
    if isinstance(classes, str):
        classes = [classes]
    references += [("columns", column) for column in columns]
    references += [("classes", column) for column in classes]
    for name, value in references:
        if value is not None and not isinstance(value, str):
            reason = "names a column of the table, so it must be a str."
            raise ParameterError(name, type(value).__name__, reason)
    actual = {
        column: find_column(name, column, names, SOURCE, typed=False)
        for name, column in references
        if column
    }
    cells = {column: _cells(table[name]) for column, name in actual.items()}
    return to_corpus(
        cells,
        SOURCE,
        text=text,
        label=str(label) if label else None,
        timestamp=str(timestamp) if timestamp else None,
        columns=list(columns),
        classes=list(classes),
        known_labels=str(known_labels) if known_labels else None,
        **settings,
    )


def documents_from(data: Any, text: str | None = None) -> list[str]:
    """The documents alone of a list, column, table or Corpus; a missing one is empty.

    Parameters
    ----------
    data, text : see `corpus_from`
    """
    if isinstance(data, Corpus):
        return list(data.documents)
    table = _table(data)
    if table is None:
        return _texts(data, text)
    column = text or _text_column(list(table))
    name = find_column("text", column, table, SOURCE, typed=False)
    return texts(_cells(table[name]), name)


def _text_column(names: Sequence[str]) -> str:
    """The column with the documents, where none is named."""
    return names[0] if len(names) == 1 else "text"


def _texts(data: Iterable[Any], text: str | None) -> list[str]:
    if text is not None:
        raise ParameterError("text", text, "names a column, and the data is not a table.")
    return texts(_cells(data), None)


def _by_row(labels: Mapping[int, Any], n: int) -> list[str | None]:
    """A label for each of n rows, None where there is none."""
    for row in labels:
        if isinstance(row, bool) or not isinstance(row, Integral) or not 0 <= row < n:
            raise ParameterError(
                "known_labels", row, f"there is no such row; they are 0 to {n - 1}."
            )
    return scalars([labels.get(row) for row in range(n)], "known_labels", "known_labels")


def _from_documents(
    data: Iterable[Any],
    text: Any,
    named: Mapping[str, Any],
    further: tuple[Any, Any],
    settings: Any,
) -> Corpus:
    cells: dict[str, Any] = {"documents": _texts(data, text)}
    for name, values in named.items():
        if isinstance(values, str):
            reason = "names a column, and the data is not a table. Give the values themselves."
            raise ParameterError(name, values, reason)
        if values is not None:
            cells[_COLUMNS[name]] = _cells(values)
    for role, columns in zip(("columns", "classes"), further, strict=True):
        if columns and not isinstance(columns, Mapping):
            reason = "names columns, and the data is not a table. Give a mapping of name to values."
            names = columns if isinstance(columns, str) else list(columns)
            raise ParameterError(role, names, reason)
        for name, values in dict(columns).items():
            if name in cells:
                raise ParameterError(role, name, "is taken; give it another name.")
            cells[name] = _cells(values)
    for name, values in cells.items():
        if len(values) != len(cells["documents"]):
            raise UserError(
                f"{len(cells['documents'])} documents were given and {len(values)} values for "
                f"{name}: there must be one for each document."
            )
    return to_corpus(
        cells,
        SOURCE,
        text="documents",
        label="labels" if "labels" in cells else None,
        timestamp="timestamps" if "timestamps" in cells else None,
        known_labels="known_labels" if "known_labels" in cells else None,
        columns=list(further[0]),
        classes=list(further[1]),
        **settings,
    )


def _table(data: Any) -> Mapping[str, Any] | None:
    """The columns of a table by name, or None where `data` is a sequence of documents.

    Raises
    ------
    UserError
        When it is neither.
    """
    if isinstance(data, str | bytes):
        raise UserError(
            "data is one text. Give a list of documents; a file is read with the data set text, "
            "csv, jsonl or parquet."
        )
    if isinstance(data, set | frozenset):
        raise UserError("a set has no order. Give a list of documents.")
    if isinstance(data, Mapping):
        return {str(name): cells for name, cells in data.items()}
    names = getattr(data, "column_names", None)  # pyarrow, Hugging Face
    if names is None and hasattr(data, "columns"):  # pandas, polars
        names = list(data.columns)
    if names is not None:
        if len({str(name) for name in names}) < len(names):
            raise UserError("the table has several columns of one name. Rename all but one.")
        classes = class_names(data) if hasattr(data, "features") else {}
        return {
            str(name): [classes[name].get(cell) for cell in data[name]]
            if name in classes
            else data[name]
            for name in names
        }
    if isinstance(data, list | tuple) and data and all(isinstance(row, Mapping) for row in data):
        names = list(dict.fromkeys(str(name) for row in data for name in row))
        return {name: [row.get(name) for row in data] for name in names}
    return None


def _cells(values: Any) -> Any:
    """The values of a column as a list, or as a datetime64 array."""
    if getattr(getattr(values, "dtype", None), "kind", "") == "M" and hasattr(values, "to_numpy"):
        array = values.to_numpy()
        if array.dtype.kind == "M":  # of pandas: neither zones nor objects for each time
            return array
    for method in ("to_list", "to_pylist", "tolist"):  # polars and pandas, pyarrow, numpy
        if hasattr(values, method):
            return getattr(values, method)()
    if not isinstance(values, Iterable):
        raise UserError(f"a list of documents is needed, not {type(values).__name__}.")
    return list(values)
