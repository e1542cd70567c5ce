"""What the user knows of the topics, read from a config and checked before any work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml

from components.errors import ParameterError
from components.knowledge import Knowledge

# The keys of a config that hold the parameters of `Knowledge`.
KEYS = {
    "seeds": "guided.topics",
    "weight": "guided.weight",
    "names": "zeroshot.topics",
    "threshold": "zeroshot.threshold",
}


def knowledge_of(config: Mapping[str, Any]) -> Knowledge:
    """The seeds and names of topics that a config holds.

    Parameters
    ----------
    config : its `guided` and `zeroshot` as plain dicts and lists

    Raises
    ------
    ParameterError
        When a value cannot be used, with its key in the config.
    """
    guided, zeroshot = config["guided"], config["zeroshot"]
    topics = {} if guided["topics"] is None else guided["topics"]
    if isinstance(topics, str):
        topics = _mapping(topics)
    if isinstance(topics, Mapping):
        topics = {str(name): seeds for name, seeds in topics.items()}
    with config_keys():
        return Knowledge(topics, guided["weight"], zeroshot["topics"], zeroshot["threshold"])


def _mapping(text: str) -> Any:
    """The mapping that a text in quotes is in YAML; the text itself where it is none.

    Hydra's grammar has no quotes for keys, and outside of ASCII no name without them.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, dict) else text


@contextmanager
def config_keys() -> Iterator[None]:
    """Name a parameter of `Knowledge` by its key in the config."""
    try:
        yield
    except ParameterError as error:
        name, dot, rest = error.name.partition(".")
        path = f"{KEYS.get(name, name)}{dot}{rest}"
        raise ParameterError(path, error.value, error.reason) from error


def unusable(
    knowledge: Knowledge,
    clusterer: str,
    *,
    has_known_labels: bool,
    takes_guidance: bool,
    uses_labels: bool,
) -> tuple[str, str] | None:
    """The key of what is known and that a clusterer cannot use, with what to type instead.

    Parameters
    ----------
    clusterer : the name of its class
    has_known_labels : whether labels of some documents are known
    takes_guidance : whether `fit_predict` of the clusterer takes `guidance`
    uses_labels : whether its topics are the labels of the data set
    """
    key = "guided.topics" if knowledge.seeds else ""
    if has_known_labels:
        key = "dataset.known_labels"
    if key and not takes_guidance:
        return key, f"{clusterer} cannot be guided. Type clusterer=leiden, or leave {key} out."
    key = key or ("zeroshot.topics" if knowledge.names else "")
    if key and uses_labels:
        return key, (
            "with clusterer=given the topics are the labels, and nothing is left to guide. "
            f"Type clusterer=leiden, or leave {key} out."
        )
    return None


NO_LABELS = (
    "clusterer=given takes the data set's labels for topics, and there are none. Name their "
    "column: dataset.label=COLUMN, or choose clusterer=leiden, which needs none."
)
