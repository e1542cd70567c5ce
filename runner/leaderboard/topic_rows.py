"""What a leaderboard reads of a run's topics: `topics.csv` and a sample of `documents.parquet`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.base import Integers

DOCUMENTS = 20_000  # of a sample, on which topics are compared; fewer where there are many runs


@dataclass(frozen=True)
class TopicRow:
    """A topic as its run's `topics.csv` has it; label, words and example are text."""

    number: int
    label: str
    size: int
    words: str
    example: str


def read_sample(folders: list[Path], n_voters: int) -> tuple[list[Integers], Integers | None]:
    """Topics of a sample of the documents, for each run, and the labels of that sample.

    Parameters
    ----------
    folders : of r runs on the same documents
    n_voters : settings with which each run is compared; the more, the smaller the sample

    Returns
    -------
    list of r arrays int64 (n,)
        The topic of each document; -1 is none.
    int64 (n,) or None
        The label of each document as a number, -1 is none; None where documents have no labels.
    """
    import pyarrow.parquet as pq

    topics = []
    labels: Integers | None = None
    sample: Integers | None = None
    for folder in folders:
        path = folder / "documents.parquet"
        of_run = pq.read_table(path, columns=["topic"])["topic"].to_numpy().astype(np.int64)
        if sample is None:
            n = len(of_run)
            few = max(1000, DOCUMENTS * 200 // (len(folders) * n_voters))
            limit = min(n, DOCUMENTS, few)
            sample = np.sort(np.random.default_rng(0).choice(n, limit, replace=False))
            if "label" in pq.read_schema(path).names:
                cells = pq.read_table(path, columns=["label"])["label"].to_pylist()
                texts = ["" if cells[row] is None else str(cells[row]) for row in sample.tolist()]
                labels = np.unique(["", *texts], return_inverse=True)[1][1:].astype(np.int64) - 1
        topics.append(of_run[sample])
    return topics, labels


def read_topics(path: Path) -> list[TopicRow]:
    """The topics in a `topics.csv`, by number; none where there is no such file."""
    if not path.is_file():
        return []
    from components.reports.read import table_rows

    return [
        TopicRow(
            int(row["topic"]),
            row["label"],
            int(row["size"]),
            row["words"],
            row["typical_document"],
        )
        for row in table_rows(path)
    ]
