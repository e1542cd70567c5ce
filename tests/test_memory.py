"""The peak of memory at 20,000 documents, of every clusterer, representation and outliers' part.

Nothing is dense in documents x topics: with 1,000 topics, one such matrix of float32 is 80 MB, and
the limits are below that. The vectors are copied in blocks.
"""

from __future__ import annotations

import gc
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import conf
from components.base import Guidance, call
from components.labels import one_hot
from components.representations.ctfidf import CTFIDF
from components.representations.tokens import tokenize
from components.representations.typical import typical_rows
from components.topics import describe, read_words, settle
from components.topics.outliers import AssignOutliers
from runner.config import schema
from runner.config.build import build_part

N, D, N_TOPICS = 20_000, 64, 1000
CONF = Path(conf.__file__).parent


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("[!_]*.yaml"))


def part(group: str, option: str, *settings: str) -> Any:
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        config = compose("config", [f"{group}={option}", *settings])
    return build_part(config, group)


@cache
def data() -> tuple[Any, Any, list[str]]:
    """Vectors float32 (N, D) around centres, the topic of each, and texts whose words tell it."""
    rng = np.random.default_rng(0)
    topics = rng.integers(N_TOPICS, size=N)
    topics[:N_TOPICS] = np.arange(N_TOPICS)
    centres = rng.normal(size=(N_TOPICS, D))
    X = (centres[topics] + 0.3 * rng.normal(size=(N, D))).astype(np.float32)
    common = rng.integers(3000, size=(N, 6))
    texts = [
        f"topic{topic:04d}x " + " ".join(f"word{w:04d}x" for w in row)
        for topic, row in zip(topics.tolist(), common.tolist(), strict=True)
    ]
    return X, topics, texts


def peak(work: Callable[[], Any]) -> tuple[Any, int]:
    """What the work returns, and the most bytes that Python and numpy held for it at a time."""
    gc.collect()
    tracemalloc.start()
    try:
        result = work()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Beside what the options say: many topics, and as little computing as they allow. `rows` and
# `columns` of the data, where the method itself needs a number for each pair of rows, or minutes.
CLUSTERERS: dict[str, dict[str, Any]] = {
    "agglomerative": {"settings": ["clusterer.n_topics=200"], "rows": 2000, "topics": 200},
    "fast_hdbscan": {"settings": ["clusterer.min_samples=5"], "columns": 3, "topics": 2},
    "hdbscan": {"settings": ["clusterer.min_samples=5"], "columns": 3, "topics": 2},
    "kmeans": {"settings": [f"clusterer.n_topics={N_TOPICS}", "clusterer.max_iter=3"]},
    "leiden": {
        "settings": ["clusterer.resolution=20", "clusterer.n_iterations=1"],
        # 30 links a document, of 8 to 16 bytes in several arrays
        "megabytes": 75,
        "topics": 100,
    },
}


@cache
def hdbscan_tree() -> Any:
    """Of fast_hdbscan, which would compile for half a minute: the same tree by hdbscan."""
    clusterer = part("clusterer", "hdbscan")
    return clusterer._tree(data()[0][:, :3], 5)


@pytest.mark.parametrize("option", options("clusterer"))
def test_clusterer(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    about = CLUSTERERS.get(option, {})
    X, topics, _ = data()
    X = np.ascontiguousarray(X[: about.get("rows"), : about.get("columns")])
    clusterer = part("clusterer", option, *about.get("settings", []))
    guidance = None
    if option == "fast_hdbscan":
        tree = hdbscan_tree()
        monkeypatch.setattr(type(clusterer), "_tree", lambda *_: tree)
    elif getattr(clusterer, "uses_labels", False):
        guidance = Guidance(tuple(map(str, range(N_TOPICS))), topics[: len(X)], None)
    else:
        clusterer.fit_predict(X[:50])  # what it imports is not its memory
    labels, most = peak(lambda: call(clusterer.fit_predict, X, guidance=guidance))
    assert labels.max() >= about.get("topics", N_TOPICS) - 1
    assert most < about.get("megabytes", 40) * 1e6


@pytest.mark.parametrize("option", options("representation"))
def test_representation(option: str) -> None:
    X, topics, texts = data()
    representation = part("representation", option)

    def described(n: int) -> Any:
        words = read_words(representation, texts[:n])
        rows = np.arange(n)
        return describe(representation, texts[:n], topics[:n], X[:n], rows, encode_words, words)

    described(N_TOPICS)
    found, most = peak(lambda: described(N))
    assert len(found) == N_TOPICS
    assert most < 40e6


def test_tokens_are_numbers() -> None:
    """As Python strings, the 1.2 million words of these documents are some 80 MB."""
    texts = [" ".join([text] * 9) for text in data()[2]]
    tokenize(texts[:100])
    tokens, most = peak(lambda: tokenize(texts))
    assert len(tokens.ids) == 9 * 7 * N
    assert most < 80e6


@pytest.mark.parametrize("by", [None, "nearest", "ctfidf", "strength"])
def test_outliers(by: Any) -> None:
    X, topics, texts = data()
    labels = np.where(np.arange(N) % 2, topics, -1)
    outliers = part("outliers", "keep") if by is None else AssignOutliers(by=by)
    clusterer = SimpleNamespace(memberships_=one_hot(topics).astype(np.float32))
    words = CTFIDF().read(texts) if by == "ctfidf" else None
    settled, most = peak(lambda: settle(labels, clusterer, X, texts, outliers, words))
    assert by is None or (settled.main >= 0).mean() > 0.9
    assert most < 40e6


def test_vectors_are_not_copied_whole() -> None:
    """Where all else is small: few topics, and vectors of 41 MB.

    But by k-means: scikit-learn's works on a copy, and takes the variance by a second one.
    """
    _, topics, texts = data()
    topics = topics % 5
    X = np.random.default_rng(0).normal(size=(N, 512)).astype(np.float32)
    X[np.arange(N), topics] += 9
    labels = np.where(np.arange(N) % 2, topics, -1)

    def after_clustering(n: int) -> None:
        settle(labels[:n], object(), X[:n], texts[:n], AssignOutliers(by="nearest"))
        typical_rows(X[:n], topics[:n], 10)

    after_clustering(50)
    assert peak(lambda: after_clustering(N))[1] < X.nbytes
    kmeans = part("clusterer", "kmeans", "clusterer.n_topics=5", "clusterer.max_iter=3")
    kmeans.fit_predict(X[:50])
    assert peak(lambda: kmeans.fit_predict(X))[1] < 2.2 * X.nbytes


def encode_words(words: list[str]) -> Any:
    """Vectors of words, float32 (n, 16)."""
    numbers = np.fromiter((zlib.crc32(word.encode()) for word in words), np.int64, len(words))
    return np.random.default_rng(0).normal(size=(1009, 16)).astype(np.float32)[numbers % 1009]
