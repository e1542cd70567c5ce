"""How far the number of topics that `auto` finds jumps, and what becomes of the topics.

    python experiments/granularity/steady.py DATA/bbc_news.jsonl.gz --embedder sklearn

Each corpus, or the first 1,000 documents of it in the order in which they are clustered, is
clustered with five seeds, as five samples of 90 %, and with noise of a tenth of their length added
to its vectors, three times. For each of the three: the standard deviation of the logarithm of the
number of topics, the mean agreement (AMI) of two of the runs on the documents that both have, and
the fewest and most topics. At the end of the line: mean AMI with the labels, and CPU seconds.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.granularity import run
from experiments.study import name_of

DOCUMENTS = 1000


def noisy(X: Any, seed: int) -> Any:
    """`X` with noise of a tenth of each row's length; sparse: each value times one of about 1."""
    from scipy import sparse

    rng = np.random.default_rng(seed)
    if sparse.issparse(X):
        factors = np.exp(0.1 * rng.normal(size=X.nnz))
        return sparse.csr_matrix((X.data * factors, X.indices, X.indptr), X.shape)
    lengths = np.linalg.norm(X, axis=1, keepdims=True) / np.sqrt(X.shape[1])
    return (X + 0.1 * lengths * rng.normal(size=X.shape)).astype(np.float32)


def changed(X: Any) -> Iterator[tuple[str, Any, Any, int]]:
    """Kind of change, vectors, the rows that they are of, seed."""
    n = X.shape[0]
    everything = np.arange(n)
    for seed in range(5):
        yield "seeds", X, everything, seed
    for seed in range(5):
        order = np.random.default_rng(100 + seed).permutation(n)
        rows = np.sort(order[: int(0.9 * n)])
        yield "samples", X[rows], rows, 42
    for seed in range(3):
        yield "noise", noisy(X, seed), everything, 42


def line(X: Any, truth: Any) -> str:
    from sklearn.metrics import adjusted_mutual_info_score

    from components.clusterers.leiden import LeidenClusterer

    runs: dict[str, list[tuple[Any, Any]]] = {}
    scores, start = [], time.process_time()
    for kind, vectors, rows, seed in changed(X):
        labels = LeidenClusterer(random_state=seed).fit_predict(vectors)
        runs.setdefault(kind, []).append((rows, labels))
        scores.append(adjusted_mutual_info_score(truth[rows], labels))
    seconds = time.process_time() - start
    cells = []
    for kind, found in runs.items():
        counts = [len(np.unique(labels[labels >= 0])) for _, labels in found]
        alike = []
        for (rows, labels), (others, theirs) in itertools.combinations(found, 2):
            _, left, right = np.intersect1d(rows, others, return_indices=True)
            alike.append(adjusted_mutual_info_score(labels[left], theirs[right]))
        cells.append(
            f"{kind} {np.log(counts).std():.3f} {statistics.mean(alike):.3f} "
            f"{min(counts)}-{max(counts)}"
        )
    return f"{'  '.join(cells)}  AMI {statistics.mean(scores):.4f}  {seconds:.1f} s"


def main() -> None:
    options = run.parser_of(__doc__).parse_args()
    for path in options.corpora:
        study = run.Study(path, options, search=False)
        print(name_of(path), line(study.X[:DOCUMENTS], study.truth[:DOCUMENTS]), flush=True)


if __name__ == "__main__":
    main()
