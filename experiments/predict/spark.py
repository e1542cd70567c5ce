"""Documents a second of a saved model: on Spark with two local workers, and in one process.

    python experiments/predict/spark.py DATA/stackoverflow_20k.jsonl.gz

Each measurement is a process of its own, by turns, with two numbers of documents: the difference is
what a document takes, the rest is what starting and loading take.
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
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
COLUMNS = ["data", "embedder", "batch", "way", "documents", "turn", "cpu_seconds", "seconds"]
WAYS = ("one process", "spark")
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = (
    "--master 'local[2]' --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
    "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.memory=1g pyspark-shell"
)


def texts_of(data: str) -> list[str]:
    """The texts of a JSONL file with the key `text`."""
    with (gzip.open if data.endswith(".gz") else open)(data, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


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


def study(given: argparse.Namespace) -> list[list[Any]]:
    """A row a measurement."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts, rows = texts_of(given.data), []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_model(folder, texts[: given.train], given.embedder)
        (folder / "texts").mkdir()
        for turn in range(given.turns):
            for n in (given.documents, 3 * given.documents):
                some = [texts[(given.train + row) % len(texts)] for row in range(n)]
                pq.write_table(pa.table({"text": some}), folder / "texts" / "0.parquet")
                for way in WAYS:
                    command = [sys.executable, __file__, given.data, "--way", way]
                    command += ["--folder", scratch, "--batch", given.batch]
                    cpu, wall = measured(
                        command, PYSPARK_PYTHON=sys.executable, PYSPARK_SUBMIT_ARGS=SETTINGS
                    )
                    row = [Path(given.data).name, given.embedder, given.batch, way, n, turn]
                    rows.append([*row, round(cpu, 2), round(wall, 2)])
                    sys.stdout.write(f"{rows[-1]}\n")
    return rows


def summary(rows: list[list[Any]]) -> str:
    """For each way: what a document takes and what starting takes, medians over the turns."""
    lines = []
    for embedder, batch in dict.fromkeys((row[1], row[2]) for row in rows):
        for way in WAYS:
            some = [r for r in rows if r[1:4] == [embedder, batch, way]]
            few, many = min(r[4] for r in some), max(r[4] for r in some)
            cpu = {n: statistics.median(r[6] for r in some if r[4] == n) for n in (few, many)}
            each = (cpu[many] - cpu[few]) / (many - few)
            rate = f"{1 / each:,.0f}" if each > 0 else "too few to tell"
            start = cpu[few] - few * max(each, 0)
            lines.append(f"| {embedder} | {batch} | {way} | {rate} | {start:.1f} |")
    head = "| embedder | batch | way | documents a CPU second | CPU seconds to start |"
    return "\n".join([head, "|---|---|---|---:|---:|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="?", help="a JSONL file with the key `text`, also .gz")
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
    file = FOLDER / "spark.csv"
    if given.data:
        rows = study(given)
        new = not file.exists()
        with file.open("a", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([COLUMNS] * new + rows)
    with file.open(newline="") as stream:
        _, *lines = csv.reader(stream)
    rows = [[*row[:4], int(row[4]), int(row[5]), float(row[6]), float(row[7])] for row in lines]
    sys.stdout.write(summary(rows) + "\n")


if __name__ == "__main__":
    main()
