"""CPU seconds of each metric, beside those of the rest of a run.

    python experiments/which_measure_to_trust/metric_costs.py DATA [--embedder minilm] [--limit N]

The rest is a run with metrics=none, without map and reports: first one that embeds the documents,
then one whose vectors come from the cache, which is all that can be left out, so that the shares of
the latter are the largest that a user sees. A metric's time is that of its first call in the
process, with whatever it imports.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line

CORPORA = ("stackoverflow_20k", "20newsgroups")


def main() -> None:
    """Print a table as Markdown."""
    from runner import run
    from runner.config.build import build_part
    from runner.config.command_line import compose

    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--corpora", nargs="*", default=CORPORA)
    parser.add_argument("--limit", default="20000")
    options = parser.parse_args()
    by_metric: dict[str, list[float]] = {}
    wholes, totals, sizes = [], [], []
    default = compose(["metrics=default"]).metrics
    metrics = build_part(compose(["metrics=all"]), "metrics")
    with tempfile.TemporaryDirectory() as scratch:
        for corpus in options.corpora:
            settings = (
                "dataset=jsonl", f"dataset.path={options.data / f'{corpus}.jsonl.gz'}",
                "dataset.text=text", "dataset.label=label", f"dataset.limit={options.limit}",
                f"embedder={options.embedder}", "map=false", f"cache.dir={scratch}",
                "metrics=none",
            )  # fmt: skip
            start = time.process_time()
            run(None, *settings)
            wholes.append(time.process_time() - start)
            start = time.process_time()
            result = run(None, *settings)
            totals.append(time.process_time() - start)
            sizes.append(len(result.corpus))
            for name, metric in metrics.items():
                start = time.process_time()
                metric(result)
                by_metric.setdefault(name, []).append(time.process_time() - start)
    print("| CPU seconds | " + " | ".join(options.corpora) + " |")
    print("|---|" + "---:|" * len(totals))
    print("| documents | " + " | ".join(f"{n:,}" for n in sizes) + " |")
    for title, runs in (("run without metrics", wholes), ("the same, vectors cached", totals)):
        print(f"| {title} | " + " | ".join(f"{t:.2f}" for t in runs) + " |")
    for name, seconds in by_metric.items():
        mark = "" if name in default else " (`metrics=all`)"
        print(f"| {name}{mark} | " + " | ".join(f"{s:.3f}" for s in seconds) + " |")
    for title, names in (("default", [*default]), ("all", [*metrics])):
        used = [sum(by_metric[name][i] for name in names) for i in range(len(totals))]
        print(f"| **{title}** | " + " | ".join(f"{u:.2f}" for u in used) + " |")
        for what, runs in (("the run", wholes), ("the cached one", totals)):
            shares = (100 * u / (u + t) for u, t in zip(used, runs, strict=True))
            cells = " | ".join(f"{share:.1f} %" for share in shares)
            print(f"| {title}, share of {what} | {cells} |")


if __name__ == "__main__":
    main()
