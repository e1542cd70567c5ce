"""Two models become one: which of their topics are the same, and what the new model does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from components.base import Corpus, ParameterError, Result, Topic
from components.clusterers.kmeans import KMeansClusterer
from components.model import TopicModel
from components.model.fit import fit
from components.model.grow import Continued, Growth, prediction
from components.model.merge import map_topics, merge_models, topic_similarity, word_similarity

D = 40
CENTRES = np.random.default_rng(0).normal(size=(6, D))


def vectors(subjects: list[int], seed: int, n: int = 30) -> Any:
    """`n` unit vectors around each of some subjects, and the place of each one's subject."""
    places = np.repeat(np.arange(len(subjects)), n)
    noise = 0.35 * np.random.default_rng(seed).normal(size=(len(places), D))
    X = CENTRES[np.array(subjects)[places]] + noise
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), places


def result_of(X: Any, labels: Any, subjects: list[int], clusterer: Any) -> Result:
    topics = [
        Topic(t, int(np.sum(labels == t)), ((f"word{s}", 2.0), (f"more{s}", 1.0)), 0)
        for t, s in enumerate(subjects)
    ]
    corpus = Corpus([f"text {row}" for row in range(len(X))])
    ones = np.ones(len(X), np.float32)
    parts = {"clusterer": clusterer}
    return Result(corpus, np.arange(len(X)), X, X, labels, ones, topics, parts=parts)


class Vote:
    """Continued by a vote of neighbours, less what modularity takes off."""

    def __init__(self, n_topics: int) -> None:
        self.prediction_ = {"rule": "vote", "n_neighbors": 10, "pull": np.ones(n_topics) / n_topics}


def model_of(subjects: list[int], seed: int, clusterer: Any = None) -> TopicModel:
    X, labels = vectors(subjects, seed)
    return fit(result_of(X, labels, subjects, clusterer or Vote(len(subjects))))


def test_topics_that_agree_become_one_and_the_others_come_last() -> None:
    mapping = map_topics(model_of([0, 1, 2], 1), model_of([4, 2, 1], 2))
    assert mapping.first.tolist() == [0, 1, 2]
    assert mapping.second.tolist() == [3, 2, 1]
    assert (mapping.n_topics, mapping.n_shared) == (4, 2)
    assert mapping.word_similarity[2, 1] == pytest.approx(1)
    assert mapping.word_similarity[0, 0] == 0
    assert mapping.similarity[2, 1] > 0.9
    assert map_topics(model_of([0], 1), model_of([0], 2)).second.tolist() == [0]
    assert map_topics(model_of([0], 1), model_of([3], 2)).second.tolist() == [1]


def test_topics_of_one_run_stay_apart() -> None:
    first, second = model_of([0, 1], 1), model_of([0, 0, 1], 2)
    assert sorted(map_topics(first, second).second.tolist()) == [0, 1, 2]
    assert map_topics(first, second, similarity=1.0).second.tolist() == [2, 3, 4]


def test_a_topic_without_documents_of_its_own_is_left_out() -> None:
    has_documents = np.array([False, False, True, True])
    mapping = map_topics(model_of([0, 1], 1), model_of([3, 0, 4, 5], 2), 0.5, has_documents)
    assert mapping.second.tolist() == [-1, 0, 2, 3]
    merged = merge_models(model_of([0, 1], 1), model_of([3, 0, 4, 5], 2), mapping)
    assert [topic.size for topic in merged.topics] == [60, 30, 30, 30]


def test_similarity_does_not_depend_on_how_narrow_an_embedder_is() -> None:
    """A common part of all vectors raises every cosine, and changes no topic."""
    wide = [vectors(subjects, 1)[0][::30] for subjects in ([0, 1, 2], [2, 1, 4])]
    narrow = []
    for X in wide:
        raised = np.hstack([X, np.full((len(X), 1), 2.0)])
        narrow.append(raised / np.linalg.norm(raised, axis=1, keepdims=True))
    expected = topic_similarity(*wide)
    np.testing.assert_allclose(topic_similarity(*narrow), expected, atol=1e-9)
    sparse_rows = [sparse.csr_matrix(X) for X in wide]
    np.testing.assert_allclose(topic_similarity(*sparse_rows), expected, atol=1e-6)
    assert word_similarity([], model_of([1], 1).topics).shape == (0, 1)


def test_capitals_do_not_count_between_the_words_of_two_runs() -> None:
    one, other = model_of([0, 1], 1).topics, model_of([1, 2], 2).topics
    written = [
        replace(topic, words=tuple((word.upper(), weight) for word, weight in topic.words))
        for topic in other
    ]
    found = word_similarity(one, written)
    assert found[1, 0] == pytest.approx(1)
    np.testing.assert_array_equal(found, word_similarity(one, other))


@pytest.mark.parametrize("similarity", [-0.1, 1.5, float("nan")])
def test_a_similarity_out_of_its_range(similarity: float) -> None:
    with pytest.raises(ParameterError, match=f"similarity={similarity}: must be from 0 to 1"):
        map_topics(model_of([0], 1), model_of([1], 2), similarity)


@pytest.mark.parametrize("rules", ["vote", "centre", "both"])
def test_the_merged_model_knows_the_topics_of_both(rules: str) -> None:
    subjects = [0, 1, 2], [4, 2]
    kmeans = KMeansClusterer(n_clusters=2)
    kmeans.prediction_ = {"rule": "centre", "normalise": False}
    clusterers = {"vote": (None, None), "centre": (kmeans, kmeans), "both": (None, kmeans)}[rules]
    models = [model_of(*pair) for pair in zip(subjects, (1, 2), clusterers, strict=True)]
    mapping = map_topics(*models)
    merged = merge_models(*models, mapping)
    assert merged.settings["rule"]["name"] == (rules if rules != "both" else "centroid")
    parts = [vectors(*pair) for pair in zip(subjects, (1, 2), strict=True)]
    X = np.vstack([part[0] for part in parts])
    labels = np.concatenate([mapping.first[parts[0][1]], mapping.second[parts[1][1]]])
    sources = [(topic,) for topic in range(mapping.n_topics)]
    grown = Growth(labels, np.ones(len(X), np.float32), {}, sources)
    continued = Continued(prediction(merged, grown))
    model = fit(result_of(X, labels, [0, 1, 2, 4], continued), outliers=0)
    Y, truth = vectors([0, 1, 2, 4], 7)
    assert np.mean(model.predict(Y).topics == truth) > 0.95
    if rules == "vote":  # nothing of a topic's pull changes by the merger
        pull = np.full(4, 1 / 3)
        pull[2], pull[3] = (1 / 3 + 1 / 2) / 2, 1 / 2
        np.testing.assert_allclose(merged.arrays["pull"], pull)


def test_vectors_of_reduced_spaces_are_not_mixed() -> None:
    models = [model_of([0, 1], seed) for seed in (1, 2)]
    reduced = replace(models[1], settings={**models[1].settings, "reducer": "linear"})
    merged = merge_models(models[0], reduced, map_topics(*models))
    assert merged.settings["rule"] == {"name": "centroid"}
    assert merged.settings["reducer"] == "none"
