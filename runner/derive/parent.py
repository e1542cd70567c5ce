"""The run that another one is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from components.base import Result
from runner.derive import Name
from runner.model import Model
from runner.tracking import record


@dataclass(frozen=True)
class Parent:
    """A run that another one is made from.

    source : what the user called it; record : its own; config : as it was run; result : as it is
    read from its tables, without vectors
    """

    source: str
    record: record.Record
    config: DictConfig
    result: Result
    model: Model

    @property
    def id(self) -> str:
        """The run's id in MLflow, or else what the user called it."""
        return self.record.run_id or self.source

    @property
    def names(self) -> dict[str, list[Name | None]]:
        """Label and description of each topic, by layer; the main topics are those of ""."""
        layers = {"": self.result.topics}
        layers |= {name: layer.topics for name, layer in self.result.layers.items()}
        return {
            name: [(topic.label, topic.description) for topic in topics]
            for name, topics in layers.items()
        }

    @property
    def renamed(self) -> set[str]:
        """Labels that a person has given by edits."""
        return {label for edits in self.edits for label in edits.get("rename", {}).values()}

    @property
    def edits(self) -> list[dict[str, Any]]:
        """The edits of its topics, the first one first."""
        return list(self.model.about.get("edits", []))


def topics_are_labels(config: DictConfig) -> bool:
    """Whether the topics of a run are labels of its data set (`clusterer=given`)."""
    return str(config.clusterer.get("_target_")).endswith(".GivenClusterer")


def without_labels(config: DictConfig) -> DictConfig:
    """The config, with another clusterer where its own asks for labels of the new documents.

    Topics that are labels are not found again.
    """
    if not topics_are_labels(config):
        return config
    config = config.copy()
    config.clusterer = {"_target_": "components.clusterers.leiden.LeidenClusterer"}
    return config
