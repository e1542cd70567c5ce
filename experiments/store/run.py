"""The embedding store beside SQLite: writing batches, and reading all in another order.

    python experiments/store/run.py --documents 100000 --dimensions 384 --turns 3

Each in a fresh process on an empty folder. SQLite keeps a row a document, its vector as bytes, one
transaction a batch, as the store writes one shard a batch. Both end with one float32 array in the
order of the request.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

CHILD = """
import hashlib, json, sys, time
from pathlib import Path
import numpy as np
way, n, d, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
documents = [f"document {i}" for i in range(n)]
X = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)
at = {text: row for row, text in enumerate(documents)}
order = np.random.default_rng(1).permutation(n)
asked = [documents[i] for i in order]

class Ready:
    def encode(self, texts):
        return X[[at[text] for text in texts]]
    def fingerprint(self):
        return {"ready": d}

start = time.perf_counter()
if way == "store":
    from runner.cache import Cache
    encode = lambda texts: Cache(folder).embeddings.encode(
        Ready(), texts, identity=lambda: {"ready": d}, corpus_hash=lambda: "").vectors
    encode(documents)
    written = time.perf_counter()
    again = encode(asked)
else:
    import sqlite3
    database = sqlite3.connect(folder / "vectors.db")
    database.execute("create table v (key blob primary key, x blob)")
    key = lambda text: hashlib.sha256(text.encode()).digest()
    size = max(256, n // 256)
    for first in range(0, n, size):
        with database:
            database.executemany("insert into v values (?, ?)", [
                (key(text), X[first + i].tobytes())
                for i, text in enumerate(documents[first:first + size])])
    written = time.perf_counter()
    again = np.empty((n, d), np.float32)
    for row, text in enumerate(asked):
        value = database.execute("select x from v where key = ?", (key(text),)).fetchone()[0]
        again[row] = np.frombuffer(value, np.float32)
read = time.perf_counter()
assert np.array_equal(again, X[order])
size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
print(json.dumps({"write": written - start, "read": read - written, "mb": size / 1e6}))
"""


def main() -> None:
    """Run both in turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"store": [], "sqlite": []}
    for _ in range(options.turns):
        for way, turns in found.items():
            with tempfile.TemporaryDirectory() as folder:
                sizes = [str(options.documents), str(options.dimensions)]
                command = [sys.executable, "-c", CHILD, way, *sizes, folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                turns.append(json.loads(done.stdout.splitlines()[-1]))
    for way, turns in found.items():
        cells = (statistics.median(turn[name] for turn in turns) for name in turns[0])
        print(f"| {way} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")  # noqa: T201


if __name__ == "__main__":
    main()
