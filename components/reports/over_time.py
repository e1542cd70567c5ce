"""`topics_over_time.csv` and `topics_over_time.png`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Integers, ParameterError, Result, Times, Topic
from components.reports.fonts import readable
from components.reports.groups import cross_table, membership, words_of_groups
from components.reports.plots import GREY, colour, drawable, save, short
from components.reports.tables import write_csv

log = logging.getLogger(__name__)

HEADS = ["topic", "start", "end", "count", "share", "words"]
WANTED_BINS = 25  # of the units, the one whose number of bins comes closest to it is chosen
MOST_BINS = 2000

# Number of the bin that a time lies in, and the start of a bin, counted from 1970.
_IN_HOURS = {"hour": 1, "day": 24}
_IN_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120}
UNITS = ("hour", "day", "week", "month", "quarter", "year", "decade")


@dataclass(frozen=True)
class OverTime:
    """Topics by bins of time. Bins without any document are left out.

    Parameters
    ----------
    unit : str
        Of `UNITS`.
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
    starts: Times
    ends: Times
    bins: Integers
    counts: Integers
    totals: Integers

    @property
    def shares(self) -> Any:
        """Float (n_topics, n_bins): share of each topic among the documents of the bin."""
        return self.counts / np.maximum(self.totals, 1)


def topics_over_time(result: Result, bins: str = "auto") -> OverTime | None:
    """Count the topics' documents in bins of time; None without times, or with one bin only.

    Parameters
    ----------
    bins : str
        One of `UNITS`, or "auto": the unit with which the span of the times, less the first and
        the last hundredth of the documents, has nearest to 25 bins (by their ratio). A few wrong
        dates thus do not decide.

    Raises
    ------
    ParameterError
        When the unit is unknown or gives more than 2,000 bins.
    """
    if bins != "auto" and bins not in UNITS:
        raise ParameterError("bins", bins, f"must be auto, {', '.join(UNITS[:-1])} or {UNITS[-1]}.")
    times = result.corpus.timestamps
    if times is None or not result.topics:
        return None
    clustered = np.zeros(len(times), bool)
    clustered[result.kept] = True
    known = np.flatnonzero(~np.isnat(times) & clustered)
    if not len(known):
        log.warning("topics over time: no document has a time.")
        return None
    unit = _unit_for(times[known]) if bins == "auto" else bins
    used, place = np.unique(_bin(times[known], unit), return_inverse=True)
    if len(used) > MOST_BINS:
        reason = f"gives {len(used):,} bins, more than {MOST_BINS:,}. Choose a longer unit."
        raise ParameterError("bins", bins, reason)
    if len(used) == 1:
        log.warning("topics over time: all documents are of one %s.", unit)
        return None
    bin_of = np.full(len(times), -1, np.int64)
    bin_of[known] = place
    return OverTime(
        unit,
        _start(used, unit),
        _start(used + 1, unit),
        bin_of,
        cross_table(result.labels, bin_of, (len(result.topics), len(used))),
        np.bincount(place, minlength=len(used)),
    )


def _unit_for(times: Times) -> str:
    ordered = np.sort(times)
    cut = len(ordered) // 100
    ends = ordered[[cut, len(ordered) - 1 - cut]]

    def misfit(unit: str) -> float:
        first, last = _bin(ends, unit)
        return float(abs(np.log((last - first + 1) / WANTED_BINS)))

    return min(UNITS, key=misfit)


def _bin(times: Times, unit: str) -> Integers:
    """Number of the bin of each time."""
    if unit in _IN_MONTHS:
        months = times.astype("datetime64[M]").astype(np.int64)
        # Decades begin with years that end in 0, as 1970 does.
        return np.asarray(months // _IN_MONTHS[unit])
    hours = times.astype("datetime64[h]").astype(np.int64)
    if unit == "week":  # from Monday; 1970 began on a Thursday
        return np.asarray((hours // 24 + 3) // 7)
    return np.asarray(hours // _IN_HOURS[unit])


def _start(numbers: Integers, unit: str) -> Times:
    if unit in _IN_MONTHS:
        return (numbers * _IN_MONTHS[unit]).astype("datetime64[M]").astype("datetime64[D]")
    if unit == "week":
        return (numbers * 7 - 3).astype("datetime64[D]")
    if unit == "day":
        return numbers.astype("datetime64[D]")
    return numbers.astype("datetime64[h]").astype("datetime64[m]")


def write_topics_over_time(
    result: Result,
    folder: Path,
    *,
    bins: str = "auto",
    n_words: int = 5,
    csv_safe: bool = True,
) -> list[Path]:
    """`topics_over_time.csv`, a row a topic and bin of time; nothing without times.

    Columns: topic, start and end of the bin (UTC, ISO 8601; the end is not part of it), count,
    share (of the bin's documents, those without a topic included), words. Bins without any
    document have no rows; a topic that has none of a bin's documents has a row with count 0.

    The words are those of the topic's documents in the bin: their term frequencies there times the
    factor that c-TF-IDF gives each term in the topics (Grootendorst 2022, arXiv:2203.05794,
    section 3.4), so that words of different bins are weighed alike.

    Parameters
    ----------
    bins : str
        See `topics_over_time`.
    n_words : int
        Words of each row, at least 1.
    csv_safe : bool
        See `write_csv`.
    """
    if n_words < 1:
        raise ParameterError("n_words", n_words, "must be at least 1.")
    table = topics_over_time(result, bins)
    if table is None:
        return []
    n_topics, n_bins = table.counts.shape
    inside = (result.labels >= 0) & (table.bins >= 0)
    groups = np.where(inside, result.labels * n_bins + table.bins, -1)
    words = words_of_groups(result, membership(groups, n_topics * n_bins), n_words)
    starts, ends = np.datetime_as_string(table.starts), np.datetime_as_string(table.ends)
    rows = (
        [topic, starts[place], ends[place], count, share, words[topic * n_bins + place]]
        for topic in range(n_topics)
        for place, (count, share) in enumerate(
            zip(table.counts[topic].tolist(), table.shares[topic].round(6).tolist(), strict=True)
        )
    )
    return [write_csv(folder / "topics_over_time.csv", HEADS, rows, csv_safe=csv_safe)]


def write_plot_over_time(
    result: Result, folder: Path, *, bins: str = "auto", n_topics: int = 12
) -> list[Path]:
    """`topics_over_time.png`: the shares of the largest topics, a panel each.

    Each panel has its own scale, beginning at 0; the first shows how many documents there are.
    Bins without any document are gaps.
    """
    table = topics_over_time(result, bins)
    if table is None:
        return []
    topics = result.topics[:n_topics]
    with readable(topic.label for topic in topics):
        figure = _figure(table, topics, len(result.topics))
        return save(figure, folder / "topics_over_time.png")


def _figure(table: OverTime, topics: Sequence[Topic], n_all: int) -> Any:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    columns = min(4, len(topics) + 1)
    rows = -(-(len(topics) + 1) // columns)
    figure = Figure(figsize=(3.6 * columns, 1.9 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    widths = table.ends - table.starts

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
        title = f"{topic.id} · {short(topic.label, 34)}"
        shares = 100 * table.shares[topic.id]
        panel(axis, title, shares, colour(topic.id), lambda v, _: f"{v:g} %")
    for axis in axes[len(topics) + 1 :]:
        axis.set_axis_off()
    locator = AutoDateLocator(minticks=2, maxticks=5)
    axes[0].xaxis.set_major_locator(locator)
    axes[0].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    shown = f"the {len(topics)} largest of {n_all}" if len(topics) < n_all else str(n_all)
    title = f"Shares of {shown} topics among the documents of each {table.unit}"
    figure.suptitle(title, fontsize=11)
    return figure
