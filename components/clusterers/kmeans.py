"""k-means: a given number of topics, and no outliers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, at_least
from components.clusterers.granularity import (
    SEED,
    Granularity,
    check_scale,
    choose_number,
    count_levels,
)
from components.clusterers.layers import check_layers, nest
from components.labels import by_size, count_topics
from components.neighbors import unit_rows

BLOCK = 1024  # rows whose distances to all centres are in memory at a time


class KMeansClusterer:
    """k-means with k-means++ initialisation, by scikit-learn. Dense or sparse vectors.

    The number of topics follows from `n_topics`, else from `granularity`, else from `n_clusters`;
    where none is set, from the documents, as with ``granularity="auto"``.

    Parameters
    ----------
    n_clusters : int, optional
        Number of topics; fewer, with a warning, if there are fewer documents.
    granularity : {"broad", "medium", "fine", "auto"}, optional
        1, 2 or 5 times the fourth root of the number of documents, or the number on which two
        halves of the documents agree best; see `components.clusterers.granularity`.
    n_topics : int, optional
        The same as `n_clusters`, under the name that all clusterers share.
    layers : list of {"broad", "medium", "fine"}, optional
        Further granularities, nested in the main one and in one another.
    n_init : int
        Number of initialisations; the result with the lowest inertia is used.
    max_iter : int
        Most iterations from each initialisation.
    normalise : bool
        Scale the vectors to unit length first, so that topics are directions (spherical k-means).
    memberships : bool
        Also compute `memberships_`.
    random_state : int, optional

    Attributes
    ----------
    probabilities_ : float32 (n,)
        1 - a/b, with a the distance to the centre of the document's topic and b that to the
        next centre (the simplified silhouette of Hruschka, de Castro and Campello 2004): 1 at the
        centre, 0 half-way to another topic.
    memberships_ : float32 CSR (n, topics)
        Those of fuzzy c-means with m = 2 (Bezdek 1981): proportional to 1 / distance^2, rows sum
        to 1.
    model_ : sklearn.cluster.KMeans
        Its numbers of the topics may differ from those of the result.
    choice_ : dict
        The number of topics that was chosen, and why.
    curve_ : list of dict
        For each setting that ``auto`` compared: n_clusters, n_topics (mean over halves of the
        documents), score, weight, ruled_out.
    layers_ : dict of str to int64 (n,)
        Topics of each of `layers`.
    prediction_ : dict
        How new documents get their topics; see `components.model`.
    """

    memberships_: Any

    def __init__(
        self,
        *,
        n_clusters: int | None = None,
        granularity: Granularity | None = None,
        n_topics: int | None = None,
        layers: list[str] | None = None,
        n_init: int = 1,
        max_iter: int = 300,
        normalise: bool = False,
        memberships: bool = False,
        random_state: int | None = None,
    ) -> None:
        at_least(1, n_clusters=n_clusters, n_init=n_init, max_iter=max_iter)
        check_scale(granularity, n_topics)
        check_layers(layers)
        self.n_clusters = n_clusters
        self.granularity = granularity
        self.n_topics = n_topics
        self.layers = layers
        self.n_init = n_init
        self.max_iter = max_iter
        self.normalise = normalise
        self.memberships = memberships
        self.random_state = random_state

    def peak_memory(self, n: int, d: int) -> int:
        """Bytes that `fit_predict` needs in addition to `X` (n, d): an estimate.

        Copies of `X`, 100 bytes per row, and memberships, which are copied once.
        """
        topics = 0
        if self.memberships:
            set_number = None if self.granularity is not None else self.n_clusters
            levels, _ = count_levels(n)
            topics = self.n_topics or set_number or max(map(int, levels.values()))
        copies = 2 if self.normalise else 1
        return 4 * n * d * copies + 100 * n + 16 * n * topics

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of `X`, a float array or CSR matrix (n, d): int64 (n,)."""
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        if self.normalise:
            X = unit_rows(X)
        n = int(X.shape[0])
        # With several threads, the order of a sum, and so its last bits, depends on their timing.
        with (
            threadpool_limits(None if self.random_state is None else 1),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than topics
            n_clusters, why, self.curve_ = choose_number(
                X, self._clusterings, n_topics=self.n_topics, n_clusters=self.n_clusters,
                granularity=self.granularity,
            )  # fmt: skip
            self.model_ = self._fitted(X, n_clusters, self.random_state)
            # With fewer distinct rows than topics, centres coincide, and one of them has the rows.
            used, labels = np.unique(self.model_.labels_, return_inverse=True)
            distances = self._distances(X, used)
            self.layers_: dict[str, Integers] = {}
            if self.layers:
                old, labels = labels, by_size(labels)
                if self.memberships:  # columns in the order of the new numbers
                    number = np.empty(len(used), np.int64)
                    number[old] = labels
                    self.memberships_ = self.memberships_[:, np.argsort(number)]
                self.layers_ = self._nested(X, labels, n_clusters, self.layers)
        self.choice_ = {"n_clusters": n_clusters, "n_topics": count_topics(labels), "why": why}
        self.prediction_ = {"rule": "centre", "normalise": self.normalise}
        self.probabilities_ = np.ones(n, np.float32)
        if distances.shape[1] > 1:
            nearest, second = distances[:, 0], distances[:, 1]
            self.probabilities_ = np.asarray(
                1 - nearest / np.where(second > 0, second, 1), dtype=np.float32
            )
        return labels

    def _distances(self, X: Matrix, centres: Integers) -> NDArray[np.floating]:
        """Distances of each row to the nearest and the next of some centres of `model_`, (n, 2).

        (n, 1) if there is one. Sets `memberships_`.
        """
        from scipy import sparse

        smallest, memberships = [], []
        for start in range(0, X.shape[0], BLOCK):
            block = self.model_.transform(X[start : start + BLOCK]).take(centres, axis=1)
            if self.memberships:
                memberships.append(_soft(block))
            if block.shape[1] > 1:
                block.partition(1, axis=1)
            smallest.append(block[:, :2].copy())
        if self.memberships:
            self.memberships_ = sparse.vstack(memberships, format="csr")
        return np.concatenate(smallest)

    def _nested(
        self, X: Matrix, labels: Integers, n_clusters: int, layers: list[str]
    ) -> dict[str, Integers]:
        """Topics of each layer, int64 (n,), clustered by themselves and nested afterwards."""
        levels, _ = count_levels(len(labels))
        clustered = {
            name: self._fitted(X, int(level), self.random_state).labels_.astype(np.int64)
            for name, level in levels.items()
            if name in layers
        }
        return nest(
            labels,
            coarser={k: v for k, v in clustered.items() if levels[k] <= n_clusters},
            finer={k: v for k, v in clustered.items() if levels[k] > n_clusters},
        )

    def _fitted(self, X: Matrix, n_clusters: int, random_state: int | None) -> Any:
        from sklearn.cluster import KMeans

        return KMeans(
            n_clusters=n_clusters,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=random_state,
        ).fit(X)

    def _clusterings(self, X: Matrix, numbers: Sequence[int]) -> Iterator[Integers]:
        for number in numbers:
            yield np.asarray(self._fitted(X, number, SEED).labels_, dtype=np.int64)


def _soft(distances: Any) -> Any:
    """Memberships, float32 CSR (n, topics), from distances to all centres (n, topics).

    See `KMeansClusterer.memberships_`.
    """
    from scipy import sparse

    nearness = 1 / np.maximum(distances.astype(np.float64) ** 2, 1e-12)
    shares = nearness / nearness.sum(axis=1, keepdims=True)
    return sparse.csr_matrix(shares.astype(np.float32))
