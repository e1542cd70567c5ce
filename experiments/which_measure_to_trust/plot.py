"""measures.png: the regret of each measure, with intervals, from runs.csv and pairs.csv.

python experiments/which_measure_to_trust/plot.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.which_measure_to_trust.report import interval, pools, read, regret, rules

HERE = Path(__file__).parent


def main() -> None:
    """Draw the measures, best first, for all embedders and for pools of five."""
    import matplotlib.pyplot as plt

    corpora = read("leiden_auto", "every")
    kinds = {"all embedders": "all", "five at random": "five at random"}
    found = {
        name: {
            label: [
                float(np.mean([regret(c, pool, rule(c, pool)) for pool in pools(c, kind)]))
                for c in corpora
            ]
            for label, kind in kinds.items()
        }
        for name, rule in rules().items()
    }
    found["always minilm"] = {
        "all embedders": [
            float(c.values["ami"].max() - c.values["ami"][c.embedders.index("minilm")])
            for c in corpora
        ]
    }
    order = sorted(found, key=lambda name: -np.mean(found[name]["all embedders"]))
    figure, axes = plt.subplots(figsize=(9, 6.5), layout="constrained")
    for (label, colour), shift in zip(
        {"all embedders": "#0b6e3b", "five at random": "#98a1b3"}.items(),
        (0.15, -0.15),
        strict=True,
    ):
        rows = [i for i, name in enumerate(order) if label in found[name]]
        means = np.array([np.mean(found[order[i]][label]) for i in rows])
        ends = [interval(found[order[i]][label]).split(" to ") for i in rows]
        reach = np.abs(np.array(ends, dtype=float).T - means)
        axes.errorbar(means, np.array(rows) + shift, xerr=reach, fmt="o", color=colour, label=label,
                      capsize=2)  # fmt: skip
    axes.set_yticks(range(len(order)), order)
    axes.set_xlabel(f"regret in AMI, mean of {len(corpora)} corpora with a 95 % bootstrap interval")
    axes.set_xlim(left=0)
    axes.grid(axis="x", color="#e3e6ec")
    axes.legend(title="candidates", loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "measures.png", dpi=110)


if __name__ == "__main__":
    main()
