"""Makes one run of two: their topics that agree become one, the others stay.

    python -m runner.merge runs=[A,B] folder=out          or: python -m runner.merge A B folder=out

runs        two runs, each an output folder, an id in MLflow, or models:/topics@champion; they must
            have the same embedder
folder      gets what every run writes, for the documents of both, and topic_mapping.csv
similarity  of topics that become one, at least: from 0 to 1 (default {SIMILARITY})
cache       folder of cached vectors (default .runner-cache); null caches nothing
uri         the MLflow store
model, tracking as of a run: model.neighbours=..., model.register_as=..., tracking=none;
            an alias of the registered model stays, unless you name it: model.alias=champion
trusted_targets packages of yours that the runs' configs may build from
--trust-this-run  allows what the runs' configs ask for beyond that

Topics of the first run keep their numbers and labels, new ones of the second run come last. Topics
of one run never become one. A document that both runs have stands once in the result, in the topic
that the first run gave it. Settings are those of the first run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Corpus, Integers, Matrix, Result, UserError
from components.corpus import matched
from components.model.edits import stack_rows
from components.model.grow import Growth
from components.model.merge import SIMILARITY, map_topics, merge_models, topic_similarity
from components.reports.tables import write_csv
from runner.derive import Decide, Name, Outcome, joined
from runner.derive.command import Command
from runner.derive.parent import Parent
from runner.model.loading import differences
from runner.terminal.arguments import two_runs
from runner.terminal.console import command
from runner.terminal.suggestions import shell_line

COLUMNS = [
    "run", "topic", "new_topic", "nearest_topic", "similarity", "word_similarity", "size", "label",
]  # fmt: skip


def main(arguments: list[str]) -> int:
    """Merge two runs; 0 when the new one is written and tracked."""
    usage = (__doc__ or "").format(SIMILARITY=SIMILARITY)
    merge_command = Command(
        "merge", arguments, usage, keys=["runs", "similarity"], words=True,
        groups=("model", "tracking"),
    )  # fmt: skip
    runs = two_runs(merge_command.options, "merge")
    similarity = merge_command.real("similarity", SIMILARITY)
    with merge_command.parent(runs[0]) as first, merge_command.parent(runs[1]) as second:
        check_mergeable(first, second)
        merging = Merging(first, second, similarity)
        return merge_command.execute(
            [first, second],
            lambda parts: merging.corpus,
            merging.decide,
            model=merging.model,
            edits=merging.edits,
        )


def check_mergeable(first: Parent, second: Parent) -> None:
    """Refuse runs whose topics cannot be compared.

    Raises
    ------
    UserError
        When the runs are one, have layers, or have different embedders; it says what differs.
    """
    names = f"{first.source} and {second.source}"
    if first.id == second.id:
        raise UserError(f"{names} are the same run. Name two runs.")
    for parent in (first, second):
        if parent.result.layers:
            raise UserError(
                f"the run {parent.source} has layers, and to merge one layer would break the "
                "others. Make a run without clusterer.layers."
            )
    one, other = (parent.model.about["fingerprint"] or {} for parent in (first, second))
    serious, _ = differences(one, other, "in the first", "in the second")
    if serious:
        raise UserError(
            "\n".join([f"the runs {names} have different embedders:", *serious])
            + "\nTheir vectors do not compare. Run one again with the embedder of the other."
        )
    if not _learnt_the_same(first.model.learnt, second.model.learnt):
        again = shell_line("update", f"run={first.source}", "dataset=...", "folder=...")
        raise UserError(
            f"the embedder of the runs {names} has learnt from the documents of each, so their "
            "vectors do not compare. Run both with one that does not learn from documents, such "
            f"as embedder=minilm, or add the documents of the second to the first: {again}"
        )


def _learnt_the_same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    (tree, arrays), (other_tree, others) = one, other
    return (
        tree == other_tree
        and arrays.keys() == others.keys()
        and all(np.array_equal(arrays[name], others[name]) for name in arrays)
    )


class Merging:
    """Two runs on their way to one.

    Attributes
    ----------
    mapping : TopicMapping
    corpus : Corpus
        The documents of the first run, then those of the second that the first has not.
    model : Model
        Assigns vectors to the topics of both.
    dropped : float32 (k, d) or CSR, or None
        Centroids of the topics that edits of either run have dropped.

    Raises
    ------
    UserError
        When edits of one run have dropped a topic that the other one has.
    """

    def __init__(self, first: Parent, second: Parent, similarity: float) -> None:
        self._first, self._second = first, second
        models = first.model.topic_model, second.model.topic_model
        _check_dropped(first, second, similarity)
        _check_dropped(second, first, similarity)
        # Rows of the documents that both have, and rows that only the second has.
        corpora = first.result.corpus, second.result.corpus
        self._same = matched(*map(_keys, corpora))
        self._rest = np.setdiff1d(np.arange(len(corpora[1])), self._same[1])
        labels = second.result.labels[self._rest]
        has_documents = np.bincount(labels[labels >= 0], minlength=len(models[1].topics)) > 0
        self.mapping = map_topics(*models, similarity, has_documents)
        self.model = replace(first.model, _model=merge_models(*models, self.mapping))
        dropped = [model.arrays["dropped"] for model in models if "dropped" in model.arrays]
        self.dropped = stack_rows(dropped) if dropped else None
        self.corpus = corpora[0]
        if len(self._rest):
            self.corpus = joined(corpora[0], corpora[1].take(self._rest))

    def decide(self, corpus: Corpus) -> Decide:
        """How to find the topics of the documents: as the runs have them."""
        old, new = self._first.result, self._second.result
        labels = np.concatenate(
            [_renumbered(old.labels, self.mapping.first),
             _renumbered(new.labels[self._rest], self.mapping.second)]
        )  # fmt: skip
        strengths = np.concatenate([old.strengths, new.strengths[self._rest]])
        sources: list[tuple[int, ...]] = [(topic,) for topic in range(self.mapping.n_topics)]
        outcome = Outcome(
            {"": self.names}, {"mapping": self.write_mapping}, {"held": self.held}, self.dropped,
            lambda result: self.summary,
        )  # fmt: skip

        def by_mapping(X: Matrix, rows: Integers) -> tuple[Growth, Outcome]:
            return Growth(labels[rows], strengths[rows], {}, sources), outcome

        return by_mapping

    @property
    def names(self) -> list[Name | None]:
        """Those of the first run, then of the second; labels that a user has given come first."""
        names: list[Name | None] = [None] * self.mapping.n_topics
        for only_renamed in (True, False):
            for parent, numbers in self._sides:
                renamed = parent.renamed
                for topic, number in zip(parent.result.topics, numbers.tolist(), strict=True):
                    is_chosen = topic.label in renamed or not only_renamed
                    if number >= 0 and names[number] is None and is_chosen:
                        names[number] = topic.label, topic.description
        return names

    @property
    def edits(self) -> list[dict[str, Any]]:
        """Those of the first run, and the labels of the second that its user has given."""
        renamed = self._second.renamed
        numbers = self.mapping.second.tolist()
        labels = {
            number: topic.label
            for topic, number in zip(self._second.result.topics, numbers, strict=True)
            if topic.label in renamed and number >= 0
        }
        return [*self._first.edits, *([{"rename": labels}] if labels else [])]

    @property
    def held(self) -> list[int]:
        """Topics that a person has merged or split, in either run."""
        numbers = [
            numbers[parent.model.about.get("held", [])].tolist() for parent, numbers in self._sides
        ]
        return sorted({*numbers[0], *numbers[1]} - {-1})

    @property
    def summary(self) -> str:
        """What became of the topics, and of documents that both runs have."""
        mapping, (rows, others) = self.mapping, self._same
        n_first, n_second = len(mapping.first), len(mapping.second)
        lines = [
            f"{n_first} and {n_second} topics: {mapping.n_shared} are the same, "
            f"{mapping.n_topics - n_first} of the second run are new."
        ]
        if len(rows):
            one = self._first.result.labels[rows]
            other = _renumbered(self._second.result.labels[others], mapping.second)
            lines.append(
                f"{len(rows):,} documents are in both runs. They stand once, in the topic of the "
                f"first run; the second has {int(np.sum(one != other)):,} of them in another."
            )
        return "\n".join(lines)

    @property
    def _sides(self) -> tuple[tuple[Parent, Integers], ...]:
        """Each run, and the new numbers of its topics."""
        return (self._first, self.mapping.first), (self._second, self.mapping.second)

    def write_mapping(self, result: Result, folder: Path) -> list[Path]:
        """`topic_mapping.csv`: one row per topic of each run, and its number in the new one.

        Columns: run, topic, new_topic (empty where the first run has all its documents),
        nearest_topic (of the other run), the similarity of both and of their words, size, label.
        """
        rows: list[list[Any]] = []
        tables = (
            (self.mapping.similarity, self.mapping.word_similarity),
            (self.mapping.similarity.T, self.mapping.word_similarity.T),
        )
        for (parent, numbers), (vectors, words) in zip(self._sides, tables, strict=True):
            nearest = (vectors + words).argmax(axis=1)
            for topic, number in zip(parent.result.topics, numbers.tolist(), strict=True):
                other = int(nearest[topic.id])
                rows.append(
                    [parent.id, topic.id, "" if number < 0 else number, other,
                     f"{vectors[topic.id, other]:.3f}", f"{words[topic.id, other]:.3f}",
                     topic.size, topic.label]
                )  # fmt: skip
        return [write_csv(folder / "topic_mapping.csv", COLUMNS, rows, csv_safe=True)]


def _keys(corpus: Corpus) -> Iterator[tuple[str, str | None]]:
    """Each document's text and image."""
    return zip(corpus.documents, corpus.images or [None] * len(corpus), strict=True)


def _renumbered(labels: Integers, numbers: Integers) -> Integers:
    return np.where(labels >= 0, numbers[labels], -1)


def _check_dropped(one: Parent, other: Parent, similarity: float) -> None:
    """Refuse what a user of one run has dropped and the other run has.

    There are no words of a dropped topic: its vector alone decides.
    """
    model = other.model.topic_model
    dropped = one.model.topic_model.arrays.get("dropped")
    if dropped is None:
        return
    living = stack_rows([dropped, one.model.topic_model.arrays["centroids"]])
    near = topic_similarity(living, model.arrays["centroids"])[: dropped.shape[0]]
    topics = np.flatnonzero((near >= similarity).any(axis=0)).tolist()
    if topics:
        labels = ", ".join(f"{topic} ({model.topics[topic].label})" for topic in topics)
        edit = shell_line("edit", f"run={other.source}", "edits=edits.yaml", "folder=...")
        raise UserError(
            f"edits of {one.source} have dropped what {other.source} has: topics {labels}. Drop "
            f"them there too, with edits.yaml holding drop: {topics}, and merge what that makes: "
            f"{edit}"
        )


if __name__ == "__main__":
    command(main)
