"""Ways to group the same vectors into topics, against the labels of several corpora.

    python experiments/granularity/run.py DATA/bbc_news.jsonl.gz DATA/20newsgroups.jsonl.gz
    python experiments/granularity/run.py DATA/*.jsonl.gz --vectors VECTORS
    python experiments/granularity/run.py DATA/bbc_news.jsonl.gz --embedder sklearn --seeds 3
    python experiments/granularity/run.py          # table and plot anew, from results.csv

A corpus is a JSONL file with the keys "text" and "label". Its vectors come from `--embedder`,
through the cache of the runner, or from VECTORS/name.npy, one row a document. No method sees the
labels, but for the oracle, which is told how many there are. Each run is added to results.csv,
and one that is there already is not done again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, build_parts, command_line, name_of, read_rows

HERE = Path(__file__).parent
KEYS = "embedder corpus method seed ami ari topics outliers seconds labels documents chosen".split()
FROM_UMAP = ["reducer=umap"]  # whose defaults are those of BERTopic
METHODS = {
    "Leiden, auto (default)": [],
    "Leiden, resolution 1": ["clusterer.resolution=1"],
    "UMAP + HDBSCAN (BERTopic's defaults)": ["experiment=bertopic_defaults"],
    "UMAP + HDBSCAN, auto": [*FROM_UMAP, "clusterer=hdbscan", "clusterer.granularity=auto"],
    "UMAP + k-means, true number (oracle)": [*FROM_UMAP, "clusterer=kmeans"],
}


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """What the scripts of this folder ask for: corpora, and where their vectors come from."""
    parser = command_line(description)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--vectors", type=Path, help="folder with a .npy for each corpus")
    parser.add_argument("--cache", type=Path, default=Path(".runner-cache"))
    return parser


class Study:
    """One corpus with its vectors; what several methods share is computed and timed once."""

    def __init__(self, path: Path, options: argparse.Namespace, *, search: bool = True) -> None:
        from runner.cache import Cache
        from runner.cache.stages import StageCache
        from runner.embed import embed

        source = [f"embedder={options.embedder}"]
        if options.vectors:
            vectors = options.vectors / f"{name_of(path)}.npy"
            source = ["embedder=precomputed", f"embedder.path={vectors}"]
        self.overrides = ["dataset=jsonl", f"dataset.path={path}", "dataset.label=label", *source]
        parts = build_parts(self.overrides)
        corpus = parts.dataset.load()
        cache = Cache(options.cache)
        rows, encoded = embed(corpus, parts.embedder, cache, parts.settings.get("embedder", {}))
        self.X = encoded.vectors
        self.truth = np.unique(np.array(corpus.labels, dtype=str), return_inverse=True)[1][rows]
        self.stages = StageCache(None)
        start = time.perf_counter()
        if search:
            self.stages.neighbors(self.X, 30, self._metric())
        self.search_seconds = time.perf_counter() - start
        self._reduced: dict[str, tuple[Any, float]] = {}

    def _metric(self) -> str:
        from components.neighbors import metric_for

        return metric_for(self.X, "auto")

    def topics(self, overrides: list[str], seed: int) -> tuple[Any, float, Any]:
        """Topics, seconds from vectors to topics (neighbours included), and what was chosen."""
        from components.base import call

        n_labels = len(np.unique(self.truth))
        oracle = [f"clusterer.n_clusters={n_labels}"] if "clusterer=kmeans" in overrides else []
        parts = build_parts([*self.overrides, *overrides, *oracle, f"seed={seed}"])
        X, reduction_seconds = self._reduce(parts)
        start = time.perf_counter()
        labels = call(parts.clusterer.fit_predict, X, neighbors=self.stages.neighbors)
        seconds = self.search_seconds + reduction_seconds + time.perf_counter() - start
        return labels, seconds, getattr(parts.clusterer, "choice_", {})

    def _reduce(self, parts: Any) -> tuple[Any, float]:
        node = {**parts.settings["reducer"], "metric": self._metric()}
        key = f"{node}"
        if key not in self._reduced:
            start = time.perf_counter()
            reduced = self.stages.reduce(parts.reducer, self.X, parts.settings["reducer"])
            self._reduced = {key: (reduced, time.perf_counter() - start)}
        return self._reduced[key]


def measure(study: Study, todo: list[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """A row of results.csv for each method and seed."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    for method, seed in todo:
        labels, seconds, choice = study.topics(METHODS[method], seed)
        yield {
            "method": method,
            "seed": seed,
            "ami": round(adjusted_mutual_info_score(study.truth, labels), 4),
            "ari": round(adjusted_rand_score(study.truth, labels), 4),
            "topics": len(np.unique(labels[labels >= 0])),
            "outliers": round(float(np.mean(labels < 0)), 4),
            "seconds": round(seconds, 2),
            "labels": len(np.unique(study.truth)),
            "documents": len(labels),
            "chosen": next(iter(choice.values()), ""),
        }


def values(rows: list[dict[str, str]], key: str, **where: str) -> list[float]:
    return [float(r[key]) for r in rows if all(r[k] == v for k, v in where.items())]


def spread(numbers: list[float], digits: int) -> str:
    mean = f"{statistics.mean(numbers):.{digits}f}"
    return mean if len(numbers) < 2 else f"{mean} ± {statistics.stdev(numbers):.{digits}f}"


def names(rows: list[dict[str, str]], key: str, **where: str) -> list[str]:
    return list(dict.fromkeys(r[key] for r in rows if all(r[k] == v for k, v in where.items())))


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: for each embedder the runs by corpus and method, then the means over corpora."""
    for embedder in names(rows, "embedder"):
        corpora = names(rows, "corpus", embedder=embedder)
        yield f"\n`{embedder}`\n"
        yield "| corpus | method | seeds | AMI | ARI | topics | outliers | seconds |"
        yield "|---|---|---:|---:|---:|---:|---:|---:|"
        for corpus in corpora:
            about = next(r for r in rows if r["corpus"] == corpus)
            yield (
                f"| **{corpus}**: {int(about['documents']):,} documents, {about['labels']} labels "
                "| | | | | | | |"
            )
            for method in METHODS:
                at = {"embedder": embedder, "corpus": corpus, "method": method}
                if not (ami := values(rows, "ami", **at)):
                    continue
                out = f"{100 * statistics.mean(values(rows, 'outliers', **at)):.0f} %"
                yield (
                    f"| | {method} | {len(ami)} | {spread(ami, 3)} "
                    f"| {spread(values(rows, 'ari', **at), 3)} "
                    f"| {spread(values(rows, 'topics', **at), 1)} | {out} "
                    f"| {spread(values(rows, 'seconds', **at), 1)} |"
                )
        yield ""
        yield f"| mean of {len(corpora)} corpora | AMI | ARI | outliers | sd of AMI over seeds |"
        yield "|---|---:|---:|---:|---:|"
        for method in METHODS:
            selections = [{"embedder": embedder, "corpus": c, "method": method} for c in corpora]
            if not all(values(rows, "ami", **at) for at in selections):
                continue
            mean_ami, mean_ari, mean_out = (
                statistics.mean(statistics.mean(values(rows, key, **at)) for at in selections)
                for key in ("ami", "ari", "outliers")
            )
            by_corpus = [values(rows, "ami", **at) for at in selections]
            sds = [statistics.stdev(seeds) for seeds in by_corpus if len(seeds) > 1]
            sd = f"{statistics.mean(sds):.3f}" if sds else ""
            yield f"| {method} | {mean_ami:.3f} | {mean_ari:.3f} | {100 * mean_out:.0f} % | {sd} |"


def plot(rows: list[dict[str, str]], path: Path) -> None:
    """AMI by corpus and method: a dot for the mean of the seeds, a line from least to most."""
    from matplotlib.figure import Figure

    embedders = names(rows, "embedder")
    corpora = {e: names(rows, "corpus", embedder=e) for e in embedders}
    heights = [len(corpora[e]) for e in embedders]
    figure = Figure(figsize=(9, 2.0 + 0.62 * sum(heights)), layout="constrained")
    axes = figure.subplots(
        len(embedders), 1, squeeze=False, sharex=True, height_ratios=heights
    )[:, 0]  # fmt: skip
    looks = dict(zip(METHODS, zip("oDsv*", ("C0", "C9", "C3", "C1", "0.25"), strict=True),
                     strict=True))  # fmt: skip
    for embedder, axis in zip(embedders, axes, strict=True):
        for line, corpus in enumerate(corpora[embedder]):
            for step, (method, (marker, colour)) in enumerate(looks.items()):
                at = {"embedder": embedder, "corpus": corpus, "method": method}
                if not (ami := values(rows, "ami", **at)):
                    continue
                y = line + 0.14 * (step - 2)
                axis.plot([min(ami), max(ami)], [y, y], color=colour, linewidth=1.5)
                axis.plot(statistics.mean(ami), y, marker, color=colour, markersize=7,
                          label=method if line == 0 else None)  # fmt: skip
        n = len(corpora[embedder])
        axis.set_yticks(range(n), corpora[embedder])
        axis.set_ylim(n - 0.5, -0.5)
        axis.hlines(np.arange(n - 1) + 0.5, 0, 1, color="0.9", linewidth=1)
        axis.grid(axis="x", color="0.9")
        axis.set_xlim(0, 1)
        axis.set_title(f"embedder: {embedder}", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("AMI of topics and labels, all documents, outliers as one class")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run what is missing, then print the table and draw the plot."""
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="methods with this in their name")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    options = parser.parse_args()
    for path in options.corpora:
        at = {"embedder": options.embedder, "corpus": name_of(path)}
        finished = [r for r in read_rows(options.results) if all(r[k] == v for k, v in at.items())]
        done = {(r["method"], int(r["seed"])) for r in finished}
        planned = [(m, s) for s in range(options.seeds) for m in METHODS if options.only in m]
        todo = [pair for pair in planned if pair not in done]
        if not todo:
            continue
        study = Study(path, options)
        warm_up(study)
        for row in measure(study, todo):
            add_rows(options.results, KEYS, at | row)
            print(*(at | row).values(), sep="  ", flush=True)
    rows = read_rows(options.results)
    print("\n".join(table(rows)))
    plot(rows, options.results.with_suffix(".png"))


def warm_up(study: Study) -> None:
    """Let numba compile, and libraries load, before anything is timed."""
    from components.clusterers.hdbscan import HDBSCANClusterer
    from components.clusterers.leiden import LeidenClusterer
    from components.reducers.umap import UMAPReducer

    few = study.X[:300]
    LeidenClusterer().fit_predict(few)
    HDBSCANClusterer().fit_predict(UMAPReducer(random_state=0).fit_transform(few))


if __name__ == "__main__":
    main()
