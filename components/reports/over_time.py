"""`topics_over_time.csv`, `topic_trends.csv` and `topics_over_time.png`."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from components.base import Bounds, Integers, ParameterError, Result, Times, Topic, largest
from components.pieces import of_documents, of_pieces
from components.reports.bins import Unit, check_bins, in_bins
from components.reports.fonts import readable
from components.reports.groups import cross_table, words_of_cells
from components.reports.plots import GREY, colour, drawable, save
from components.reports.tables import write_csv
from components.reports.text import one_line
from components.reports.trends import Trend, trends

log = logging.getLogger(__name__)

HEADS = ["topic", "start", "end", "count", "share", "words"]
TRENDS = ["topic", "label", "trend", "factor", "factor_low", "factor_high"]


@dataclass(frozen=True)
class OverTime:
    """Topics by bins of time. Bins without any document are left out.

    Parameters
    ----------
    unit : str
        What a bin is, such as "month" or "3 days".
    places : int64 array (n_bins,)
        Numbers of the bins, the empty ones counted.
    starts, ends : datetime64 arrays (n_bins,)
        A bin holds the times from its start up to, and not including, its end.
    bins : int64 array (n,)
        Bin of each document; -1: it has no time.
    counts : int64 array (n_topics, n_bins)
        Documents of each topic.
    totals : int64 array (n_bins,)
        Clustered documents, those without a topic included.
    """

    unit: str
    places: Integers
    starts: Times
    ends: Times
    bins: Integers
    counts: Integers
    totals: Integers

    @property
    def shares(self) -> Any:
        """Float (n_topics, n_bins): share of each topic among the documents of the bin."""
        return self.counts / np.maximum(self.totals, 1)

    def smoothed(self, width: int) -> Any:
        """Shares within windows of `width` bins, centred on each, float (n_topics, n_bins).

        All documents of a window count alike. Empty bins count as bins; at both ends windows are
        cut.
        """
        apart = np.abs(self.places[:, None] - self.places[None, :])
        window = (apart <= width // 2).astype(np.int64)
        return (self.counts @ window) / (self.totals @ window)

    @cached_property
    def trends(self) -> list[Trend]:
        """The trend of each topic, see `components.reports.trends`."""
        starts, ends = (edge.astype("datetime64[s]").astype(np.float64) for edge in
                        (self.starts, self.ends))  # fmt: skip
        return trends(self.counts, self.totals, (starts + ends) / 2)


def topics_over_time(
    result: Result, bins: str | int = "auto", level: int = logging.DEBUG
) -> OverTime | None:
    """Count the topics' documents in bins of time; None without times, or with one bin only.

    A document that was split counts once, in the topic with the most of it.

    Parameters
    ----------
    bins : str or int
        See `components.reports.bins.in_bins`.
    level : int
        At which the log says why there is no table; several reports use it, and one warns.

    Raises
    ------
    ParameterError
    """
    check_bins(bins)
    whole = of_documents(result)
    times = whole.corpus.timestamps
    if times is None or not result.topics:
        return None
    clustered = np.zeros(len(times), bool)
    clustered[whole.rows] = True
    timed = np.flatnonzero(~np.isnat(times) & clustered)
    if not len(timed):
        log.log(level, "topics over time: no document has a time.")
        return None
    used = in_bins(times[timed], bins)
    if len(used.places) == 1:
        log.log(level, "topics over time: all documents are of one %s.", used.unit)
        return None
    bin_of = np.full(len(times), -1, np.int64)
    bin_of[timed] = used.of
    return OverTime(
        used.unit,
        used.places,
        used.starts,
        used.ends,
        bin_of,
        cross_table(whole.labels, bin_of, (len(result.topics), len(used.places))),
        np.bincount(used.of, minlength=len(used.places)),
    )


def check_smooth(smooth: int | None) -> None:
    """Raise a `ParameterError` unless `smooth` is None or an odd number from 3 on."""
    if smooth is not None and (isinstance(smooth, bool) or smooth < 3 or smooth % 2 == 0):
        raise ParameterError(
            "smooth", smooth, "must be an odd number of bins from 3 on, as 3 or 5, or null."
        )


def write_topics_over_time(
    result: Result,
    folder: Path,
    *,
    bins: Literal["auto"] | Unit | Annotated[int, Bounds(2, 2000)] = "auto",
    smooth: Annotated[int, Bounds(3, odd=True)] | None = None,
    n_words: Annotated[int, Bounds(1)] = 5,
    csv_safe: bool = True,
) -> list[Path]:
    """`topics_over_time.csv` and `topic_trends.csv`; nothing without times.

    The first has a row for each topic and bin of time, with the columns topic, start and end of the
    bin (UTC, ISO 8601; the end is not part of it), count, share (of the bin's documents, those
    without a topic included), words and, with `smooth`, share_smoothed. Bins without any document
    have no rows; a topic that has none of a bin's documents has a row with count 0.

    The words are those of the topic's documents in the bin, or of its pieces of these where
    documents were split: their term frequencies there times the factor that c-TF-IDF gives each
    term in the topics (Grootendorst 2022, arXiv:2203.05794, section 3.4), so that words of
    different bins are weighed alike.

    `topic_trends.csv` has one row per topic: topic, label, trend (new, rising, falling or empty)
    and the factor by which its odds change from the first bin to the last, with its interval; see
    `components.reports.trends`.

    Parameters
    ----------
    bins : str or int
        See `topics_over_time`.
    smooth : int, optional
        Bins of a moving window, odd, see `OverTime.smoothed`.
    n_words : int
        Words of each row.
    csv_safe : bool
        See `write_csv`.
    """
    check_smooth(smooth)
    table = topics_over_time(result, bins, logging.WARNING)
    if table is None:
        return []
    n_topics, n_bins = table.counts.shape
    bin_of = of_pieces(table.bins, result.corpus)
    words = words_of_cells(result, result.labels, bin_of, (n_topics, n_bins), n_words)
    starts, ends = np.datetime_as_string(table.starts), np.datetime_as_string(table.ends)
    counts, shares = table.counts.ravel().tolist(), table.shares.round(6).ravel().tolist()
    rows = [
        [cell // n_bins, starts[cell % n_bins], ends[cell % n_bins], counts[cell], shares[cell],
         words[cell]]
        for cell in range(n_topics * n_bins)
    ]  # fmt: skip
    heads = HEADS
    if smooth:
        heads = [*HEADS, "share_smoothed"]
        for row, share in zip(rows, table.smoothed(smooth).round(6).ravel().tolist(), strict=True):
            row.append(share)
    moves = (
        [topic.id, topic.label, trend.kind]
        + ["" if math.isnan(f) else f"{f:.4g}" for f in (trend.factor, trend.low, trend.high)]
        for topic, trend in zip(result.topics, table.trends, strict=True)
    )
    return [
        write_csv(folder / "topics_over_time.csv", heads, rows, csv_safe=csv_safe),
        write_csv(folder / "topic_trends.csv", TRENDS, moves, csv_safe=csv_safe),
    ]


def write_plot_over_time(
    result: Result,
    folder: Path,
    *,
    bins: Literal["auto"] | Unit | Annotated[int, Bounds(2, 2000)] = "auto",
    smooth: Annotated[int, Bounds(3, odd=True)] | None = None,
    n_topics: Annotated[int, Bounds(1)] = 12,
) -> list[Path]:
    """`topics_over_time.png`: the shares of the largest topics, a panel each.

    Each panel has its own scale, beginning at 0; the first shows how many documents there are.
    Bins without any document are gaps. A line shows the smoothed shares, where `smooth` is set.
    """
    check_smooth(smooth)
    table = topics_over_time(result, bins)
    if table is None:
        return []
    topics = largest(result.topics)[:n_topics]
    with readable(topic.label for topic in topics):
        figure = _figure(table, topics, len(result.topics), smooth)
        return save(figure, folder / "topics_over_time.png")


def _figure(table: OverTime, topics: Sequence[Topic], n_all: int, smooth: int | None) -> Any:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    columns = min(4, len(topics) + 1)
    rows = -(-(len(topics) + 1) // columns)
    figure = Figure(figsize=(3.6 * columns, 1.9 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    widths = table.ends - table.starts
    middles = table.starts + widths // 2
    smoothed = table.smoothed(smooth) if smooth else None

    def panel(axis: Any, title: str, heights: Any, shade: Any, form: Callable[..., str]) -> None:
        axis.bar(table.starts, heights, width=widths, align="edge", color=shade)
        axis.set_title(drawable(title), fontsize=8.5, loc="left")
        axis.set_ylim(0, (float(heights.max()) or 1.0) * 1.08)
        axis.yaxis.set_major_formatter(form)
        axis.yaxis.get_major_locator().set_params(nbins=3)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)

    panel(axes[0], f"Documents by {table.unit}", table.totals, GREY, lambda v, _: f"{v:,.0f}")
    for topic, axis in zip(topics, axes[1:], strict=False):
        kind = table.trends[topic.id].kind
        title = f"{topic.id} · {one_line(topic.label, 26 if kind else 34)}"
        title += f" ({kind})" if kind else ""
        shares = 100 * table.shares[topic.id]
        panel(axis, title, shares, colour(topic.id), lambda v, _: f"{v:g} %")
        if smoothed is not None:
            axis.plot(middles, 100 * smoothed[topic.id], color="black", linewidth=1)
    for axis in axes[len(topics) + 1 :]:
        axis.set_axis_off()
    for axis in axes[max(0, len(topics) + 1 - columns) : len(topics) + 1]:
        axis.xaxis.set_tick_params(labelbottom=True)  # the lowest of each column
    locator = AutoDateLocator(minticks=2, maxticks=5)
    axes[0].xaxis.set_major_locator(locator)
    axes[0].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    shown = f"the {len(topics)} largest of {n_all}" if len(topics) < n_all else str(n_all)
    title = f"Shares of {shown} topics among the documents of each {table.unit}"
    figure.suptitle(title, fontsize=11)
    return figure
