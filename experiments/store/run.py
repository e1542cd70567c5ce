"""The embedding store beside SQLite, LMDB and zarr: writing batches, reading all in another order.

    python experiments/store/run.py --documents 100000 --dimensions 384 --turns 3

Each in a fresh process on an empty folder. SQLite and LMDB hold a row a document, its vector as
bytes under the sha256 of its text; zarr holds one array by position, in chunks of a batch, and the
hashes beside it, from which the reader makes its map. All write one transaction, shard or chunk a
batch, and end with one float32 array in the order of the request. `lmdb` and `zarr` are needed for
this study alone (pip install lmdb 'zarr>=3'); what is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile

# Each way defines write(first, last), for a batch of documents, and read(), for all in `order`.
START = """
import hashlib, json, sys, time
from pathlib import Path
import numpy as np
n, d, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
documents = [f"document {i}" for i in range(n)]
X = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)
order = np.random.default_rng(1).permutation(n)
asked = [documents[i] for i in order]
size = max(256, n // 256)
key = lambda text: hashlib.sha256(text.encode()).digest()
"""

WAYS = {
    "store": """
from runner.cache import Cache
at = {text: row for row, text in enumerate(documents)}

class Ready:
    def encode(self, texts):
        return X[[at[text] for text in texts]]

def encode(texts):
    return Cache(folder).embeddings.encode(
        Ready(), texts, identity=lambda: {"ready": d}, corpus_hash=lambda: "").vectors

def write(first, last):
    if first == 0:  # the store makes its batches itself
        encode(documents)

def read():
    return encode(asked)
""",
    "sqlite": """
import sqlite3
database = sqlite3.connect(folder / "vectors.db")
database.execute("create table v (key blob primary key, x blob)")

def write(first, last):
    with database:
        database.executemany(
            "insert into v values (?, ?)",
            [(key(documents[i]), X[i].tobytes()) for i in range(first, last)])

def read():
    out = np.empty((n, d), np.float32)
    for row, text in enumerate(asked):
        value = database.execute("select x from v where key = ?", (key(text),)).fetchone()[0]
        out[row] = np.frombuffer(value, np.float32)
    return out
""",
    "lmdb": """
import lmdb
database = lmdb.open(str(folder), map_size=max(1 << 28, 4 * X.nbytes))

def write(first, last):
    with database.begin(write=True) as transaction:
        for i in range(first, last):
            transaction.put(key(documents[i]), X[i].tobytes())

def read():
    out = np.empty((n, d), np.float32)
    with database.begin(buffers=True) as transaction:
        for row, text in enumerate(asked):
            out[row] = np.frombuffer(transaction.get(key(text)), np.float32)
    return out
""",
    "zarr": """
import zarr
group = zarr.open_group(str(folder), mode="w")
array = lambda name, width, dtype: group.create_array(
    name, shape=(n, width), chunks=(size, width), dtype=dtype, compressors=None)
vectors, keys = array("vectors", d, "f4"), array("keys", 32, "u1")

def write(first, last):
    vectors[first:last] = X[first:last]
    joined = b"".join(map(key, documents[first:last]))
    keys[first:last] = np.frombuffer(joined, np.uint8).reshape(-1, 32)

def read():
    at = {row.tobytes(): place for place, row in enumerate(keys[:])}
    return vectors[:][[at[key(text)] for text in asked]]
""",
}

END = """
start = time.perf_counter()
for first in range(0, n, size):
    write(first, min(first + size, n))
written = time.perf_counter()
again = read()
end = time.perf_counter()
assert np.array_equal(again, X[order])
mb = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) / 1e6
print(json.dumps({"write": written - start, "read": end - written, "mb": mb}))
"""


def main() -> None:
    """Run all in turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {}
    for way in WAYS:
        if way in ("lmdb", "zarr") and importlib.util.find_spec(way) is None:
            print(f"{way} is left out: it is not installed.")
        else:
            figures[way] = []
    for _ in range(options.turns):
        for way, turns in figures.items():
            with tempfile.TemporaryDirectory() as folder:
                sizes = [str(options.documents), str(options.dimensions)]
                command = [sys.executable, "-c", START + WAYS[way] + END, *sizes, folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                turns.append(json.loads(done.stdout.splitlines()[-1]))
    for way, turns in figures.items():
        cells = (statistics.median(turn[name] for turn in turns) for name in turns[0])
        print(f"| {way} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
