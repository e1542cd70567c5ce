"""How many labels it takes, and how often "the labels tell them apart" is right.

    python experiments/which_measure_to_trust/labels.py DATA WORK [--corpora ...]

WORK is what vectors.py filled. Of the documents of a corpus n are drawn and labelled, of the seven
embedders that experiment=choose_embedder tries the first two by their AMI on these are compared as
a leaderboard does it (runner.leaderboard.labelled), and that is held against the AMI on all
documents. Leiden, default granularity.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line

SIZES = (50, 100, 200, 400)
DRAWS = 50


def main() -> None:
    """Print a table as Markdown."""
    from components.agreement import adjusted_mutual_information
    from experiments.which_measure_to_trust.measure import load, spread
    from experiments.which_measure_to_trust.report import SEVEN
    from experiments.which_measure_to_trust.vectors import LATER, sample
    from runner.leaderboard.labelled import difference

    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--corpora", nargs="*", default=LATER)
    options = parser.parse_args()
    found: dict[int, list[list[tuple[float, bool, float]]]] = {size: [] for size in SIZES}
    for corpus in options.corpora:
        texts, names = sample(options.data, corpus)
        labels = np.unique(names, return_inverse=True)[1]
        runs = load(options.work, corpus)
        topics = [spread(runs[e]["leiden_auto"], runs[e]["kept"], len(texts)) for e in SEVEN]
        actual = [adjusted_mutual_information(labels, each) for each in topics]
        rng = np.random.default_rng(0)
        for size in SIZES:
            rows = []
            for _ in range(DRAWS):
                drawn = rng.choice(len(labels), size, replace=False)
                few = [adjusted_mutual_information(labels[drawn], each[drawn]) for each in topics]
                first, second = np.argsort(few)[::-1][:2]
                apart = difference(labels[drawn], [topics[i][drawn] for i in (first, second)])
                certain = apart is not None and apart.is_certain
                right = actual[first] > actual[second]
                rows.append((max(actual) - actual[first], certain, right if certain else np.nan))
            found[size].append(rows)
    print("| labelled documents | regret | told apart | of these right |")
    print("|---:|---:|---:|---:|")
    for size, draws in found.items():
        regrets, known, rights = np.array(draws, float).reshape(-1, 3).T
        print(
            f"| {size} | {regrets.mean():.3f} | {known.sum():.0f} of {len(known)} "
            f"| {np.nansum(rights):.0f} of {known.sum():.0f} |"
        )


if __name__ == "__main__":
    main()
