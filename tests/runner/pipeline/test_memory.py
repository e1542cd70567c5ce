"""The estimate of memory before the work."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from components.base import Corpus, UserError
from components.clusterers.agglomerative import AgglomerativeClusterer
from components.clusterers.leiden import LeidenClusterer
from components.reducers.identity import Identity
from components.reducers.linear import LinearReducer
from components.representations.ctfidf import CTFIDF
from runner.pipeline import Parts, run
from runner.pipeline import memory as preflight
from runner.pipeline.memory import check_memory, needs, total


class Loaded:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def load(self) -> Corpus:
        return self.corpus


class Ones:
    """Vectors of 300 numbers; remembers what it was asked for."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def encode(self, documents: list[str]) -> Any:
        self.seen.append(len(documents))
        return np.random.default_rng(0).normal(size=(len(documents), 300)).astype(np.float32)


def parts(n: int = 2000, **changes: Any) -> Parts:
    documents = [f"document number {i} of the lot" for i in range(n)]
    built = Parts(
        Loaded(Corpus(documents)), Ones(), Identity(), LeidenClusterer(resolution=1.0), CTFIDF()
    )
    return replace(built, **changes)


def have(monkeypatch: pytest.MonkeyPatch, gigabytes: float) -> None:
    monkeypatch.setattr(preflight, "available_memory", lambda: int(gigabytes * 1e9))


class ByRow:
    def encode(self, documents: list[str], *, rows: Any, n_rows: int) -> Any:
        raise AssertionError


def test_an_embedder_that_looks_vectors_up_is_asked_for_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    have(monkeypatch, 0.1)
    built = parts(embedder=ByRow())
    check_memory(built.dataset.load(), built)
    assert "vectors of 1,024 numbers (assumed)" in caplog.text


def test_where_there_is_enough_the_embedder_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    have(monkeypatch, 8)
    built = parts()
    check_memory(built.dataset.load(), built, "refuse")
    assert built.embedder.seen == []
    assert not caplog.records


def test_a_warning_says_what_is_needed_and_what_would_fit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    have(monkeypatch, 0.52)
    built = parts(20_000)
    with caplog.at_level(logging.WARNING):
        check_memory(built.dataset.load(), built)
    assert built.embedder.seen == [1]
    assert "20,000 documents with vectors of 300 numbers" in caplog.text
    assert "0.5 GB are available" in caplog.text
    limit = int(caplog.text.partition("dataset.limit=")[2].split()[0])
    smaller = needs(limit, 30 * limit, 300, built)
    assert total(smaller) < 0.52e9 < total(needs(20_000, 30 * 20_000, 300, built))


def test_a_run_that_will_not_fit_is_refused_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    have(monkeypatch, 0.2)
    built = parts()
    with pytest.raises(UserError, match=r"another clusterer.*preflight.memory=warn"):
        run(built, draw_map=False, preflight="refuse")
    assert built.embedder.seen == [1]


def test_off_does_not_look(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preflight, "available_memory", lambda: pytest.fail("it was asked"))
    built = parts()
    check_memory(built.dataset.load(), built, "off")


def test_a_reducer_and_the_clusterer_count() -> None:
    n = 50_000
    whole = needs(n, 50 * n, 1000, parts(3))
    reduced = needs(n, 50 * n, 1000, parts(3, reducer=LinearReducer(method="pca", n_components=5)))
    assert reduced["vectors"] > whole["vectors"]
    tree = needs(n, 50 * n, 5, parts(3, clusterer=AgglomerativeClusterer()))
    assert tree["clusterer"] >= 8 * n * (n - 1) / 2


@pytest.mark.parametrize("n_components", [0.9, None])
def test_a_reducer_of_scikit_learn_may_choose_its_dimensions(n_components: Any) -> None:
    from sklearn.decomposition import PCA

    result = run(parts(400, reducer=PCA(n_components=n_components)), preflight="warn")
    assert result.reduced.shape[1] >= 1
