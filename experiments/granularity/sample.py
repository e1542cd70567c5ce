"""How the resolution that `auto` chooses on a sample carries over to all documents.

    python experiments/granularity/sample.py DATA/reddit_topical.jsonl.gz --embedder model2vec
    python experiments/granularity/sample.py                       # the tables, from sample.csv

For samples of several sizes, and all documents, each with its own neighbours: what `auto` sees at
each resolution, whether it chooses it, and the topics of one search at that resolution: their
number, the exponential of their entropy (the effective number), their modularity, and their
agreement with the labels (AMI).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import run

from experiments.study import add_rows, name_of, read_rows

HERE = Path(__file__).parent
SIZES = (5_000, 10_000, 20_000, 40_000)
RESOLUTIONS = (0.2, 0.3, 0.45, 0.7, 1.0, 1.5, 2.2, 3.3, 5.0)
KEYS = (
    "embedder corpus seed documents resolution score chosen topics effective modularity ami "
    "cpu_seconds"
).split()


def rows_of(study: Any, size: int, seed: int) -> Iterator[dict[str, Any]]:
    """A row of sample.csv for each resolution, on a sample of so many documents."""
    from components.agreement import adjusted_mutual_information, entropy
    from components.clusterers.communities import Communities
    from components.clusterers.graph import weighted
    from components.clusterers.leiden import TRIAL_ITERATIONS, LeidenClusterer
    from components.neighbors import metric_for, neighbors

    n = len(study.truth)
    rows = np.sort(np.random.default_rng(seed).choice(n, min(size, n), replace=False))
    X, truth = study.X[rows], study.truth[rows]
    links = weighted(neighbors(X, 30, metric_for(X, "auto")), "fuzzy")
    communities = Communities(links)
    part = LeidenClusterer(random_state=seed)
    chosen = part._resolution(communities, len(rows))[0]
    score = {point["resolution"]: point["score"] for point in part.curve_}
    for resolution in RESOLUTIONS:
        start = time.process_time()
        labels = communities.find(resolution, TRIAL_ITERATIONS, seed)
        spent = time.process_time() - start
        yield {
            "documents": len(rows),
            "resolution": resolution,
            "score": round(score.get(resolution, np.nan), 4),
            "chosen": int(resolution == chosen),
            "topics": int((np.bincount(labels) >= 5).sum()),
            "effective": round(float(np.exp(entropy(np.bincount(labels)))), 2),
            "modularity": round(communities.modularity(labels), 4),
            "ami": round(adjusted_mutual_information(truth, labels), 4),
            "cpu_seconds": round(spent, 2),
        }


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: for each size the choices, and what all documents make of them."""
    yield "| embedder | corpus | documents | seed | chosen | effective topics | AMI |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for row in rows:
        if int(row["chosen"]):
            keys = "embedder corpus documents seed resolution effective ami".split()
            yield f"| {' | '.join(row[key] for key in keys)} |"


def main() -> None:
    """Measure what is not measured yet, then print the table."""
    parser = run.parser_of(__doc__)
    parser.set_defaults(embedder="model2vec")
    parser.add_argument("--sizes", type=int, nargs="*", default=[*SIZES, 10**9])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "sample.csv")
    options = parser.parse_args()
    for path in options.corpora:
        study = run.Study(path, options, search=False)
        for seed in range(options.seeds):
            for size in options.sizes:
                for row in rows_of(study, size, seed):
                    row |= {"embedder": options.embedder, "corpus": name_of(path), "seed": seed}
                    add_rows(options.results, KEYS, row)
                    print(*(row[key] for key in KEYS), sep="  ", flush=True)
    print("\n".join(table(read_rows(options.results))))


if __name__ == "__main__":
    main()
