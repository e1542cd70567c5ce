"""The graph of nearest neighbours without its lightest links: topics, agreement and time.

    python experiments/scale/thinned.py DATA/cord19_titles.jsonl.gz DATA/reddit_topical.jsonl.gz

A corpus is a JSONL file with the keys "text" and "label". At each resolution Leiden searches the
default clusterer's graph, and the same graph without the lightest quarter of its links, as it does
with more than 100,000 documents; each search is a process of its own. The objective is the
modularity at that resolution on all links, for both. Rows are added to thinned.csv.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, build_parts, command_line, name_of

HERE = Path(__file__).parent
SHARES = ("0", "0.25")
SEED = 42
KEYS = (
    "corpus embedder documents resolution share links_per_document cpu_seconds objective topics ami"
).split()


def make_graph(corpus: Path, embedder: str, out: Path) -> None:
    """Write the links of a corpus, and its labels."""
    import numpy as np
    from scipy import sparse

    from components.clusterers.graph import weighted
    from components.neighbors import neighbors
    from runner.cache import Cache
    from runner.embed import embed

    data = ["dataset=jsonl", f"dataset.path={corpus.absolute()}", "dataset.label=label"]
    parts = build_parts([*data, f"embedder={embedder}"])
    documents = parts.dataset.load()
    rows, encoded = embed(
        documents, parts.embedder, Cache(HERE / ".cache"), parts.settings["embedder"]
    )
    assert documents.labels is not None
    labels = np.unique(np.array(documents.labels, object)[rows], return_inverse=True)[1]
    links = weighted(neighbors(encoded.vectors, 30), "fuzzy")
    sparse.save_npz(out / "links.npz", links, compressed=False)
    np.save(out / "labels.npy", labels)


def measure(folder: Path, share: float, resolution: float) -> dict[str, Any]:
    """What runs in the measured process."""
    import time

    import numpy as np
    from scipy import sparse

    from components.agreement import adjusted_mutual_information
    from components.clusterers import graph
    from components.clusterers.communities import Communities
    from components.clusterers.joining import absorb
    from components.labels import count_topics

    links, labels = sparse.load_npz(folder / "links.npz"), np.load(folder / "labels.npy")
    start = time.process_time()
    n, large = links.shape[0], graph.LARGE
    graph.LARGE, graph.LIGHT = 0, share  # type: ignore[misc]
    thin = graph.thinned(links)
    graph.LARGE = large  # type: ignore[misc]
    n_links = thin.nnz // 2
    communities = Communities(thin)
    del links, thin
    topics = communities.find(resolution, 2 if n > large else 4, SEED)
    spent = time.process_time() - start
    links = sparse.load_npz(folder / "links.npz")
    inside = links.data[topics[links.indices] == np.repeat(topics, np.diff(links.indptr))].sum()
    degrees = np.bincount(topics, np.asarray(links.sum(axis=1)).ravel()) / links.data.sum()
    topics = absorb(topics, communities.links, 5)
    return {
        "documents": n,
        "links_per_document": round(n_links / n, 1),
        "cpu_seconds": round(spent, 1),
        "objective": round(float(inside / links.data.sum() - resolution * (degrees**2).sum()), 4),
        "topics": count_topics(topics),
        "ami": round(adjusted_mutual_information(labels, topics), 4),
    }


def main() -> None:
    """Search with all links and with fewer, at each resolution."""
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--embedder", default="model2vec")
    parser.add_argument("--resolutions", nargs="*", default=["0.7", "1.5", "3.3"])
    parser.add_argument("--results", type=Path, default=HERE / "thinned.csv")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, share, resolution = options.measure
        row = measure(Path(folder), float(share), float(resolution))
        print(json.dumps(row))
        return
    for corpus in options.corpora:
        name = name_of(corpus)
        with tempfile.TemporaryDirectory() as folder:
            make_graph(corpus, options.embedder, Path(folder))
            for resolution in options.resolutions:
                for share in SHARES:
                    command = [sys.executable, __file__, str(corpus), "--measure", folder, share,
                               resolution]  # fmt: skip
                    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                    row = json.loads(done.stdout)
                    row |= {"corpus": name, "embedder": options.embedder, "resolution": resolution,
                            "share": share}  # fmt: skip
                    add_rows(options.results, KEYS, row)
                    print(row, flush=True)


if __name__ == "__main__":
    main()
