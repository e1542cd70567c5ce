"""Documents a second of a saved model: on Spark with two local workers, and in one process.

    python experiments/predict/spark.py DATA/stackoverflow_20k.jsonl.gz

Each measurement is a process of its own, by turns, with two numbers of documents: the difference is
what a document takes, the rest is what starting and loading take.
"""

from __future__ import annotations

import argparse
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

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import ROOT, add_rows, command_line, read_corpus, read_rows

RESULTS = Path(__file__).with_name("spark.csv")
COLUMNS = ["data", "embedder", "batch", "way", "documents", "turn", "cpu_seconds", "seconds"]
WAYS = ("one process", "spark")
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = (
    "--master 'local[2]' --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
    "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.memory=1g pyspark-shell"
)


def cpu_of_session(session: int) -> dict[int, float]:
    """User and system seconds of each process in a session, those of its ended children not
    included.
    """
    seconds = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session:
            seconds[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def measured(command: list[str], **environment: str) -> tuple[float, float]:
    """CPU seconds of a command with all that it starts, looked at ten times a second; wall time."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    cpu: dict[int, float] = {}
    while process.poll() is None:
        cpu |= cpu_of_session(process.pid)
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(process.stderr.read()[-3000:] if process.stderr else command)
    return sum(cpu.values()), time.perf_counter() - begun


def child(way: str, folder: Path, batch: str) -> None:
    """Predict the documents in a folder."""
    if way == "one process":
        import pyarrow.parquet as pq

        from runner import load

        texts = pq.read_table(folder / "texts")["text"].to_pylist()
        load(folder / "out").predict(texts, batch=batch)
        return
    import mlflow
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    topic_of = mlflow.pyfunc.spark_udf(
        spark, "models:/topics/1", env_manager="local", params={"batch": batch}
    )
    texts = spark.read.parquet(str(folder / "texts")).repartition(2)
    texts.select(topic_of("text")).write.format("noop").mode("overwrite").save()
    spark.stop()


def make_model(folder: Path, texts: list[str], embedder: str) -> None:
    """A run over these documents, whose model is registered in folder/mlflow.db."""
    lines = "\n".join(json.dumps({"text": text}) for text in texts)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    command = [
        sys.executable, "-m", "runner", "dataset=jsonl", "dataset.path=train.jsonl",
        f"embedder={embedder}", "map=false", "hydra.run.dir=out", "model.register_as=topics",
    ]  # fmt: skip
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


def study(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row of spark.csv for each measurement."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts, _ = read_corpus(given.data)
    about = {"data": given.data.name, "embedder": given.embedder, "batch": given.batch}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_model(folder, texts[: given.train], given.embedder)
        (folder / "texts").mkdir()
        for turn in range(given.turns):
            for n in (given.documents, 3 * given.documents):
                some = [texts[(given.train + row) % len(texts)] for row in range(n)]
                pq.write_table(pa.table({"text": some}), folder / "texts" / "0.parquet")
                for way in WAYS:
                    command = [sys.executable, __file__, str(given.data), "--way", way]
                    command += ["--folder", scratch, "--batch", given.batch]
                    cpu, wall = measured(
                        command, PYSPARK_PYTHON=sys.executable, PYSPARK_SUBMIT_ARGS=SETTINGS
                    )
                    measures = {"cpu_seconds": round(cpu, 2), "seconds": round(wall, 2)}
                    yield about | {"way": way, "documents": n, "turn": turn} | measures


def summary(rows: list[dict[str, str]]) -> str:
    """For each way: what a document takes and what starting takes, medians over the turns."""
    lines = []
    for embedder, batch in dict.fromkeys((row["embedder"], row["batch"]) for row in rows):
        for way in WAYS:
            seconds: dict[int, list[float]] = {}
            for r in rows:
                if (r["embedder"], r["batch"], r["way"]) == (embedder, batch, way):
                    seconds.setdefault(int(r["documents"]), []).append(float(r["cpu_seconds"]))
            few, many = min(seconds), max(seconds)
            cpu = {n: statistics.median(some) for n, some in seconds.items()}
            each = (cpu[many] - cpu[few]) / (many - few)
            rate = f"{1 / each:,.0f}" if each > 0 else "too few to tell"
            start = cpu[few] - few * max(each, 0)
            lines.append(f"| {embedder} | {batch} | {way} | {rate} | {start:.1f} |")
    head = "| embedder | batch | way | documents a CPU second | CPU seconds to start |"
    return "\n".join([head, "|---|---|---|---:|---:|", *lines])


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "data", nargs="?", type=Path, help="a JSONL file with the key `text`, also .gz"
    )
    parser.add_argument("--embedder", default="model2vec")
    parser.add_argument("--batch", default="exact", choices=("exact", "fast"))
    parser.add_argument("--train", type=int, default=5000, help="documents that the model sees")
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        child(given.way, given.folder, given.batch)
        return
    for row in study(given) if given.data else ():
        add_rows(RESULTS, COLUMNS, row)
        print(*row.values(), flush=True)
    print(summary(read_rows(RESULTS)))


if __name__ == "__main__":
    main()
