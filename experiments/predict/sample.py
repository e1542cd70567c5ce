"""Topics of a sample, given to a whole corpus by the saved model, beside a run over all of it.

    python experiments/predict/sample.py DATA/reddit_titles_500k.jsonl.gz --all
    python experiments/predict/sample.py                        # the table again, from sample.csv

The corpus has the keys "text" and "label"; its vectors are those of embedder=model2vec. The run
over all documents takes the resolution that the largest sample chose. CPU seconds are user and
system of this process, so other work on the machine changes them little.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, command_line, name_of, read_corpus, read_rows

FILE = Path(__file__).with_name("sample.csv")
KEYS = (
    "corpus documents seen ami ami_seen topics no_topic cluster_cpu predict_cpu predicted".split()
)


def vectors_of(texts: list[str]) -> Any:
    from components.embedders.model2vec import Model2VecEmbedder

    return Model2VecEmbedder(model="pkg://static_model/model").encode(texts)


def ami(topics: Any, labels: Any) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(topics, labels))


def of_sample(
    texts: list[str], X: Any, labels: Any, rows: Any, seed: int
) -> tuple[dict[str, Any], float]:
    """Measures of a run over `rows` whose model predicts the others, and its resolution."""
    from components.clusterers.leiden import LeidenClusterer
    from components.model.fit import fit
    from components.reducers.identity import Identity
    from experiments.predict.run import result_of

    begun = time.process_time()
    make = Identity, partial(LeidenClusterer, random_state=seed)
    result = result_of(X[rows], [texts[row] for row in rows.tolist()], make)
    model = fit(result)
    clustered = time.process_time() - begun
    others = np.setdiff1d(np.arange(len(texts)), rows)
    topics = np.empty(len(texts), np.int64)
    topics[rows] = result.labels
    begun = time.process_time()
    topics[others] = model.predict(X[others]).topics
    predicted = time.process_time() - begun
    measures = {
        "seen": len(rows),
        "ami": ami(topics, labels),
        "ami_seen": ami(result.labels, labels[rows]),
        "topics": len(result.topics),
        "no_topic": float(np.mean(topics < 0)),
        "cluster_cpu": clustered,
        "predict_cpu": predicted,
        "predicted": len(others),
    }
    return measures, float(result.choice["resolution"])


def of_all(X: Any, labels: Any, resolution: float, seed: int) -> dict[str, Any]:
    """Measures of a run over all documents."""
    from components.clusterers.leiden import LeidenClusterer

    begun = time.process_time()
    topics = LeidenClusterer(resolution=resolution, random_state=seed).fit_predict(X)
    clustered = time.process_time() - begun
    return {
        "seen": len(X),
        "ami": ami(topics, labels),
        "ami_seen": ami(topics, labels),
        "topics": int(topics.max()) + 1,
        "no_topic": float(np.mean(topics < 0)),
        "cluster_cpu": clustered,
        "predict_cpu": 0.0,
        "predicted": 0,
    }


def study(given: argparse.Namespace) -> list[dict[str, Any]]:
    texts, names = read_corpus(given.data)
    texts = [text or "-" for text in texts]
    labels = np.unique(names, return_inverse=True)[1]
    begun = time.process_time()
    X = vectors_of(texts)
    print(f"{len(texts)} vectors: {time.process_time() - begun:.0f} CPU seconds", flush=True)
    head = {"corpus": name_of(given.data), "documents": len(texts)}
    order = np.random.default_rng(given.seed).permutation(len(texts))
    rows, resolution = [], 1.0
    for n in sorted(given.samples):
        measures, resolution = of_sample(texts, X, labels, np.sort(order[:n]), given.seed)
        rows.append(head | measures)
        print(rows[-1], f"resolution {resolution:g}", flush=True)
    if given.all:
        rows.append(head | of_all(X, labels, resolution, given.seed))
    return rows


def table(rows: list[dict[str, str]]) -> str:
    lines = [
        "| corpus | documents seen | topics | AMI, all documents | AMI, those seen | no topic "
        "| CPU s to cluster | predicted a CPU s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cpu = float(row["predict_cpu"])
        rate = f"{int(row['predicted']) / cpu:,.0f}" if cpu else ""
        lines.append(
            f"| {row['corpus']} | {int(row['seen']):,} of {int(row['documents']):,} "
            f"| {row['topics']} | {float(row['ami']):.3f} | {float(row['ami_seen']):.3f} "
            f"| {100 * float(row['no_topic']):.1f} % | {float(row['cluster_cpu']):.0f} | {rate} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "data", nargs="?", type=Path, help="a JSONL file with text and label, also .gz"
    )
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--all", action="store_true", help="also run over all documents")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.data:
        add_rows(FILE, KEYS, *study(given))
    print(table(read_rows(FILE)))


if __name__ == "__main__":
    main()
