"""A whole run at growing sizes: from documents to topics, tables, page and model.

    OMP_NUM_THREADS=2 python experiments/scale/run.py DATA/reddit_titles_500k.jsonl.gz
    python experiments/scale/run.py DATA/reddit_titles_500k.jsonl.gz --sizes 2000 8000 --turns 1
    python experiments/scale/run.py                   # the tables and the plot, from results.csv

Each run is `python -m runner embedder=model2vec` in a process of its own, with nothing cached and
no map, on a random sample of a JSONL corpus with the keys "text" and "label". `--k-means N` also
clusters the same vectors into N topics, by k-means and by Leiden, for the agreement with the
labels. CPU seconds are user
and system time, and mean more than seconds where other work shares the machine; the load average
is in each row.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, command_line, measured, name_of, read_rows

HERE = Path(__file__).parent
PEER = HERE / "versus.csv"  # from vectors to topics, written by experiments/versus_bertopic/run.py
SIZES = (2_000, 8_000, 20_000, 65_000, 130_000, 260_000, 517_298)
FROM = 65_000  # documents from which on the growth is measured
STAGES = "load embed cluster represent measure".split()
KEYS = (
    "corpus documents who threads seconds cpu_seconds peak_mb topics resolution ami recall "
    + " ".join(f"{stage}_seconds" for stage in STAGES)
    + " load"
).split()
BESIDE = """
import json, sys
import numpy as np
from components.agreement import adjusted_mutual_information
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.embedders.model2vec import Model2VecEmbedder
from pyarrow.parquet import read_table
table = read_table(sys.argv[1], columns=["document", "label"])
labels = np.unique(table["label"].to_pylist(), return_inverse=True)[1]
X = Model2VecEmbedder().encode(table["document"].to_pylist())
k = int(sys.argv[2])
if sys.argv[3] == "means":
    clusterer = KMeansClusterer(n_clusters=k, normalise=True, random_state=0)
else:
    clusterer = LeidenClusterer(n_topics=k, random_state=0)
    keep = X.any(axis=1)
    X, labels = X[keep], labels[keep]
topics = clusterer.fit_predict(X)
print(json.dumps({"ami": adjusted_mutual_information(labels, topics)}))
"""


def rows_of(corpus: Path, size: int, k_means: int | None, folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of results.csv of one size."""
    # Nothing heavy here: the peak memory of a process counts what its parent held at the fork.
    import numpy as np
    from pyarrow.parquet import read_table

    from components.agreement import adjusted_mutual_information

    about = {
        "corpus": name_of(corpus),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }
    figures, _ = measured(
        [sys.executable, "-m", "runner", "dataset=jsonl", f"dataset.path={corpus}",
         "dataset.label=label", f"dataset.limit={size}", "embedder=model2vec", "map=false",
         "tracking=none", "cache.dir=null", f"hydra.run.dir={folder}"]
    )  # fmt: skip
    record = json.loads((folder / "run.json").read_text())
    documents = folder / "documents.parquet"
    table = read_table(documents, columns=["topic", "label"])
    labels = np.unique(table["label"].to_pylist(), return_inverse=True)[1]
    topics = table["topic"].to_numpy()
    metrics = record["metrics"]
    yield {
        **about,
        **figures,
        "documents": len(topics),
        "who": "runner",
        "topics": len(np.unique(topics[topics >= 0])),
        "resolution": record["tags"].get("chosen_resolution", ""),
        "ami": round(adjusted_mutual_information(labels, topics), 4),
        "recall": round(metrics.get("neighbours_recall", 1.0), 4),
        **{f"{s}_seconds": round(metrics.get(f"{s}_seconds", 0.0), 2) for s in STAGES},
    }
    if k_means:
        for way, who in (("means", f"{k_means} means"), ("leiden", f"Leiden, {k_means} topics")):
            command = [sys.executable, "-c", BESIDE, str(documents), str(k_means), way]
            figures, said = measured(command)
            about |= {"documents": len(topics), "who": who, "topics": k_means}
            yield about | figures | json.loads(said)


def medians(
    rows: list[dict[str, str]], who: str, keys: Iterable[str] = KEYS[4:]
) -> dict[int, dict[str, float]]:
    """For each number of documents the median of each figure."""
    by_size: dict[int, dict[str, float]] = {}
    for size in sorted({int(row["documents"]) for row in rows if row["who"] == who}):
        here = [r for r in rows if r["who"] == who and int(r["documents"]) == size]
        by_size[size] = {
            key: statistics.median(float(row[key]) for row in here)
            for key in keys
            if all(row[key] for row in here)
        }
    return by_size


def exponent(by_size: dict[int, dict[str, float]], key: str) -> float:
    """Slope of the least-squares line through the logarithms, from `FROM` documents on."""
    import numpy as np

    at = [size for size in by_size if size >= 0.95 * FROM]
    if len(at) < 2:
        return float("nan")
    return float(np.polyfit(np.log(at), np.log([by_size[size][key] for size in at]), 1)[0])


def report(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: a line for each size, and how the figures grow."""
    yield (
        "| documents | CPU seconds | seconds | peak MB | embed | cluster | words | measure "
        "| topics | recall | AMI |"
    )
    yield "|---:|" + "---:|" * 10
    runs = medians(rows, "runner")
    for size, m in runs.items():
        stages = " | ".join(f"{m[f'{stage}_seconds']:.1f}" for stage in STAGES[1:])
        yield (
            f"| {size:,} | {m['cpu_seconds']:.1f} | {m['seconds']:.1f} | {m['peak_mb']:,.0f} "
            f"| {stages} | {m['topics']:.0f} | {m['recall']:.3f} | {m['ami']:.3f} |"
        )
    yield (
        f"\nExponent from {FROM:,} documents on: CPU seconds {exponent(runs, 'cpu_seconds'):.2f}, "
        f"seconds {exponent(runs, 'seconds'):.2f}, peak memory {exponent(runs, 'peak_mb'):.2f}"
    )
    for who in dict.fromkeys(row["who"] for row in rows if row["who"] != "runner"):
        for size, m in medians(rows, who).items():
            yield f"\n{who}, {size:,} documents: AMI {m['ami']:.3f}, {m['cpu_seconds']:.0f} CPU s"


def beside() -> dict[str, dict[int, dict[str, float]]]:
    """The figures of BERTopic and ours from vectors to topics, by the number of documents."""
    rows = read_rows(PEER)
    keys = "seconds cpu_seconds peak_mb topics outliers ami".split()
    return {who: medians(rows, who, keys) for who in ("BERTopic", "ours")}


def report_beside() -> Iterator[str]:
    """Markdown: both at each size, how many times as much BERTopic took, and the growth."""
    yield "| documents | | CPU seconds | seconds | peak MB | topics | outliers | AMI |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    both = beside()
    for size, ours in both["ours"].items():
        for who, m in (("BERTopic", both["BERTopic"].get(size)), ("ours", ours)):
            if m is not None:
                yield (
                    f"| {f'{size:,}' if who == 'BERTopic' else ''} | {who} "
                    f"| {m['cpu_seconds']:.1f} | {m['seconds']:.1f} | {m['peak_mb']:,.0f} "
                    f"| {m['topics']:,.0f} | {100 * m['outliers']:.0f} % | {m['ami']:.3f} |"
                )
        if size in both["BERTopic"]:
            times = [
                f"**{both['BERTopic'][size][key] / ours[key]:.1f}**"
                for key in ("cpu_seconds", "seconds", "peak_mb")
            ]
            yield f"| | **BERTopic / ours** | {' | '.join(times)} | | | |"
    for who, by_size in both.items():
        yield (
            f"\n{who}, exponent from {FROM:,} documents on: "
            f"CPU seconds {exponent(by_size, 'cpu_seconds'):.2f}, "
            f"peak memory {exponent(by_size, 'peak_mb'):.2f}"
        )


def plot(rows: list[dict[str, str]], path: Path) -> None:
    """CPU seconds and memory by the number of documents, of whole runs and from vectors."""
    from matplotlib.figure import Figure

    both = beside()
    lines = {
        "BERTopic, from vectors": both["BERTopic"],
        "a whole run, from documents": medians(rows, "runner"),
        "ours, from vectors": both["ours"],
    }
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, key, label, ticks in (
        (axes[0], "cpu_seconds", "CPU seconds", (3, 10, 30, 100, 300, 1000)),
        (axes[1], "peak_mb", "peak memory, MB", (250, 500, 1000, 2000, 4000)),
    ):
        for (name, by_size), colour in zip(lines.items(), ("C3", "C9", "C0"), strict=True):
            axis.loglog(
                list(by_size), [m[key] for m in by_size.values()], marker="o", color=colour,
                label=f"{name}: exponent {exponent(by_size, key):.2f}",
            )  # fmt: skip
        axis.axvline(FROM, color="0.8", linestyle=":", zorder=0)
        axis.set_xticks(SIZES, [f"{size // 1000}k" for size in SIZES])
        axis.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
        axis.minorticks_off()
        axis.set_xlabel(f"documents of {rows[0]['corpus']}")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, title=f"exponent from {FROM // 1000}k on")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the sizes, then print what is in results.csv."""
    parser = command_line(__doc__)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--k-means", type=int)
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    options = parser.parse_args()
    for _ in range(options.turns if options.corpus else 0):
        for size in options.sizes:
            with tempfile.TemporaryDirectory() as folder:
                corpus = options.corpus.absolute()
                for row in rows_of(corpus, size, options.k_means, Path(folder)):
                    add_rows(options.results, KEYS, row)
                    print(row, flush=True)
    rows = read_rows(options.results)
    print("\n".join([*report(rows), "", *report_beside()]))
    plot(rows, options.results.with_suffix(".png"))


if __name__ == "__main__":
    main()
