"""MiniLM in bfloat16 beside float32: CPU seconds, and what becomes of the topics.

    OMP_NUM_THREADS=1 python experiments/encoding/precision.py DATA/*.jsonl.gz

Both embed the same documents of each corpus, spread over the file, in one process; topics are those
of the default clusterer. `seeds` is the mean agreement (AMI) of the topics from float32 vectors
with those of four other seeds: what the choice of bfloat16 is to be compared with.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from components.agreement import adjusted_mutual_information as ami
from experiments.study import add_rows, build_parts, command_line, name_of, read_corpus

RESULTS = Path(__file__).with_name("precision.csv")
PRECISIONS = "float32", "bfloat16"
SEEDS = 43, 44, 45, 46
KEYS = (
    "corpus documents float32_cpu_seconds bfloat16_cpu_seconds least_cosine "
    "float32_topics bfloat16_topics float32_ami bfloat16_ami agreement seeds"
).split()


def topics(X: np.ndarray, *overrides: str) -> np.ndarray:
    """Topics of the default clusterer."""
    return np.asarray(build_parts(["dataset=lee", *overrides]).clusterer.fit_predict(X))


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="+", type=Path, metavar="DATA")
    parser.add_argument("--documents", type=int, default=2000)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    for corpus in given.corpora:
        texts, labels = read_corpus(corpus)
        pairs = [(text, label) for text, label in zip(texts, labels, strict=True) if text.strip()]
        pairs = pairs[:: max(1, len(pairs) // given.documents)][: given.documents]
        texts, labels = [text for text, _ in pairs], [label for _, label in pairs]
        truth = np.unique(labels, return_inverse=True)[1]
        vectors, found, row = {}, {}, {"corpus": name_of(corpus), "documents": len(texts)}
        for precision in PRECISIONS:
            embedder = build_parts(
                ["dataset=lee", "embedder=minilm", f"embedder.precision={precision}"]
            ).embedder
            embedder.encode(texts[:1])
            begun = time.process_time()
            vectors[precision] = embedder.encode(texts)
            row[f"{precision}_cpu_seconds"] = time.process_time() - begun
            found[precision] = topics(vectors[precision])
            row[f"{precision}_topics"] = int(found[precision].max()) + 1
            row[f"{precision}_ami"] = float(ami(found[precision], truth))
        first, second = (found[precision] for precision in PRECISIONS)
        row["least_cosine"] = float((vectors["float32"] * vectors["bfloat16"]).sum(axis=1).min())
        row["agreement"] = float(ami(first, second))
        others = [topics(vectors["float32"], f"seed={seed}") for seed in SEEDS]
        row["seeds"] = float(np.mean([ami(first, other) for other in others]))
        add_rows(RESULTS, KEYS, row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
