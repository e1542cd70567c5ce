"""Why choice_score fails on reddit_topical: topics of single words.

    python experiments/which_measure_to_trust/masked.py DATA WORK      # masked.csv, and a table

`words` as in measure.py, and again after the heaviest words of each topic (1, 3 or 10) are taken
from all documents. A topic that is one word is then announced by nothing; one that is about
something still is. Looked at on all eleven corpora, so it is an explanation and no rule.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from measure import load, read, spread, write
from report import CHOICE, KINDS, kendall, pools, regret, rules
from report import read as read_corpora
from vectors import CORPORA, sample

HERE = Path(__file__).parent
MASKED = (0, 1, 3, 10)


def words_without(X: Any, topics: Any, n_words: int) -> float:
    """`words_ami` without the `n_words` heaviest words of each topic."""
    from components.agreement import adjusted_mutual_information
    from components.labels import one_hot
    from components.metrics.words import complement_naive_bayes

    weights = (one_hot(topics).T @ X).toarray()
    total = np.maximum(weights.sum(axis=0), 1e-9)
    specific = weights * np.log1p(len(weights) * weights / total)
    masked = np.unique(np.argsort(-specific, axis=1)[:, :n_words])
    left = X[:, np.setdiff1d(np.arange(X.shape[1]), masked)].tocsr()
    fold = np.random.default_rng(0).permutation(len(topics)) % 5
    predicted = np.empty(len(topics), np.int64)
    for number in range(5):
        train, test = fold != number, fold == number
        predicted[test] = complement_naive_bayes(left[train], topics[train], left[test])
    return adjusted_mutual_information(topics, predicted)


def measure(data: Path, work: Path) -> None:
    """Write masked.csv."""
    from components.base import Corpus, Result
    from components.metrics.tokens import tfidf

    rows = []
    for corpus in CORPORA:
        texts, _ = sample(data, corpus)
        n = len(texts)
        for name, run in load(work, corpus).items():
            topics = spread(run["leiden_auto"], run["kept"], n)
            result = Result(Corpus(texts), run["kept"], run["X"], run["X"], topics, np.ones(n))
            inside = np.flatnonzero(topics[run["kept"]] >= 0)
            numbers = np.unique(topics[run["kept"]][inside], return_inverse=True)[1]
            X = tfidf(result, inside).tocsc()
            values = [round(words_without(X, numbers, k), 5) for k in MASKED]
            rows.append([corpus, name, *values])
        print(corpus, flush=True)  # noqa: T201
    write(HERE / "masked.csv", ["corpus", "embedder", *(f"without_{k}" for k in MASKED)], rows)


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    from runner.leaderboard.choice import choice_score, consensus

    if not (HERE / "masked.csv").exists():
        measure(options.data, options.work)
    values = {(row["corpus"], row["embedder"]): row for row in read(HERE / "masked.csv")}
    corpora = [c for aside in (False, True) for c in read_corpora("leiden_auto", aside)]

    def rule(masked: int) -> Any:
        def scores(c: Any, pool: list[int]) -> Any:
            of_words = np.array([float(values[c.name, e][f"without_{masked}"])
                                 for e in c.embedders])  # fmt: skip
            at = np.ix_(pool, pool)
            agreed = consensus(c.agreement[at], c.overlap[at])
            measures = (of_words[pool], c.values["halves"][pool], agreed)
            return choice_score(*measures, prior=c.values["prior"][pool])

        return scores

    every = {
        "choice_score": rules()[CHOICE],
        **{f"its words without the topics' first {k}": rule(k) for k in MASKED[1:]},
    }
    print("| pick by | tau | " + " | ".join(f"regret, {kind}" for kind in KINDS) + " |")  # noqa: T201
    print("|---|---:|" + "---:|" * len(KINDS))  # noqa: T201
    for name, scores in every.items():
        cells = [
            np.mean(
                [np.mean([regret(c, p, scores(c, p)) for p in pools(c, kind)]) for c in corpora]
            )
            for kind in KINDS
        ]
        taus = [kendall(c, p, scores(c, p)) for c in corpora for p in pools(c, "all")]
        text = " | ".join(f"{cell:.3f}" for cell in cells)
        print(f"| {name} | {np.mean(taus):.2f} | {text} |")  # noqa: T201


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))  # the project, where it is not installed
    main()
