"""`topics_by_class.csv` and `topics_by_class.png`: topics among the classes of a column."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from components.base import Bounds, Integers, Result, Topic, largest
from components.pieces import of_documents, of_pieces
from components.reports.association import log_odds, standing, wilson
from components.reports.fonts import readable
from components.reports.groups import cross_table, words_of_cells
from components.reports.plots import drawable, save
from components.reports.tables import write_csv
from components.reports.text import one_line

log = logging.getLogger(__name__)

HEADS = "column class topic count share share_low share_high z stands_out words".split()


@dataclass(frozen=True)
class ByClass:
    """Topics among the classes of one column.

    Parameters
    ----------
    column : str
    names : list of str, length n_classes
        The classes, largest first; of equal ones by name.
    classes : int64 array (n,)
        Class of each document; -1: none, or one that is left out.
    counts : int64 array (n_topics, n_classes)
        Documents of each topic.
    totals : int64 array (n_classes,)
        Clustered documents of each class, those without a topic included.
    others : int64 array (n_topics,)
        Documents of each topic in classes that are left out.
    n_others : int
        Clustered documents of the classes that are left out.
    """

    column: str
    names: list[str]
    classes: Integers
    counts: Integers
    totals: Integers
    others: Integers
    n_others: int

    @property
    def shares(self) -> Any:
        """Float (n_topics, n_classes): share of each topic among the documents of the class."""
        return self.counts / self.totals

    @property
    def intervals(self) -> tuple[Any, Any]:
        """Lower and upper ends of the shares' 95 % intervals, see `wilson`."""
        return wilson(self.counts, self.totals)

    @property
    def z(self) -> Any:
        """Float (n_topics, n_classes): how a topic stands out in a class, see `log_odds`."""
        return log_odds(self.counts, self.totals, self.others, self.n_others)

    @property
    def threshold(self) -> float:
        """The |z| beyond which a topic stands out.

        In a table without any association one of its cells lies beyond it with a probability of
        at most .05 (Bonferroni).
        """
        from scipy.stats import norm

        return float(norm.isf(0.025 / self.counts.size))


def topics_by_class(
    result: Result, max_classes: int = 100, level: int = logging.DEBUG
) -> list[ByClass]:
    """The topics among the classes of each column that `dataset.classes` names.

    Documents whose value is missing are in no class. One that was split counts once, in the topic
    with the most of it: its pieces are no independent observations. A column is left out
    when fewer than two classes have documents, or when most classes have one document, as row
    numbers do.

    Parameters
    ----------
    max_classes : int
        Of each column, at least 2: the largest. The others are counted among the other classes
        that each class is compared with.
    level : int
        At which the log says what is left out; several reports use it, and one warns.
    """
    if not result.topics:
        return []
    whole = of_documents(result)
    tables = (_by_class(whole, column, max_classes, level) for column in result.corpus.classes)
    return [table for table in tables if table is not None]


def _by_class(result: Result, column: str, max_classes: int, level: int) -> ByClass | None:
    cells = result.corpus.columns[column]
    rows = result.rows.tolist()
    sizes = Counter(cells[row] for row in rows)
    sizes.pop("", None)
    if len(sizes) < 2:
        why = f"has one class, {next(iter(sizes))!r}" if sizes else "has no value in any document"
        log.log(level, "topics by class: column %r %s: it is left out.", column, why)
        return None
    n_single = sum(size == 1 for size in sizes.values())
    if n_single > len(sizes) / 2 and len(sizes) > max_classes:
        log.log(
            level,
            "topics by class: column %r has %d classes, %d of them of one document: it is left "
            "out. Name a column of fewer values.",
            column, len(sizes), n_single,
        )  # fmt: skip
        return None
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    number = {name: place for place, name in enumerate(ordered)}
    classes = np.full(len(cells), -1, np.int64)
    classes[result.rows] = [number.get(cells[row], -1) for row in rows]
    left_out = classes >= max_classes
    others = np.bincount(
        result.labels[left_out & (result.labels >= 0)], minlength=len(result.topics)
    )
    if left_out.any():
        log.log(
            level,
            "topics by class: of the %d classes in column %r the %d largest are shown; the others "
            "hold %d documents. reports.classes.max_classes shows more.",
            len(ordered), column, max_classes, int(left_out.sum()),
        )  # fmt: skip
    classes[left_out] = -1
    names = ordered[:max_classes]
    return ByClass(
        column,
        names,
        classes,
        cross_table(result.labels, classes, (len(result.topics), len(names))),
        np.array([sizes[name] for name in names], np.int64),
        others.astype(np.int64),
        int(left_out.sum()),
    )


def write_topics_by_class(
    result: Result,
    folder: Path,
    *,
    max_classes: Annotated[int, Bounds(2)] = 100,
    n_words: Annotated[int, Bounds(1)] = 5,
    csv_safe: bool = True,
) -> list[Path]:
    """`topics_by_class.csv`, one row per class and topic; nothing without classes.

    Columns: column and class (the largest first), topic, count, share (of the class's documents,
    those without a topic included), share_low and share_high (95 % interval, see `wilson`), z (how
    the topic stands out in the class, see `log_odds`), stands_out ("more", "less" or empty, see
    `ByClass.threshold`) and words: of the topic's documents in the class, or of its pieces of
    these where documents were split, weighed as in `topics_over_time.csv`.

    Parameters
    ----------
    max_classes : int
        See `topics_by_class`.
    n_words : int
        Words of each row.
    csv_safe : bool
        See `write_csv`.
    """
    tables = topics_by_class(result, max_classes, logging.WARNING)
    if not tables:
        return []
    rows = (row for table in tables for row in _rows(result, table, n_words))
    return [write_csv(folder / "topics_by_class.csv", HEADS, rows, csv_safe=csv_safe)]


def _rows(result: Result, table: ByClass, n_words: int) -> list[list[Any]]:
    n_topics, n_classes = table.counts.shape
    shape = (n_classes, n_topics)
    classes = of_pieces(table.classes, result.corpus)
    words = words_of_cells(result, classes, result.labels, shape, n_words)
    low, high = table.intervals
    numbers = [table.shares, low, high, table.z]
    columns = [array.T.round(6).ravel().tolist() for array in numbers]
    counts = table.counts.T.ravel().tolist()
    return [
        [
            table.column,
            table.names[place // n_topics],
            place % n_topics,
            counts[place],
            *numbers_,
            standing(numbers_[-1], table.threshold),
            words[place],
        ]
        for place, numbers_ in enumerate(zip(*columns, strict=True))
    ]


def write_plot_by_class(
    result: Result,
    folder: Path,
    *,
    max_classes: Annotated[int, Bounds(2)] = 100,
    n_topics: Annotated[int, Bounds(1)] = 20,
    n_classes: Annotated[int, Bounds(1)] = 12,
) -> list[Path]:
    """`topics_by_class.png`: shares of the largest topics in the largest classes, as a heatmap.

    A panel for each column. The colour is z, see `log_odds`: blue more, red less than in the other
    classes, and white where nothing stands out.
    """
    tables = topics_by_class(result, max_classes)
    if not tables:
        return []
    topics = largest(result.topics)[:n_topics]
    names = [name for table in tables for name in [table.column, *table.names[:n_classes]]]
    with readable([*names, *(topic.label for topic in topics)]):
        figure = _figure(tables, topics, n_classes)
        return save(figure, folder / "topics_by_class.png")


def _figure(tables: Sequence[ByClass], topics: Sequence[Topic], n_classes: int) -> Any:
    from matplotlib.figure import Figure

    shown = [min(n_classes, len(table.names)) for table in tables]
    width = 3.2 + sum(0.62 * n + 0.4 for n in shown)
    figure = Figure(figsize=(width, 0.3 * len(topics) + 2.6), layout="constrained")
    panels = figure.subplots(
        1, len(tables), squeeze=False, sharey=True, width_ratios=shown
    )[0]  # fmt: skip
    for axis, table, n in zip(panels, tables, shown, strict=True):
        z, shares = (cells[[topic.id for topic in topics], :n] for cells in (table.z, table.shares))
        # Colours are full at three times the threshold, and white below it.
        scale = np.sign(z) * np.clip((np.abs(z) / table.threshold - 1) / 2 + 0.15, 0, 1)
        scale[np.abs(z) < table.threshold] = 0
        axis.imshow(scale, cmap="RdBu", vmin=-1.4, vmax=1.4, aspect="auto")
        for row, column in np.ndindex(z.shape):
            share = 100 * shares[row, column]
            axis.text(column, row, f"{share:.1f}", fontsize=7, ha="center", va="center")
        labels = [drawable(one_line(name, 18)) for name in table.names[:n]]
        axis.set_xticks(range(n), labels, rotation=45, ha="right", fontsize=8)
        more = f" ({n} largest of {len(table.names)})" if n < len(table.names) else ""
        axis.set_title(drawable(one_line(table.column, 24)) + more, fontsize=9)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
    names = [drawable(f"{topic.id} · {one_line(topic.label, 40)}") for topic in topics]
    panels[0].set_yticks(range(len(topics)), names, fontsize=8)
    figure.suptitle(
        "Share of each topic in a class, per cent. Blue: more than in the other classes; red: less",
        fontsize=9,
    )
    return figure
