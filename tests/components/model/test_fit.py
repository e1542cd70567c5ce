"""A run's model gives documents the topics that the run gave them, alone or in any company."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.manifold import Isomap

from components.base import Corpus, ParameterError, Result
from components.clusterers.agglomerative import AgglomerativeClusterer
from components.clusterers.hdbscan import HDBSCANClusterer
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.datasets.lee import LeeDataset
from components.embedders.sklearn import SklearnEmbedder
from components.model import TopicModel
from components.model.fit import fit
from components.reducers.identity import Identity
from components.reducers.linear import LinearReducer
from components.representations.ctfidf import CTFIDF
from components.topics.outliers import AssignOutliers, KeepOutliers
from runner.pipeline import Parts, run


@cache
def _lsa() -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    pipeline = {"tfidf": TfidfVectorizer(), "svd": TruncatedSVD(60, random_state=0)}
    embedder = SklearnEmbedder(pipeline=pipeline)
    embedder.fit(LeeDataset().load().documents)
    return embedder


@cache
def _tfidf() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    embedder = SklearnEmbedder(pipeline=TfidfVectorizer())
    embedder.fit(LeeDataset().load().documents)
    return embedder


class _Lee:
    def load(self) -> Corpus:
        corpus = LeeDataset().load()
        return Corpus([*corpus.documents[:240], "", " \n"])


PARTS = {
    "leiden": (
        _lsa,
        Identity,
        lambda: LeidenClusterer(granularity="medium", random_state=0, layers=["broad", "fine"]),
    ),
    "leiden-sparse": (_tfidf, Identity, lambda: LeidenClusterer(random_state=0)),
    "leiden-score": (_lsa, Identity, lambda: LeidenClusterer(random_state=0, outliers="score")),
    # As of UMAP, there is no formula for a new document's place: its neighbours decide.
    "leiden-isomap": (
        _lsa,
        lambda: Isomap(n_neighbors=10, n_components=5),
        lambda: LeidenClusterer(random_state=0),
    ),
    "kmeans": (
        _lsa,
        Identity,
        lambda: KMeansClusterer(n_clusters=8, random_state=0, layers=["broad", "fine"]),
    ),
    "kmeans-sparse": (_tfidf, Identity, lambda: KMeansClusterer(n_clusters=5, random_state=0)),
    "kmeans-pca": (
        _lsa,
        lambda: LinearReducer(method="pca", n_components=10, random_state=0),
        lambda: KMeansClusterer(n_clusters=8, normalise=True, random_state=0),
    ),
    "agglomerative": (_lsa, Identity, lambda: AgglomerativeClusterer(n_clusters=8)),
    "hdbscan-svd": (
        _tfidf,
        lambda: LinearReducer(method="truncated_svd", n_components=8, random_state=0),
        lambda: HDBSCANClusterer(min_cluster_size=5, normalise=True, layers=["fine"]),
    ),
    "hdbscan-merged": (_lsa, Identity, lambda: HDBSCANClusterer(n_topics=2, metric="manhattan")),
}


@cache
def _result(name: str, assign: bool = False) -> Result:
    embedder, reducer, clusterer = PARTS[name]
    outliers = AssignOutliers() if assign else KeepOutliers()
    parts = Parts(_Lee(), embedder(), reducer(), clusterer(), CTFIDF(), outliers)
    return run(parts, draw_map=False)


LIMIT = 0.98  # of the training documents get their own topic again


def _share(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.mean(found == expected))


@pytest.mark.parametrize("name", PARTS)
def test_training_documents_get_their_own_topics_strengths_and_layers(name):
    result = _result(name)
    assert len(result.topics) >= 2
    found = fit(result, neighbours="all").predict(result.embeddings)
    rows = result.rows
    assert _share(found.topics, result.labels[rows]) >= LIMIT
    # The rest are documents that occur twice: either has the strength of the first.
    assert _share(found.strengths, result.strengths[rows]) >= LIMIT
    assert set(found.layers) == set(result.layers)
    for layer in result.layers:
        assert _share(found.layers[layer], result.layers[layer].labels[rows]) >= LIMIT


@pytest.mark.parametrize("name", PARTS)
def test_so_do_documents_that_are_nearly_the_same(name):
    """Beyond the rule that recognises a training document: the rule for all others."""
    result = _result(name)
    noise = np.random.default_rng(0).normal(size=60) * 0.02
    X = result.embeddings
    X = X + (X * 0 if hasattr(X, "indptr") else (noise * np.abs(X).mean()).astype(np.float32))
    if hasattr(X, "indptr"):
        X.data *= np.random.default_rng(0).uniform(0.8, 1.2, len(X.data)).astype(np.float32)
    model = fit(result, neighbours="all", outliers=0)
    labels = result.labels[result.rows]
    found = model.predict(X).topics
    seen = np.mean(found == labels)
    assert seen >= {"leiden-isomap": 0.65, "agglomerative": 0.85, "hdbscan-svd": 0.85}.get(
        name, 0.9
    )


@pytest.mark.parametrize("neighbours", ["all", 100, 0])
@pytest.mark.parametrize("name", PARTS)
def test_the_same_bits_in_any_batch(name, neighbours):
    result = _result(name)
    model = fit(result, neighbours=neighbours)
    X = result.embeddings[:60]
    X = X * np.float32(0.97) if hasattr(X, "indptr") else X + np.float32(0.01)
    together = model.predict(X)
    order = np.random.default_rng(0).permutation(60)
    shuffled = model.predict(X[order])
    alone = [model.predict(X[row : row + 1]) for row in range(60)]
    for part in ("topics", "strengths", "memberships"):
        expected = getattr(together, part)
        assert expected[order].tobytes() == getattr(shuffled, part).tobytes()
        assert expected.tobytes() == np.concatenate([getattr(p, part) for p in alone]).tobytes()
    for layer, expected in together.layers.items():
        assert expected[order].tolist() == shuffled.layers[layer].tolist()
        assert expected.tolist() == [int(p.layers[layer][0]) for p in alone]


@pytest.mark.parametrize("name", ["leiden", "kmeans"])
def test_layers_stay_nested(name):
    result = _result(name)
    X = result.embeddings + np.random.default_rng(1).normal(
        scale=0.05, size=result.embeddings.shape
    ).astype(np.float32)
    for neighbours in ("all", 0):
        found = fit(result, neighbours=neighbours, outliers=0).predict(X)
        broad, fine = found.layers["broad"], found.layers["fine"]
        for inner, outer in ((fine, found.topics), (found.topics, broad)):
            pairs = {(a, b) for a, b in zip(inner.tolist(), outer.tolist(), strict=True) if a >= 0}
            assert len({a for a, _ in pairs}) == len(pairs)


def test_a_document_far_from_everything_is_in_no_topic():
    result = _result("leiden")
    X = np.zeros((2, 60), np.float32)
    X[0, 59] = X[1, 58] = -1
    assert fit(result, neighbours="all").predict(X).topics.tolist() == [-1, -1]
    found = fit(result, neighbours="all", outliers=0).predict(X)
    assert (found.topics >= 0).all()
    limits = [fit(result, outliers=share).settings["limit"] for share in (0.3, 0.1, 0.01)]
    assert limits == sorted(limits)


def test_the_limit_is_what_that_share_of_training_documents_exceeds():
    from components.neighbors import neighbors

    result = _result("leiden")
    nearest = neighbors(result.embeddings, 1, "cosine").distances[:, 0]
    limit = fit(result, neighbours="all", outliers=0.1).settings["limit"]
    assert np.mean(nearest > limit) == pytest.approx(0.1, abs=0.01)


def test_copies_alone_set_no_limit():
    from sklearn.feature_extraction.text import TfidfVectorizer

    corpus = Corpus(["the price of tea", "the taste of soap", "a box of ham"] * 20)
    dataset = SimpleNamespace(load=lambda: corpus)
    embedder = SklearnEmbedder(pipeline=TfidfVectorizer())
    clusterer = LeidenClusterer(n_topics=3, random_state=0)
    parts = Parts(dataset, embedder, Identity(), clusterer, CTFIDF(), KeepOutliers())
    model = fit(run(parts, draw_map=False))
    assert (model.predict(embedder.encode(["the price of ham"])).topics >= 0).all()


def test_assigned_outliers_stay_assigned_and_new_ones_are():
    unassigned, assigned = _result("hdbscan-svd"), _result("hdbscan-svd", assign=True)
    assert (unassigned.labels[unassigned.rows] < 0).mean() > 0.05
    model = fit(assigned, neighbours="all", outliers=0)
    assert (model.predict(assigned.embeddings).topics >= 0).all()
    between = assigned.embeddings[:40] + assigned.embeddings[40:80]
    assert (fit(unassigned, neighbours="all", outliers=0).predict(between).topics < 0).any()
    assert (model.predict(between).topics >= 0).all()


def test_a_sample_holds_every_topic_in_its_share():
    result = _result("leiden")
    model = fit(result, neighbours=120)
    sizes = np.bincount(model.arrays["labels"], minlength=len(result.topics))
    full = np.bincount(fit(result, neighbours="all").arrays["labels"])  # copies are saved once
    assert model.arrays["rows"].shape[0] <= 120 + 20 * len(full)
    assert (sizes >= np.minimum(full, 20)).all()
    assert _share(model.predict(result.embeddings).topics, result.labels[result.rows]) > 0.85


def test_centroids_alone_take_little_room():
    result = _result("leiden")
    model = fit(result, neighbours=0)
    assert "rows" not in model.arrays
    assert _share(model.predict(result.embeddings).topics, result.labels[result.rows]) > 0.75


def test_a_clusterer_that_says_nothing_is_continued_by_a_vote():
    result = _result("agglomerative")
    assert fit(result).settings["rule"]["name"] == "vote"


def test_no_topic_at_all():
    result = _result("leiden")
    none = Result(
        result.corpus, result.rows, result.embeddings, result.reduced,
        np.full_like(result.labels, -1), np.zeros_like(result.strengths), parts=result.parts,
    )  # fmt: skip
    found = fit(none).predict(result.embeddings[:3])
    assert found.topics.tolist() == [-1, -1, -1]
    assert found.memberships.shape == (3, 0)


@pytest.mark.parametrize(
    ("setting", "value"), [("neighbours", "some"), ("neighbours", -1), ("outliers", 1.0)]
)
def test_settings_out_of_their_range(setting, value):
    with pytest.raises(ParameterError, match=f"{setting}={value}: must be"):
        fit(_result("leiden"), **{setting: value})


def test_a_reduction_from_the_cache_makes_the_same_model(tmp_path):
    from runner.cache import Cache

    def made() -> TopicModel:
        embedder, reducer, clusterer = PARTS["kmeans-pca"]
        settings = {"reducer": {"n_components": 10, "random_state": 0}}
        parts = Parts(_Lee(), embedder(), reducer(), clusterer(), CTFIDF(), settings=settings)
        return fit(run(parts, Cache(tmp_path), draw_map=False))

    first, second = made(), made()
    assert first.arrays.keys() == second.arrays.keys()
    assert all(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays)


def test_copies_are_one_neighbour_in_the_vote():
    lee = LeeDataset().load().documents[:240]
    corpus = Corpus([*lee, *lee[:20] * 30])
    parts = Parts(
        SimpleNamespace(load=lambda: corpus), _lsa(), Identity(),
        LeidenClusterer(granularity="medium", random_state=0), CTFIDF(), KeepOutliers(),
    )  # fmt: skip
    result = run(parts, draw_map=False)
    model = fit(result, outliers=0)
    assert "seen" not in model.arrays  # all that differ are saved
    near = result.embeddings * np.random.default_rng(0).uniform(0.9, 1.1, 60).astype(np.float32)
    assert _share(model.predict(near).topics, result.labels[result.rows]) > 0.95
    alone = fit(_result("leiden"), outliers=0)
    assert model.arrays["rows"].shape == alone.arrays["rows"].shape
