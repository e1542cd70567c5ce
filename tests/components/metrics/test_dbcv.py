from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hdbscan.validity import validity_index
from sklearn.datasets import make_blobs

from components.base import Corpus, Result
from components.metrics.dbcv import dbcv


def result_of(X: Any, topics: Any) -> Result:
    n = len(X)
    return Result(
        Corpus(["x"] * n), np.arange(n), X, X, np.asarray(topics), np.zeros(n, np.float32)
    )


@pytest.mark.parametrize("dimensions", [2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_equals_hdbscan(dimensions: int, seed: int) -> None:
    X, topics = make_blobs(90, dimensions, centers=4, cluster_std=2.0, random_state=seed)
    topics[::7] = -1
    found = dbcv(result_of(X, topics))
    assert found == pytest.approx(validity_index(X, topics), abs=1e-9)


def test_many_dimensions_do_not_overflow() -> None:
    X, topics = make_blobs(90, 400, centers=3, cluster_std=0.001, random_state=0)
    assert dbcv(result_of(X, topics)) == pytest.approx(1, abs=0.01)
    assert dbcv(result_of(X, np.arange(90) % 3)) < 0


@pytest.mark.parametrize("topics", [[0] * 4, [-1] * 4, [0, 0, 0, 1]])
def test_none_without_two_topics(topics: list[int]) -> None:
    assert dbcv(result_of(np.eye(4), topics)) is None


def test_duplicates() -> None:
    X = np.repeat(np.eye(2), 5, axis=0)
    assert dbcv(result_of(X, [0] * 5 + [1] * 5)) == pytest.approx(1)
