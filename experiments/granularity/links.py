"""Whether Leiden comes nearer to the labels with other links between documents.

    python experiments/granularity/links.py DATA/bbc_news.jsonl.gz --embedder sklearn
    python experiments/granularity/links.py DATA/*.jsonl.gz --vectors VECTORS --splits 4
    python experiments/granularity/links.py          # the tables, from links.csv

`auto` chooses on each split of the documents anew (the default has one set of splits for all), then
Leiden finds the topics; with one split, with three seeds. Means are added to links.csv. Vectors
are dense; the number of topics is in brackets.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.granularity import run
from experiments.study import add_rows, name_of, read_rows

HERE = Path(__file__).parent
KEYS = "embedder corpus links splits ami sd topics".split()
K = 30
CANDIDATES = 90  # of which the nearest by another measure are taken


def centred(X: Any, components: int = 0) -> Any:
    """Unit rows less their mean, and without the first principal components."""
    rows = X / np.linalg.norm(X, axis=1, keepdims=True)
    rows = (rows - rows.mean(axis=0)).astype(np.float64)
    axes = np.linalg.eigh(rows.T @ rows)[1][:, X.shape[1] - components :]
    return (rows - rows @ axes @ axes.T).astype(np.float32)


def graph(X: Any, k: int = K) -> Any:
    from components.neighbors import neighbors

    return neighbors(X, k, "cosine")


def without_hubs(X: Any) -> Any:
    """The nearest of more candidates by CSLS (Conneau et al. 2018): less how near others are."""
    from components.base import NeighborGraph

    near = graph(X, CANDIDATES)
    own = near.distances[:, :10].mean(axis=1)
    d = 2 * near.distances - own[:, None] - own[near.indices]
    order = np.argsort(d, axis=1, kind="stable")[:, :K]
    nearest, indices = (np.take_along_axis(a, order, 1) for a in (d - d.min(), near.indices))
    return NeighborGraph(indices, nearest, "euclidean")


def strengths_of(distances: Any, spread: float) -> Any:
    """`fuzzy_strengths`, of sums that are `spread` times as large."""
    beyond = distances.astype(np.float64) - distances[:, :1]
    target = spread * np.log2(distances.shape[1] + 1)
    low, high = np.full((2, len(beyond), 1), [[[1e-9]], [[1e9]]])
    for _ in range(80):
        scale = np.sqrt(low * high)
        too_much = np.exp(-beyond / scale).sum(axis=1, keepdims=True) > target
        low, high = np.where(too_much, low, scale), np.where(too_much, scale, high)
    return np.exp(-beyond / np.maximum(scale, max(1e-3 * float(distances.mean()), 1e-12)))


def weighed(near: Any, spread: float = 1.0, mean: bool = False) -> Any:
    """Fuzzy links, of strengths that sum to `spread` times log2(k + 1) in each row."""
    from scipy import sparse

    n, k = near.indices.shape
    strengths = strengths_of(near.distances, spread)
    if near.metric == "cosine":
        strengths[near.distances >= 1] = 0  # these share nothing
    starts = np.arange(0, n * k + 1, k)
    a = sparse.csr_matrix((strengths.ravel(), near.indices.ravel(), starts), (n, n))
    links = ((a + a.T) / 2 if mean else a + a.T - a.multiply(a.T)).tocsr()
    links.eliminate_zeros()
    return links


def by_root_jaccard(near: Any) -> Any:
    """Fuzzy links times the root of the share of common neighbours."""
    from components.clusterers.graph import weighted

    return weighed(near).multiply(weighted(near, "jaccard").sqrt()).tocsr()


def by_degree(links: Any) -> Any:
    """Divided by the roots of both degrees."""
    from scipy import sparse

    degrees = np.asarray(links.sum(axis=1)).ravel()
    roots = sparse.diags(1 / np.sqrt(np.where(degrees > 0, degrees, 1)))
    return (roots @ links @ roots).tocsr()


LINKS = {
    "the default": lambda X: weighed(graph(X)),
    "20 neighbours": lambda X: weighed(graph(X, 20)),
    "45 neighbours": lambda X: weighed(graph(X, 45)),
    "centred": lambda X: weighed(graph(centred(X))),
    "centred, without one component": lambda X: weighed(graph(centred(X, 1))),
    "CSLS": lambda X: weighed(without_hubs(X)),
    "CSLS, strength x 1.25": lambda X: weighed(without_hubs(X), 1.25),
    "strength x 1.25": lambda X: weighed(graph(X), 1.25),
    "strength x 1.5": lambda X: weighed(graph(X), 1.5),
    "strength x 2.5": lambda X: weighed(graph(X), 2.5),
    "mean of both directions": lambda X: weighed(graph(X), mean=True),
    "times the root of jaccard": lambda X: by_root_jaccard(graph(X)),
    "divided by root degrees": lambda X: by_degree(weighed(graph(X))),
}


def measure(X: Any, truth: Any, links: Any, splits: int) -> dict[str, Any]:
    """Mean and spread of AMI with the labels, and the mean number of topics."""
    from components.agreement import adjusted_mutual_information
    from components.clusterers import granularity
    from components.clusterers.communities import Communities
    from components.clusterers.joining import absorb
    from components.clusterers.leiden import LeidenClusterer

    communities, found = Communities(links), []
    for split in range(splits):
        granularity.SEED = split
        resolution, _ = LeidenClusterer()._chosen(communities, len(truth))
        for seed in range(1 if splits > 1 else 3):
            topics = communities.find(resolution, 4, split + seed)
            found.append(absorb(topics, links, 5))
    ami = [adjusted_mutual_information(truth, topics) for topics in found]
    counts = [len(np.unique(topics[topics >= 0])) for topics in found]
    mean = statistics.mean
    return {"ami": round(mean(ami), 4), "sd": round(statistics.stdev(ami), 4),
            "topics": round(mean(counts), 1)}  # fmt: skip


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: for each embedder and number of splits, the gain over the default by corpus."""
    for kind in dict.fromkeys((r["embedder"], r["splits"]) for r in rows):
        part = [r for r in rows if (r["embedder"], r["splits"]) == kind]
        base = {r["corpus"]: float(r["ami"]) for r in part if r["links"] == "the default"}
        yield f"\n| {kind[0]}, splits: {kind[1]} | {' | '.join(base)} | mean gain |"
        yield "|---|" + "---:|" * (len(base) + 1)
        for links in run.names(part, "links"):
            of = {r["corpus"]: r for r in part if r["links"] == links}
            gains = {c: float(r["ami"]) - base[c] for c, r in of.items()}
            shown = "{0:.3f} ({2})" if links == "the default" else "{1:+.3f} ({2})"
            cells = [
                shown.format(base[c], gains[c], of[c]["topics"]) if c in of else "" for c in base
            ]
            mean = f"{statistics.mean(gains.values()):+.3f}" if len(of) == len(base) else ""
            yield f"| {links} | {' | '.join(cells)} | {mean} |"


def main() -> None:
    """Measure what is not in links.csv, or print the tables."""
    parser = run.parser_of(__doc__)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(LINKS), choices=list(LINKS))
    parser.add_argument("--results", type=Path, default=HERE / "links.csv")
    options = parser.parse_args()
    for path in options.corpora:
        at = {
            "embedder": options.embedder,
            "corpus": name_of(path),
            "splits": str(options.splits),
        }
        done = [r for r in read_rows(options.results) if all(r[k] == v for k, v in at.items())]
        study = run.Study(path, options, search=False)
        for links in options.only:
            if links not in [r["links"] for r in done]:
                figures = measure(study.X, study.truth, LINKS[links](study.X), options.splits)
                add_rows(options.results, KEYS, at | {"links": links} | figures)
    if not options.corpora:
        print("\n".join(table(read_rows(options.results))))


if __name__ == "__main__":
    main()
