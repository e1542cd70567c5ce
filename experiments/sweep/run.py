"""A sweep beside the same jobs run one by one without a cache.

    python experiments/sweep/run.py DATA/stackoverflow_20k.jsonl.gz
    python experiments/sweep/run.py                  # the tables anew, from results.csv

The sweep is `experiment=grid`, into an empty cache; the single runs are its 18 jobs, each in a
fresh process with `cache.dir=null`. Half of them run before the sweep and half after it, so that a
machine that gets slower or faster favours neither. Both are tracked in MLflow, without the map.
"""

from __future__ import annotations

import csv
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.csv"
KEYS = "what seconds cpu_seconds load".split()
PRESET = ROOT / "conf" / "experiment" / "grid.yaml"
DONE = re.compile(r"(embeddings: (\d+) computed|neighbours computed|reduction computed)")


def timed(arguments: list[str], scratch: Path) -> dict[str, str]:
    """Run `python -m runner` in a process of its own; wall and CPU seconds."""
    load, start = os.getloadavg()[0], time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", *arguments],
        cwd=scratch,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(arguments)}")
    return {
        "seconds": f"{time.perf_counter() - start:.1f}",
        "cpu_seconds": f"{usage.ru_utime + usage.ru_stime:.1f}",
        "load": f"{load:.2f}",
    }


def computed(folder: Path) -> Counter[str]:
    """What the logs of all jobs say was computed."""
    found: Counter[str] = Counter()
    for log in folder.glob("*/runner.log"):
        for what, number in DONE.findall(log.read_text()):
            if number != "0":
                found[what.split()[0].rstrip(":")] += 1
    return found


def measure(corpus: Path, scratch: Path) -> Iterator[dict[str, str]]:
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
            yield {"what": "sweep", **timed(sweep, scratch)}
            for what, count in computed(scratch / "sweep").items():
                yield {"what": f"computed: {what}", "seconds": str(count)}
        single = [*job, *given, "cache.dir=null"]
        yield {"what": " ".join(job), **timed(single, scratch)}


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


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main(corpora: list[str]) -> None:
    """Measure anew where a corpus is given, and print the table."""
    if corpora:
        with (
            tempfile.TemporaryDirectory() as scratch,
            RESULTS.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, KEYS, restval="", lineterminator="\n")
            writer.writeheader()
            for row in measure(Path(corpora[0]).absolute(), Path(scratch)):
                writer.writerow(row)
                file.flush()
                say(" ".join(row.values()))
    with RESULTS.open(encoding="utf-8", newline="") as file:
        for line in table(list(csv.DictReader(file))):
            say(line)


if __name__ == "__main__":
    main(sys.argv[1:])
