"""Ten updates in a row of a tenth of a corpus, compared with one run over all of it.

    python experiments/predict/update.py DATA/bbc_news.jsonl.gz DATA/trec_questions.jsonl.gz
    python experiments/predict/update.py DATA/*.jsonl.gz --limit 5000
    python experiments/predict/update.py DATA/bbc_news.jsonl.gz --order label   # subjects arrive
    python experiments/predict/update.py                  # the table again, from updates.csv

A corpus is a JSONL file with the keys "text" and "label"; its vectors are those of the static model
of embedder=model2vec. The first run sees the first of eleven parts, each update one more. Each row
is added to updates.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
KEYS = (
    "corpus documents order first seed ami_updates ami_run ami_first difference between "
    "topics_updates topics_run topics_first no_topic".split()
)
PARTS = {"tenth": 10, "half": 2}  # how much of the corpus the first run sees


def parts_of(corpus: Any, X: Any, seed: int) -> Any:
    """The default run, over vectors that are there."""
    from components.clusterers.leiden import LeidenClusterer
    from components.reducers.identity import Identity
    from components.representations.ctfidf import CTFIDF
    from runner.pipeline import Parts

    class Texts:
        def load(self) -> Any:
            return corpus

    clusterer = LeidenClusterer(random_state=seed)
    words = CTFIDF(language="en", clean=False)
    return Parts(Texts(), vectors_of(X), Identity(), clusterer, words)


def vectors_of(X: Any) -> Any:
    class Vectors:
        stored = False

        def encode(self, documents: Any, rows: Any = None) -> Any:
            return X if rows is None else X[rows]

    return Vectors()


def study(
    name: str, texts: list[str], labels: list[str], X: Any, order: str, seed: int, first: str
) -> Iterator[dict[str, Any]]:
    from sklearn.metrics import adjusted_mutual_info_score as ami

    from components.base import Corpus
    from components.model.fit import fit
    from components.model.grow import Growth, grow
    from runner.cache import Cache
    from runner.derive import derived_result
    from runner.model import Model
    from runner.pipeline import run

    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(texts))
    if order == "label":  # one subject after the other
        rows = rows[np.argsort(np.array(labels)[rows], kind="stable")]
    texts, labels, X = [texts[r] for r in rows], [labels[r] for r in rows], X[rows]
    start = len(texts) // PARTS[first]
    ends = np.linspace(start, len(texts), 11).astype(int)

    whole = run(parts_of(Corpus(texts), X, seed), draw_map=False)
    result = run(parts_of(Corpus(texts[:start]), X[:start], seed), draw_map=False)
    begun = result
    for end in ends[1:].tolist():
        model = fit(result)
        old = result
        names: list[Any] = []

        def decide(
            V: Any, kept: Any, model: Any = model, old: Any = old, names: Any = names
        ) -> Growth:
            n = len(kept)
            before = Growth(np.full(n, -1), np.zeros(n, np.float32), {}, [])
            before.labels[: len(old.labels)] = old.labels
            before.strengths[: len(old.labels)] = old.strengths
            grown = grow(model, V, before, kept >= len(old.labels), seed=seed)
            names.extend([None] * len(grown.sources))
            return grown

        served = Model(model, {}, vectors_of(X[:end]), None, Cache(None))
        corpus = Corpus(texts[:end])
        parts = parts_of(corpus, X[:end], seed)
        result, _ = derived_result(
            parts, Cache(None), served, corpus, decide, lambda names=names: {"": names}, False
        )
    predicted, expected, truth = result.labels, whole.labels, np.array(labels)
    in_run, in_updates = ami(truth, expected), ami(truth, predicted)
    yield {
        "corpus": name,
        "documents": len(texts),
        "order": order,
        "first": first,
        "seed": seed,
        "ami_updates": in_updates,
        "ami_run": in_run,
        "ami_first": ami(truth[:start], begun.labels),
        "difference": in_updates - in_run,
        "between": ami(expected, predicted),
        "topics_updates": len(result.topics),
        "topics_run": len(whole.topics),
        "topics_first": len(begun.topics),
        "no_topic": float(np.mean(predicted < 0)),
    }


def rows() -> list[dict[str, str]]:
    path = HERE / "updates.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add(row: dict[str, Any]) -> None:
    path = HERE / "updates.csv"
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, KEYS)
        if is_new:
            writer.writeheader()
        writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})


def table() -> str:
    """Means over seeds, as Markdown."""
    head = ("corpus", "documents", "order", "first")
    shown = KEYS[5:]
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows():
        groups.setdefault(tuple(row[name] for name in head), []).append(row)
    lines = [f"| {' | '.join([*head, 'seeds', *shown])} |"]
    lines.append("|---|---:|---|---|---:|" + "---:|" * len(shown))
    for key, group in groups.items():
        means = [np.mean([float(row[name]) for row in group]) for name in shown]
        cells = [
            f"{m:.1f}" if n[:6] == "topics" else f"{m:.3f}"
            for n, m in zip(shown, means, strict=True)
        ]
        lines.append(f"| {' | '.join([*key, str(len(group)), *cells])} |")
    return "\n".join(lines)


def read(path: Path, limit: int | None) -> tuple[list[str], list[str], Any]:
    from components.datasets.jsonl import JsonlDataset
    from components.embedders.model2vec import Model2VecEmbedder

    corpus = JsonlDataset(path=str(path), label="label", limit=limit, seed=0).load()
    texts = list(corpus.documents)
    X = Model2VecEmbedder(model="pkg://static_model/model").encode(texts)
    has = np.flatnonzero(~corpus.blank & X.any(axis=1))
    assert corpus.labels is not None
    return [texts[r] for r in has], [str(corpus.labels[r]) for r in has], X[has]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--order", choices=["random", "label"], default="random")
    parser.add_argument("--first", choices=list(PARTS), default="tenth")
    options = parser.parse_args()
    for path in options.corpora:
        texts, labels, X = read(path, options.limit)
        name = path.name.partition(".")[0]
        for seed in range(options.seeds):
            for row in study(name, texts, labels, X, options.order, seed, options.first):
                add(row)
                print(row, flush=True)  # noqa: T201
    print(table())  # noqa: T201


if __name__ == "__main__":
    main()
