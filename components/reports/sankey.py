"""The flow of documents from the topics of one result to those of another, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Topic, largest
from components.reports.sections import name_of
from components.reports.text import one_line, smaller_topics

Bars = dict[int, tuple[float, float]]  # top and bottom of each, in their order

N_TOPICS = 40  # of each result, the largest; the others are one bar
THINNEST = 0.003  # of the documents: thinner flows are not drawn
_NO_HUE = ' class="none"'
_GAP, _ROW = 6.0, 15.0  # between bars; least height of a bar with its label


@dataclass(frozen=True)
class _Layout:
    """Where things stand from left to right, in units of the viewBox.

    width : of all; bar : of a bar; left, right : where the flows begin and end
    from_left, from_right : where the titles of each side stand, with their anchors
    longest : characters of a title
    """

    name: str
    width: int
    bar: int
    left: int
    right: int
    from_left: tuple[int, str]
    from_right: tuple[int, str]
    longest: int


_WIDE = _Layout("sankey", 1000, 12, 300, 700, (282, "end"), (718, "start"), 36)
# For a phone: titles over the flows, half of the width for each side.
_NARROW = _Layout("sankey narrow", 360, 7, 7, 353, (12, "start"), (348, "end"), 24)


def sankey(
    first: Sequence[Topic], second: Sequence[Topic], counts: Integers, names: tuple[str, str]
) -> str:
    """Two `<svg>` elements without scripts or links, for a page with the rules of `sankey.css`.

    The rules show one of them: the second, with titles over the flows, on narrow screens.

    Bars are topics, with heights by their compared documents: on the left those of the first
    result, by size, on the right those of the second, by the mean place of what flows to them.

    Parameters
    ----------
    first, second, counts : as a `Comparison` has them
    names : of the two results
    """
    first, second = largest(first), largest(second)
    counts = counts[np.ix_(*([*(topic.id for topic in side), -1] for side in (first, second)))]
    counts = _shortened(counts)
    rows = np.flatnonzero(counts.sum(axis=1))
    columns = np.flatnonzero(counts.sum(axis=0))
    height = max(400.0, (_ROW + _GAP) * max(len(rows), len(columns)) * 1.15)
    lefts = _stacked(counts.sum(axis=1), rows, height)
    middles = np.array([sum(lefts[row]) / 2 if row in lefts else 0.0 for row in range(len(counts))])
    means = (counts * middles[:, None]).sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    columns = columns[np.argsort(means[columns], kind="stable")]
    rights = _stacked(counts.sum(axis=0), columns, height)
    label = (
        f"Documents flow from the topics of {names[0]} to those of {names[1]}; the tables below "
        "hold the numbers"
    )
    return "".join(
        _svg(layout, first, second, counts, (lefts, rights), label) for layout in (_WIDE, _NARROW)
    )


def _svg(
    layout: _Layout,
    first: Sequence[Topic],
    second: Sequence[Topic],
    counts: Integers,
    sides: tuple[Bars, Bars],
    label: str,
) -> str:
    """The element of one layout; `counts` are shortened."""
    lefts, rights = sides
    names_left = _titles(first, counts.shape[0] - 2, layout.longest)
    names_right = _titles(second, counts.shape[1] - 2, layout.longest)
    hues = [_hue(first, place, counts.shape[0] - 2) for place in range(len(counts))]
    total = counts.sum()
    parts = []
    from_, to = ({place: top for place, (top, _) in bars.items()} for bars in sides)
    for row in lefts:
        for column in rights:
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
                parts.append(_flow(layout, ends[0], ends[1], hues[row], about))
    parts += _bars(lefts, names_left, hues, layout, 0)
    # Colours are those of the first result's topics; a bar on the right takes in several.
    parts += _bars(rights, names_right, [_NO_HUE] * len(names_right), layout, 1)
    end = max(bottom for bars in sides for _, bottom in bars.values())
    return (
        f'<svg class="{layout.name}" viewBox="0 0 {layout.width} {end + 4:.0f}" role="img" '
        f'aria-label="{escape(label, quote=True)}">' + "".join(parts) + "</svg>"
    )


def _shortened(counts: Integers) -> Integers:
    """The first topics, all others in one, and no topic, along both axes."""
    for axis in (0, 1):
        n = counts.shape[axis] - 1
        most = min(n, N_TOPICS)
        moved = np.moveaxis(counts, axis, 0)
        others = moved[most:n].sum(axis=0, keepdims=True)
        counts = np.moveaxis(np.concatenate([moved[:most], others, moved[n:]]), 0, axis)
    return counts


def _titles(topics: Sequence[Topic], n: int, longest: int) -> list[str]:
    shown = [f"{topic.id} {one_line(topic.label, longest)}" for topic in topics[:n]]
    return [*shown, smaller_topics(len(topics) - n), "no topic"]


def _hue(topics: Sequence[Topic], place: int, n: int) -> str:
    if place >= n:
        return _NO_HUE
    return f' style="{name_of(topics[place])["colour"]}"'


def _stacked(sizes: NDArray[np.int64], order: Integers, height: float) -> Bars:
    """Top and bottom of each bar, one under the other, with room for the labels."""
    scale = height / max(1, int(sizes.sum()))
    bars: Bars = {}
    top = 0.0
    for place in order.tolist():
        bar = max(1.0, float(sizes[place]) * scale)
        bars[place] = (top, top + bar)
        top += max(bar, _ROW - _GAP) + _GAP
    return bars


def _bars(
    bars: Bars, titles: Sequence[str], hues: Sequence[str], layout: _Layout, side: int
) -> list[str]:
    """The bars of one side, 0 the left and 1 the right, each with its title beside it."""
    x = layout.right if side else layout.left - layout.bar
    at, anchor = layout.from_right if side else layout.from_left
    return [
        f'<rect x="{x}" y="{top:.1f}" width="{layout.bar}" height="{bottom - top:.1f}"'
        f'{hues[place]}/><text x="{at}" y="{(top + bottom) / 2 + 4:.1f}" text-anchor="{anchor}">'
        f"{escape(titles[place])}</text>"
        for place, (top, bottom) in bars.items()
    ]


def _flow(
    layout: _Layout, left: tuple[float, float], right: tuple[float, float], hue: str, about: str
) -> str:
    middle = (layout.left + layout.right) // 2
    (a, b), (c, d) = left, right
    return (
        f'<path d="M{layout.left} {a:.1f}C{middle} {a:.1f} {middle} {c:.1f} {layout.right} {c:.1f}'
        f'V{d:.1f}C{middle} {d:.1f} {middle} {b:.1f} {layout.left} {b:.1f}z"{hue}>'
        f"<title>{escape(about)}</title></path>"
    )
