"""What the run's own keys may hold, beyond the types that the schema gives them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from components.base import ParameterError
from components.datasets.files import locate
from runner.config.annotations import mistake, seed_mistake
from runner.config.problems import Problem
from runner.config.schema import CHOICES, ModelConfig
from runner.config.signatures import definition, signature
from runner.config.source import NotFoundError
from runner.pipeline.knowledge import NO_LABELS, knowledge_of, unusable
from runner.terminal.suggestions import nearest

# Data sets whose path lies on this machine; that of huggingface may be a name on the Hub.
FILES = tuple(f"components.datasets.{kind}." for kind in "csv images jsonl parquet text".split())
KNOWLEDGE = ("guided", "zeroshot", "clusterer", "dataset")  # keys that are checked together


def check_run_keys(node: Mapping[str, Any]) -> Iterator[Problem]:
    """Mistakes in the run's own keys.

    Parameters
    ----------
    node : the top-level keys to check, as plain dicts and lists; what is not there is not checked
    """
    for key, choices in CHOICES.items():
        group, _, leaf = key.partition(".")
        value = node[group].get(leaf) if isinstance(node.get(group), Mapping) else "???"
        if value != "???" and value not in choices:
            hint = nearest(str(value), choices, otherwise="")
            yield Problem(f"{key}={value}", f"must be one of {', '.join(choices)}.{hint}")
    if reason := seed_mistake(node.get("seed")):
        yield Problem(f"seed={node['seed']}", reason)
    yield from _check_model(node.get("model", False))
    choose = node.get("choose")
    minutes = choose.get("minutes") if isinstance(choose, Mapping) else None
    if isinstance(minutes, float) and not 0 < minutes < math.inf:
        yield Problem(f"choose.minutes={minutes}", "must be a number of minutes above 0, or null.")
    cache = node.get("cache")
    folder = cache.get("dir") if isinstance(cache, Mapping) else None
    if isinstance(folder, str) and (not folder.strip() or "\0" in folder):
        yield Problem(f"cache.dir={folder!r}", "must be a folder, or null, which caches nothing.")
    if all(isinstance(node.get(key), Mapping) for key in KNOWLEDGE):
        yield from _check_knowledge(node)


def check_path(dataset: Any) -> Iterator[Problem]:
    """A file or folder that is not there: the data set says so too, but seconds later."""
    if not isinstance(dataset, Mapping) or not str(dataset.get("_target_")).startswith(FILES):
        return
    path = dataset.get("path", "???")
    if not isinstance(path, str) or path == "???":
        return
    try:
        locate(path, "either")
    except ParameterError as error:
        error = error.within("dataset")
        yield Problem(error.setting, error.reason)


def _check_model(model: Any) -> Iterator[Problem]:
    """`model`: false, or a mapping; the schema has no type for either."""
    if model in (False, None, "???"):
        return
    expected = signature(f"{ModelConfig.__module__}.{ModelConfig.__name__}")
    assert expected is not None
    names = expected.parameters
    if not isinstance(model, Mapping):
        yield Problem(f"model={model}", f"must be false, or a mapping of {', '.join(names)}.")
        return
    for name, value in model.items():
        setting = f"model.{name}={'null' if value is None else value}"
        if name not in names:
            yield Problem(setting, f"there is no such key.{nearest(str(name), names)}")
        elif value == "???":
            continue
        elif name == "neighbours":
            if value != "all" and (mistake(value, names[name]) or value < 0):
                yield Problem(setting, "must be all, 0, or a number of documents.")
        elif reason := mistake(value, names[name]):
            yield Problem(setting, reason)
        elif name == "outliers" and not 0 <= value < 1:
            yield Problem(setting, "must be at least 0 and below 1.")


def _check_knowledge(node: Mapping[str, Any]) -> Iterator[Problem]:
    """What the user knows of the topics, and whether the clusterer can use it."""
    try:
        knowledge = knowledge_of(node)
    except ParameterError as error:
        yield Problem(error.setting, error.reason)
        return
    dataset, clusterer = node["dataset"], node["clusterer"]
    target = clusterer.get("_target_")
    if not isinstance(target, str):
        return
    try:
        source, method = definition(target), signature(f"{target}.fit_predict")
    except NotFoundError:
        return
    uses_labels = source is not None and "uses_labels" in source.attributes
    refused = unusable(
        knowledge,
        target.rpartition(".")[2],
        has_known_labels=dataset.get("known_labels") is not None,
        takes_guidance=method is None or "guidance" in method.parameters,
        uses_labels=uses_labels,
    )
    if refused:
        yield Problem(*refused)
    elif uses_labels and dataset.get("label", "") is None:
        yield Problem("dataset.label", NO_LABELS)
