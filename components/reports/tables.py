"""`topics.csv` and `documents.parquet`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from components.arrow import numbers, strings
from components.base import Integers, Result


def write_topics(result: Result, path: Path) -> None:
    """A row a topic: topic, size, words (best first, comma between), typical_document."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["topic", "size", "words", "typical_document"])
        for topic in result.topics:
            words = ", ".join(word for word, _ in topic.words)
            typical = result.corpus.documents[topic.typical]
            writer.writerow([topic.id, topic.size, words, typical])


def write_layers(result: Result, path: Path) -> None:
    """A row a topic of each layer, coarsest layer first.

    Columns: layer, topic, parent (the topic of the next coarser layer that it lies in), size,
    words, typical_document.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["layer", "topic", "parent", "size", "words", "typical_document"])
        coarser: Integers | None = None
        for name, layer in result.layers.items():
            for topic in layer.topics:
                parent = "" if coarser is None else int(coarser[topic.typical])
                words = ", ".join(word for word, _ in topic.words)
                typical = result.corpus.documents[topic.typical]
                writer.writerow([name, topic.id, parent, topic.size, words, typical])
            coarser = layer.labels


def write_documents(result: Result, path: Path) -> None:
    """A row a document in the corpus' order.

    Columns: row (in the source), document, topic (-1: none), strength, and topic_<layer>, label,
    timestamp, image, x and y where there are any.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    corpus = result.corpus
    columns: dict[str, object] = {
        "row": numbers(np.arange(len(corpus)) if corpus.rows is None else corpus.rows),
        "document": strings(corpus.documents),
        "topic": numbers(result.labels),
        "strength": numbers(result.strengths),
    }
    for name, layer in result.layers.items():
        columns[f"topic_{name}"] = numbers(layer.labels)
    for name, values in (
        ("label", corpus.labels),
        ("timestamp", corpus.timestamps),
        ("image", corpus.images),
    ):
        if values is not None:
            columns[name] = list(values)
    if result.coordinates is not None:
        columns["x"] = numbers(result.coordinates[:, 0])
        columns["y"] = numbers(result.coordinates[:, 1])
    pq.write_table(pa.table(columns), path)
