"""`neighbors.npy`: who is near whom, for comparing embedders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from components.base import Bounds, Result
from components.neighbors import metric_for, neighbors


def write_neighbors(
    result: Result,
    folder: Path,
    *,
    n_neighbors: Annotated[int, Bounds(1)] = 10,
    n_documents: Annotated[int, Bounds(2)] = 2000,
    seed: int = 0,
) -> list[Path]:
    """The nearest neighbours of a sample of documents, within that sample.

    int32 (s, 1 + k): the document's place in the corpus, then those of its neighbours, nearest
    first. The sample depends on the number of documents and the seed alone, so runs on the same
    corpus have the same one. Documents without a vector have -1 in place of neighbours. Nothing
    is written for fewer than three documents.
    """
    n = len(result.corpus)
    sample = np.arange(n)
    if n > n_documents:
        sample = np.sort(np.random.default_rng(seed).choice(n, n_documents, replace=False))
    has_vector = np.isin(sample, result.rows)
    places = sample[has_vector]
    if len(places) < 3:
        return []
    k = min(n_neighbors, len(sample) - 1)
    row_of = np.zeros(n, np.int64)
    row_of[result.rows] = np.arange(len(result.rows))
    X = result.embeddings[row_of[places]]
    graph = neighbors(X, k, metric_for(X, "auto"))
    table = np.full((len(sample), 1 + k), -1, np.int32)
    table[:, 0] = sample
    table[has_vector, 1 : 1 + graph.k] = places[graph.indices]
    path = folder / "neighbors.npy"
    np.save(path, table, allow_pickle=False)
    return [path]
