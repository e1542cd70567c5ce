"""Two results of the same documents: which topics are the same, split, merged, or only in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from components.agreement import adjusted_mutual_information
from components.base import Integers, Result, Topic, UserError
from components.corpus import matched
from components.reports.sankey import sankey
from components.reports.tables import write_csv

HEADS = [
    "relation", "topic_a", "topic_b", "documents", "share_of_a", "share_of_b", "label_a", "label_b",
]  # fmt: skip
RELATIONS = ("same", "split", "merged", "part", "only_a", "only_b")


@dataclass(frozen=True)
class Pair:
    """Two topics of which one holds most of the other; or one that has no such partner.

    relation : one of `RELATIONS`, see `compare`
    first, second : their topics; None where there is no partner
    documents : those that both have
    of_first, of_second : these as a share of each topic's compared documents; NaN without partner
    """

    relation: str
    first: Topic | None
    second: Topic | None
    documents: int
    of_first: float = float("nan")
    of_second: float = float("nan")


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    first, second : the topics of both results
    counts : int64 (topics of first + 1, topics of second + 1), the compared documents of each pair
        of topics; the last row and column are those without a topic
    ami : adjusted mutual information of the topics, over the documents that have one in both;
        NaN where there are none
    pairs : relations, in the order of `RELATIONS`, the largest first
    n_first, n_second : documents of each result, without the blank ones
    """

    first: list[Topic]
    second: list[Topic]
    counts: Integers
    ami: float
    pairs: list[Pair] = field(default_factory=list)
    n_first: int = 0
    n_second: int = 0

    @property
    def n_compared(self) -> int:
        """Documents that both results have."""
        return int(self.counts.sum())

    def n_topics(self, relation: str) -> tuple[int, int]:
        """How many topics of each result are in a relation."""
        pairs = [pair for pair in self.pairs if pair.relation == relation]
        return (
            len({pair.first.id for pair in pairs if pair.first}),
            len({pair.second.id for pair in pairs if pair.second}),
        )


def compare(first: Result, second: Result) -> Comparison:
    """Compare the topics of two results, over the documents that both have.

    Documents are matched by their text; of equal ones the first of one result goes with the first
    of the other, and so on. Of two topics a and b that share documents, b is mostly from a where
    more than half of its compared documents are in a, and the other way round.

    same : each is mostly from the other, and no other topic is mostly from either
    split : a, of the first result, has two or more topics that are mostly from it
    merged : b, of the second result, has two or more topics that are mostly from it
    part : one is mostly from the other, which is not mostly from it, and no other topic is
    only_a, only_b : the topic is mostly from none, and none is mostly from it

    Raises
    ------
    UserError
        When no document is in both.
    """
    rows = _rows_of_both(first, second)
    if not len(rows[0]):
        raise UserError(
            "the two runs have no document in common. Compare runs of the same documents: they are "
            "matched by their text."
        )
    labels = first.labels[rows[0]], second.labels[rows[1]]
    shape = len(first.topics) + 1, len(second.topics) + 1
    counts = np.zeros(shape, np.int64)
    np.add.at(counts, labels, 1)  # -1, no topic, is the last row or column
    both = (labels[0] >= 0) & (labels[1] >= 0)
    ami = float("nan")
    if both.any():
        ami = adjusted_mutual_information(labels[0][both], labels[1][both])
    return Comparison(
        first.topics,
        second.topics,
        counts,
        ami,
        _pairs(first.topics, second.topics, counts),
        len(first.rows),
        len(second.rows),
    )


def _rows_of_both(first: Result, second: Result) -> tuple[Integers, Integers]:
    """Rows of the same documents in both results."""
    places = matched(
        *([of.corpus.documents[row] for row in of.rows.tolist()] for of in (first, second))
    )
    return first.rows[places[0]], second.rows[places[1]]


def _pairs(first: Sequence[Topic], second: Sequence[Topic], counts: Integers) -> list[Pair]:
    inside = counts[:-1, :-1]
    of_first = inside / np.maximum(counts[:-1].sum(axis=1, keepdims=True), 1)
    of_second = inside / np.maximum(counts[:, :-1].sum(axis=0), 1)
    from_second, from_first = of_first > 0.5, of_second > 0.5  # a mostly from b; b mostly from a
    n_from_first, n_from_second = from_first.sum(axis=1), from_second.sum(axis=0)
    pairs = []
    for a, b in np.argwhere(from_first | from_second).tolist():
        if from_first[a, b] and n_from_first[a] > 1:
            relation = "split"
        elif from_second[a, b] and n_from_second[b] > 1:
            relation = "merged"
        else:
            relation = "same" if from_first[a, b] and from_second[a, b] else "part"
        shares = float(of_first[a, b]), float(of_second[a, b])
        pairs.append(Pair(relation, first[a], second[b], int(inside[a, b]), *shares))
    linked = from_first | from_second
    for relation, topics, alone, sizes in (
        ("only_a", first, ~linked.any(axis=1), counts[:-1].sum(axis=1)),
        ("only_b", second, ~linked.any(axis=0), counts[:, :-1].sum(axis=0)),
    ):
        for number in np.flatnonzero(alone).tolist():
            topic = topics[number]
            size = int(sizes[number])
            pairs.append(
                Pair(relation, topic, None, size)
                if relation == "only_a"
                else Pair(relation, None, topic, size)
            )

    def place(pair: Pair) -> tuple[Any, ...]:
        # The pieces of a split topic stand together, those of a merged one too.
        whole = {"split": pair.first, "merged": pair.second}.get(pair.relation)
        group = (-whole.size, whole.id) if whole else (0, 0)
        return (RELATIONS.index(pair.relation), group, -pair.documents)

    return sorted(pairs, key=place)


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """`comparison.csv`, one row per pair of related topics, or topic that only one has.

    Columns: relation (see `compare`), topic_a, topic_b, documents (in both; of a topic without
    partner, its own), share_of_a, share_of_b, label_a, label_b. Split and merged topics have a row
    for each piece.
    """
    rows = [
        [
            pair.relation,
            "" if pair.first is None else pair.first.id,
            "" if pair.second is None else pair.second.id,
            pair.documents,
            *("" if np.isnan(s) else round(s, 6) for s in (pair.of_first, pair.of_second)),
            "" if pair.first is None else pair.first.label,
            "" if pair.second is None else pair.second.label,
        ]
        for pair in comparison.pairs
    ]
    return write_csv(folder / "comparison.csv", HEADS, rows, csv_safe=True)


def write_comparison_page(
    comparison: Comparison,
    folder: Path,
    names: tuple[str, str],
    settings: Mapping[str, tuple[Any, Any]],
) -> Path:
    """`comparison.html`: one page without scripts, which needs no network.

    Parameters
    ----------
    names : of the two results
    settings : those in which they differ, and their values
    """
    from components.reports.page import render

    path = folder / "comparison.html"
    groups = {
        relation: [pair for pair in comparison.pairs if pair.relation == relation]
        for relation in RELATIONS
    }
    page = render(
        "comparison.html.j2",
        comparison=comparison,
        names=names,
        settings=settings,
        flow=sankey(comparison.first, comparison.second, comparison.counts, names),
        groups={relation: pairs for relation, pairs in groups.items() if pairs},
    )
    path.write_text(page, encoding="utf-8")
    return path
