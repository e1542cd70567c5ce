"""The order of the documents changes nothing but the order of the tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.base import Result
from components.datasets.lee import LeeDataset
from runner import run

SETTINGS = {
    "leiden": ("embedder=sklearn", "clusterer=leiden"),
    "kmeans": ("embedder=tfidf", "reducer=truncated_svd", "clusterer=kmeans"),
    "hdbscan": ("embedder=sklearn", "clusterer=hdbscan", "clusterer.min_cluster_size=4"),
    "agglomerative": ("embedder=sklearn", "clusterer=agglomerative"),
}


@pytest.fixture(scope="module")
def documents() -> list[str]:
    """Documents that differ; of equal ones, each may have the topic of the other."""
    return [*dict.fromkeys(LeeDataset(limit=150, seed=0).load().documents), "", "!?"]


def topic_and_strength(result: Result) -> dict[str, tuple[int, float]]:
    labels, strengths = result.labels.tolist(), result.strengths.tolist()
    return dict(zip(result.corpus.documents, zip(labels, strengths, strict=True), strict=True))


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_topics_do_not_depend_on_it(settings: tuple[str, ...], documents: list[str]) -> None:
    overrides = (*settings, "tracking=none", "cache.dir=null", "model=false", "reports=none")
    shuffled = [documents[i] for i in np.random.default_rng(1).permutation(len(documents))]
    one, other = run(documents, *overrides), run(shuffled, *overrides)
    assert len(one.topics) > 1
    assert topic_and_strength(one) == topic_and_strength(other)
    assert [(t.words, t.size) for t in one.topics] == [(t.words, t.size) for t in other.topics]
    for a, b in zip(one.topics, other.topics, strict=True):
        assert documents[a.typical] == shuffled[b.typical]
    assert list(other.documents_table()["document"]) == shuffled
    times = {"peak_memory_mb", *(name for name in one.metrics if name.endswith("_seconds"))}
    assert {k: v for k, v in one.metrics.items() if k not in times} == pytest.approx(
        {k: v for k, v in other.metrics.items() if k not in times}, abs=1e-9
    )


def test_vectors_fitted_on_the_documents_are_found_in_another_order(
    documents: list[str], tmp_path: Path
) -> None:
    settings = ("embedder=tfidf", "clusterer=kmeans", f"cache.dir={tmp_path / 'cache'}")
    overrides = (*settings, "tracking=none", "model=false", "reports=none")
    first, again = run(documents, *overrides), run(documents[::-1], *overrides)
    assert first.metrics["n_documents_embedded"] > 100
    assert again.metrics["n_documents_embedded"] == 0
    assert topic_and_strength(first) == topic_and_strength(again)


def test_a_sample_of_equal_documents_with_vectors_of_their_own(
    documents: list[str], tmp_path: Path
) -> None:
    """`dataset.limit` draws the same, and equal documents go by their vectors."""
    texts = [*documents, *documents[:60]]
    labels = [f"label {i}" for i in range(len(texts))]
    X = np.random.default_rng(2).normal(size=(len(texts), 8)).astype(np.float32)
    found = []
    for order in (np.arange(len(texts)), np.random.default_rng(1).permutation(len(texts))):
        np.save(tmp_path / "vectors.npy", X[order])
        rows = [{"text": texts[i], "label": labels[i]} for i in order]
        (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
        result = run(
            None, "dataset=jsonl", f"dataset.path={tmp_path}/d.jsonl", "dataset.label=label",
            "dataset.limit=120", "embedder=precomputed", f"embedder.path={tmp_path}/vectors.npy",
            "reducer=pca", "reducer.n_components=3", "clusterer=kmeans", "clusterer.n_clusters=4",
            "tracking=none", "cache.dir=null", "model=false", "reports=none",
        )  # fmt: skip
        rows_of_X = order[result.corpus.rows].tolist()
        found.append(dict(zip(rows_of_X, result.labels.tolist(), strict=True)))
    assert len(found[0]) == 120
    assert found[0] == found[1]


def test_vectors_are_those_of_the_documents(documents: list[str]) -> None:
    result = run(documents, "embedder=tfidf", "clusterer=kmeans", "tracking=none", "reports=none")
    words = result.parts["embedder"].encode([documents[row] for row in result.rows.tolist()])
    assert abs(words - result.embeddings).max() < 1e-6
