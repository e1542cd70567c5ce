"""Runs on the same documents side by side: how far their topics and their vectors agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.base import Integers
from components.labels import one_hot
from runner.leaderboard.choice import (
    Numbers,
    choice_score,
    consensus,
    kind_prior,
    neighbor_overlap,
    topic_agreement,
    votes,
)
from runner.leaderboard.labelled import LabelledDifference, difference
from runner.leaderboard.ranking import members_of
from runner.leaderboard.topic_rows import TopicRow, read_sample, read_topics
from runner.tracking.record import Record

SCORES = ("consensus", "neighbour_consensus", "kind_prior", "choice_score", "seed_stability")
VOTERS = 40  # settings, and runs of one setting, whose topics are compared with those of every run


@dataclass(frozen=True)
class Comparison:
    """Runs on the same documents.

    Runs that differ in nothing but their seed have one vote between them, that of the first. An
    ensemble has none, and its members have none on it.

    records : r records
    voters : v of them, by number, each with other settings
    voter_of : int64 (r,), the voter with a run's settings, as a number among the voters
    topics : for each voter int64 (n,), the topic of each document of a sample; -1 is none
    agreement : float64 (r, v), see `choice.topic_agreement`
    overlap : float64 (v, v), see `choice.neighbor_overlap`; None where a run left no neighbours
    described : for each voter its topics, by number
    silent : bool (v, v), see `choice.consensus`; None: all vote
    labels : int64 (n,), the label of each document of the sample as a number; -1 is none. None
        where the documents have no labels
    of_seeds : float64 (r,), mean agreement (AMI) of a run's topics with those of the runs that
        differ in nothing but their seed, the first `VOTERS` at most; NaN where there are none
    """

    records: list[Record]
    voters: list[int]
    voter_of: Integers
    topics: list[Integers]
    agreement: Numbers
    overlap: Numbers | None
    described: list[list[TopicRow]]
    silent: NDArray[np.bool_] | None = None
    labels: Integers | None = None
    of_seeds: Numbers | None = None

    def scores(self) -> dict[str, Numbers]:
        """`SCORES`, (r,) each; NaN where one does not apply."""
        r, v = self.agreement.shape
        missing = np.full(r, np.nan)
        agreed = on_neighbors = missing
        if v > 1:
            overlap = np.eye(v) if self.overlap is None else self.overlap
            agreed = consensus(self.agreement, overlap, self.voter_of, self.silent)
            if self.overlap is not None:
                on_neighbors = consensus(
                    overlap[self.voter_of], overlap, self.voter_of, self.silent
                )
        words, stability, n_topics = (
            np.array([record.metrics.get(name, np.nan) for record in self.records], np.float64)
            for name in ("words_ami", "stability", "n_topics")
        )
        # A run without two topics has no words_ami, and no place in the order.
        rows = np.flatnonzero(np.isfinite(words) | ~np.isfinite(words).any())
        prior = np.array([_prior(record) for record in self.records], np.float64)
        choice = np.full(r, np.nan)
        if len(rows) > 1 and len({*map(_embedder, self.records)}) > 1:
            single = np.array([not members_of(self.records[row]) for row in rows], bool)
            among = single if single.sum() > 1 else None
            measures = (words[rows], stability[rows], agreed[rows])
            counts = n_topics[rows] if np.isfinite(n_topics[rows]).all() else None
            choice[rows] = choice_score(*measures, prior=prior[rows], n_topics=counts, among=among)
        return {
            "consensus": agreed,
            "neighbour_consensus": on_neighbors,
            "kind_prior": prior,
            "choice_score": choice,
            "seed_stability": missing if self.of_seeds is None else self.of_seeds,
        }

    def by_labels(self, first: Record, second: Record) -> LabelledDifference | None:
        """How far two runs are apart in AMI with the labels; None where there are too few."""
        at = {id(record): place for place, record in enumerate(self.records)}
        if self.labels is None or not self.voters or not {id(first), id(second)} <= at.keys():
            return None
        pair = [self.topics[self.voter_of[at[id(run)]]] for run in (first, second)]
        return difference(self.labels, pair)

    def on_equal_votes(self, ensemble: Record, single: Record) -> tuple[float, float] | None:
        """The consensus of an ensemble and of another run by those that vote on the ensemble.

        None where nobody does, or either has no place here.
        """
        at = {id(record): place for place, record in enumerate(self.records)}
        if self.silent is None or not {id(ensemble), id(single)} <= at.keys():
            return None
        overlap = np.eye(len(self.voters)) if self.overlap is None else self.overlap
        pair = [at[id(ensemble)], at[id(single)]]
        weights = votes(overlap, self.silent)[self.voter_of[pair[0]]]
        weights[self.voter_of[pair[1]]] = 0
        if weights.sum() < 1e-9:
            return None
        one, other = (self.agreement[pair] @ weights / weights.sum()).tolist()
        return one, other

    def matches(self, voter: int) -> list[Numbers]:
        """How far each topic of a voter is found by the others.

        Returns
        -------
        list of v arrays float64 (topics of `voter`, topics of the other)
            Documents that both topics hold, as a share of those that either holds (Jaccard).
        """
        one = one_hot(self.topics[voter])
        sizes = np.asarray(one.sum(axis=0)).ravel()
        shares = []
        for topics in self.topics:
            other = one_hot(topics)
            both = (one.T @ other).toarray()
            either = sizes[:, None] + np.asarray(other.sum(axis=0)).ravel()[None, :] - both
            shares.append(both / np.maximum(either, 1))
        return shares


def compare(jobs: Mapping[Path, Record]) -> list[Comparison]:
    """The finished runs of a sweep, by the documents that they are about, most runs first.

    Parameters
    ----------
    jobs : records by their folders. Runs without `documents.parquet` are left out.
    """
    groups: dict[str, dict[Path, Record]] = {}
    for folder, record in jobs.items():
        if record.status == "FINISHED" and (folder / "documents.parquet").is_file():
            groups.setdefault(record.tags.get("corpus_hash", ""), {})[folder] = record
    comparisons = [_comparison(group) for group in groups.values()]
    return sorted(comparisons, key=lambda comparison: -len(comparison.records))


def set_scores(comparisons: Iterable[Comparison]) -> None:
    """Give the records that are compared their `SCORES`, without those that do not apply."""
    for comparison in comparisons:
        scores = comparison.scores()
        for place, record in enumerate(comparison.records):
            values = {name: float(scores[name][place]) for name in SCORES}
            record.metrics |= {name: value for name, value in values.items() if np.isfinite(value)}


def score(jobs: Mapping[Path, Record], comparisons: Iterable[Comparison]) -> list[Path]:
    """Write the scores of a sweep into the records of its jobs, and the records to their folders.

    Returns
    -------
    list of Path
        The folders of the records that have changed.
    """
    comparisons = [*comparisons]
    set_scores(comparisons)
    scored = {id(record) for comparison in comparisons for record in comparison.records}
    changed = [folder for folder, record in jobs.items() if id(record) in scored]
    for folder in changed:
        jobs[folder].save(folder)
    return changed


def _comparison(jobs: Mapping[Path, Record]) -> Comparison:
    folders, records = [*jobs], [*jobs.values()]
    names = [record.tags.get("seedless_hash", str(i)) for i, record in enumerate(records)]
    firsts = {name: names.index(name) for name in dict.fromkeys(names)}
    voters = [*firsts.values()]
    apart = len({_embedder(records[i]) for i in voters}) > 1 and len(voters) <= VOTERS
    topics: list[Integers] = []
    labels = of_seeds = None
    if apart or len(voters) < len(records):
        of_one = max(map(names.count, firsts))
        topics, labels = read_sample(folders, max(len(voters), min(of_one, VOTERS)))
        of_seeds = _of_seeds(topics, names)
    if not apart:
        nobody = np.zeros((len(records), 0))
        no_voter = np.zeros(len(records), np.int64)
        return Comparison(records, [], no_voter, [], nobody, None, [], of_seeds=of_seeds)
    paths = [folders[i] / "neighbors.npy" for i in voters]
    overlap = None
    if all(path.is_file() for path in paths):
        tables = [np.load(path, allow_pickle=False)[:, 1:].astype(np.int64) for path in paths]
        if len({table.shape for table in tables}) == 1:
            overlap = neighbor_overlap(tables)
    return Comparison(
        records,
        voters,
        np.array([voters.index(firsts[name]) for name in names]),
        [topics[i] for i in voters],
        topic_agreement(topics, voters),
        overlap,
        [read_topics(folders[i] / "topics.csv") for i in voters],
        _silent([records[i] for i in voters]),
        labels,
        of_seeds,
    )


def _of_seeds(topics: list[Integers], names: list[str]) -> Numbers:
    """See `Comparison.of_seeds`; runs with the same name differ by their seed."""
    values = np.full(len(topics), np.nan)
    for name in set(names):
        runs = [i for i, other in enumerate(names) if other == name]
        if len(runs) > 1:
            others = range(min(len(runs), VOTERS))
            agreement = topic_agreement([topics[i] for i in runs], others)
            itself = np.arange(len(runs)) < len(others)
            values[runs] = (agreement.sum(axis=1) - itself) / (len(others) - itself)
    return values


def _silent(voters: list[Record]) -> NDArray[np.bool_]:
    """Who, of the columns, has no vote on whom, of the rows: see `choice.consensus`."""
    names = [str(record.params.get("embedder", "")) for record in voters]
    members = [members_of(record) for record in voters]
    return np.array([[bool(members[j]) or names[j] in members[i] for j in range(len(names))]
                     for i in range(len(names))])  # fmt: skip


def _prior(record: Record) -> float:
    """See `choice.kind_prior`; of an ensemble, the mean over its members.

    `word_doc` is of the kind of its document_embedder, from which the documents' vectors come.
    """
    paths = [f"embedder.of.{name}" for name in members_of(record)] or ["embedder"]
    classes = [
        record.params.get(f"{path}.document_embedder._target_")
        or record.params.get(f"{path}._target_")
        for path in paths
    ]
    return sum(kind_prior(str(name)) for name in classes) / len(classes)


def _embedder(record: Record) -> str:
    """The embedder with all its settings."""
    return str(
        sorted(
            (name, str(value))
            for name, value in record.params.items()
            if name.partition(".")[0] == "embedder"
        )
    )
