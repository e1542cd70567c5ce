"""Our exact search beside scikit-learn's and faiss's, on the same vectors, in fresh processes.

    python experiments/neighbours/run.py VECTORS.npy --turns 3

faiss is compared where faiss-cpu is installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

K = 32
WAYS = ("ours", "scikit-learn", "faiss")
CHILD = """
import json, resource, sys, time
import numpy as np
X = np.load(sys.argv[2]); k = int(sys.argv[3]); way = sys.argv[1]
start = time.perf_counter()
if way == "ours":
    from components.neighbors import neighbors
    indices = neighbors(X, k).indices
elif way == "scikit-learn":
    from sklearn.neighbors import NearestNeighbors
    search = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(X)
    indices = search.kneighbors(return_distance=False)
else:
    import faiss
    U = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-30)
    index = faiss.IndexFlatIP(U.shape[1]); index.add(U)
    indices = index.search(U, k + 1)[1]
    own = indices == np.arange(len(U))[:, None]
    drop = np.where(own.any(axis=1), own.argmax(axis=1), k)
    indices = indices[np.arange(k + 1) != drop[:, None]].reshape(-1, k)
seconds = time.perf_counter() - start
np.save(sys.argv[4], indices)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "mb": peak}))
"""


def main() -> None:
    """Run each way in turns, and print seconds, peak memory, and how the neighbours differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options.vectors, options.turns, Path(folder))


def compare(vectors: Path, turns: int, folder: Path) -> None:
    """Run each way in turns; the neighbours that it finds go to a folder."""
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(turns):
        for way in WAYS:
            out = folder / f"{way}.npy"
            command = [sys.executable, "-c", CHILD, way, str(vectors), str(K), str(out)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                measured[way].append(json.loads(done.stdout))
    ours = np.load(folder / "ours.npy")
    for way, turns_of_way in measured.items():
        if not turns_of_way:
            print(f"| {way} | not installed | | |")
            continue
        same = np.load(folder / f"{way}.npy") == ours
        seconds = statistics.median(turn["seconds"] for turn in turns_of_way)
        memory = statistics.median(turn["mb"] for turn in turns_of_way)
        print(f"| {way} | {seconds:.2f} | {memory:,.0f} | {100 * (1 - same.mean()):.3f} % |")


if __name__ == "__main__":
    main()
