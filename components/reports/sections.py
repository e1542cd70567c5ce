"""The sections of `report.html`: what each shows of a result."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.base import Floats, Result, Topic, largest
from components.reports.meanings import MEANINGS
from components.reports.points import packed, points
from components.reports.similarity import order
from components.reports.text import one_line, views_of

N_TOPICS = 1000  # that are listed, the largest; all are in topics.csv
N_WORDS = 10
N_SIMILAR = 3  # topics named beside each topic
SHIFTS = (0, 12, -10)  # of the lightness, so that like hues differ; as in map.js
_LABELLED = ("ami", "ari", "completeness", "coverage", "homogeneity", "mteb", "purity", "v_measure")
_COST = ("_seconds", "_mb", "_cost", "_tokens")
_LONGEST, _SHORTEST = 600, 120  # characters of a typical document


@dataclass(frozen=True)
class Section:
    """A part of the page: heading, and what the template of its name shows.

    data : what the script needs for it, as JSON; None: nothing
    """

    name: str
    title: str
    values: Mapping[str, Any]
    data: Any = None


def topics(result: Result, similarities: Floats | None, n_documents: int) -> Section:
    """The topics as a table: words, size, measures and typical documents."""
    listed = largest(result.topics)[:N_TOPICS]
    room = 3_000_000 // max(1, len(listed) * n_documents)
    limit = int(np.clip(room, _SHORTEST, _LONGEST))
    views = views_of(result)
    pieces = n_pieces(result)
    inside = np.flatnonzero(result.labels >= 0)
    member = inside[np.argsort(result.labels[inside], kind="stable")]
    ends = np.searchsorted(result.labels[member], np.arange(len(result.topics) + 1))
    rows = [
        {
            **name_of(topic),
            "description": one_line(topic.description, 600),
            "size": topic.size,
            "share": topic.size / max(1, pieces or len(result.corpus)),
            "bar": topic.size / max(1, listed[0].size),
            "words": _words(topic),
            "views": {view: _list(words[topic.id]) for view, words in views.items()},
            "documents": _documents(result, topic, n_documents, limit),
            "similar": _similar(result, similarities, topic.id),
            **_measures(result, member[ends[topic.id] : ends[topic.id + 1]]),
        }
        for topic in listed
    ]
    outside = len(result.rows) - len(inside)
    values = {
        "topics": rows,
        "n_topics": len(result.topics),
        "n_outside": outside,
        "unit": "pieces" if pieces else "documents",
        "has_labels": result.corpus.labels is not None,
        "has_dates": result.corpus.timestamps is not None,
    }
    return Section("topics", "Topics", values)


def n_pieces(result: Result) -> int | None:
    """How many pieces the documents were split into; None where they are whole.

    Of a run that has ended, only its metrics hold it.
    """
    if result.corpus.whole is not None:
        return len(result.corpus)
    pieces = result.metrics.get("n_pieces")
    return None if pieces is None else int(pieces)


def name_of(topic: Topic) -> dict[str, Any]:
    """What names a topic on the page, and gives it its colour there: that of its points."""
    hue, shift = topic.id * 222.4922 % 360, SHIFTS[topic.id % len(SHIFTS)]
    return {
        "id": topic.id,
        "label": one_line(topic.label, 80),
        "colour": f"--hue: {hue:.1f}; --shift: {shift}%",
    }


def _words(topic: Topic) -> list[tuple[str, float | None]]:
    """Words with their weights as shares of the heaviest; None where the weights are not known."""
    words = topic.words[:N_WORDS]
    heaviest = max((weight for _, weight in words), default=0.0)
    weighted = math.isfinite(heaviest) and heaviest > 0
    return [
        (one_line(word, 60), max(0.0, weight / heaviest) if weighted else None)
        for word, weight in words
    ]


def _list(words: Sequence[tuple[str, float]]) -> str:
    return ", ".join(one_line(word, 60) for word, _ in words[:N_WORDS])


def _documents(result: Result, topic: Topic, n: int, limit: int) -> list[dict[str, Any]]:
    """Typical documents; of those that read the same, the first."""
    texts: dict[str, int] = {}
    for row in topic.examples:
        texts.setdefault(one_line(result.corpus.documents[row], limit), row)
    rows = result.corpus.rows
    return [
        {"row": row if rows is None else int(rows[row]), "text": text or "(empty)"}
        for text, row in list(texts.items())[:n]
    ]


def _similar(result: Result, similarities: Floats | None, topic: int) -> list[dict[str, Any]]:
    if similarities is None or topic >= len(similarities):
        return []
    best = [other for other in np.argsort(-similarities[topic], kind="stable") if other != topic]
    return [
        {**name_of(result.topics[other]), "cosine": float(similarities[topic, other])}
        for other in best[:N_SIMILAR]
    ]


def _measures(result: Result, rows: Any) -> dict[str, Any]:
    """Of some documents: mean strength, most common label and its share, median date.

    The share is one of the documents that have a label; `n_labelled` is there if not all have.
    """
    if not len(rows):  # of a split run, a topic that is the main one of no document
        return {"strength": 0.0}
    measures: dict[str, Any] = {"strength": float(result.strengths[rows].mean())}
    if result.corpus.labels is not None:
        counts = Counter(label for row in rows if (label := result.corpus.labels[row]))
        for label, count in counts.most_common(1):
            n = counts.total()
            measures |= {"class": one_line(label, 60), "class_share": count / n}
            if n < len(rows):
                measures["n_labelled"] = n
    if result.corpus.timestamps is not None:
        times = np.asarray(result.corpus.timestamps)[rows]
        times = np.sort(times[~np.isnat(times)])
        if len(times):
            measures["date"] = str(times[len(times) // 2].astype("datetime64[D]"))
    return measures


def map_(result: Result, budget: int) -> Section:
    """The documents in two dimensions; without coordinates, how to get them."""
    if result.coordinates is None:
        lacks_pieces = n_pieces(result) is not None and result.corpus.whole is None
        return Section("map", "Map", {"n": 0, "lacks_pieces": lacks_pieces})
    data = points(result, budget)
    values = {key: data[key] for key in ("n", "of", "cut")}
    values["longest"] = max(map(len, data["text"]), default=0)
    values["is_cut"] = any(text.endswith("…") for text in data["text"])
    return Section("map", "Map", values, data)


def similarity(result: Result, similarities: Floats | None) -> Section | None:
    """A heatmap of the topics' similarity, similar topics side by side."""
    if similarities is None:
        return None
    n = len(similarities)
    ordered = order(similarities)
    apart = similarities[np.triu_indices(n, 1)]
    low, high = float(apart.min()), float(apart.max())
    shades = (similarities - low) / ((high - low) or 1.0)
    cells = np.clip(shades, 0, 1)[np.ix_(ordered, ordered)] * 255
    first, second = np.triu_indices(n, 1)
    best = np.argsort(-apart, kind="stable")[:5]
    pairs = [
        (name_of(result.topics[first[i]]), name_of(result.topics[second[i]]), float(apart[i]))
        for i in best
    ]
    values = {"n": n, "n_topics": len(result.topics), "pairs": pairs, "low": low, "high": high}
    data = {
        "topics": [name_of(result.topics[topic]) for topic in ordered],
        "cells": packed(cells.round(), np.uint8),
        "low": low,
        "high": high,
    }
    return Section("similarity", "Similarity of topics", values, data)


def granularity(result: Result) -> Section | None:
    """How the number of topics was chosen: the settings tried, as a curve and a table."""
    if not result.curve and not result.choice:
        return None
    values: dict[str, Any] = {"choice": dict(result.choice), "points": []}
    if result.curve:
        setting = next(iter(result.curve[0]))
        at = np.array([point[setting] for point in result.curve], dtype=float)
        score = np.array([point.get("score", np.nan) for point in result.curve], dtype=float)
        finite = np.isfinite(score)
        place = np.log(at) if (at > 0).all() else at
        x = 60 + 560 * (place - place.min()) / (float(np.ptp(place)) or 1.0)
        low, high = (float(f(score[finite])) if finite.any() else 0.0 for f in (np.min, np.max))
        y = 190 - 150 * (score - low) / ((high - low) or 1.0)
        chosen = result.choice.get(setting)
        # It may lie between two of those tried; a run's tags may hold anything.
        if (at > 0).all() and isinstance(chosen, int | float) and chosen > 0:
            values["chosen_x"] = 60 + 560 * float(
                (np.log(chosen) - place.min()) / (float(np.ptp(place)) or 1.0)
            )
        values |= {
            "setting": setting,
            "low": low,
            "high": high,
            "points": [
                {
                    "x": float(x[i]),
                    "y": float(y[i]) if finite[i] else None,
                    "setting": float(at[i]),
                    "n_topics": point.get("n_topics"),
                    "score": float(score[i]) if finite[i] else None,
                    "weight": point.get("weight"),
                    "ruled_out": bool(point.get("ruled_out")),
                }
                for i, point in enumerate(result.curve)
            ],
        }
    return Section("granularity", "How many topics", values)


def measures(result: Result) -> Section | None:
    """What was measured, in groups, with how to read each measure where there is a line on it."""
    if not result.metrics:
        return None
    titles = ("Topics", "Agreement with the labels", "Documents", "Layers", "Time and memory")
    groups: dict[str, list[tuple[str, str, str]]] = {title: [] for title in titles}
    for name, value in sorted(result.metrics.items()):
        whole = value == value // 1  # not so for what is not finite
        digits = 0 if whole else 1 if name.endswith(("_seconds", "_mb")) else 3
        shown = (name.replace("_", " "), f"{value:,.{digits}f}", MEANINGS.get(name, ""))
        groups[titles[_group(name, tuple(f"_{layer}" for layer in result.layers))]].append(shown)
    values = {"groups": {k: v for k, v in groups.items() if v}, "failed": result.failed_metrics}
    return Section("measures", "Measures", values)


def _group(metric: str, layers: tuple[str, ...]) -> int:
    if metric.endswith(_COST):
        return 4
    if metric.endswith(layers):
        return 3
    if metric.startswith(_LABELLED):
        return 1
    return 2 if metric.startswith("n_") and metric != "n_topics" else 0


def run(record: Mapping[str, Any], environment: Mapping[str, Any]) -> Section | None:
    """How the run was made: the command that repeats it, settings, versions."""
    if not record and not environment:
        return None
    tags = record.get("tags") or {}
    values = {
        "command": tags.get("command"),
        "commit": tags.get("git_commit"),
        "settings": record.get("params") or {},
        "versions": environment,
    }
    return Section("run", "The run", values)
