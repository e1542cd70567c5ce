"""Two models become one: of their topics, those that agree in vectors and words become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError
from components.model import SavedTopic, TopicModel
from components.model.index import Doubles
from components.neighbors import unit_rows
from components.result import dense
from components.text import lower

SIMILARITY = 0.6  # see experiments/predict/README.md


@dataclass(frozen=True)
class TopicMapping:
    """The topics of two models, and the one topic that each goes to.

    first, second : int64 (a,) and (b,), new number of each topic, -1 where it is left out; those
        of the first model stay
    similarity, word_similarity : float64 (a, b), see `topic_similarity` and `word_similarity`
    """

    first: Integers
    second: Integers
    similarity: Doubles
    word_similarity: Doubles

    @property
    def n_topics(self) -> int:
        return int(max(self.first.max(initial=-1), self.second.max(initial=-1))) + 1

    @property
    def n_shared(self) -> int:
        """How many topics of the second model are topics of the first one."""
        return int(np.sum((self.second >= 0) & (self.second < len(self.first))))


def map_topics(
    first: TopicModel,
    second: TopicModel,
    similarity: float = SIMILARITY,
    has_documents: NDArray[np.bool_] | None = None,
) -> TopicMapping:
    """Which topics of two models are the same.

    Two topics are the same where each is the other's nearest, in the mean of `topic_similarity`
    and `word_similarity`, and that mean is at least `similarity`. So topics of one model never
    become one. The topics of the second model that are new come last, in their order.

    Parameters
    ----------
    first, second : of the same embedder
    similarity : float
        From 0 to 1.
    has_documents : bool (b,), optional
        Topics of the second model that would be empty, if new, are left out.

    Raises
    ------
    ParameterError
        When `similarity` is out of its range.
    """
    if not 0 <= similarity <= 1:
        raise ParameterError("similarity", similarity, "must be from 0 to 1.")
    vectors = topic_similarity(first.arrays["centroids"], second.arrays["centroids"])
    words = word_similarity(first.topics, second.topics)
    agreement = (vectors + words) / 2
    n, m = agreement.shape
    numbers = np.full(m, -1, np.int64)
    rows, columns = np.arange(n), agreement.argmax(axis=1)
    is_same = (agreement.argmax(axis=0)[columns] == rows) & (agreement[rows, columns] >= similarity)
    numbers[columns[is_same]] = rows[is_same]
    is_new = (numbers < 0) & (True if has_documents is None else has_documents)
    numbers[is_new] = n + np.arange(is_new.sum())
    return TopicMapping(np.arange(n), numbers, vectors, words)


def topic_similarity(first: Matrix, second: Matrix) -> Doubles:
    """How near topics of two models are for how far topics of one model are apart: float64 (a, b).

    (c - o) / (1 - o), with c the cosine of the two centroids and o the highest cosine of either
    to another topic of its own model. It is 1 where the centroids are the same, and 0 where they
    are as far from each other as either is from its own neighbour, whatever cosines an embedder
    gives; less is 0.

    Parameters
    ----------
    first, second : unit rows, float32 (a, d) and (b, d), or CSR
    """
    cosines = _products(first, second)
    baseline = np.maximum(_nearest_other(first)[:, None], _nearest_other(second))
    similarity: Doubles = np.clip((cosines - baseline) / np.maximum(1 - baseline, 1e-12), 0, 1)
    return similarity


def word_similarity(first: Sequence[SavedTopic], second: Sequence[SavedTopic]) -> Doubles:
    """Cosine of the topics' words with their weights: float64 (a, b). Capitals do not count."""
    similarity = np.zeros((len(first), len(second)))
    weights = [list(map(_weights_of_words, topics)) for topics in (first, second)]
    norms = [[np.linalg.norm(list(words.values())) for words in each] for each in weights]
    for a, words in enumerate(weights[0]):
        for b, others in enumerate(weights[1]):
            product = sum(words[word] * others[word] for word in words.keys() & others.keys())
            if product > 0:
                similarity[a, b] = product / (norms[0][a] * norms[1][b])
    return similarity


def _weights_of_words(topic: SavedTopic) -> dict[str, float]:
    """The weight of each word, in lower case: one run may write IBM, the other ibm."""
    weights: dict[str, float] = {}
    for word, weight in topic.words:
        weights[lower(word)] = weights.get(lower(word), 0.0) + weight
    return weights


def merge_models(first: TopicModel, second: TopicModel, mapping: TopicMapping) -> TopicModel:
    """What assigns documents to the topics of both models, until it is fitted to them.

    Where both assign by the same rule and on the same kind of vectors, unreduced, so does the
    new one; else it is a vote of neighbours. The share of link weight that modularity takes off
    for a topic is the mean of those in the models, by size.
    """
    topics: list[SavedTopic | None] = [None] * mapping.n_topics
    sides = ((first, mapping.first), (second, mapping.second))
    for model, numbers in sides:
        for topic, number in zip(model.topics, numbers.tolist(), strict=True):
            if number < 0:
                continue
            old = topics[number]
            size = topic.size + (old.size if old else 0)
            source = old or topic
            topics[number] = SavedTopic(number, source.label, size, source.words, source.documents)
    weights = [_weights(model.topics, numbers, mapping.n_topics) for model, numbers in sides]
    rule = _common_rule(first, second)
    arrays: dict[str, Any] = {
        "centroids": unit_rows(
            sum(
                w @ m.arrays["centroids"].astype(np.float64)
                for w, (m, _) in zip(weights, sides, strict=True)
            )
        ).astype(np.float32)
    }
    if rule["name"] == "vote":
        pull = sum(w @ m.arrays["pull"] for w, (m, _) in zip(weights, sides, strict=True))
        sizes = sum(np.asarray(w.sum(axis=1)).ravel() for w in weights)
        arrays["pull"] = pull / np.maximum(sizes, 1)
    settings = {**first.settings, "rule": rule, "reducer": "none"}
    return TopicModel(settings, arrays, [topic for topic in topics if topic is not None])


def _common_rule(first: TopicModel, second: TopicModel) -> dict[str, Any]:
    """The rule that both models have; `centroid`, which is continued by a vote, where none is."""
    one, other = first.settings, second.settings
    rule = dict(one["rule"])
    same = one["reducer"] == other["reducer"] == "none" and one["metric"] == other["metric"]
    same = same and rule["name"] == other["rule"]["name"]
    if same and rule["name"] == "vote" and rule["metric"] == other["rule"]["metric"]:
        return rule
    if same and rule["name"] == "centre" and rule["normalise"] == other["rule"]["normalise"]:
        return rule
    return {"name": "centroid"}


def _weights(topics: Sequence[SavedTopic], numbers: Integers, n_topics: int) -> Any:
    """CSR (n_topics, topics): the size of each topic, in the row of its new number."""
    from scipy import sparse

    sizes = np.array([topic.size for topic in topics], np.float64)
    has = np.flatnonzero(numbers >= 0)
    shape = (n_topics, len(topics))
    return sparse.csr_matrix((sizes[has], (numbers[has], has)), shape=shape)


def _products(first: Matrix, second: Matrix) -> Doubles:
    return dense(first.astype(np.float64) @ second.astype(np.float64).T)


def _nearest_other(centroids: Matrix) -> Doubles:
    """Highest cosine of each topic to another one of its model; 0 where it is alone."""
    cosines = _products(centroids, centroids)
    np.fill_diagonal(cosines, 0)
    highest: Doubles = cosines.max(axis=1, initial=0)
    return highest
