"""How often what a recommendation says is right: runs.csv and pairs.csv, as report.py reads them.

python experiments/which_measure_to_trust/statements.py [--last | --first | --later | --every]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.which_measure_to_trust.report import (
    CHOICE,
    DRAWS,
    SEVEN,
    Corpus,
    chosen_corpora,
    rules,
)


def table_of_statements(corpora: list[Corpus]) -> Iterator[str]:
    """How often the recommendation tells two embedders apart, and how often rightly."""
    from runner.leaderboard.recommendation import APART

    rule = rules()[CHOICE]
    rng = np.random.default_rng(0)
    yield (
        "| embedders compared | told apart | of these right | by corpus, least "
        "| of the others the first is better | their mean difference in AMI |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for size in (2, 3, 5, 8, 99, SEVEN):
        told: list[list[bool]] = []
        right: list[list[bool]] = []
        near: list[list[float]] = []  # AMI of the first less that of those it is not apart from
        for c in corpora:
            r = len(c.embedders)
            if size is SEVEN:
                draws = [c.pool(SEVEN)]
            elif size >= r:
                draws = [[*range(r)]]
            else:
                draws = [rng.choice(r, size, replace=False) for _ in range(DRAWS)]
                draws = [np.sort(draw).tolist() for draw in draws]
            told.append([])
            right.append([])
            near.append([])
            for pool in draws:
                scores = rule(c, pool)
                first = int(np.argmax(scores))
                ami = c.values["ami"][pool]
                for other in (j for j in range(len(pool)) if j != first):
                    apart = bool(scores[first] - scores[other] >= APART)
                    told[-1].append(apart)
                    if apart:
                        right[-1].append(bool(ami[first] > ami[other]))
                    else:
                        near[-1].append(float(ami[first] - ami[other]))
        share = np.mean([np.mean(t) for t in told])
        rates = [np.mean(r) for r in right if r]
        name = "all" if size == 99 else "seven that are tried" if size is SEVEN else str(size)
        yield (
            f"| {name} | {100 * share:.0f} % | {100 * np.mean(rates):.0f} % "
            f"| {100 * np.min(rates):.0f} % "
            f"| {100 * np.mean([np.mean(np.array(n) > 0) for n in near if n]):.0f} % "
            f"| {np.mean([np.mean(n) for n in near if n]):+.3f} |"
        )
    sampled, rightly = [], []
    for c in corpora:
        for i in range(len(c.embedders)):
            for j in range(i):
                difference = c.values["words"][i] - c.values["words"][j]
                sampled.append(abs(difference) > 1.96 * c.error[i, j])
                if sampled[-1]:
                    actual = c.values["ami"][i] - c.values["ami"][j]
                    rightly.append(actual * difference > 0)
    yield ""
    yield (
        f"By the sampling error of words alone (jackknife over documents, 95 %), "
        f"{100 * np.mean(sampled):.0f} % of all pairs would be told apart, and "
        f"{100 * np.mean(rightly):.0f} % of these rightly."
    )


def main() -> None:
    """Print the table as Markdown."""
    for text in table_of_statements(chosen_corpora(__doc__)):
        print(text)


if __name__ == "__main__":
    main()
