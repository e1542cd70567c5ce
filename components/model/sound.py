"""Whether what was read from a model's folder fits together: it may come from somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from components.model import SAME, TopicModel
from components.model.names import NAMES, OPEN, SCALE

# What a rule needs: plain settings with their types, and arrays.
_MAYBE = (int, float, type(None))
RULES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "vote": (
        {"metric": str, "n_neighbors": int, "outlier_threshold": _MAYBE},
        ("rows", "labels", "strengths", "pull"),
    ),
    "centre": ({"normalise": bool}, ("centres",)),
    "density": (
        {"metric": str, "normalise": bool, "min_samples": int},
        ("rows", "labels", "strengths", "core", "births", "deaths"),
    ),
    "centroid": ({}, ()),
}
REDUCERS = {"none": (), "linear": ("components",), "neighbours": ("rows", "reduced")}


def faults(model: TopicModel) -> Iterator[str]:
    """What is wrong with a model's settings, arrays and topics, in a few words each."""
    yield from _faults_of_settings(model.settings, model.arrays)
    for name, topics in {"": model.topics, **model.layers}.items():
        if [topic.id for topic in topics] != list(range(len(topics))):
            yield f"the topics of layer {name!r} are not numbered from 0"
    lengths, below = _expected(model)
    for name, array in model.arrays.items():
        if (n := lengths.get(name)) is not None and array.shape[:1] != (n,):
            yield f"{name} has the shape {array.shape}, and there are {n}"
        least = OPEN if name == f"{NAMES}_topics" else -1
        if (n := below.get(name)) is not None and not _are_labels(array, n, least):
            yield f"{name} holds numbers that are not topics"
        if name in ("centroids", "rows", "dropped", "components", NAMES) and array.ndim != 2:
            yield f"{name} is no matrix"
    columns = {
        array.shape[-1]
        for name, array in model.arrays.items()
        if re.fullmatch(f"centroids(_.*)?|rows|dropped|{NAMES}", name)
    }
    if len(columns) > 1:
        yield f"the vectors have {sorted(columns)} dimensions"


def _faults_of_settings(settings: Any, arrays: Mapping[str, Any]) -> Iterator[str]:
    rule = settings.get("rule") if isinstance(settings, Mapping) else None
    name = rule.get("name") if isinstance(rule, Mapping) else None
    reducer = settings.get("reducer") if isinstance(settings, Mapping) else None
    if not isinstance(name, str) or name not in RULES or reducer not in REDUCERS:
        yield "prediction names no rule or reducer that there is"
        return
    assert isinstance(rule, Mapping)
    plain, needed = RULES[name]
    for key, kind in plain.items():
        if not isinstance(rule.get(key), kind):
            yield f"prediction.rule.{key} is {str(rule.get(key))[:50]!r}"
    for key in ("limit", "assign_outliers"):
        if not isinstance(settings.get(key), _MAYBE):
            yield f"prediction.{key} is no number"
    if settings.get("metric") not in SAME:
        yield "prediction.metric is none that there is"
    of_names = {f"{NAMES}_topics"} if NAMES in arrays else set()
    threshold = settings.get("names_threshold")
    if NAMES in arrays and threshold is None and "rows" in arrays:
        of_names |= {f"{NAMES}_{key}" for key in (*SCALE, "likely")}
    if not isinstance(threshold, _MAYBE):
        yield "prediction.names_threshold is no number"
    missing = {"centroids", *needed, *REDUCERS[reducer], *of_names} - arrays.keys()
    if missing:
        yield f"arrays are missing: {', '.join(sorted(missing))}"


def _expected(model: TopicModel) -> tuple[dict[str, int], dict[str, int]]:
    """Lengths of arrays by name, and the number of topics that their values are below."""
    arrays, n_topics = model.arrays, len(model.topics)
    n_rows = arrays["rows"].shape[0] if "rows" in arrays else 0
    n_seen = len(arrays.get("seen", ()))
    n_names = arrays[NAMES].shape[0] if NAMES in arrays else 0
    lengths = dict.fromkeys(("centroids", "pull", "centres"), n_topics)
    lengths |= dict.fromkeys(("labels", "strengths", "reduced", "core", "births", "deaths"), n_rows)
    lengths |= dict.fromkeys(("seen_labels", "seen_strengths"), n_seen)
    lengths |= dict.fromkeys((f"{NAMES}_topics", *(f"{NAMES}_{key}" for key in SCALE)), n_names)
    lengths[f"{NAMES}_likely"] = n_rows
    below = {"labels": n_topics, "seen_labels": n_topics}
    below |= {f"{NAMES}_topics": n_topics, f"{NAMES}_likely": n_names}
    for name, topics in model.layers.items():
        lengths |= {
            f"around_{name}": n_topics,
            f"inside_{name}": len(topics),
            f"centroids_{name}": len(topics),
            f"labels_{name}": n_rows,
            f"seen_labels_{name}": n_seen,
        }
        for part in ("around", "labels", "seen_labels"):
            below[f"{part}_{name}"] = len(topics)
        below[f"inside_{name}"] = n_topics
    return lengths, below


def _are_labels(array: Any, n: int, least: int) -> bool:
    """Whether an array holds whole numbers from `least` to n - 1."""
    is_whole = isinstance(array, np.ndarray) and array.dtype.kind in "iu" and array.ndim == 1
    return is_whole and (not array.size or bool(array.min() >= least and array.max() < max(n, 1)))
