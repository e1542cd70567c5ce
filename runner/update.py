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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from components.base import Corpus, Integers, Matrix, Result, UserError, within
from components.model.grow import MIN_TOPIC_SIZE, Growth, grow
from components.model.recluster import Match, carry_over
from components.reports.tables import write_csv
from components.reports.text import words_or_label
from components.topics import Labels
from runner.derive import Carry, Decide, Name, Outcome, joined, topics_of
from runner.derive.command import Command
from runner.derive.parent import Parent, topics_are_labels
from runner.pipeline import Parts
from runner.terminal.console import command
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
        return update_command.execute(
            [parent],
            lambda parts: joined(parent.result.corpus, _documents(parts)),
            update.decide,
            carry=update.carry,
            edits=parent.edits,
        )


def _documents(parts: Parts) -> Corpus:
    with within("dataset"):
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

    def decide(self, corpus: Corpus) -> Decide:
        """How to find the topics of old and new documents, where topics stay as they are."""
        old = len(self._parent.result.corpus)

        def by_model(X: Matrix, rows: Integers) -> tuple[Growth, Outcome]:
            before = topics_of(self._parent.result, rows, len(corpus))
            grown = grow(
                self._parent.model.topic_model, X, before, rows >= old,
                min_topic_size=self._min_topic_size, seed=self._parent.config.seed,
            )  # fmt: skip
            changes = Changes(self._parent, self._n_clustered, n_new=grown.sources.count(()))
            return grown, changes.outcome

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

        def carried(X: Matrix, rows: Integers, found: Labels) -> tuple[Labels, Outcome]:
            before = topics_of(self._parent.result, rows, n)
            labels, matches = self._carried_over(X, before, rows >= old, found)
            changes = Changes(self._parent, n, matches)
            had = before.labels >= 0
            stays = np.full(len(changes.numbers), -2)  # of what is merged or gone, all is moved
            for number, sources in enumerate(matches[""].sources):
                stays[[*sources[:1]]] = number
            n_moved = int(np.sum(labels.main[had] != stays[before.labels[had]]))
            return labels, replace(changes, n_moved=n_moved).outcome

        return carried

    def _carried_over(
        self, X: Matrix, before: Growth, is_new: NDArray[np.bool_], found: Labels
    ) -> tuple[Labels, dict[str, Match]]:
        """`carry_over`, by which a name that a person has given is not lost."""
        renamed, topics = self._parent.renamed, self._parent.result.topics
        named = {topic.id for topic in topics if topic.label in renamed}
        held = list(self._parent.model.about.get("held", []))
        while True:
            model = self._parent.model.topic_model
            labels, matches = carry_over(model, X, before, is_new, found, held)
            unmatched = named - {s[0] for s in matches[""].sources if s} - {*held}
            if not unmatched:
                return labels, matches
            held = [*held, *unmatched]  # these topics stay as they were instead


@dataclass(frozen=True)
class Changes:
    """What became of a run's topics.

    n_clustered : documents among which topics were found
    matches : by layer, where all documents were clustered again
    n_new : topics, where they were not
    n_moved : old documents in another topic
    """

    parent: Parent
    n_clustered: int
    matches: dict[str, Match] | None = None
    n_new: int = 0
    n_moved: int = 0

    @property
    def outcome(self) -> Outcome:
        """What follows for the new run."""
        dropped = self.parent.model.topic_model.arrays.get("dropped")
        return Outcome(
            self.names, {"changes": self.write}, self.about, dropped, lambda result: self.summary
        )

    @property
    def numbers(self) -> Integers:
        """The topic that each old one is now, or has most of its documents in; -1 for none."""
        numbers = np.full(len(self.parent.result.topics), -1, np.int64)
        if self.matches is None:
            return np.arange(len(numbers))
        for number, sources in enumerate(self.matches[""].sources):
            numbers[[*sources]] = number
        return numbers

    @property
    def about(self) -> dict[str, Any]:
        """What the model says of itself: when topics were found, and which a person has made."""
        held_before = self.parent.model.about.get("held", [])
        held = sorted({int(self.numbers[topic]) for topic in held_before} - {-1})
        return {"documents_clustered": self.n_clustered, "held": held}

    @property
    def names(self) -> dict[str, list[Name | None]]:
        """Those of the run; new topics have none."""
        before = self.parent.names
        if self.matches is None:
            new: list[Name | None] = [None] * self.n_new
            return {layer: [*names, *new] for layer, names in before.items()}
        return {
            layer: [before[layer][s[0]] if s else None for s in match.sources]
            for layer, match in self.matches.items()
        }

    @property
    def summary(self) -> str:
        """What became of the topics, in a sentence or two."""
        if self.matches is None:
            return f"Topics stay as they are; new topics: {self.n_new}."
        sources = self.matches[""].sources
        n, same = len(self.parent.result.topics), sum(map(bool, sources))
        to_keep = " To keep all topics: recluster=never." if same < n else ""
        return (
            f"All {self.n_clustered:,} documents were clustered again. Of {n} topics {same} "
            f"remain and {n - same} do not; new topics: {len(sources) - same}; old documents in "
            f"another topic: {self.n_moved:,} (changes.csv).{to_keep}"
        )

    def write(self, result: Result, folder: Path) -> list[Path]:
        """`changes.csv`: what became of each topic, and its sizes.

        A topic is grown, shrunk, silent (as large as before) or new. One that is gone comes last:
        merged, with the number of the topic that most of its documents are in, or gone.
        """
        before = self.parent.result.topics
        rows: list[list[Any]] = []
        old = {int(n): t for t, n in reversed([*enumerate(self.numbers.tolist())]) if n >= 0}
        if self.matches is not None:
            old = {n: s[0] for n, s in enumerate(self.matches[""].sources) if s}
        for topic in result.topics:
            number = old.get(topic.id)
            size = 0 if number is None else before[number].size
            change = "grown" if topic.size > size else "silent"
            change = "new" if number is None else "shrunk" if topic.size < size else change
            rows.append(
                [topic.id, change, "" if number is None else number, size, topic.size,
                 topic.label, words_or_label(topic)]
            )  # fmt: skip
        for number in sorted({*range(len(before))} - {*old.values()}):
            into = int(self.numbers[number])
            change, now = ("gone", "") if into < 0 else ("merged", into)
            gone = before[number]
            rows.append([now, change, number, gone.size, 0, gone.label, words_or_label(gone)])
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
