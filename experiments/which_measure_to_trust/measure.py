"""Measure what vectors.py computed: a row of runs.csv a run, one of pairs.csv for each two.

    python experiments/which_measure_to_trust/measure.py DATA WORK [--later | --last]

With --later and --last those of later.py (DATA is their folder), else the first eleven. Corpora
that are in the tables already are measured again only where an embedder was added.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line, read_rows
from experiments.which_measure_to_trust.vectors import CORPORA, LAST, LATER, sample

HERE = Path(__file__).parent
SETTINGS = ("leiden_auto", "leiden_20", "kmeans_auto")
GROUPS = 20  # of documents, each left out once: the jackknife


def load(work: Path, corpus: str) -> dict[str, dict[str, Any]]:
    """What is there of a corpus, by embedder."""
    from scipy import sparse

    runs = {}
    for path in sorted((work / corpus).glob("*.vectors.npz")):
        name = path.name.removesuffix(".vectors.npz")
        if not (work / corpus / f"{name}.npz").exists():
            continue
        stored = np.load(path)
        X = stored["X"] if "X" in stored else sparse.load_npz(path)
        runs[name] = {**np.load(work / corpus / f"{name}.npz"), "X": X}
    return runs


def spread(values: Any, kept: Any, n: int) -> Any:
    """Values of the kept documents in an array over all, -1 elsewhere."""
    over_all = np.full((n, *values.shape[1:]), -1, np.int64)
    over_all[kept] = values
    return over_all


def measure(texts: list[str], labels: list[str], run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The measures of an embedder's runs, and what words predict without each group."""
    from components.agreement import adjusted_mutual_information
    from components.base import Corpus, Result
    from components.metrics import clustering, coherence, diversity, geometry, labelled, words
    from components.neighbors import metric_for, neighbors
    from components.representations.ctfidf import CTFIDF
    from components.topics import describe

    n, kept, X = len(texts), run["kept"], run["X"]
    of_kept = [texts[row] for row in kept]
    truth = np.unique(labels, return_inverse=True)[1]
    near = truth[kept][neighbors(X, 10, metric_for(X, "auto")).indices]
    votes = np.stack([np.bincount(row, minlength=truth.max() + 1) for row in near])
    of_vectors: dict[str, Any] = {}
    for setting in SETTINGS:
        topics = spread(run[setting], kept, n)
        representation = CTFIDF()
        described = describe(representation, of_kept, run[setting], X, kept, lambda words: None)
        result = Result(Corpus(texts, labels=labels), kept, X, X, topics, np.ones(n), described)
        result.parts["representation"] = representation
        if not of_vectors:
            of_vectors = {
                "neighbor_accuracy": float(np.mean(votes.argmax(axis=1) == truth[kept])),
                "lexical_lift": words.lexical_lift(result),
                "effective_rank": geometry.effective_rank(result),
                "intrinsic_dimension": geometry.intrinsic_dimension(result),
                "hubness": geometry.hubness(result),
            }
        rows, own, predicted = words.predicted_by_words(result)
        group = np.random.default_rng(0).permutation(n) % GROUPS
        yield {
            "setting": setting,
            "ami": labelled.ami(result),
            "topics": diversity.n_topics(result),
            "words": words.words_ami(result),
            "halves": float(run[f"{setting}_halves"]),
            "npmi": coherence.npmi(result),
            "silhouette": clustering.silhouette(result),
            "diversity": diversity.topic_diversity(result),
            **of_vectors,
            "without": np.array(
                [
                    adjusted_mutual_information(own[left], predicted[left])
                    for left in (group[kept[rows]] != number for number in range(GROUPS))
                ]
            ),
        }


def pairs(runs: dict[str, dict[str, Any]], without: dict[Any, Any], n: int) -> Iterator[list[Any]]:
    """Agreement of topics, overlap of neighbours, error of the difference in words."""
    from runner.leaderboard.choice import neighbor_overlap, topic_agreement

    names = list(runs)
    near = [
        spread(runs[e]["kept"][runs[e]["neighbors"]], runs[e]["kept"], n) for e in names
    ]  # fmt: skip
    overlap = neighbor_overlap(near)
    for setting in SETTINGS:
        agreement = topic_agreement([spread(runs[e][setting], runs[e]["kept"], n) for e in names])
        for i, j in combinations(range(len(names)), 2):
            difference = without[names[i], setting] - without[names[j], setting]
            error = np.sqrt((GROUPS - 1) / GROUPS * ((difference - difference.mean()) ** 2).sum())
            yield [setting, names[i], names[j], agreement[i, j], overlap[i, j], error]


def keep_others(path: Path, corpus: str) -> list[list[str]]:
    """The rows of a table that are not of this corpus."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in list(csv.reader(file))[1:] if row[0] != corpus]


def write(path: Path, head: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def rounded(value: Any) -> Any:
    return round(float(value), 5) if isinstance(value, (float, np.floating)) else value


def main() -> None:
    """Bring both tables up to date."""
    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--later", action="store_true")
    parser.add_argument("--last", action="store_true")
    options = parser.parse_args()
    for corpus in LAST if options.last else LATER if options.later else CORPORA:
        runs = load(options.work, corpus)
        before = [row for row in read_rows(HERE / "runs.csv") if row["corpus"] == corpus]
        if {row["embedder"] for row in before} == set(runs):
            continue
        texts, labels = sample(options.data, corpus)
        rows, without = [], {}
        for name, run in runs.items():
            for row in measure(texts, labels, run):
                without[name, row["setting"]] = row.pop("without")
                rows.append({"corpus": corpus, "embedder": name, **row})
        both = list(pairs(runs, without, len(texts)))
        write(
            HERE / "runs.csv",
            list(rows[0]),
            keep_others(HERE / "runs.csv", corpus)
            + [[rounded(value) for value in row.values()] for row in rows],
        )
        write(
            HERE / "pairs.csv",
            ["corpus", "setting", "a", "b", "ami", "overlap", "words_error"],
            keep_others(HERE / "pairs.csv", corpus)
            + [[corpus, *map(rounded, row)] for row in both],
        )
        print(corpus, len(runs), flush=True)


if __name__ == "__main__":
    main()
