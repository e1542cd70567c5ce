"""What a large run is estimated to take, said before it starts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from components.base import Corpus
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.embedders.sklearn import SklearnEmbedder
from components.reducers.identity import Identity
from components.representations.ctfidf import CTFIDF
from runner.cache import Cache
from runner.cache.encoding import EncodeRequest
from runner.pipeline import Parts, estimate, run
from runner.pipeline.estimate import after_embedding, duration, trial

DOCUMENTS = [f"{i} " + "word " * (i % 40) for i in range(300)]


class Slow:
    """A second for each 50,000 characters."""

    def __init__(self) -> None:
        self.seen = 0

    def encode(self, documents: list[str]) -> Any:
        self.seen += len(documents)
        time.sleep(sum(map(len, documents)) / 50_000)
        return np.random.default_rng(0).normal(size=(len(documents), 8)).astype(np.float32)


class Loaded:
    def load(self) -> Corpus:
        return Corpus(DOCUMENTS)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[..., str]:
    """Runs parts, as if 300 documents were many; the line of the estimate, or nothing."""
    monkeypatch.setattr(estimate, "LARGE", 300)
    monkeypatch.setattr(estimate, "LEAST", 100)

    def of(clusterer: Any, reducer: Any, folder: Path | None, preflight: Any = "warn") -> str:
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="runner.pipeline.estimate"):
            parts = Parts(Loaded(), Slow(), reducer, clusterer, CTFIDF())
            run(parts, Cache(folder), draw_map=False, preflight=preflight)
        return "\n".join(r.getMessage() for r in caplog.records if "estimate" in r.name)

    return of


def test_a_line_says_how_long_and_how_much_memory(said: Callable[..., str], tmp_path: Path) -> None:
    leiden = LeidenClusterer(resolution=1.0, random_state=0)
    first = said(leiden, Identity(), tmp_path)
    assert first.startswith("300 documents: about ")
    assert " GB (embedding " in first
    # What is stored takes no time, and no trial.
    again = said(leiden, Identity(), tmp_path)
    assert " GB (all else " in again
    assert not said(leiden, Identity(), tmp_path, "off")


def test_a_faster_precision_is_named_where_embedding_is_long(
    said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leiden = LeidenClusterer(resolution=1.0, random_state=0)
    monkeypatch.setattr(Slow, "faster_precision", "bfloat16", raising=False)
    assert "embedder.precision" not in said(leiden, Identity(), None)
    monkeypatch.setattr(estimate, "LONG", 0)
    assert "embedder.precision=bfloat16 takes half to a third" in said(leiden, Identity(), None)
    monkeypatch.setattr(Slow, "faster_precision", None)
    assert "embedder.precision" not in said(leiden, Identity(), None)


def test_what_nobody_knows_is_named(said: Callable[..., str]) -> None:
    line = said(KMeansClusterer(n_clusters=3, random_state=0), Identity(), None)
    assert ", and KMeansClusterer, which is not estimated" in line


def test_neither_a_map_nor_a_search_among_sparse_vectors_is_estimated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(estimate, "LARGE", 300)
    caplog.set_level(logging.INFO, logger="runner.pipeline.estimate")
    leiden = LeidenClusterer(resolution=1.0, random_state=0)
    words = SklearnEmbedder(pipeline=TfidfVectorizer())
    parts = Parts(Loaded(), words, Identity(), leiden, CTFIDF())
    monkeypatch.setattr(estimate, "EXACT_LIMIT", 299)
    run(parts, draw_map=True, preflight="warn")
    monkeypatch.setattr(estimate, "EXACT_LIMIT", 300)
    run(parts, draw_map=False, preflight="warn")
    first, second = (line for line in caplog.messages if " about " in line)
    assert "and embedding and neighbours and the map, which are not" in first
    assert "), and embedding, which is not" in second


def test_documents_of_every_length_are_tried() -> None:
    embedder = Slow()
    request = EncodeRequest(embedder, DOCUMENTS, None, None, None)
    seconds, d = trial(request, np.arange(300))
    assert d == 8
    assert 0.4 < seconds < 3  # they sleep 0.6 s, and a machine may be busy
    assert embedder.seen <= 301  # it only sleeps, so that half of each fifth is not enough


def test_time_grows_faster_than_the_documents_and_is_said_in_words() -> None:
    assert after_embedding(80_000, 4e6, 64) > 1.9 * after_embedding(40_000, 2e6, 64)
    assert [duration(s) for s in (0.2, 44, 300, 9000)] == ["1 s", "40 s", "5 min", "2.5 h"]
