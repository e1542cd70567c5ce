"""The model of a run: what assigns new documents to its topics, saved without pickle."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, Matrix
from components.model import rules
from components.model.index import Doubles, NearestIndex
from components.model.layers import topics_inside
from components.model.names import NAMES, Names
from components.model.prediction import Prediction as Prediction
from components.result import over_all

BLOCK = 1024  # documents assigned at a time
PLACED_BY = 15  # neighbours that decide on a document's place in a space without a formula
# A document this near to a training document is that document: what is left is rounding.
SAME = {"cosine": 1e-6, "hellinger": 1e-3, "euclidean": 1e-3}


@dataclass(frozen=True)
class SavedTopic:
    """A topic as a model knows it: `documents` are its most typical ones, the best first."""

    id: int
    label: str
    size: int
    words: tuple[tuple[str, float], ...]
    documents: tuple[str, ...] = field(default=(), repr=False)


@dataclass
class TopicModel:
    """Assigns vectors to topics.

    How is settled when the run ends, by its clusterer (`settings["rule"]`):

    vote : the weight of the nearest training vectors in each topic, with UMAP's membership
        strengths for weights (McInnes, Healy and Melville 2018), less what Leiden's modularity
        takes off for the size of a topic: the gain of a node that Leiden places last
    centre : the nearest mean of a topic's vectors
    density : the topic of the nearest training vector by mutual reachability, where the topic
        exists at that density, as in hdbscan's `approximate_predict`
    centroid : the highest cosine to the mean of a topic's unit vectors, where no training vector
        was saved

    Every answer is computed from one document alone: it has the same bits in any batch.

    Parameters
    ----------
    settings : dict
        Plain values: rule, metric, limit, reducer, ...; see `components.model.fit`.
    arrays : dict of str to array or CSR matrix
        centroids (topics, d) always; rows (m, d), labels and strengths (m,) where training
        vectors were saved; what the rule needs beside them; dropped (k, d), the centroids of
        topics that a user has dropped: what is nearest to one of them is in no topic; names (k, d)
        of topics that the user has named before the run, see `components.model.names`.
    topics : list of SavedTopic, by number
    layers : dict of str to list of SavedTopic
    """

    settings: dict[str, Any]
    arrays: dict[str, Any]
    topics: list[SavedTopic]
    layers: dict[str, list[SavedTopic]] = field(default_factory=dict)

    @property
    def by_name(self) -> bool:
        """Whether names that were given before the run decide on some topics."""
        return self._names is not None and self._names.decides

    def predict(self, X: Matrix) -> Prediction:
        """Topics of the rows of `X`, float32 (n, d) or CSR (n, d), none of them all zero."""
        starts = range(0, max(1, X.shape[0]), BLOCK)
        return Prediction.joined([self._predict(X[start : start + BLOCK]) for start in starts])

    def nearest_topics(self, X: Matrix, n: int) -> tuple[Integers, Doubles]:
        """The `n` topics with the highest cosine to each row of `X`: numbers, cosines, (q, n)."""
        topics, distances = self._centroids.query(X, n)
        return topics, 1 - distances

    def place(self, X: Matrix) -> Matrix:
        """The rows as the topics were clustered, float32 (n, r); `X` itself without a reducer."""
        if self.settings["reducer"] == "none":
            return X
        near = None
        blocks = []
        for start in range(0, X.shape[0], BLOCK):
            block = X[start : start + BLOCK]
            if self.settings["reducer"] == "neighbours":
                near = self._rows.query(block, PLACED_BY)
            blocks.append(np.asarray(self._reduced(block, near), np.float32))
        return np.concatenate(blocks)

    def fits_nowhere(self, X: Matrix) -> NDArray[np.bool_]:
        """Bool (n,): the document is beyond the limit of every training document with a topic.

        One that is nearest to a topic that an edit has dropped is not among them.
        """
        limit = self.settings["limit"]
        if limit is None or not X.shape[0]:
            return np.zeros(X.shape[0], bool)
        away: NDArray[np.bool_] = self._with_topic.query(X, 1)[1][:, 0] > limit
        return away & ~self.is_dropped(X)

    def is_dropped(self, X: Matrix) -> NDArray[np.bool_]:
        """Bool (n,): a topic that an edit has dropped is nearer than every topic that is there."""
        if self._dropped is None:
            return np.zeros(X.shape[0], bool)
        nearer: NDArray[np.bool_] = self._dropped.query(X, 1)[1] < self._centroids.query(X, 1)[1]
        return nearer[:, 0]

    @cached_property
    def _dropped(self) -> NearestIndex | None:
        rows = self.arrays.get("dropped")
        return None if rows is None else NearestIndex(rows, "cosine")

    @cached_property
    def _with_topic(self) -> NearestIndex:
        """The training vectors that have a topic; the centroids where none are saved."""
        if "rows" not in self.arrays:
            return self._centroids
        has = np.flatnonzero(self.arrays["labels"] >= 0)
        return NearestIndex(self.arrays["rows"][has], self.settings["metric"])

    @cached_property
    def _centroids(self) -> NearestIndex:
        return NearestIndex(self.arrays["centroids"], "cosine")

    @cached_property
    def _rows(self) -> NearestIndex:
        return NearestIndex(self.arrays["rows"], self.settings["metric"])

    @cached_property
    def _space(self) -> NearestIndex:
        """The training vectors as they were clustered."""
        rule = self.settings["rule"]
        rows = self.arrays.get("reduced", self.arrays["rows"])
        if rule.get("normalise"):
            rows = rules.unit(rows)
        if "reduced" not in self.arrays and rule["metric"] == self.settings["metric"]:
            return self._rows
        return NearestIndex(rows, rule["metric"])

    def _predict(self, X: Matrix) -> Prediction:
        n, n_topics = X.shape[0], len(self.topics)
        if not n or not n_topics:
            return Prediction.none(n, n_topics, self.layers)
        rule = self.settings["rule"]
        k = max(PLACED_BY, rule.get("n_neighbors", 1))
        near = self._rows.query(X, k) if "rows" in self.arrays else None
        topics, strengths, memberships = self._assign(X, near)
        if self.by_name:
            self._assign_named(X, near, topics, strengths, memberships)
        limit = self.settings["limit"]
        best = (near or self._centroids.query(X, 1))[1][:, 0]
        novel = best > limit if limit is not None else np.zeros(n, bool)
        self._assign_outliers(X, topics, strengths, novel)
        dropped = self.is_dropped(X)
        topics[novel | dropped] = -1
        strengths[topics < 0] = 0
        layers = self._layers(X, topics, near)
        if near is not None:
            self._recognise(X, near, topics, strengths, novel, layers)
        nearest, cosines = self.nearest_topics(X, 1)
        return Prediction(
            topics, strengths.astype(np.float32), memberships, layers,
            nearest[:, 0], cosines[:, 0].astype(np.float32), novel, dropped,
        )  # fmt: skip

    def _assign(
        self, X: Matrix, near: tuple[Integers, Doubles] | None
    ) -> tuple[Integers, Doubles, Floats]:
        """What the rule alone says: topics, strengths, memberships."""
        rule, n_topics = self.settings["rule"], len(self.topics)
        if rule["name"] == "centroid":
            return rules.centroid(*self._centroids.query(X, n_topics))
        labels = self.arrays.get("labels")
        if rule["name"] == "vote":
            if "reduced" in self.arrays:
                matches = self._space.query(self._reduced(X, near), rule["n_neighbors"])
            else:
                assert near is not None
                matches = near[0][:, : rule["n_neighbors"]], near[1][:, : rule["n_neighbors"]]
            assert labels is not None
            return rules.vote(
                *matches, labels, n_topics, rule["metric"], self.arrays["pull"],
                rule["outlier_threshold"],
            )  # fmt: skip
        Z = self._reduced(X, near)
        if rule.get("normalise"):
            Z = rules.unit(Z)
        if rule["name"] == "centre":
            return rules.centre(Z, self.arrays["centres"])
        assert labels is not None
        matches = self._space.query(Z, 2 * rule["min_samples"])
        return rules.density(
            *matches, labels, n_topics, rule["min_samples"],
            *(self.arrays[name] for name in ("core", "births", "deaths")),
        )  # fmt: skip

    @cached_property
    def _names(self) -> Names | None:
        if NAMES not in self.arrays:
            return None
        return Names(self.arrays, self.settings.get("names_threshold"))

    def _assign_named(
        self,
        X: Matrix,
        near: tuple[Integers, Doubles] | None,
        topics: Integers,
        strengths: Doubles,
        memberships: Floats,
    ) -> None:
        """Give documents near to a name its topic, and no others, as the run did; in place."""
        assert self._names is not None
        named = self._names.near(X, None if near is None else near[0])
        of_names = np.unique(self._names.topics[self._names.topics >= 0])
        rows = np.flatnonzero((named < 0) & np.isin(topics, of_names))
        memberships[np.ix_(named < 0, of_names)] = 0
        best = memberships[rows].argmax(axis=1)
        strengths[rows] = memberships[rows, best]
        topics[rows] = np.where(strengths[rows] > 0, best, -1)
        rows = np.flatnonzero(named >= 0)
        topics[rows] = self._names.topics[named[rows]]
        strengths[rows] = 1
        memberships[rows] = 0
        has = rows[topics[rows] >= 0]
        memberships[has, topics[has]] = 1

    def _reduced(self, X: Matrix, near: tuple[Integers, Doubles] | None) -> Matrix:
        """The rows as the clusterer would have seen them."""
        if self.settings["reducer"] == "none":
            return X
        if self.settings["reducer"] == "linear":
            return rules.project(X, self.arrays["components"], self.arrays.get("mean"))
        assert near is not None
        indices, distances = near[0][:, :PLACED_BY], near[1][:, :PLACED_BY]
        places: Floats = self.arrays["reduced"]
        return rules.place(indices, distances, places, self.settings["metric"])

    def _assign_outliers(
        self, X: Matrix, topics: Integers, strengths: Doubles, novel: NDArray[np.bool_]
    ) -> None:
        """What the run did with its outliers (`outliers=assign`), in place."""
        threshold = self.settings["assign_outliers"]
        rows = np.flatnonzero((topics < 0) & ~novel)
        if threshold is None or not len(rows):
            return
        nearest, cosines = (column[:, 0] for column in self.nearest_topics(X[rows], 1))
        enough = (cosines >= threshold) & (cosines > 0)
        topics[rows[enough]] = nearest[enough]
        strengths[rows[enough]] = np.clip(cosines[enough], 0, 1)

    def _layers(
        self, X: Matrix, topics: Integers, near: tuple[Integers, Doubles] | None
    ) -> dict[str, Integers]:
        """Topics of each layer: those around a document's topic, or the best inside it."""
        has = np.flatnonzero(topics >= 0)
        matches = None if near is None else (near[0][has], near[1][has])
        by_layer = {}
        for name in self.layers:
            if (around := self.arrays.get(f"around_{name}")) is not None:
                of_layer = around[topics[has]]
            else:
                metric = self.settings["metric"]
                of_layer = topics_inside(name, self.arrays, metric, X[has], topics[has], matches)
            by_layer[name] = over_all(of_layer.astype(np.int64), has, len(topics), -1)
        return by_layer

    def _recognise(
        self,
        X: Matrix,
        near: tuple[Integers, Doubles],
        topics: Integers,
        strengths: Doubles,
        novel: NDArray[np.bool_],
        layers: dict[str, Integers],
    ) -> None:
        """Give documents that the run has seen the topics that it gave them, in place."""
        same: float | Doubles = SAME[self.settings["metric"]]
        if self.settings["metric"] == "euclidean":
            same = same * rules.lengths(X)
        is_same = near[1][:, 0] <= same
        rows = near[0][is_same, 0]
        topics[is_same] = self.arrays["labels"][rows]
        strengths[is_same] = self.arrays["strengths"][rows]
        novel[is_same] = False
        for name, labels in layers.items():
            labels[is_same] = self.arrays[f"labels_{name}"][rows]
