"""The flow of documents from the topics of one result to those of another, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Topic
from components.reports.sections import name_of
from components.reports.text import one_line

N_TOPICS = 40  # of each result, the largest; the others are one bar
THINNEST = 0.003  # of the documents: thinner flows are not drawn
_LEFT, _RIGHT, _BAR = 300, 700, 12  # where the flows begin and end, and the width of a bar
_NO_HUE = ' class="none"'
_GAP, _ROW = 6.0, 15.0  # between bars; least height of a bar with its label


def sankey(
    first: Sequence[Topic], second: Sequence[Topic], counts: Integers, names: tuple[str, str]
) -> str:
    """An `<svg>` element without scripts or links, for a page with the rules of `sankey.css`.

    Bars are topics, with heights by their compared documents: on the left those of the first
    result, by size, on the right those of the second, by the mean place of what flows to them.

    Parameters
    ----------
    first, second, counts : as a `Comparison` has them
    names : of the two results
    """
    counts = _shortened(counts)
    names_left = _titles(first, counts.shape[0] - 2)
    names_right = _titles(second, counts.shape[1] - 2)
    total = counts.sum()
    rows = np.flatnonzero(counts.sum(axis=1))
    columns = np.flatnonzero(counts.sum(axis=0))
    height = max(400.0, (_ROW + _GAP) * max(len(rows), len(columns)) * 1.15)
    lefts = _stacked(counts.sum(axis=1), rows, height)
    middles = np.array([sum(lefts[row]) / 2 if row in lefts else 0.0 for row in range(len(counts))])
    means = (counts * middles[:, None]).sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    columns = columns[np.argsort(means[columns], kind="stable")]
    rights = _stacked(counts.sum(axis=0), columns, height)
    parts = []
    from_, to = ({place: top for place, (top, _) in bars.items()} for bars in (lefts, rights))
    for row in rows.tolist():
        for column in columns.tolist():
            n = int(counts[row, column])
            ends = []
            for tops, place, bar, size in (
                (from_, row, lefts[row], counts[row].sum()),
                (to, column, rights[column], counts[:, column].sum()),
            ):
                start = tops[place]
                tops[place] += (bar[1] - bar[0]) * n / size
                ends.append((start, tops[place]))
            if n >= max(1, THINNEST * total):
                about = f"{names_left[row]} → {names_right[column]}: {n:,} documents"
                hue = _hue(first, row, counts.shape[0] - 2)
                parts.append(_flow(ends[0], ends[1], hue, about))
    hues = [_hue(first, place, counts.shape[0] - 2) for place in range(len(counts))]
    parts += _bars(lefts, names_left, hues, _LEFT - _BAR, (_LEFT - _BAR - 6, "end"))
    # Colours are those of the first result's topics; a bar on the right takes in several.
    hues = [_NO_HUE] * len(names_right)
    parts += _bars(rights, names_right, hues, _RIGHT, (_RIGHT + _BAR + 6, "start"))
    end = max(bottom for bars in (lefts, rights) for _, bottom in bars.values())
    label = escape(
        f"Documents flow from the topics of {names[0]} to those of {names[1]}; the tables below "
        "hold the numbers",
        quote=True,
    )
    return (
        f'<svg class="sankey" viewBox="0 0 1000 {end + 4:.0f}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
    )


def _shortened(counts: Integers) -> Integers:
    """The largest topics, all others in one, and no topic, along both axes."""
    for axis in (0, 1):
        n = counts.shape[axis] - 1
        most = min(n, N_TOPICS)
        moved = np.moveaxis(counts, axis, 0)
        others = moved[most:n].sum(axis=0, keepdims=True)
        counts = np.moveaxis(np.concatenate([moved[:most], others, moved[n:]]), 0, axis)
    return counts


def _titles(topics: Sequence[Topic], n: int) -> list[str]:
    shown = [f"{topic.id} {one_line(topic.label, 36)}" for topic in topics[:n]]
    return [*shown, f"{len(topics) - n} smaller topics", "no topic"]


def _hue(topics: Sequence[Topic], place: int, n: int) -> str:
    if place >= n:
        return _NO_HUE
    return f' style="{name_of(topics[place])["colour"]}"'


def _stacked(
    sizes: NDArray[np.int64], order: Integers, height: float
) -> dict[int, tuple[float, float]]:
    """Top and bottom of each bar, one under the other, with room for the labels."""
    scale = height / max(1, int(sizes.sum()))
    bars, top = {}, 0.0
    for place in order.tolist():
        bar = max(1.0, float(sizes[place]) * scale)
        bars[place] = (top, top + bar)
        top += max(bar, _ROW - _GAP) + _GAP
    return bars


def _bars(
    bars: Mapping[int, tuple[float, float]],
    titles: Sequence[str],
    hues: Sequence[str],
    x: int,
    text: tuple[int, str],
) -> list[str]:
    """The bars of one side, each with its title beside it: `text` is its x and its anchor."""
    at, anchor = text
    return [
        f'<rect x="{x}" y="{top:.1f}" width="{_BAR}" height="{bottom - top:.1f}"{hues[place]}/>'
        f'<text x="{at}" y="{(top + bottom) / 2 + 4:.1f}" text-anchor="{anchor}">'
        f"{escape(titles[place])}</text>"
        for place, (top, bottom) in bars.items()
    ]


def _flow(left: tuple[float, float], right: tuple[float, float], hue: str, about: str) -> str:
    middle = (_LEFT + _RIGHT) // 2
    (a, b), (c, d) = left, right
    return (
        f'<path d="M{_LEFT} {a:.1f}C{middle} {a:.1f} {middle} {c:.1f} {_RIGHT} {c:.1f}V{d:.1f}'
        f'C{middle} {d:.1f} {middle} {b:.1f} {_LEFT} {b:.1f}z"{hue}><title>{escape(about)}</title>'
        "</path>"
    )
