"""`topics.csv`, `layers.csv`, `documents.parquet` and `pieces.parquet`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.arrow import numbers, strings, times
from components.base import Integers, Result, Topic
from components.pieces import of_documents
from components.reports.text import listed_words, views_of, words_or_label

TOPICS = ["topic", "label", "size", "words", "typical_document"]
LAYERS = ["layer", "topic", "parent", "label", "size", "words", "typical_document"]

VIEW_PREFIX = "words_"  # of the columns with further views of the topics
LABEL = "label"  # key of the metadata of documents.parquet: whose labels are in that column
# Columns of documents.parquet; a further column of the data set whose name is taken has the prefix.
COLUMNS = "row document topic topic_label strength label timestamp image x y".split()
DATA_PREFIX = "data_"

# A spreadsheet takes a cell that begins with one of these for a formula, and may run it:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def write_topics(result: Result, folder: Path, *, csv_safe: bool = True) -> list[Path]:
    """`topics.csv`, one row per topic: topic, label, size, words, typical_document.

    Where the representation gives further views of the topics, the column words_<view> holds the
    words of each. Where topics have descriptions, these are the last column.

    Parameters
    ----------
    csv_safe : bool
        See `write_csv`.
    """
    views = views_of(result)
    heads = [*TOPICS, *(f"{VIEW_PREFIX}{name}" for name in views)]
    rows = [
        [*row, *(listed_words(words[row[0]]) for words in views.values())]
        for row in topic_rows(result)
    ]
    if any(topic.description for topic in result.topics):
        heads.append("description")
        rows = [[*row, topic.description] for row, topic in zip(rows, result.topics, strict=True)]
    return [write_csv(folder / "topics.csv", heads, rows, csv_safe=csv_safe)]


def topic_rows(result: Result) -> list[list[Any]]:
    """One row per topic, with the columns `TOPICS`."""
    return [[topic.id, topic.label, *_described(topic, result)] for topic in result.topics]


def write_layers(result: Result, folder: Path, *, csv_safe: bool = True) -> list[Path]:
    """`layers.csv`, one row per topic of each layer, coarsest layer first; nothing without layers.

    Columns: layer, topic, parent (the topic of the next coarser layer that it lies in), label,
    size, words, typical_document.

    Parameters
    ----------
    csv_safe : bool
        See `write_csv`.
    """
    if not result.layers:
        return []
    return [write_csv(folder / "layers.csv", LAYERS, layer_rows(result), csv_safe=csv_safe)]


def layer_rows(result: Result) -> Iterator[list[Any]]:
    """One row per topic of each layer, with the columns `LAYERS`."""
    coarser: Integers | None = None
    for name, layer in result.layers.items():
        for topic in layer.topics:
            parent = "" if coarser is None else int(coarser[topic.typical])
            yield [name, topic.id, parent, topic.label, *_described(topic, result)]
        coarser = layer.labels


def _described(topic: Topic, result: Result) -> list[Any]:
    """Size, words (best first, separated by commas) and the most typical document."""
    return [topic.size, words_or_label(topic), result.corpus.documents[topic.typical]]


def write_csv(
    path: Path, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, csv_safe: bool
) -> Path:
    """Write a table as CSV in UTF-8.

    Parameters
    ----------
    csv_safe : bool
        Write for spreadsheets: an apostrophe before text that begins like a formula, so that no
        document is executed, and a byte order mark, by which Excel recognises UTF-8.
    """
    with path.open("w", encoding="utf-8-sig" if csv_safe else "utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        for row in rows:
            writer.writerow(map(escaped, row) if csv_safe else row)
    return path


def escaped(cell: Any) -> Any:
    """A cell, with an apostrophe before text that begins like a formula."""
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for one, once apostrophes before it are gone."""
    return cell.lstrip("'").startswith(_FORMULA)


def write_documents(result: Result, folder: Path) -> list[Path]:
    """`documents.parquet`, see `documents_table`."""
    import pyarrow.parquet as pq

    path = folder / "documents.parquet"
    pq.write_table(documents_table(result), path)
    return [path]


def documents_table(result: Result) -> Any:
    """A `pyarrow.Table`, one row per document in the corpus' order.

    Columns: row (in the source), document, topic (-1: none), topic_label (null: none), strength,
    topic_<layer>, label, timestamp, image, x, y and further columns of the data set where there
    are any. `label` is the data set's; where it has no labels, the same as `topic_label`, which the
    schema's metadata says (`label`: topic or dataset). Where documents were split into pieces, a
    row is still a whole document.
    """
    import pyarrow as pa

    result = of_documents(result)
    corpus = result.corpus
    names = _topic_labels(result)
    columns: dict[str, object] = {
        "row": numbers(np.arange(len(corpus)) if corpus.rows is None else corpus.rows),
        "document": strings(corpus.documents),
        "topic": numbers(result.labels),
        "topic_label": names,
        "strength": numbers(result.strengths),
    }
    for name, layer in result.layers.items():
        columns[f"topic_{name}"] = numbers(layer.labels)
    columns["label"] = names if corpus.labels is None else strings(corpus.labels)
    if corpus.timestamps is not None:
        columns["timestamp"] = times(corpus.timestamps)
    if corpus.images is not None:
        columns["image"] = strings(corpus.images)
    if result.coordinates is not None:
        columns["x"] = numbers(result.coordinates[:, 0])
        columns["y"] = numbers(result.coordinates[:, 1])
    for name, cells in corpus.columns.items():
        taken = name in COLUMNS or name.startswith(("topic_", DATA_PREFIX))
        columns[f"{DATA_PREFIX}{name}" if taken else name] = strings(cells)
    label = "topic" if corpus.labels is None else "dataset"
    return pa.table(columns).replace_schema_metadata({LABEL: label})


def write_pieces(result: Result, folder: Path) -> list[Path]:
    """`pieces.parquet`, one row per piece of a document; nothing where documents are whole.

    Columns: row (of the document, in the source), piece, topic (-1: none), topic_label, strength,
    topic_<layer>, and x and y where there are any.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    corpus = result.corpus
    if corpus.whole is None:
        return []
    assert corpus.rows is not None
    columns: dict[str, object] = {
        "row": numbers(corpus.rows),
        "piece": strings(corpus.documents),
        "topic": numbers(result.labels),
        "topic_label": _topic_labels(result),
        "strength": numbers(result.strengths),
        **{f"topic_{name}": numbers(layer.labels) for name, layer in result.layers.items()},
    }
    if result.coordinates is not None:
        columns |= {axis: numbers(result.coordinates[:, i]) for i, axis in enumerate("xy")}
    path = folder / "pieces.parquet"
    pq.write_table(pa.table(columns), path)
    return [path]


def _topic_labels(result: Result) -> Any:
    """A `pyarrow.LargeStringArray` (n,): the label of each document's topic, null without one."""
    import pyarrow as pa

    labels = strings([topic.label for topic in result.topics])
    with_null = pa.concat_arrays([labels, pa.nulls(1, labels.type)])
    return with_null.take(numbers(np.where(result.labels < 0, len(labels), result.labels)))
