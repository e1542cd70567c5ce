"""Documents that a run has seen, where a model holds only a sample of their vectors.

A document is known by a hash of its text, 8 bytes, and has the topic that the run gave it. Where
all vectors are saved, its own vector says so (`TopicModel.predict`), and no hash is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from components.base import Result
from components.corpus import text_hashes
from components.model import Prediction, TopicModel

HASHES = "seen"  # uint64 (m,), ascending; the arrays beside it are in this order


def seen_arrays(result: Result) -> dict[str, Any]:
    """Hashes of the documents that have a vector, with what the run gave each, by name.

    Documents with images are left out: a text says nothing on the image that it stands beside.
    """
    if result.corpus.images is not None:
        return {}
    texts = [result.corpus.documents[row] for row in result.rows.tolist()]
    hashes, first = np.unique(text_hashes(texts), return_index=True)
    rows = result.rows[first]
    return {
        HASHES: hashes,
        f"{HASHES}_labels": result.labels[rows].astype(np.int32),
        f"{HASHES}_strengths": result.strengths[rows],
        **{
            f"{HASHES}_labels_{name}": layer.labels[rows].astype(np.int32)
            for name, layer in result.layers.items()
        },
    }


def recognise(model: TopicModel, texts: Sequence[str], predicted: Prediction) -> Prediction:
    """What is predicted for texts, and for those that the run has seen what it gave them."""
    hashes = model.arrays.get(HASHES)
    if hashes is None or not len(texts):
        return predicted
    queries = text_hashes(texts)
    rows = np.minimum(np.searchsorted(hashes, queries), len(hashes) - 1)
    is_seen = hashes[rows] == queries

    def chosen(name: str, values: Any) -> Any:
        return np.where(is_seen, model.arrays[f"{HASHES}_{name}"][rows], values)

    return replace(
        predicted,
        topics=chosen("labels", predicted.topics),
        strengths=chosen("strengths", predicted.strengths),
        layers={
            name: chosen(f"labels_{name}", values) for name, values in predicted.layers.items()
        },
        novel=predicted.novel & ~is_seen,
    )
