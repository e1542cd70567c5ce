"""Applies a person's edits to the topics of a run: a new run, with a new version of its model.

    python -m runner.edit run=ID edits=edits.yaml folder=out

run        a run's output folder, its id in MLflow, or models:/topics@champion
edits      a YAML file; all numbers are those of the run:
             merge: [[3, 7]]           topics that become one, with the first label that is
                                       more than words
             rename: {2: "delivery"}   labels
             drop: [9]                 topics whose documents are in no topic from now on
             split: {0: 3}             topics that are divided, each into so many parts; [0] lets
                                       its documents decide, on 2 to 6. The largest keeps the number
folder     gets what every run writes, and changes.csv
cache      folder of cached vectors (default .runner-cache); null caches nothing
uri        the MLflow store
embedder.path where the file of vectors lies now, for a run with embedder=precomputed
model, tracking as of a run: model.neighbours=..., model.register_as=..., tracking=none;
           an alias of the registered model stays, unless you name it: model.alias=champion
trusted_targets packages of yours that the run's config may build from
--trust-this-run  allows what the run's config asks for beyond that

Topics keep their order. Those behind a gap move up, and parts that are split off come last. The
edits are saved with the model, and hold for what `runner update` and `runner predict` do with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from components.base import Corpus, Integers, Matrix, Result, UserError
from components.model.edits import Edited, Edits, apply_edits, read_edits, stack_rows
from components.model.fit import unit_means
from components.model.grow import Growth
from components.reports.tables import write_csv
from components.reports.text import plain, words_or_label
from runner.derive import Decide, Name, Outcome, topics_of
from runner.derive.command import Command
from runner.derive.parent import Parent
from runner.terminal.console import command

COLUMNS = ["topic", "change", "topics_before", "size_before", "size_after", "label", "words"]


def main(arguments: list[str]) -> int:
    """Edit a run; 0 when the new one is written and tracked."""
    edit_command = Command(
        "edit",
        arguments,
        __doc__ or "",
        ["run", "edits"],
        ["embedder.path"],
        groups=("model", "tracking"),
    )
    with edit_command.parent(edit_command.options["run"]) as parent:
        if parent.result.layers:
            raise UserError(
                "this run has layers, and edits of one layer would break the others. Make a run "
                "without clusterer.layers, or of the layer that you want to edit."
            )
        path = Path(edit_command.options["edits"]).expanduser()
        edits = read_edits(_read(path), len(parent.model.topics), str(path))
        return edit_command.execute(
            [parent],
            lambda parts: parent.result.corpus,
            partial(decide, parent, edits),
            edits=[*parent.edits, edits.as_plain()],
        )


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or str(error).replace("\n", " ")
        raise UserError(f"edits={path}: cannot be read as YAML: {reason}") from error


def decide(parent: Parent, edits: Edits, corpus: Corpus) -> Decide:
    """How to find the topics of a run's documents, where a person has edited them."""

    def by_edits(X: Matrix, rows: Integers) -> tuple[Growth, Outcome]:
        before = topics_of(parent.result, rows, len(corpus))
        edited = apply_edits(edits, before.labels, X, parent.config.seed)
        changes = Changes(parent, edits, edited)
        outcome = Outcome(
            {"": changes.names}, {"changes": changes.write}, changes.about,
            _dropped(parent, edits, before.labels, X), changes.summary,
        )  # fmt: skip
        strengths = np.where(edited.labels >= 0, before.strengths, 0).astype(np.float32)
        return Growth(edited.labels, strengths, {}, edited.sources), outcome

    return by_edits


def _dropped(parent: Parent, edits: Edits, labels: Integers, X: Matrix) -> Any:
    """Unit means of the topics that these edits and earlier ones have dropped: (k, d), or None."""
    earlier = parent.model.topic_model.arrays.get("dropped")
    if not edits.drop:
        return earlier
    places = np.full(len(labels), -1, np.int64)
    for place, topic in enumerate(edits.drop):
        places[labels == topic] = place
    now = unit_means(X, places, len(edits.drop))
    return now if earlier is None else stack_rows([earlier, now])


@dataclass(frozen=True)
class Changes:
    """What edits have made of a run's topics."""

    parent: Parent
    edits: Edits
    edited: Edited

    @property
    def about(self) -> dict[str, Any]:
        """What the model says of itself: when topics were found, and which a person has made."""
        parent = self.parent.model.about
        held = {*parent.get("held", []), *self.edits.split}
        return {
            "documents_clustered": parent.get(
                "documents_clustered", len(self.parent.result.corpus)
            ),
            "held": [
                number
                for number, sources in enumerate(self.edited.sources)
                if len(sources) > 1 or held & {*sources}
            ],
        }

    @property
    def names(self) -> list[Name | None]:
        """The new label, or that of the first named topic it was made of.

        None where topics were merged or split that only had the words of before as a label.
        """
        topics = self.parent.result.topics
        names: list[Name | None] = []
        for topic, sources in enumerate(self.edited.sources):
            old = next((topics[s] for s in sources if topics[s].is_named), topics[sources[0]])
            label = self.edited.renamed.get(topic)
            if label is not None:
                names.append((label, old.description))
            else:
                # Of merged topics, and of the largest part of one that is split, they are others.
                changed = len(sources) > 1 or sources[0] in self.edits.split
                outdated = changed and not old.is_named
                is_new = self.edited.is_new[topic] or outdated
                names.append(None if is_new else (old.label, old.description))
        return names

    def write(self, result: Result, folder: Path) -> list[Path]:
        """Write `changes.csv`."""
        return [write_csv(folder / "changes.csv", COLUMNS, self._rows(result), csv_safe=True)]

    def _rows(self, result: Result) -> list[list[Any]]:
        """A row for each topic: what was done to it, and the topics that it was made of.

        A dropped topic comes last, and has no number any more.
        """
        edits, edited, before = self.edits, self.edited, self.parent.result
        rows: list[list[Any]] = []
        for topic in result.topics:
            sources = edited.sources[topic.id]
            done = [
                name
                for name, applies in (
                    ("merged", len(sources) > 1),
                    ("split", sources[0] in edits.split),
                    ("renamed", topic.id in edited.renamed),
                )
                if applies
            ]
            size = sum(before.topics[source].size for source in sources)
            rows.append(
                [topic.id, " ".join(done) or "same", " ".join(map(str, sources)), size, topic.size,
                 topic.label, words_or_label(topic)]
            )  # fmt: skip
        for number in edits.drop:
            old = before.topics[number]
            rows.append(["", "dropped", number, old.size, 0, old.label, words_or_label(old)])
        return rows

    def summary(self, result: Result) -> str:
        """What became of the topics that were edited, a line each."""
        lines = ["topics before -> now, with their documents:"]
        for topic, change, sources, before, size, label, _ in self._rows(result):
            if change != "same":
                origin = str(sources).replace(" ", "+")
                now = "none" if change == "dropped" else f"{topic} ({size:,})"
                lines.append(f"  {change}: {origin} ({before:,}) -> {now}  {plain(label)}")
        return "\n".join(lines)


if __name__ == "__main__":
    command(main)
