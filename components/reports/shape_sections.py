"""The sections of `report.html` on time, classes and the tree of topics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from components.base import Integers, Result, largest
from components.reports.association import standing
from components.reports.classes import ByClass, topics_by_class
from components.reports.hierarchy import node_sizes, words_of_nodes
from components.reports.over_time import OverTime, topics_over_time
from components.reports.sections import Section, name_of
from components.reports.text import one_line
from components.reports.tree import SavedTree, topic_tree

N_PANELS = 24  # of the largest topics; topics with a trend follow
MOST_PANELS = 60
FIRM = 20  # documents in a bin whose shares may set the scale of a panel
N_CLASSES, N_HEAT = 30, 12  # classes listed, and in the table of shares
N_HEAT_TOPICS = 30
N_STANDING = 5  # topics named for a class
BRANCHES = 4  # by which the number of nodes grows from level to level
FIRST_LEVEL = 6
MOST_LEAVES = 1000
N_WORDS = 8

_WIDTH, _HEIGHT = 1000, 100  # of a panel, in units of its picture


def over_time(result: Result, bins: str | int, smooth: int | None) -> Section | None:
    """Small multiples: the share of each topic in the bins of time, and the topics that move."""
    table = topics_over_time(result, bins)
    if table is None:
        return None
    moving = [topic.id for topic in result.topics if table.trends[topic.id].kind]
    first = [topic.id for topic in largest(result.topics)[:N_PANELS]]
    shown = list(dict.fromkeys([*first, *moving]))[:MOST_PANELS]
    smoothed = table.smoothed(smooth) if smooth else None
    lefts, widths = _places(table)
    starts = np.datetime_as_string(table.starts)
    panels = []
    # A share of few documents is any number: bins that hold little do not set the scale.
    firm = table.totals >= min(FIRM, table.totals.max())
    for number in shown:
        shares = table.shares[number]
        top = max(float(shares[firm].max()), 1e-9)
        peak = int(np.where(firm, shares, -1).argmax())
        panels.append(
            {
                **name_of(result.topics[number]),
                "trend": table.trends[number].kind,
                "bars": _bars(np.where(firm, shares / top, 0), lefts, widths),
                "pale": _bars(np.where(firm, 0, np.minimum(shares / top, 1)), lefts, widths),
                "line": None
                if smoothed is None
                else _line(np.minimum(smoothed[number] / top, 1), lefts, widths),
                "top": top,
                "peak": starts[peak],
                "last": float(shares[-1]),
            }
        )
    trends = {
        kind: [
            name_of(result.topics[number]) | {"factor": table.trends[number].factor}
            for number in sorted(moving, key=lambda n: -abs(np.log(table.trends[n].factor)))
            if table.trends[number].kind == kind
        ]
        for kind in ("new", "rising", "falling")
    }
    values = {
        "unit": table.unit,
        "n_bins": len(starts),
        "first": starts[0],
        "last": starts[-1],
        "ticks": _ticks(table),
        "smooth": smooth,
        "panels": panels,
        "n_topics": len(result.topics),
        "totals": _bars(table.totals / table.totals.max(), lefts, widths),
        "firm": None if firm.all() else FIRM,
        "most": int(table.totals.max()),
        "trends": {kind: topics for kind, topics in trends.items() if topics},
    }
    return Section("time", "Over time", values)


def _places(table: OverTime) -> tuple[Integers, Integers]:
    """Where the bins begin in a panel, and how wide they are."""
    starts, ends = (e.astype("datetime64[s]").astype(np.int64) for e in (table.starts, table.ends))
    scale = _WIDTH / (ends[-1] - starts[0])
    lefts = ((starts - starts[0]) * scale).round().astype(np.int64)
    rights = ((ends - starts[0]) * scale).round().astype(np.int64)
    return lefts, np.maximum(rights - lefts, 1)


def _ticks(table: OverTime) -> list[str]:
    """The first bin, the one in the middle of the axis, where any lies there, and the last."""
    starts, ends = (e.astype("datetime64[s]") for e in (table.starts, table.ends))
    middle = starts[0] + (ends[-1] - starts[0]) // 2
    inside = np.flatnonzero((starts <= middle) & (middle < ends))
    places = dict.fromkeys([0, *inside.tolist(), len(starts) - 1])
    length = {"decade": 4, "year": 4, "quarter": 7, "month": 7}.get(table.unit, 16)
    times = np.datetime_as_string(table.starts[[*places]])
    return [str(time).replace("T", " ")[:length] for time in times]


def _bars(heights: Any, lefts: Integers, widths: Integers) -> str:
    """The path of a bar for each height in [0, 1]."""
    tops = (_HEIGHT * (1 - heights)).round().astype(int)
    return "".join(
        f"M{x} {_HEIGHT}V{y}h{w}V{_HEIGHT}z"
        for x, y, w in zip(lefts.tolist(), tops.tolist(), widths.tolist(), strict=True)
        if y < _HEIGHT
    )


def _line(heights: Any, lefts: Integers, widths: Integers) -> str:
    places = (lefts + widths // 2).tolist()
    tops = (_HEIGHT * (1 - heights)).round().astype(int).tolist()
    return " ".join(f"{x},{y}" for x, y in zip(places, tops, strict=True))


def by_class(result: Result, max_classes: int) -> Section | None:
    """For each column the topics that stand out in its classes, and a table of shares."""
    tables = topics_by_class(result, max_classes)
    if not tables:
        return None
    return Section(
        "classes", "Across classes", {"columns": [_class_values(result, t) for t in tables]}
    )


def _class_values(result: Result, table: ByClass) -> dict[str, Any]:
    z, shares = table.z, table.shares
    standing_out = np.abs(z) > table.threshold

    def named(topics: Sequence[int], place: int) -> list[dict[str, Any]]:
        return [
            name_of(result.topics[t]) | {"share": float(shares[t, place])}
            for t in topics[:N_STANDING]
            if standing_out[t, place]
        ]

    # Only the classes of which there is something to say.
    loud = np.flatnonzero(standing_out.any(axis=0)).tolist()
    rows = []
    for place in loud[:N_CLASSES]:
        ordered = np.argsort(-z[:, place], kind="stable").tolist()
        rows.append(
            {
                "name": one_line(table.names[place], 60),
                "size": int(table.totals[place]),
                "more": named([t for t in ordered if z[t, place] > 0], place),
                "less": named([t for t in ordered[::-1] if z[t, place] < 0], place),
            }
        )
    n_heat = min(N_HEAT, len(table.names))
    heat = [
        {
            **name_of(topic),
            "cells": [
                {
                    "share": float(shares[topic.id, place]),
                    "stands": standing(float(z[topic.id, place]), table.threshold),
                    "shade": float(np.clip(abs(z[topic.id, place]) / table.threshold / 4, 0.2, 1)),
                }
                for place in range(n_heat)
            ],
        }
        for topic in largest(result.topics)[:N_HEAT_TOPICS]
    ]
    return {
        "name": one_line(table.column, 60),
        "n_classes": len(table.names),
        "n_loud": len(loud),
        "n_topics": len(result.topics),
        "rows": rows,
        "heads": [one_line(name, 24) for name in table.names[:n_heat]],
        "heat": heat,
    }


def tree(result: Result) -> Section | None:
    """The tree of topics, with a few branches at each node instead of two."""
    saved: SavedTree | None = result.parts.get("tree")  # of a run that has ended
    merges = saved.tree if saved else topic_tree(result)
    if merges is None:
        return None
    words = saved.words if saved else words_of_nodes(result, merges, N_WORDS)
    sizes = node_sizes(result, merges)
    levels = _levels(merges.n_topics)
    # Node of the next finer level in which each topic lies, from the coarsest to the finest.
    inside = [{t: node for node in merges.nodes(k) for t in merges.topics[node]} for k in levels]

    def branch(node: int, level: int) -> dict[str, Any]:
        topics = merges.topics[node]
        children = {node: None}
        while len(children) == 1 and level < len(levels):
            children = dict.fromkeys(inside[level][topic] for topic in topics)
            level += 1
        below = [] if len(children) == 1 else sorted(children, key=lambda n: -sizes[n])
        shown = words[node] or _words_of_largest(result, topics)
        return {
            "words": one_line(", ".join(shown.split(", ")[:N_WORDS]), 200),
            "size": sizes[node],
            "n_topics": len(topics),
            "topic": name_of(result.topics[topics[0]]) if len(topics) == 1 else None,
            "children": [branch(child, level) for child in below],
        }

    root = branch(len(merges.topics) - 1, 0)
    values = {"root": root, "n_topics": merges.n_topics, "n_leaves": levels[-1]}
    return Section("tree", "Tree of topics", values)


def _levels(n_topics: int) -> list[int]:
    """How many nodes each level has, the coarsest first."""
    levels = []
    level = FIRST_LEVEL if n_topics > FIRST_LEVEL else max(2, n_topics // 2)  # never a flat list
    while level < min(n_topics, MOST_LEAVES):
        levels.append(level)
        level *= BRANCHES
    return [*levels, min(n_topics, MOST_LEAVES)]


def _words_of_largest(result: Result, topics: Sequence[int]) -> str:
    """Two words of each of the four largest topics, where a node has none of its own."""
    of_node = largest([result.topics[topic] for topic in topics])
    words = (topic.words[:2] for topic in of_node[:4])
    return ", ".join(dict.fromkeys(word for pair in words for word, _ in pair))


def layers(result: Result) -> Section | None:
    """The topics of all layers, each below that of the coarser layer it lies in."""
    if len(result.layers) < 2:
        return None
    names = list(result.layers)  # the coarsest first
    parents = []
    for coarse, fine in pairwise(result.layers.values()):
        parents.append(np.array([coarse.labels[topic.typical] for topic in fine.topics]))

    def below(level: int, number: int) -> dict[str, Any]:
        topic = result.layers[names[level]].topics[number]
        inside = np.flatnonzero(parents[level] == number) if level < len(parents) else np.empty(0)
        return {
            "label": one_line(topic.label, 80),
            "size": topic.size,
            "children": [below(level + 1, int(child)) for child in inside],
        }

    n_broadest = len(result.layers[names[0]].topics)
    values = {
        "names": {name: len(result.layers[name].topics) for name in names},
        "nodes": [below(0, number) for number in range(n_broadest)],
    }
    return Section("layers", "Layers", values)
