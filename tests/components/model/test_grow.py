"""Topics that go on: new documents join, what fits nowhere becomes a topic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.base import Corpus, ParameterError, Result, Topic
from components.clusterers.hdbscan import HDBSCANClusterer
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.model.edits import Edits, apply_edits
from components.model.fit import fit, unit_means
from components.model.grow import Continued, Growth, grow, prediction

D = 40  # more columns than are compared pair by pair


def blobs(n: int, subjects: list[int], seed: int) -> Any:
    """`n` unit vectors around each of some subjects, and the subjects."""
    centres = np.random.default_rng(0).normal(size=(6, D))
    rng = np.random.default_rng(seed)
    truth = np.repeat(subjects, n)
    X = centres[truth] + 0.35 * rng.normal(size=(len(truth), D))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), truth


def result_of(X: Any, labels: Any, clusterer: Any) -> Result:
    n_topics = int(labels.max()) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=n_topics)
    topics = [Topic(t, int(sizes[t]), ((f"w{t}", 1.0),), 0) for t in range(n_topics)]
    strengths = np.where(labels >= 0, 0.5, 0).astype(np.float32)
    corpus = Corpus([f"text {row}" for row in range(len(X))])
    rows = np.arange(len(X))
    return Result(corpus, rows, X, X, labels, strengths, topics, parts={"clusterer": clusterer})


CLUSTERERS = {
    "leiden": lambda: LeidenClusterer(n_neighbors=10, n_topics=3, random_state=0),
    "kmeans": lambda: KMeansClusterer(n_clusters=3, random_state=0),
    "hdbscan": lambda: HDBSCANClusterer(min_cluster_size=10),
}


@pytest.mark.parametrize("name", CLUSTERERS)
@pytest.mark.parametrize("neighbours", ["all", 60, 0])
def test_new_documents_join_and_a_new_subject_is_a_new_topic(name, neighbours):
    X, truth = blobs(60, [0, 1, 2], 1)
    clusterer = CLUSTERERS[name]()
    labels = np.asarray(clusterer.fit_predict(X), np.int64)
    result = result_of(X, labels, clusterer)
    model = fit(result, neighbours=neighbours)
    V, arrived = blobs(25, [0, 1, 2, 4], 2)
    both, n = np.vstack([X, V]), len(X)
    before = Growth(
        np.append(labels, [-1] * len(V)), np.append(result.strengths, np.zeros(len(V))), {}, []
    )
    grown = grow(model, both, before, np.arange(len(both)) >= n, seed=0)
    has = labels >= 0
    assert grown.labels[:n][has].tolist() == labels[has].tolist(), "old documents stay"
    assert len(grown.sources) == 4
    assert grown.sources == [(0,), (1,), (2,), ()]
    names = {t: np.bincount(labels[(truth == t) & has]).argmax() for t in (0, 1, 2)} | {4: 3}
    expected = np.array([names[t] for t in arrived])
    assert np.mean(grown.labels[n:] == expected) > 0.9
    assert ((grown.strengths > 0) == (grown.labels >= 0)).all()

    # The rule goes on: a model of all of it predicts the new topic too.
    continued = Continued(prediction(model, grown))
    later = fit(result_of(both, grown.labels, continued), neighbours=neighbours)
    if neighbours != 0:
        assert later.settings["rule"]["name"] == model.settings["rule"]["name"]
    W, again = blobs(15, [0, 1, 2, 4], 3)
    assert np.mean(later.predict(W).topics == [names[t] for t in again]) > 0.9


def test_too_few_documents_that_fit_nowhere_wait_for_more():
    X, _ = blobs(60, [0, 1, 2], 1)
    clusterer = CLUSTERERS["leiden"]()
    labels = clusterer.fit_predict(X)
    result = result_of(X, labels, clusterer)
    for n_updates in (1, 2):
        V, _ = blobs(8, [5], 10 + n_updates)
        both, n = np.vstack([result.embeddings, V]), len(result.labels)
        before = Growth(
            np.append(result.labels, [-1] * 8), np.append(result.strengths, [0] * 8), {}, []
        )
        grown = grow(fit(result), both, before, np.arange(len(both)) >= n, seed=0)
        result = result_of(both, grown.labels, Continued(prediction(fit(result), grown)))
        assert grown.sources.count(()) == n_updates - 1
    assert (grown.labels[-16:] == 3).all(), "those of the first update are in the topic too"
    with pytest.raises(ParameterError, match="min_topic_size=1: must be at least 2"):
        grow(fit(result), both, before, np.arange(len(both)) >= n, min_topic_size=1)


def test_what_was_dropped_stays_dropped():
    X, _ = blobs(60, [0, 1, 2], 1)
    clusterer = CLUSTERERS["leiden"]()
    labels = clusterer.fit_predict(X)
    model = fit(result_of(X, labels, clusterer))
    edited = apply_edits(Edits(drop=[1]), labels, X, 0)
    assert edited.sources == [(0,), (2,)]
    grown = Growth(edited.labels, np.ones(len(X), np.float32), {}, edited.sources)
    after = fit(result_of(X, edited.labels, Continued(prediction(model, grown))))
    after.arrays["dropped"] = unit_means(X, np.where(labels == 1, 0, -1), 1)
    V, _ = blobs(30, [0, 1, 2], 7)
    was, now = model.predict(V).topics, after.predict(V)
    assert (now.topics[was == 1] == -1).all()
    assert (now.strengths[was == 1] == 0).all()
    assert (now.topics[was != 1] >= 0).mean() > 0.95
    both = np.vstack([X, V])
    before = Growth(np.append(edited.labels, [-1] * len(V)), np.zeros(len(both)), {}, [])
    assert grow(after, both, before, np.arange(len(both)) >= len(X)).sources == [(0,), (1,)]


def test_edits_are_applied_in_the_order_of_the_topics():
    X, truth = blobs(40, [0, 1, 2, 3], 1)
    labels = np.where(truth == 3, 0, truth)  # topic 0 holds two subjects
    edited = apply_edits(Edits(merge=[[1, 2]], split=[0], rename={0: "zero"}), labels, X, 0)
    assert edited.sources == [(0,), (1, 2), (0,)]
    assert edited.is_new == [False, False, True]
    assert edited.renamed == {0: "zero"}
    assert set(edited.labels[(truth == 1) | (truth == 2)]) == {1}
    assert {edited.labels[truth == t][0] for t in (0, 3)} == {0, 2}
