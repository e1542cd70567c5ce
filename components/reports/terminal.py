"""The table that ends a run."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from components.base import Result
from components.reports.text import plain, words_or_label

_WORDS = 52  # characters for the words of a topic
_LABEL = 28  # and for its label


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
    named = any(topic.is_named and topic.words for topic in result.topics[:n_topics])
    if named:
        table.add_column("label", max_width=_LABEL, overflow="ellipsis", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("words", max_width=_WORDS, overflow="ellipsis", no_wrap=True)
    width = max(20, console.width - _WORDS - 18 - (_LABEL + 2 if named else 0))
    table.add_column(
        "typical document", max_width=width, overflow="ellipsis", no_wrap=True, style="dim"
    )
    for topic in result.topics[:n_topics]:
        words = words_or_label(topic, n_words)
        typical = " ".join(result.corpus.documents[topic.typical].split())[:200]
        label = [Text(plain(topic.label))] if named else []
        table.add_row(
            str(topic.id), *label, f"{topic.size:,}", Text(plain(words)), Text(plain(typical))
        )
    console.print()
    console.print(table)
    smaller = result.topics[n_topics:]
    if smaller:
        size = sum(topic.size for topic in smaller)
        console.print(f"  and {len(smaller)} smaller topics with {size:,} documents: topics.csv")
    outside = int(np.sum(result.labels < 0))
    if outside:
        documents = "document" if outside == 1 else "documents"
        console.print(f"   -1  {outside:,} {documents} in no topic")
    console.print()
    console.print(_summary(result), soft_wrap=True)


def _summary(result: Result) -> str:
    shown = ("npmi", "topic_diversity", "silhouette", "outlier_ratio", "ari", "ami", "v_measure")
    values = [f"{name} {result.metrics[name]:.3f}" for name in shown if name in result.metrics]
    seconds = result.metrics["total_seconds"]
    n = len(result.topics)
    failed = [f"failed: {', '.join(result.failed_metrics)}"] if result.failed_metrics else []
    return " · ".join([f"{n} topic{'s' if n != 1 else ''}", *values, *failed, f"{seconds:.1f} s"])
