"""Vectors to topics in a fresh process: this project's default beside BERTopic's.

    python experiments/granularity/peer.py DATA/bbc_news.jsonl.gz DATA/20newsgroups.jsonl.gz
        --vectors VECTORS --peer PEER/bin/python
    python experiments/granularity/peer.py         # the table anew, from timing.csv

PEER/bin/python is an interpreter with BERTopic; the vectors are VECTORS/name.npy, one row a
document. Three kinds of process take turns, and are timed whole, from start to end:

- "BERTopic" and "ours" do the same work: import, read documents and vectors, find topics and their
  words, everything as it comes, and write down the topic of each document;
- "ours, a run" is `python -m runner`, which also composes and checks a config, measures, and writes
  all files of a run but for the map.

Each process is added to timing.csv.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WHO = ("BERTopic", "ours", "ours, a run")
KEYS = "corpus who seconds cpu_seconds peak_mb topics outliers ami load".split()


def read_corpus(path: Path) -> tuple[list[str], list[str]]:
    """Documents and labels."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def fit(who: str, corpus: Path, vectors: Path, out: Path) -> None:
    """What runs in the timed process, but for a whole run."""
    import numpy as np

    documents, X = read_corpus(corpus)[0], np.load(vectors)
    if who == "BERTopic":
        from bertopic import BERTopic  # type: ignore[import-not-found]

        topics, _ = BERTopic().fit_transform(documents, X)
    else:
        from components.clusterers.leiden import LeidenClusterer
        from components.representations.ctfidf import CTFIDF

        topics = LeidenClusterer(random_state=42).fit_predict(X)
        CTFIDF().fit(documents, topics)
    out.write_text(json.dumps([int(topic) for topic in topics]))


def measured(command: list[str]) -> dict[str, float]:
    """Seconds, seconds of all its processors, and peak memory of a process and its children."""
    load, start = os.getloadavg()[0], time.perf_counter()
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "load": round(load, 2),
    }


def timed(who: str, python: str, corpus: Path, vectors: Path, scratch: Path) -> dict[str, Any]:
    """A row of timing.csv."""
    # Nothing heavy here: the peak memory of a process counts what its parent held at the fork.
    import numpy as np
    from pyarrow.parquet import read_table

    from components.clusterers.agreement import adjusted_mutual_information

    out = scratch / "topics.json"
    if who == "ours, a run":
        figures = measured(
            [sys.executable, "-m", "runner", "dataset=jsonl", f"dataset.path={corpus}",
             "embedder=precomputed", f"embedder.path={vectors}", "map=false", "tracking=none",
             "cache.dir=null", f"hydra.run.dir={scratch}"]
        )  # fmt: skip
        topics = np.array(
            read_table(scratch / "documents.parquet", columns=["topic"])["topic"].to_pylist()
        )
    else:
        interpreter = python if who == "BERTopic" else sys.executable
        figures = measured([interpreter, __file__, "--fit", who, *map(str, (corpus, vectors, out))])
        topics = np.array(json.loads(out.read_text()))
    labels = np.unique(read_corpus(corpus)[1], return_inverse=True)[1]
    return figures | {
        "topics": len(np.unique(topics[topics >= 0])),
        "outliers": round(float(np.mean(topics < 0)), 4),
        "ami": round(adjusted_mutual_information(labels, topics), 4),
    }


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Medians, and how many times as long BERTopic took."""
    yield "| corpus | | runs | seconds | CPU seconds | peak MB | topics | outliers | AMI |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for corpus in dict.fromkeys(row["corpus"] for row in rows):
        middle: dict[str, dict[str, float]] = {}
        for who in WHO:
            runs = [r for r in rows if (r["corpus"], r["who"]) == (corpus, who)]
            m = {k: statistics.median(float(r[k]) for r in runs) for k in KEYS[2:]}
            middle[who] = m
            yield (
                f"| {corpus} | {who} | {len(runs)} | {m['seconds']:.1f} | {m['cpu_seconds']:.1f} "
                f"| {m['peak_mb']:.0f} | {m['topics']:.0f} | {100 * m['outliers']:.0f} % "
                f"| {m['ami']:.3f} |"
            )
        for who in WHO[1:]:
            ratio, cpu_ratio = (
                middle["BERTopic"][k] / middle[who][k] for k in ("seconds", "cpu_seconds")
            )
            yield f"| | **BERTopic / {who}** | | **{ratio:.1f}** | **{cpu_ratio:.1f}** | | | | |"


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Run the pairs, then print the table of all runs so far."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--peer", help="the interpreter that has BERTopic")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=HERE / "timing.csv")
    parser.add_argument("--fit", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        who, *paths = options.fit
        fit(who, *map(Path, paths))
        return
    if options.corpora and not (options.vectors and options.peer):
        parser.error("--vectors and --peer are needed")
    for _ in range(options.pairs if options.corpora else 0):
        for corpus in options.corpora:
            corpus = corpus.absolute()
            name = corpus.name.partition(".")[0]
            vectors = (options.vectors / f"{name}.npy").absolute()
            for who in WHO:
                with tempfile.TemporaryDirectory() as folder:
                    row = timed(who, options.peer, corpus, vectors, Path(folder))
                row |= {"corpus": name, "who": who}
                new = not options.results.exists()
                with options.results.open("a", newline="") as file:
                    writer = csv.DictWriter(file, KEYS, lineterminator="\n")
                    if new:
                        writer.writeheader()
                    writer.writerow(row)
                say("  ".join(str(row[key]) for key in KEYS))
    with options.results.open(newline="") as file:
        for line in table(list(csv.DictReader(file))):
            say(line)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # the project, where it is not installed
    main()
