"""Where a new document belongs in UMAP's space: three ways, by what HDBSCAN then makes of it.

    python experiments/predict/place.py DATA/banking77.jsonl.gz --vectors VECTORS --limit 4000

Printed for each: AMI and share of equal topics with a run over all documents, and the share of
documents without a topic (first that of the run over all).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.predict.run import ami, equal, methods, read, result_of
from experiments.study import command_line


def mean_place(indices: Any, distances: Any, places: Any, metric: str) -> Any:
    """The mean of the nearest rows' places, weighted as in the model."""
    from components.model.rules import fuzzy

    weights = fuzzy(distances)[:, :, None]
    return (places[indices] * weights).sum(axis=1) / weights.sum(axis=1)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    from components.model import rules
    from components.model.fit import fit

    medoid = rules.place
    for path in options.corpora:
        texts, X = read(path, options.vectors, options.limit)
        order = np.random.default_rng(0).permutation(len(texts))
        cut = int(0.8 * len(texts))
        train, new = np.sort(order[:cut]), np.sort(order[cut:])
        make = methods(0)["UMAP + HDBSCAN"]
        whole = result_of(X, texts, make).labels
        part = result_of(X[train], [texts[row] for row in train], make)
        print(path.name, "run over all: no topic", float(np.mean(whole[new] < 0)))
        own = iter(np.split(part.parts["reducer"].transform(X[new]), range(1024, len(new), 1024)))
        model = fit(part, neighbours="all")
        for name, place in {
            "medoid": medoid,
            "mean": mean_place,
            "UMAP's transform": lambda *arguments, own=own: next(own),  # block by block
        }.items():
            rules.place = place
            predicted = model.predict(X[new]).topics
            same = equal(predicted, whole[new], part.labels, whole[train])
            print(name, ami(predicted, whole[new]), same, float(np.mean(predicted < 0)))
        rules.place = medoid


if __name__ == "__main__":
    main()
