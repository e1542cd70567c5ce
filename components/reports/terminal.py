"""The table that ends a run."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from components.base import Result, largest
from components.reports.text import plain, smaller_topics, words_or_label

_WORDS = 52  # characters for the words of a topic, where there is room
_LABEL = 28  # and for its label
_NUMBERS = 18  # for its number, its size, and the space after each column
_LEAST = 9  # of a typical document: fewer say nothing


def print_topics(result: Result, file: TextIO, *, n_topics: int = 20, n_words: int = 7) -> None:
    """Print topics (number, label, size, words, a typical document) and what was measured.

    Labels have a column where some topic is named by more than its words.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Without a terminal there is no width to fit, but lines without end help nobody.
    console = Console(file=file, highlight=False, width=None if file.isatty() else 120)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("topic", justify="right", no_wrap=True)
    shown = largest(result.topics)[:n_topics]
    named = any(topic.is_named and topic.words for topic in shown)
    # Rich would take the room that is lacking from all columns alike: numbers and sizes too.
    room = console.width - _NUMBERS
    if named:
        width = min(_LABEL, max(8, console.width // 4))
        room -= width + 2
        table.add_column("label", max_width=width, overflow="ellipsis", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    width = min(_WORDS, room * 3 // 4)
    with_document = room - width >= _LEAST
    if not with_document:
        width = max(8, room)
    table.add_column("words", max_width=width, overflow="ellipsis", no_wrap=True)
    if with_document:
        table.add_column(
            "typical document",
            max_width=room - width,
            overflow="ellipsis",
            no_wrap=True,
            style="dim",
        )
    for topic in shown:
        words = words_or_label(topic, n_words)
        cells = [str(topic.id), *([topic.label] if named else []), f"{topic.size:,}", words]
        if with_document:
            cells.append(" ".join(result.corpus.documents[topic.typical].split())[:200])
        table.add_row(*(Text(plain(cell)) for cell in cells))
    console.print()
    console.print(table)
    smaller = largest(result.topics)[n_topics:]
    if smaller:
        size = sum(topic.size for topic in smaller)
        console.print(f"  and {smaller_topics(len(smaller))} with {_documents(size)}: topics.csv")
    outside = int(np.sum(result.labels < 0))
    if outside:
        console.print(f"   -1  {_documents(outside)} in no topic")
    console.print()
    console.print(_summary(result), soft_wrap=True)


def _documents(n: int) -> str:
    return f"{n:,} document{'s' if n != 1 else ''}"


def _summary(result: Result) -> str:
    shown = ("npmi", "topic_diversity", "silhouette", "outlier_ratio", "ari", "ami", "v_measure")
    values = [f"{name} {result.metrics[name]:.3f}" for name in shown if name in result.metrics]
    seconds = result.metrics["total_seconds"]
    n = len(result.topics)
    failed = [f"failed: {', '.join(result.failed_metrics)}"] if result.failed_metrics else []
    return " · ".join([f"{n} topic{'s' if n != 1 else ''}", *values, *failed, f"{seconds:.1f} s"])
