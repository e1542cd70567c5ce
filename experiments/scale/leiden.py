"""Implementations of the Leiden algorithm on one graph of nearest neighbours.

    PEER/bin/python experiments/scale/leiden.py DATA/reddit_titles_500k.jsonl.gz --size 200000

PEER is an environment with the project and graspologic-native, networkit and leidenalg; what is
not installed is left out. The graph is that of the default clusterer, made from the vectors of
embedder=model2vec. Each way runs in a process of its own, at the same resolution and number of
rounds, with one thread and with two, twice each: are the topics the same? Modularity is computed
by one function for all. CPU seconds are those of the search alone, and of making the library's
graph from the links. Rows are added to leiden.csv.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, command_line, name_of

HERE = Path(__file__).parent
WAYS = {
    "igraph": "igraph",
    "graspologic-native": "graspologic_native",
    "networkit": "networkit",
    "leidenalg": "leidenalg",
}
ROUNDS, SEED = 4, 42
KEYS = (
    "corpus documents edges way threads resolution cpu_seconds graph_cpu_seconds added_mb "
    "modularity topics ami same"
).split()


def make_graph(corpus: Path, size: int, out: Path) -> None:
    """Write the links of a sample's graph, and its labels."""
    import numpy as np
    from scipy import sparse

    from components.clusterers.graph import weighted
    from components.datasets.jsonl import JsonlDataset
    from components.embedders.model2vec import Model2VecEmbedder
    from components.neighbors import neighbors

    documents = JsonlDataset(path=str(corpus), label="label", limit=size, seed=0).load()
    assert documents.labels is not None
    X = Model2VecEmbedder().encode(documents.documents)
    has_vector = X.any(axis=1)
    labels = np.unique(np.array(documents.labels), return_inverse=True)[1][has_vector]
    links = weighted(neighbors(X[has_vector], 30), "fuzzy")
    sparse.save_npz(out / "links.npz", links, compressed=False)
    np.save(out / "labels.npy", labels)


def search(way: str, links: Any, resolution: float) -> tuple[float, Any]:
    """CPU seconds of making the library's graph, and a function that searches it for topics."""
    import numpy as np

    from components.clusterers.communities import Communities, _upper

    start = time.process_time()
    if way == "igraph":
        graph = Communities(links)
        found = lambda: graph.find(resolution, ROUNDS, SEED)  # noqa: E731
    elif way == "graspologic-native":
        from graspologic_native import leiden_csr  # type: ignore[import-not-found]

        arrays = links.indptr.astype(np.int64), links.indices.astype(np.int32), links.data

        def found() -> Any:
            settings = {"resolution": resolution, "iterations": ROUNDS, "seed": SEED}
            _, topics = leiden_csr(*arrays, links.shape[0], **settings)
            return np.array([topics[row] for row in range(links.shape[0])])
    elif way == "networkit":
        import networkit as nk  # type: ignore[import-not-found]

        nk.setNumberOfThreads(int(os.environ["OMP_NUM_THREADS"]))
        edges, weights = _upper(links)
        pairs = tuple(np.ascontiguousarray(column).astype(np.uint64) for column in edges.T)
        network = nk.GraphFromCoo((weights, pairs), links.shape[0], True, False)

        def found() -> Any:
            nk.setSeed(SEED, False)
            part = nk.community.ParallelLeiden(network, iterations=ROUNDS, gamma=resolution)
            return np.array(part.run().getPartition().getVector())
    else:
        import igraph
        import leidenalg  # type: ignore[import-not-found]

        edges, weights = _upper(links)
        graph = igraph.Graph(links.shape[0], edges)

        def found() -> Any:
            return np.array(
                leidenalg.find_partition(
                    graph, leidenalg.RBConfigurationVertexPartition, weights=weights.tolist(),
                    n_iterations=ROUNDS, seed=SEED, resolution_parameter=resolution,
                ).membership
            )  # fmt: skip

    return time.process_time() - start, found


def measure(way: str, folder: Path, resolution: float) -> dict[str, Any]:
    """What runs in the measured process."""
    import numpy as np
    from scipy import sparse

    from components.agreement import adjusted_mutual_information
    from components.clusterers.communities import _upper

    links, labels = sparse.load_npz(folder / "links.npz"), np.load(folder / "labels.npy")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    graph_seconds, found = search(way, links, resolution)
    start = time.process_time()
    topics = found()
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    edges, weights = _upper(links)
    inside = float(weights[topics[edges[:, 0]] == topics[edges[:, 1]]].sum()) / weights.sum()
    degrees = np.bincount(topics, np.asarray(links.sum(axis=1)).ravel())
    return {
        "edges": len(edges),
        "cpu_seconds": round(spent, 1),
        "graph_cpu_seconds": round(graph_seconds, 1),
        "added_mb": round((peak - before) / 1024),
        "modularity": round(inside - float(((degrees / degrees.sum()) ** 2).sum()), 4),
        "topics": int((np.bincount(topics) >= 5).sum()),
        "ami": round(adjusted_mutual_information(labels, topics), 4),
        "hash": hashlib.sha256(np.unique(topics, return_inverse=True)[1].tobytes()).hexdigest(),
        "documents": links.shape[0],
    }


def main() -> None:
    """Measure each way that is installed."""
    parser = command_line(__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--threads", nargs="*", default=["1", "2"])
    parser.add_argument("--resolution", type=float, default=1.0)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "leiden.csv")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        way, folder = options.measure
        print(json.dumps(measure(way, Path(folder), options.resolution)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        make_graph(options.corpus, options.size, Path(scratch))
        hashes: dict[str, set[str]] = {way: set() for way in options.ways}
        for turn in range(options.turns):
            for threads in options.threads:
                for way in options.ways:
                    if find_spec(WAYS[way]) is None:
                        continue
                    command = [sys.executable, __file__, str(options.corpus), "--measure", way,
                               scratch, "--resolution", str(options.resolution)]  # fmt: skip
                    env = {**os.environ, "OMP_NUM_THREADS": threads}
                    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
                    row = json.loads(done.stdout)
                    hashes[way].add(row.pop("hash"))
                    row |= {
                        "corpus": name_of(options.corpus), "way": way,
                        "threads": threads, "resolution": options.resolution,
                        "same": len(hashes[way]) == 1,
                    }  # fmt: skip
                    add_rows(options.results, KEYS, row)
                    print(turn, row, flush=True)


if __name__ == "__main__":
    main()
