from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from components.base import Corpus, Result
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.metrics.stability import stability


def result_of(clusterer: LeidenClusterer | KMeansClusterer, X: np.ndarray) -> Result:
    labels = clusterer.fit_predict(X)
    n = len(X)
    result = Result(Corpus(["x"] * n), np.arange(n), X, X, labels, np.zeros(n, np.float32))
    result.choice, result.curve = clusterer.choice_, clusterer.curve_
    return result


def blobs(spread: float) -> np.ndarray:
    X, _ = make_blobs(400, 8, centers=5, cluster_std=spread, random_state=0)
    return X.astype(np.float32)


def test_it_is_the_score_of_the_chosen_granularity() -> None:
    result = result_of(LeidenClusterer(random_state=0), blobs(1.0))
    assert stability(result) == pytest.approx(1, abs=0.05)


def test_between_two_that_were_compared_it_is_between_their_scores() -> None:
    result = result_of(LeidenClusterer(n_topics=5, random_state=0), blobs(1.0))
    scores = ((0.5, 0.2), (1.0, 0.8), (2.0, 0.4))
    result.curve = [{"resolution": setting, "score": score} for setting, score in scores]
    for chosen, expected in ((1.0, 0.8), (2**0.5, 0.6), (0.5, 0.2)):
        result.choice = {"resolution": chosen, "n_topics": 5}
        assert stability(result) == pytest.approx(expected)


def test_noise_is_less_stable_than_groups() -> None:
    kmeans = KMeansClusterer(granularity="auto", random_state=0)
    groups, noise = (
        stability(result_of(kmeans, blobs(1.0))),
        stability(
            result_of(kmeans, np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32))
        ),
    )
    assert groups is not None
    assert noise is not None
    assert groups > 0.9 > 0.7 > noise


@pytest.mark.parametrize(
    "clusterer",
    [
        LeidenClusterer(n_topics=4, random_state=0),
        LeidenClusterer(granularity="broad", random_state=0),
        KMeansClusterer(n_clusters=20, random_state=0),
    ],
)
def test_none_where_halves_were_not_compared(clusterer: LeidenClusterer | KMeansClusterer) -> None:
    assert stability(result_of(clusterer, blobs(1.0))) is None
