"""Whether copies among the training documents of a model outvote the others.

    python experiments/copies/predict.py DATA/bbc_news.jsonl.gz DATA/reddit_topical.jsonl.gz

Topics are found with copies, as in run.py, and then predicted for the originals and for documents
that were not there, by a vote among all training documents, and among the originals alone, as a
model does it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.copies.run import added, vectors, ways
from experiments.study import command_line, name_of

LEFT_OUT = 0.25  # share of the documents, for which topics are only predicted


def predicted(path: Path, options: argparse.Namespace) -> None:
    """Print a line for each way to add copies."""
    from sklearn.metrics import adjusted_mutual_info_score

    from components.clusterers.leiden import LeidenClusterer
    from components.model import rules
    from components.model.index import NearestIndex

    X, _, _ = vectors(path, options)
    is_new = np.random.default_rng(2).random(len(X)) < LEFT_OUT
    new, old = X[is_new], X[~is_new]
    without = None
    nothing = np.zeros(0, np.int64)
    for name, (of, distance) in ways(len(old), nothing, np.random.default_rng(0)).items():
        if distance or (not len(of) and name != "none"):
            continue
        Y, _, order = added(old, of, distance, np.random.default_rng(1))
        clusterer = LeidenClusterer(random_state=0)
        labels = clusterer.fit_predict(Y)
        originals = np.argsort(order)[: len(old)]
        how = clusterer.prediction_
        n_topics = int(labels.max()) + 1
        degrees = how["degrees"]
        pull = how["resolution"] * np.bincount(labels, degrees, n_topics) / degrees.sum()
        cells = []
        for rows in (np.arange(len(Y)), np.sort(originals)):
            index = NearestIndex(Y[rows], how["metric"])
            topics = [
                rules.vote(*index.query(Z, how["n_neighbors"]), labels[rows], n_topics,
                           how["metric"], pull, None)[0]
                for Z in (old, new)
            ]  # fmt: skip
            without = topics[1] if without is None else without
            same = float(np.mean(topics[0] == labels[originals]))
            cells += [f"{same:.1%}", f"{adjusted_mutual_info_score(without, topics[1]):.3f}"]
        print(f"| {name_of(path)}: {name} |", " | ".join(cells), "|", flush=True)


def main() -> None:
    """Print a table."""
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--cache", type=Path, default=Path(".runner-cache"))
    options = parser.parse_args()
    print("| copies | all vote: own topic | new, AMI | originals vote: own topic | new, AMI |")
    print("|---|---:|---:|---:|---:|")
    for path in options.corpora:
        predicted(path, options)


if __name__ == "__main__":
    main()
