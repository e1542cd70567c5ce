"""Whether `auto` may compare its settings on a sample of the documents.

    python experiments/granularity/sample.py DATA/reddit_topical.jsonl.gz --embedder model2vec
    python experiments/granularity/sample.py                       # the table, from sample.csv

For all documents and for samples of several sizes, each with its own neighbours: the resolution
that `auto` chooses there and the CPU time of that, and the topics of all documents at that
resolution: their number and their agreement (AMI) with the labels and with the topics at the
resolution that all documents choose.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.granularity import run
from experiments.study import add_rows, name_of, read_rows

HERE = Path(__file__).parent
SIZES = (10_000, 20_000, 40_000)
KEYS = "embedder corpus documents of seed cpu_seconds resolution topics ami alike".split()


def communities_of(X: Any) -> Any:
    from components.clusterers.communities import Communities
    from components.clusterers.graph import weighted
    from components.neighbors import metric_for, neighbors

    return Communities(weighted(neighbors(X, 30, metric_for(X, "auto")), "fuzzy"))


def rows_of(study: Any, sizes: list[int], seeds: int) -> Iterator[dict[str, Any]]:
    """Rows of sample.csv: all documents first, then each sample."""
    from components.agreement import adjusted_mutual_information
    from components.clusterers.joining import absorb
    from components.clusterers.leiden import N_ITERATIONS, LeidenClusterer

    n = len(study.truth)
    whole = communities_of(study.X)
    samples = [(n, 0)] + [(size, seed) for size in sizes if size < n for seed in range(seeds)]
    first = None
    for size, seed in samples:
        start = time.process_time()
        some = whole
        if size < n:
            rows = np.sort(np.random.default_rng(seed).choice(n, size, replace=False))
            some = communities_of(study.X[rows])
        resolution = LeidenClusterer()._chosen(some, size)[0]
        spent = time.process_time() - start
        topics = absorb(whole.find(resolution, N_ITERATIONS, 42), whole.links, 5)
        first = topics if first is None else first
        yield {
            "documents": size,
            "of": n,
            "seed": seed,
            "cpu_seconds": round(spent, 1),
            "resolution": resolution,
            "topics": len(np.unique(topics)),
            "ami": adjusted_mutual_information(study.truth, topics),
            "alike": adjusted_mutual_information(first, topics),
        }


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: for each size the mean over the samples, and the range of the resolutions."""
    yield "| embedder | corpus | documents | samples | CPU seconds | resolution | topics | AMI | alike |"  # noqa: E501
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    keys = [(row["embedder"], row["corpus"], row["documents"]) for row in rows]
    for key in dict.fromkeys(keys):
        part = [row for row, its in zip(rows, keys, strict=True) if its == key]
        numbers = {name: [float(row[name]) for row in part] for name in KEYS[5:]}
        mean = {name: statistics.mean(values) for name, values in numbers.items()}
        low, high = min(numbers["resolution"]), max(numbers["resolution"])
        chosen = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
        yield (
            f"| {key[0]} | {key[1]} | {int(key[2]):,} | {len(part)} | {mean['cpu_seconds']:.1f} "
            f"| {chosen} | {mean['topics']:.0f} | {mean['ami']:.3f} | {mean['alike']:.2f} |"
        )


def main() -> None:
    """Measure the corpora that are given, then print the table of all that is measured."""
    parser = run.parser_of(__doc__)
    parser.set_defaults(embedder="model2vec")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=HERE / "sample.csv")
    options = parser.parse_args()
    for path in options.corpora:
        study = run.Study(path, options, search=False)
        for row in rows_of(study, options.sizes, options.seeds):
            row |= {"embedder": options.embedder, "corpus": name_of(path)}
            add_rows(options.results, KEYS, row)
            print(*(row[key] for key in KEYS), sep="  ", flush=True)
    print("\n".join(table(read_rows(options.results))))


if __name__ == "__main__":
    main()
