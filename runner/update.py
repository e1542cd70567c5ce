"""Adds new documents to the topics of a run: a new run, with a new version of its model.

    python -m runner.update run=ID dataset=csv dataset.path=new.csv folder=out

run             a run's output folder, its id in MLflow, or models:/topics@champion
dataset         the new documents, as of a run: dataset=jsonl dataset.path=... dataset.text=...
folder          gets what every run writes, for old and new documents together, and changes.csv
recluster       auto (default): all documents are clustered again once there are {GROWN:g} times as
                many as when that was last done; always; never
min_topic_size  documents that fit nowhere become a new topic where there are so many (default 10)
cache           folder of cached vectors (default .runner-cache); null caches nothing
uri             the MLflow store
engine          as of a run: engine.cluster=ray embeds new documents on a Ray cluster
model, tracking as of a run: model.neighbours=..., model.register_as=..., tracking=none;
                an alias of the registered model stays, unless you name it: model.alias=champion
trusted_targets packages of yours that the run's config may build from
--trust-this-run  allows what the run's config asks for beyond that

New documents join topics as the model predicts. Topics keep their numbers and labels; their words,
sizes and measures are those of all documents. The old documents are read from the run's
documents.parquet, and their vectors from the cache.

Where all documents are clustered again, with the run's settings, old documents may change their
topics. A topic found is an old one, with its number and label, where most documents of one of them
are in the other; what a person has merged, split or dropped stays so. changes.csv says which
topics are gone, and where their documents are.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from components.base import Corpus, Integers, Matrix, Result, UserError
from components.model.grow import MIN_TOPIC_SIZE, Growth, grow
from components.model.recluster import Match, carry_over
from components.reports.tables import write_csv
from components.reports.text import listed_words
from components.topics import Labels
from runner.derive import Carry, Decide, Name, joined, topics_of
from runner.derive.command import Command
from runner.derive.parent import Parent, topics_are_labels
from runner.pipeline import Parts
from runner.terminal.console import command, say
from runner.terminal.suggestions import nearest

log = logging.getLogger(__name__)

GROWN = 1.25  # see experiments/predict/README.md
CHOICES = ("auto", "always", "never")
COLUMNS = ["topic", "change", "topics_before", "size_before", "size_after", "label", "words"]


def main(arguments: list[str]) -> int:
    """Update a run; 0 when the new one is written and tracked."""
    usage = (__doc__ or "").format(GROWN=GROWN)
    update_command = Command(
        "update", arguments, usage, ["run"], ["min_topic_size", "recluster"],
        groups=("dataset", "model", "tracking", "engine"),
    )  # fmt: skip
    if not any(a.startswith("dataset") for a in update_command.overrides):
        raise UserError("name the new documents: dataset=csv dataset.path=new.csv")
    min_topic_size = update_command.number("min_topic_size", MIN_TOPIC_SIZE)
    if min_topic_size < 2:
        raise UserError(f"min_topic_size={min_topic_size}: must be at least 2.")
    recluster = update_command.options.get("recluster", "auto")
    if recluster not in CHOICES:
        raise UserError(
            f"recluster={recluster}: must be auto, always or never.{nearest(recluster, CHOICES)}"
        )
    with update_command.parent(update_command.options["run"]) as parent:
        update = Update(parent, min_topic_size, recluster)
        status, _ = update_command.execute(
            [parent],
            lambda parts: joined(parent.result.corpus, _documents(parts)),
            update.decide,
            lambda: update.names,
            {"changes": update.write_changes},
            edits=parent.edits,
            dropped=lambda: parent.model.topic_model.arrays.get("dropped"),
            carry=update.carry,
            about=lambda: update.about,
        )
        say(update.summary)
        return status


def _documents(parts: Parts) -> Corpus:
    corpus: Corpus = parts.dataset.load()
    return corpus


class Update:
    """New documents, which come last, join the topics of a run.

    Parameters
    ----------
    parent : the run
    min_topic_size : see `components.model.grow.grow`
    recluster : "auto", "always" or "never"; whether all documents are clustered again

    Raises
    ------
    UserError
        When they cannot be, and are always to be.
    """

    def __init__(
        self, parent: Parent, min_topic_size: int = MIN_TOPIC_SIZE, recluster: str = "auto"
    ) -> None:
        self._parent = parent
        self._min_topic_size = min_topic_size
        self._recluster = recluster
        self._obstacle = _obstacle(parent)
        if recluster == "always" and self._obstacle:
            raise UserError(f"recluster=always: {self._obstacle}. Type recluster=never.")
        old = len(parent.result.corpus)
        self._n_clustered = int(parent.model.about.get("documents_clustered", old))
        self._n_new = 0
        self._n_moved = 0
        self._matches: dict[str, Match] | None = None

    def decide(self, corpus: Corpus) -> Decide:
        """How to find the topics of old and new documents, where topics stay as they are."""
        old = len(self._parent.result.corpus)

        def by_model(X: Matrix, rows: Integers) -> Growth:
            before = topics_of(self._parent.result, rows, len(corpus))
            grown = grow(
                self._parent.model.topic_model, X, before, rows >= old,
                min_topic_size=self._min_topic_size, seed=self._parent.config.seed,
            )  # fmt: skip
            self._n_new = grown.sources.count(())
            return grown

        return by_model

    def carry(self, corpus: Corpus) -> Carry | None:
        """How to number the topics of all documents; None where these are not clustered again."""
        old, n = len(self._parent.result.corpus), len(corpus)
        is_grown = n >= GROWN * self._n_clustered
        if self._recluster == "never" or (self._recluster == "auto" and not is_grown):
            return None
        if self._obstacle:
            log.warning(
                "there are %d documents, and topics were found among %d, but they are not found "
                "again: %s. Run over all documents.", n, self._n_clustered, self._obstacle,
            )  # fmt: skip
            return None
        self._n_clustered = n

        def carried(X: Matrix, rows: Integers, found: Labels) -> Labels:
            before = topics_of(self._parent.result, rows, n)
            held = self._held
            while True:
                labels, self._matches = carry_over(
                    self._parent.model.topic_model, X, before, rows >= old, found, held
                )
                # A name that a person has given is not lost: its topic stays as it was instead.
                unmatched = self._renamed - {s[0] for s in self._matches[""].sources if s}
                if not unmatched:
                    break
                held = [*held, *unmatched]
            had = before.labels >= 0
            self._n_moved = int(np.sum(labels.main[had] != self._numbers[before.labels[had]]))
            return labels

        return carried

    @property
    def _held(self) -> list[int]:
        """Topics that a person has merged or split."""
        return list(self._parent.model.about.get("held", []))

    @property
    def _renamed(self) -> set[int]:
        renamed, topics = self._parent.renamed, self._parent.result.topics
        return {topic.id for topic in topics if topic.label in renamed}

    @property
    def _numbers(self) -> Integers:
        """The topic that each old one is now, or has most of its documents in; -1 for none."""
        numbers = np.full(len(self._parent.result.topics), -1, np.int64)
        if self._matches is None:
            return np.arange(len(numbers))
        for number, sources in enumerate(self._matches[""].sources):
            numbers[[*sources]] = number
        return numbers

    @property
    def about(self) -> dict[str, Any]:
        """What the model says of itself: when topics were found, and which a person has made."""
        held = sorted({int(self._numbers[topic]) for topic in self._held} - {-1})
        return {"documents_clustered": self._n_clustered, "held": held}

    @property
    def names(self) -> dict[str, list[Name | None]]:
        """Those of the run; new topics have none."""
        before = self._parent.names
        if self._matches is None:
            new: list[Name | None] = [None] * self._n_new
            return {layer: [*names, *new] for layer, names in before.items()}
        return {
            layer: [before[layer][s[0]] if s else None for s in match.sources]
            for layer, match in self._matches.items()
        }

    @property
    def summary(self) -> str:
        """What became of the topics."""
        if self._matches is None:
            return f"Topics stay as they are; new topics: {self._n_new}."
        sources = self._matches[""].sources
        n, same = len(self._parent.result.topics), sum(map(bool, sources))
        return (
            f"All {self._n_clustered:,} documents were clustered again. Of {n} topics {same} "
            f"remain and {n - same} do not; new topics: {len(sources) - same}; old documents in "
            f"another topic: {self._n_moved:,} (changes.csv)."
        )

    def write_changes(self, result: Result, folder: Path) -> list[Path]:
        """`changes.csv`: what became of each topic, and its sizes.

        A topic is grown, shrunk, silent (as large as before) or new. One that is gone comes last:
        merged, with the number of the topic that most of its documents are in, or gone.
        """
        before = self._parent.result.topics
        rows: list[list[Any]] = []
        old = {int(n): t for t, n in reversed([*enumerate(self._numbers.tolist())]) if n >= 0}
        if self._matches is not None:
            old = {n: s[0] for n, s in enumerate(self._matches[""].sources) if s}
        for topic in result.topics:
            number = old.get(topic.id)
            size = 0 if number is None else before[number].size
            change = "grown" if topic.size > size else "silent"
            change = "new" if number is None else "shrunk" if topic.size < size else change
            rows.append(
                [topic.id, change, "" if number is None else number, size, topic.size,
                 topic.label, listed_words(topic.words)]
            )  # fmt: skip
        for number in sorted({*range(len(before))} - {*old.values()}):
            into = int(self._numbers[number])
            change, now = ("gone", "") if into < 0 else ("merged", into)
            gone = before[number]
            rows.append([now, change, number, gone.size, 0, gone.label, listed_words(gone.words)])
        return [write_csv(folder / "changes.csv", COLUMNS, rows, csv_safe=True)]


def _obstacle(parent: Parent) -> str:
    """Why documents of a run cannot be clustered again; empty where they can."""
    if topics_are_labels(parent.config):
        return "the run's topics are labels of its data set"
    if parent.model.about.get("labels_known"):
        return "the run used known labels, and its tables do not say of which documents"
    groups = (OmegaConf.select(parent.config, "guided.topics") or {}).values()
    if any(isinstance(seed, int) for seeds in groups for seed in seeds):
        return "guided.topics names rows of the run's data set"
    return ""


if __name__ == "__main__":
    command(main)
