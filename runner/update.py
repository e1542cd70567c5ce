"""Adds new documents to the topics of a run: a new run, with a new version of its model.

    python -m runner.update run=ID dataset=csv dataset.path=new.csv folder=out

run             a run's output folder, its id in MLflow, or models:/topics@champion
dataset         the new documents, as of a run: dataset=jsonl dataset.path=... dataset.text=...
folder          gets what every run writes, for old and new documents together, and changes.csv
min_topic_size  documents that fit nowhere become a new topic where there are so many (default 10)
cache           folder of cached vectors (default .runner-cache); null caches nothing
uri             the MLflow store
model, tracking as of a run: model.neighbours=..., model.register_as=..., tracking=none;
                an alias of the registered model stays, unless you name it: model.alias=champion
trusted_targets packages of yours that the run's config may build from
--trust-this-run  allows what the run's config asks for beyond that

New documents join topics as the model predicts. Topics keep their numbers and labels; their words,
sizes and measures are those of all documents. The old documents are read from the run's
documents.parquet, and their vectors from the cache.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from components.base import Corpus, Integers, Matrix, Result, UserError
from components.model.grow import MIN_TOPIC_SIZE, Growth, grow
from components.reports.tables import write_csv
from runner.derive import Decide, Name, joined, topics_of
from runner.derive.command import Command, Parent
from runner.pipeline import Parts
from runner.terminal.console import command

COLUMNS = ["topic", "change", "size_before", "size_after", "label", "words"]


def main(arguments: list[str]) -> int:
    """Update a run; 0 when the new one is written and tracked."""
    update_command = Command("update", arguments, __doc__ or "", ["run"], ["min_topic_size"])
    if not any(a.startswith("dataset") for a in update_command.overrides):
        raise UserError("name the new documents: dataset=csv dataset.path=new.csv")
    min_topic_size = update_command.number("min_topic_size", MIN_TOPIC_SIZE)
    with update_command.parent(update_command.options["run"]) as parent:
        update = Update(parent, min_topic_size)
        return update_command.execute(
            [parent],
            lambda parts: joined(parent.result.corpus, _documents(parts)),
            update.decide,
            lambda: update.names,
            {"changes": partial(write_changes, parent.result)},
            edits=parent.edits,
            dropped=lambda: parent.model.topic_model.arrays.get("dropped"),
        )


def _documents(parts: Parts) -> Corpus:
    corpus: Corpus = parts.dataset.load()
    return corpus


class Update:
    """New documents, which come last, join the topics of a run.

    Parameters
    ----------
    parent : the run
    min_topic_size : see `components.model.grow.grow`
    """

    def __init__(self, parent: Parent, min_topic_size: int = MIN_TOPIC_SIZE) -> None:
        self._parent = parent
        self._min_topic_size = min_topic_size
        self._n_new = 0

    def decide(self, corpus: Corpus) -> Decide:
        """How to find the topics of old and new documents."""
        old = len(self._parent.result.corpus)

        def by_model(X: Matrix, kept: Integers) -> Growth:
            before = topics_of(self._parent.result, kept, len(corpus))
            seed = self._parent.config.seed
            grown = grow(
                self._parent.model.topic_model, X, before, kept >= old,
                min_topic_size=self._min_topic_size, seed=seed,
            )  # fmt: skip
            self._n_new = grown.sources.count(())
            return grown

        return by_model

    @property
    def names(self) -> dict[str, list[Name | None]]:
        """Those of the run; the new topics, which come last, have none."""
        new: list[Name | None] = [None] * self._n_new
        return {layer: [*names, *new] for layer, names in self._parent.names.items()}


def write_changes(before: Result, result: Result, folder: Path) -> list[Path]:
    """`changes.csv`: each topic, whether it is grown, new or silent, and its sizes."""
    rows: list[list[Any]] = []
    for topic in result.topics:
        is_new = topic.id >= len(before.topics)
        size = 0 if is_new else before.topics[topic.id].size
        change = "new" if is_new else "grown" if topic.size > size else "silent"
        words = ", ".join(word for word, _ in topic.words)
        rows.append([topic.id, change, size, topic.size, topic.label, words])
    return [write_csv(folder / "changes.csv", COLUMNS, rows, csv_safe=True)]


if __name__ == "__main__":
    command(main)
