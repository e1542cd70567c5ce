"""Topics of a finer layer, for documents whose main topics are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.base import Integers, Matrix
from components.model import rules
from components.model.index import Doubles, NearestIndex


def topics_inside(
    name: str,
    arrays: Mapping[str, Any],
    metric: str,
    X: Matrix,
    topics: Integers,
    near: tuple[Integers, Doubles] | None,
) -> Integers:
    """The best topic of a layer inside each document's main topic: int64 (n,), -1 for none.

    The one with the most votes of the nearest training vectors; where none has any, the one whose
    centroid has the highest cosine.

    Parameters
    ----------
    name : of the layer
    arrays : of the model
    metric : of `near`
    X : float32 (n, d) or CSR (n, d)
    topics : int64 (n,), the main topics, none of them -1
    near : the nearest training vectors of each row, see `NearestIndex.query`; None where the model
        has none
    """
    inside = arrays[f"inside_{name}"]  # main topic of each topic of the layer
    allowed = inside == topics[:, None]
    votes: Doubles = np.zeros(allowed.shape)
    if near is not None:
        labels = arrays[f"labels_{name}"]
        votes = rules.votes(*near, labels, len(inside), metric)[:, :-1]
    votes = np.where(allowed, votes, -1)
    undecided = votes.max(axis=1, initial=-1) <= 0
    if undecided.any():
        index = NearestIndex(arrays[f"centroids_{name}"], "cosine")
        order, distances = index.query(X[undecided], len(inside))
        cosines = np.empty(distances.shape)
        np.put_along_axis(cosines, order, 2 - distances, axis=1)  # 1 more, so that all beat -1
        votes[undecided] = np.where(allowed[undecided], cosines, -1)
    best = votes.argmax(axis=1) if len(inside) else np.zeros(0, np.int64)
    return np.where(allowed.any(axis=1), best, -1)
