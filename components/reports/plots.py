"""`topics.png`, `map.png`, and `granularity.png` with its table."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from components.base import Bounds, Result, Topic, largest
from components.reports.fonts import readable
from components.reports.tables import write_csv
from components.reports.text import one_line, plain

GREY = (0.78, 0.78, 0.78)


def write_topics_plot(
    result: Result,
    folder: Path,
    *,
    n_topics: Annotated[int, Bounds(1)] = 12,
    n_words: Annotated[int, Bounds(1)] = 8,
) -> list[Path]:
    """`topics.png`: a panel for each of the largest topics, with bars for its words' weights."""
    topics = largest(result.topics)[:n_topics]
    words = (word for topic in topics for word, _ in topic.words[:n_words])
    with readable([*words, *(topic.label for topic in topics)]):
        figure = _topics_figure(topics, len(result.topics), n_words)
        return save(figure, folder / "topics.png")


def _topics_figure(topics: Sequence[Topic], n_all: int, n_words: int) -> Any:
    from matplotlib.figure import Figure

    columns = min(4, max(1, len(topics)))
    rows = max(1, -(-len(topics) // columns))
    width, height = 3.4 * columns, 2.2 * rows + 0.5
    figure = Figure(figsize=(width, height))
    # Axes for each panel, with their ticks, would take twice as long: one for all, in inches.
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axis.set_axis_off()
    for place, topic in enumerate(topics):
        row, column = divmod(place, columns)
        left, top = 3.4 * column + 1.4, 2.2 * row + 0.7
        title = f"Topic {topic.id} · {topic.size:,} documents"
        if topic.is_named:
            title = f"{topic.id} · {one_line(topic.label, 36)} · {topic.size:,}"
        axis.text(left, top, drawable(title), fontsize=9, va="center")
        if not topic.words:
            continue
        words, weights = zip(*topic.words[:n_words], strict=True)
        lines = top + 0.24 + 0.2 * np.arange(len(words))
        lengths = np.array(weights) * 1.5 / (max(weights) or 1)
        axis.barh(lines, lengths, height=0.15, left=left, color=colour(topic.id))
        for word, line in zip(words, lines, strict=True):
            axis.text(
                left - 0.06, line, drawable(one_line(word, 18)), fontsize=8, ha="right", va="center"
            )
        axis.text(left + 1.56, lines[0], f"{weights[0]:.2g}", fontsize=7, va="center", color="grey")
    shown = f"the {len(topics)} largest of " if n_all > len(topics) else ""
    title = f"Words of {shown}{n_all} topic{'' if n_all == 1 else 's'}, and their weights"
    axis.text(width / 2, 0.3, title, fontsize=11, ha="center", va="center")
    return figure


def write_map(
    result: Result, folder: Path, *, n_labels: Annotated[int, Bounds(0)] = 25
) -> list[Path]:
    """`map.png`: every document at its two coordinates, coloured by topic.

    Nothing where the documents have no coordinates.

    Parameters
    ----------
    n_labels : int
        How many of the largest topics are labelled.
    """
    if result.coordinates is None:
        return []
    with readable(topic.label for topic in largest(result.topics)[:n_labels]):
        return save(_map_figure(result, n_labels), folder / "map.png")


def _map_figure(result: Result, n_labels: int) -> Any:
    from matplotlib.figure import Figure

    assert result.coordinates is not None
    labels, places = result.labels, result.coordinates
    size = float(np.clip(12_000 / max(1, len(result.rows)), 1.0, 30.0))
    figure = Figure(figsize=(12, 9), layout="constrained")
    axis = figure.subplots()
    outliers = places[labels < 0]
    axis.scatter(outliers[:, 0], outliers[:, 1], s=size * 0.6, color=GREY, linewidths=0)
    colours = np.array([colour(topic.id) for topic in result.topics] or [GREY])
    inside = np.flatnonzero(labels >= 0)
    axis.scatter(
        places[inside, 0], places[inside, 1], s=size, c=colours[labels[inside]], linewidths=0
    )
    for topic, place in _spaced(result, n_labels):
        axis.annotate(
            drawable(f"{topic.id} · {one_line(topic.label, 44)}"),
            place,
            ha="center",
            va="bottom",
            fontsize=8.5,
            bbox={
                "boxstyle": "round,pad=0.25",
                "fc": "white",
                "ec": colour(topic.id),
                "alpha": 0.85,
            },
        )
    axis.set_axis_off()
    axis.margins(0.05)
    share = float(np.mean(labels[result.rows] < 0)) if len(result.rows) else 0.0
    drawn, all_of_them = int(np.isfinite(places[:, 0]).sum()), len(result.corpus)
    of = f" of {all_of_them:,}" if drawn < all_of_them else ""
    axis.set_title(
        f"{drawn:,}{of} documents, {len(result.topics)} topics, "
        f"{100 * share:.0f} % in no topic (grey)",
        fontsize=11,
        loc="left",
        pad=18,
    )
    return figure


def write_curve(result: Result, folder: Path) -> list[Path]:
    """`granularity.png`: the score of each setting that was tried, and the setting chosen.

    `granularity.csv` has the numbers. Nothing where the clusterer tried none.
    """
    if not result.curve:
        return []
    heads = list(result.curve[0])
    rows = [[point.get(head, "") for head in heads] for point in result.curve]
    table = write_csv(folder / "granularity.csv", heads, rows, csv_safe=False)
    from matplotlib.figure import Figure

    setting = next(iter(result.curve[0]))
    at = [point[setting] for point in result.curve]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot(at, [point["score"] for point in result.curve], marker="o", color=colour(1))
    out = [point for point in result.curve if point.get("ruled_out")]
    axis.plot(
        [point[setting] for point in out],
        [point["score"] for point in out],
        linestyle="none",
        marker="o",
        color=colour(1),
        markerfacecolor="white",
    )
    for point in result.curve:
        axis.annotate(
            f"{point['n_topics']:.0f}",
            (point[setting], point["score"]),
            textcoords="offset points",
            xytext=(0, 8),
            ha="center",
            fontsize=8,
        )
    if setting in result.choice:
        axis.axvline(result.choice[setting], color=GREY, zorder=0)
    axis.set_xscale("log")
    axis.set_xticks(at, [f"{value:g}" for value in at])
    axis.minorticks_off()
    axis.set_xlabel(setting.replace("_", " "))
    axis.set_ylabel("agreement of halves (AMI)")
    hollow = " Hollow: ruled out by the modularity." if out else ""
    axis.set_title(f"Numbers: topics. Line: what was chosen.{hollow}", fontsize=9, loc="left")
    axis.margins(y=0.15)
    return [table, *save(figure, folder / "granularity.png")]


def save(figure: Any, path: Path) -> list[Path]:
    """Write a figure as PNG, and return its path as a list of one."""
    figure.savefig(path, dpi=120)
    return [path]


def _spaced(result: Result, n_labels: int) -> list[tuple[Any, Any]]:
    """Where to write the labels of the largest topics: above them, moved apart vertically."""
    assert result.coordinates is not None
    places = result.coordinates[result.rows]
    height = float(np.ptp(places[:, 1])) or 1.0
    width = float(np.ptp(places[:, 0])) or 1.0
    placed: list[tuple[Any, Any]] = []
    for topic in largest(result.topics)[:n_labels]:
        members = result.coordinates[result.labels == topic.id]
        x, y = np.median(members[:, 0]), np.quantile(members[:, 1], 0.85) + 0.012 * height
        for _ in range(60):
            near = [
                other
                for _, other in placed
                if abs(other[1] - y) < 0.03 * height and abs(other[0] - x) < 0.2 * width
            ]
            if not near:
                break
            y = max(other[1] for other in near) + 0.031 * height
        placed.append((topic, (x, y)))
    return placed


def colour(topic: int) -> tuple[float, float, float]:
    """Colours far apart for neighbouring numbers: hues by the golden angle, three shades."""
    return colorsys.hls_to_rgb(topic * 0.618034 % 1.0, (0.42, 0.56, 0.34)[topic % 3], 0.62)


def drawable(text: str) -> str:
    """Text that matplotlib draws as it is: a dollar sign would begin a formula."""
    return plain(text).replace("$", r"\$")
