"""The figures of a leaderboard's page: HTML and SVG that need no network and no script."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

import numpy as np

from components.reports.similarity import order
from components.reports.text import one_line
from runner.leaderboard.comparison import Comparison
from runner.leaderboard.ranking import Ranking, Row

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 20, 50
LONGEST = 22  # characters of a run's name at the head of a column
N_RUNS = 12  # columns of the tables that compare runs


def pareto(ranking: Ranking) -> str:
    """Quality against seconds, with the front of what nothing beats in both.

    Empty without both, and where the runs have the same vectors: seconds are those of embedding.
    """
    if not any(name.partition(".")[0] == "embedder" for name in ranking.settings):
        return ""
    cost = next((c for c in ("embed_seconds", "total_seconds") if c in ranking.metrics), None)
    if cost is None or ranking.sort not in ranking.metrics or ranking.sort == cost:
        return ""
    rows = [row for row in ranking.rows if {cost, ranking.sort} <= row.metrics.keys()]
    points = [(max(r.metrics[cost].mean, 1e-3), r.metrics[ranking.sort].mean) for r in rows]
    if len(points) < 2:
        return ""
    sign = -1 if ranking.least_first else 1
    timed = [i for i, row in enumerate(rows) if not row.from_cache]
    front = [i for i in timed if not any(_beats(points[j], points[i], sign) for j in timed)]
    low, high = _span([math.log10(x) for x, _ in points])
    bottom, top = _span([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low) / (high - low)
        up = (y - bottom) / (top - bottom)
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    placed = [place(x, y) for x, y in points]
    line = sorted((placed[i] for i in front), key=lambda point: point[0])
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
    floor = HEIGHT - BOTTOM
    parts = [
        f'<line class="axis" x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}"/>',
        f'<line class="axis" x1="{LEFT}" y1="{TOP}" x2="{LEFT}" y2="{floor}"/>',
        *_ticks_across(low, high),
        *_ticks_up(bottom, top),
        f'<polyline class="front" points="{steps}"/>',
    ]
    for number in np.argsort([y for _, y in placed]):
        x, y = placed[number]
        row = rows[number]
        kind = "cached" if row.from_cache else "best" if number in front else "other"
        tooltip = f"{row.name}: {row.metrics[ranking.sort]}, {row.metrics[cost]} s"
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5">'
            f"<title>{escape(tooltip)}</title></circle>"
        )
    parts += _names([row.name for row in rows], placed)
    description = f"{ranking.sort} against {cost}. On the front: " + ", ".join(
        rows[i].name for i in front
    )
    middle = (TOP + floor) / 2
    return (
        open_wide("Quality and time")
        + f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(description)}">'
        + "".join(parts)
        + f'<text class="name" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" '
        f'text-anchor="middle">{escape(cost.replace("_", " "))}, logarithmic</text>'
        f'<text class="name" transform="translate(16 {middle}) rotate(-90)" '
        f'text-anchor="middle">{escape(ranking.sort.replace("_", " "))}</text></svg></div>'
    )


def open_wide(label: str) -> str:
    """The start of a region that scrolls sideways, by keyboard too."""
    return f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label)}">'


def _beats(one: tuple[float, float], other: tuple[float, float], sign: int) -> bool:
    """No slower and no worse, and not the same."""
    return one != other and one[0] <= other[0] and sign * one[1] >= sign * other[1]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """From the least to the most, with a margin."""
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 0.5
    return low - margin, high + margin


def _ticks_across(low: float, high: float) -> list[str]:
    """Powers of ten, or, where fewer than two lie in the span, halves of them."""
    step = 1.0 if math.floor(high) - math.ceil(low) >= 1 else 0.25
    marks = np.arange(math.ceil(low / step) * step, high, step)
    ticks = []
    for mark in marks:
        x = LEFT + (mark - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        text = f"{10**mark:,.0f}" if mark >= 2 else f"{10**mark:.3g}"
        ticks.append(
            f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>'
        )
    return ticks


def _ticks_up(low: float, high: float) -> list[str]:
    step = 10 ** math.floor(math.log10(high - low))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if (high - low) / s <= 8)
    ticks = []
    for mark in np.arange(math.ceil(low / step) * step, high, step):
        y = HEIGHT - BOTTOM - (mark - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        text = f"{mark + 0.0:.3g}" if abs(mark) > step / 10 else "0"
        ticks.append(
            f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
        )
    return ticks


def _names(names: Sequence[str], placed: Sequence[tuple[float, float]]) -> list[str]:
    """A name beside each point, moved down where it would lie on another name or point."""
    taken = [(x - 6, x + 6, y + 4) for x, y in placed]  # left, right, y
    texts = []
    for number in np.argsort([y for _, y in placed]):
        x, y = placed[number]
        name = one_line(names[number], 30)
        width = 6.6 * len(name)
        right = x + 9 + width > WIDTH
        left = x - 9 - width if right else x + 9
        y += 4
        while any(left < b and a < left + width and abs(y - at) < 13 for a, b, at in taken):
            y += 13
        taken.append((left, left + width, y))
        texts.append(f'<text class="name" x="{left:.1f}" y="{y:.1f}">{escape(name)}</text>')
    return texts


def heatmap(comparison: Comparison, rows: Sequence[Row]) -> str:
    """How far the runs agree: topics below the diagonal, neighbours above it; "" for one run."""
    places = places_of(comparison, rows)
    if len(places) < 2:
        return ""
    overlap = comparison.overlap
    agreement = comparison.agreement[comparison.voters]
    likeness = agreement if overlap is None else overlap
    places = [places[i] for i in order(likeness[np.ix_(*[[p for p, _ in places]] * 2)])]
    heads = "".join(column_head(name) for _, name in places)
    body = []
    for line, (i, name) in enumerate(places):
        cells = ""
        for column, (j, other) in enumerate(places):
            if line == column or (column > line and overlap is None):
                cells += "<td></td>"
                continue
            above = column > line and overlap is not None
            value = float((overlap if above else agreement)[i, j])  # type: ignore[index]
            what = "neighbour" if above else "topic"
            strength = min(max(value, 0.0), 1.0)
            cells += (
                f'<td class="{what}" style="--share:{strength:.2f}" '
                f'title="{escape(name)} and {escape(other)}: {what}s {value:.3f}">{value:.2f}</td>'
            )
        body.append(f'<tr><th scope="row" class="name">{breakable(name)}</th>{cells}</tr>')
    return (
        open_wide("Agreement of the embedders")
        + f'<table class="heatmap"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def breakable(name: str) -> str:
    """A name as HTML that may be broken after its signs, where there is little room."""
    return re.sub(r"([_,\[])", r"\1<wbr>", escape(name))


def column_head(name: str) -> str:
    """The head of a run's column; a long name is cut, and whole where the mouse rests."""
    shown = one_line(name, LONGEST)
    return f'<th scope="col" class="name" title="{escape(name)}">{escape(shown)}</th>'


def places_of(comparison: Comparison, rows: Sequence[Row]) -> list[tuple[int, str]]:
    """The voter with the settings of each row, with the row's name."""
    at = {id(comparison.records[run]): place for place, run in enumerate(comparison.voters)}
    places = [(at[id(run)], row.name) for row in rows for run in row.runs if id(run) in at]
    return places[:N_RUNS]
