"""What `auto` chooses for clusterers without a graph, by three rules, and the AMI with the labels.

    python experiments/which_measure_to_trust/vectors.py DATA WORK --embedders minilm lsa_100
    python experiments/granularity/counts.py DATA WORK bbc_news trec_questions ...

The rules: the middle one of the settings around the best within 0.03 of it; the weighted mean; the
same where an agreement counts for more the more topics it is on, which is what the project does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.granularity.rules import middle
from experiments.study import command_line

RULES = ("middle one", "weighted mean", "and the more topics")


def choices(clusterer: type, X: Any) -> list[int]:
    """Numbers of topics by the three rules."""
    from components.clusterers import granularity

    part = clusterer(granularity="auto", random_state=1)
    part.fit_predict(X)
    tried = np.array([point["n_clusters"] for point in part.curve_])
    numbers = [int(tried[middle([{**point, "modularity": 0.0} for point in part.curve_])])]
    doubled = granularity.GAIN_PER_DOUBLING
    for share in (0.0, doubled):
        granularity.GAIN_PER_DOUBLING = share
        numbers.append(round(float(np.exp(granularity.weigh(part.curve_) @ np.log(tried)))))
    return numbers


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--embedders", nargs="+", default=["minilm", "lsa_100"])
    options = parser.parse_args()

    from sklearn.metrics import adjusted_mutual_info_score

    from components.clusterers.agglomerative import AgglomerativeClusterer
    from components.clusterers.kmeans import KMeansClusterer
    from experiments.which_measure_to_trust.measure import load
    from experiments.which_measure_to_trust.vectors import sample

    for clusterer in (KMeansClusterer, AgglomerativeClusterer):
        found = []
        for corpus in options.corpora:
            labels = np.array(sample(options.data, corpus)[1])
            runs = load(options.work, corpus)
            for embedder in options.embedders:
                X = np.asarray(runs[embedder]["X"], np.float32)
                truth = labels[runs[embedder]["kept"]]
                numbers = choices(clusterer, X)
                scores = [
                    adjusted_mutual_info_score(
                        truth, clusterer(n_clusters=number, random_state=1).fit_predict(X)
                    )
                    for number in numbers
                ]
                found.append(scores)
                cells = (f"{n:3d} {score:.3f}" for n, score in zip(numbers, scores, strict=True))
                print(f"{clusterer.__name__} {corpus} {embedder}: {'  '.join(cells)}", flush=True)
        means = zip(RULES, np.mean(found, axis=0), strict=True)
        print(f"mean: {', '.join(f'{rule} {mean:.3f}' for rule, mean in means)}")


if __name__ == "__main__":
    main()
