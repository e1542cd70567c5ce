"""Topics that a person has named before the run: new documents go to them as its own did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.base import Integers, Matrix
from components.model.index import Doubles, NearestIndex
from components.neighbors import metric_for, neighbors
from components.topics.zeroshot import (
    AGREEING,
    N_NEIGHBORS,
    NearNames,
    likely_names,
    name_cosines,
    name_scores,
    smoothed,
)

NAMES = "names"  # unit rows (k, d); the arrays beside it begin with this
OPEN = -2  # number of a name that decides on nothing any more
SCALE = ("centres", "spreads", "least")


def names_arrays(names: NearNames, labels: Integers, sample: Integers) -> dict[str, Any]:
    """What a model needs to find the documents near to a name, by array.

    names : float32 (k, d) or CSR, of the embedder
    names_topics : int32 (k,), the topic of each; OPEN where no document was near
    names_centres, names_spreads, names_least : float64 (k,), see `NearNames`
    names_likely : int32 (m,), of the training vectors that are saved

    Parameters
    ----------
    labels : int64 (n,), topics of the clustered documents
    sample : int64 (m,), the rows of these that are saved
    """
    topics = np.full(names.vectors.shape[0], OPEN, np.int32)
    for name in range(len(topics)):
        of_name = labels[names.near == name]
        of_name = of_name[of_name >= 0]
        if len(of_name):
            topics[name] = np.bincount(of_name).argmax()
    arrays: dict[str, Any] = {NAMES: names.vectors, f"{NAMES}_topics": topics}
    if names.likely is not None:
        arrays |= {f"{NAMES}_{key}": np.asarray(getattr(names, key), np.float64) for key in SCALE}
        arrays[f"{NAMES}_likely"] = names.likely[sample].astype(np.int32)
    return arrays


def renewed_names(arrays: Mapping[str, Any], X: Matrix, sample: Integers) -> dict[str, Any]:
    """The names of a model that has been continued, for the rows `sample` of `X` (n, d)."""
    renewed = dict(arrays)
    if f"{NAMES}_likely" in arrays:
        near = neighbors(X, min(N_NEIGHBORS, X.shape[0] - 1), metric_for(X, "auto")).indices
        similarities = smoothed(name_cosines(X, arrays[NAMES]), near)
        centres, spreads, least = (arrays[f"{NAMES}_{key}"] for key in SCALE)
        likely = likely_names(name_scores(similarities, centres, spreads), least)
        renewed[f"{NAMES}_likely"] = likely[sample].astype(np.int32)
    return renewed


def continued_names(arrays: Mapping[str, Any], sources: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The names in the numbers of the topics that theirs have become; empty where there are none.

    The name of a topic that was divided decides on nothing any more; one whose topic was dropped
    still does: its documents are in no topic.
    """
    if NAMES not in arrays:
        return {}
    topics = np.array(arrays[f"{NAMES}_topics"])
    for name, topic in enumerate(topics.tolist()):
        if topic >= 0:
            numbers = [number for number, of in enumerate(sources) if topic in of]
            topics[name] = numbers[0] if len(numbers) == 1 else OPEN if numbers else -1
    return {key: arrays[key] for key in arrays if key.startswith(NAMES)} | {
        f"{NAMES}_topics": topics
    }


class Names:
    """Finds the documents near to a name, each by itself.

    Parameters
    ----------
    arrays : of the model
    threshold : least cosine to the best name; None: as the run has standardised them
    """

    def __init__(self, arrays: Mapping[str, Any], threshold: float | None) -> None:
        self._index = NearestIndex(arrays[NAMES], "cosine")
        self._threshold = threshold
        self._scale = tuple(arrays.get(f"{NAMES}_{key}") for key in SCALE)
        self._likely = arrays.get(f"{NAMES}_likely")
        self.topics: Integers = arrays[f"{NAMES}_topics"]
        # Without training vectors there are no neighbours to ask.
        self._rows = None
        if threshold is None and "rows" in arrays:
            self._rows = self._cosines(arrays["rows"])
        self.decides = threshold is not None or self._rows is not None

    def near(self, X: Matrix, neighbours: Integers | None) -> Integers:
        """The name that each row is near to, int64 (n,), -1 for none.

        Parameters
        ----------
        neighbours : int64 (n, k), rows of the model nearest to each, the nearest first
        """
        cosines = self._cosines(X)
        best = cosines.argmax(axis=1)
        if self._threshold is not None:
            near = np.where(cosines.max(axis=1) >= self._threshold, best, -1)
        else:
            rows: Any = self._rows
            likely_rows: Any = self._likely
            around: Any = None if neighbours is None else neighbours[:, :N_NEIGHBORS]
            similarities = (cosines + rows[around].mean(axis=1)) / 2
            centres, spreads, least = self._scale
            likely = likely_names(name_scores(similarities, centres, spreads), least)
            agreeing = (likely_rows[around] == likely[:, None]).mean(axis=1)
            near = np.where(agreeing > AGREEING, likely, -1)
        return np.where(np.append(self.topics, -1)[near] == OPEN, -1, near)

    def _cosines(self, X: Matrix) -> Doubles:
        """Of each row and name, float64 (n, k), to the same bits in any batch."""
        order, distances = self._index.query(X, self._index.n)
        cosines = np.empty(distances.shape)
        np.put_along_axis(cosines, order, 1 - distances, axis=1)
        return cosines
