"""Tables of ensembles.csv, as Markdown.

python experiments/which_measure_to_trust/report_ensembles.py [--later]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line, read_rows
from experiments.which_measure_to_trust.report import interval
from experiments.which_measure_to_trust.vectors import LATER

HERE = Path(__file__).parent
KINDS = {
    "best two tried": "best two of the seven that `choose_embedder` tries",
    "default": "minilm and use_multilingual, always (the default)",
    "best two": "best two of all",
    "best three": "best three of all",
    "one a family": "best of each family",
}


def read(*, later: bool) -> dict[str, list[dict[str, Any]]]:
    """Rows by kind, of the corpora of later.py or of the others; the first pair is the best two."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    seen = set()
    for row in read_rows(HERE / "ensembles.csv"):
        if (row["corpus"] in LATER) != later:
            continue
        numbers = {k: v if k in ("corpus", "kind", "members") else float(v)
                   for k, v in row.items()}  # fmt: skip
        kinds.setdefault(row["kind"], []).append(numbers)
        if row["kind"] == "pair" and row["corpus"] not in seen:
            kinds.setdefault("best two", []).append(numbers)
            seen.add(row["corpus"])
    return kinds


def gain_of_measures(row: dict[str, Any]) -> float:
    """By which the mean of the three measures is greater than that of the first member."""
    names = ("words", "halves", "consensus")
    return float(np.mean([row[name] - row[f"first_{name}"] for name in names]))


def line(name: str, rows: list[dict[str, Any]], of: Callable[[dict[str, Any]], float]) -> str:
    values = [of(row) for row in rows]
    better = sum(value > 0 for value in values)
    return f"{np.mean(values):+.3f} ({interval(values)}) | {better} of {len(values)} | "


def main() -> None:
    """Print the tables."""
    parser = command_line(__doc__)
    parser.add_argument("--later", action="store_true", help="the corpora of later.py")
    kinds = read(later=parser.parse_args().later)
    out = ["| ensemble | AMI less that of the recommended one | better | less the best single "
           "one's | better | joined vectors less the recommended one's | better |",
           "|---|---|---:|---|---:|---|---:|"]  # fmt: skip
    for kind, name in KINDS.items():
        rows = kinds.get(kind)
        if not rows:
            continue
        out.append(
            f"| {name} | "
            + line(name, rows, lambda row: row["ami"] - row["first_ami"])
            + line(name, rows, lambda row: row["ami"] - row["pool_ami"])
            + line(name, rows, lambda row: row["joined_ami"] - row["first_ami"])
        )
    out += ["", "| looks better by the measures | cases | better by the labels | mean gain |",
            "|---|---:|---:|---:|"]  # fmt: skip
    for kind, name in (("best two tried", "best two tried"), ("pair", "pairs of the best six")):
        for looks in (True, False):
            rows = [row for row in kinds.get(kind, []) if (gain_of_measures(row) > 0) == looks]
            if not rows:
                continue
            gains = [row["ami"] - row["first_ami"] for row in rows]
            out.append(
                f"| {name}: {'yes' if looks else 'no'} | {len(rows)} "
                f"| {sum(gain > 0 for gain in gains)} | {np.mean(gains):+.3f} |"
            )
    out += ["", "| corpus | best two tried | both | recommended alone | best of the seven "
            "| looks better |", "|---|---|---:|---:|---:|---|"]  # fmt: skip
    for row in kinds["best two tried"]:
        looks = "yes" if gain_of_measures(row) > 0 else "no"
        out.append(
            f"| {row['corpus']} | {row['members']} | {row['ami']:.3f} | {row['first_ami']:.3f} "
            f"| {row['pool_ami']:.3f} | {looks} |"
        )
    print("\n".join(out))


if __name__ == "__main__":
    main()
