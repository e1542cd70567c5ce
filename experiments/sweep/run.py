"""A sweep beside the same jobs run one by one without a cache.

    python experiments/sweep/run.py DATA/stackoverflow_20k.jsonl.gz
    python experiments/sweep/run.py                  # the tables anew, from results.csv

The sweep is `experiment=grid`, into an empty cache; the single runs are its 18 jobs, each in a
fresh process with `cache.dir=null`. Half of them run before the sweep and half after it, so that a
machine that gets slower or faster favours neither. Both are tracked in MLflow, without the map.
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import ROOT, add_rows, measured, read_rows

RESULTS = Path(__file__).with_name("results.csv")
KEYS = "what seconds cpu_seconds load".split()
PRESET = ROOT / "conf" / "experiment" / "grid.yaml"
DONE = re.compile(r"(embeddings: (\d+) computed|neighbours computed|reduction computed)")


def timed(what: str, arguments: list[str], scratch: Path) -> dict[str, Any]:
    """A row of results.csv: `python -m runner` in a process of its own."""
    command = [sys.executable, "-m", "runner", *arguments]
    figures, _ = measured(command, scratch, PYTHONPATH=str(ROOT))
    return {"what": what} | {key: figures[key] for key in KEYS[1:]}


def computed(folder: Path) -> Counter[str]:
    """What the logs of all jobs say was computed."""
    found: Counter[str] = Counter()
    for log in folder.glob("*/runner.log"):
        for what, number in DONE.findall(log.read_text()):
            if number != "0":
                found[what.split()[0].rstrip(":")] += 1
    return found


def measure(corpus: Path, scratch: Path) -> Iterator[dict[str, Any]]:
    """Half of the single runs, the sweep, the other half."""
    given = ["dataset=jsonl", f"dataset.path={corpus}", "dataset.label=label", "map=false"]
    grid = yaml.safe_load(PRESET.read_text(encoding="utf-8"))["hydra"]["sweeper"]["params"]
    jobs = [
        [f"{key}={value}" for key, value in zip(grid, values, strict=True)]
        for values in itertools.product(*(str(swept).split(",") for swept in grid.values()))
    ]
    for index, job in enumerate(jobs):
        if index == len(jobs) // 2:
            sweep = ["experiment=grid", *given, "hydra.sweep.dir=sweep"]
            yield timed("sweep", sweep, scratch)
            for what, count in computed(scratch / "sweep").items():
                yield {"what": f"computed: {what}", "seconds": count}
        single = [*job, *given, "cache.dir=null"]
        yield timed(" ".join(job), single, scratch)


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Sums of the single runs beside the sweep, and what the sweep computed."""
    sweep = next(row for row in rows if row["what"] == "sweep")
    single = [row for row in rows if "embedder=" in row["what"]]
    yield "| | seconds | CPU seconds |"
    yield "|---|---:|---:|"
    apart = [sum(float(row[key]) for row in single) for key in ("seconds", "cpu_seconds")]
    whole = [float(sweep[key]) for key in ("seconds", "cpu_seconds")]
    yield f"| {len(single)} runs one by one, no cache | {apart[0]:.0f} | {apart[1]:.0f} |"
    yield f"| the sweep | {whole[0]:.0f} | {whole[1]:.0f} |"
    yield f"| **runs / sweep** | **{apart[0] / whole[0]:.1f}** | **{apart[1] / whole[1]:.1f}** |"
    yield ""
    for row in rows:
        if row["what"].startswith("computed"):
            yield f"{row['what']}: {row['seconds']}"


def main(corpora: list[str]) -> None:
    """Measure anew where a corpus is given, and print the table."""
    if corpora:
        RESULTS.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            for row in measure(Path(corpora[0]).absolute(), Path(scratch)):
                add_rows(RESULTS, KEYS, row)
                print(*row.values(), flush=True)
    print("\n".join(table(read_rows(RESULTS))))


if __name__ == "__main__":
    main(sys.argv[1:])
