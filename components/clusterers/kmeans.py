"""k-means: every document in one of a known number of topics."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from components.base import Integers, Matrix
from components.clusterers.checks import at_least, at_most
from components.neighbors import unit_rows


class KMeansClusterer:
    """k-means with k-means++ starts, as scikit-learn has it. Dense or sparse vectors.

    Parameters
    ----------
    n_clusters : int
        Number of topics; fewer, with a warning, where there are fewer documents.
    n_init : int
        Starts, of which the best is kept.
    max_iter : int
        Rounds in each start, at most.
    normalise : bool
        Scale the vectors to unit length first, so that topics are directions (spherical k-means).
    random_state : int, optional

    Attributes
    ----------
    probabilities_ : float32 (n,)
        1 - a/b, with a the distance to the centre of the document's topic and b that to the
        next centre (the simplified silhouette of Hruschka, de Castro and Campello 2004): 1 at the
        centre, 0 half-way to another topic.
    model_ : sklearn.cluster.KMeans
    """

    def __init__(
        self,
        *,
        n_clusters: int = 20,
        n_init: int = 1,
        max_iter: int = 300,
        normalise: bool = False,
        random_state: int | None = None,
    ) -> None:
        at_least("n_clusters", n_clusters, 1)
        at_least("n_init", n_init, 1)
        at_least("max_iter", max_iter, 1)
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.normalise = normalise
        self.random_state = random_state

    def fit_predict(self, X: Matrix) -> Integers:
        """Topics of the rows of `X` (n, d): int64 (n,)."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        if self.normalise:
            X = unit_rows(X)
        n = int(X.shape[0])
        # Threads add up their sums in the order in which they finish.
        with (
            threadpool_limits(None if self.random_state is None else 1),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than topics
            self.model_: Any = KMeans(
                n_clusters=at_most("n_clusters", self.n_clusters, n, n),
                n_init=self.n_init,
                max_iter=self.max_iter,
                random_state=self.random_state,
            ).fit(X)
            distances = np.sort(self.model_.transform(X), axis=1)
        self.probabilities_ = np.ones(n, np.float32)
        if distances.shape[1] > 1:
            own, other = distances[:, 0], distances[:, 1]
            self.probabilities_ = np.asarray(
                1 - own / np.where(other > 0, other, 1), dtype=np.float32
            )
        return np.asarray(self.model_.labels_, dtype=np.int64)
