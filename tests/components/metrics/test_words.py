from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gensim.test.utils import datapath
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import NearestNeighbors

from components.base import Corpus, Result
from components.metrics.words import complement_naive_bayes, lexical_lift, words_ami

TOKEN = r"(?u)\b[^\W\d_]{2,}\b"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    with open(datapath("lee_background.cor"), encoding="utf-8") as file:
        return [line.lower() for line in file]


@pytest.fixture(scope="module")
def counts(texts: list[str]) -> Any:
    return TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=TOKEN).fit_transform(texts)


def result_of(texts: list[str], topics: Any, embeddings: Any = None) -> Result:
    n = len(texts)
    X = np.ones((n, 2), np.float32) if embeddings is None else embeddings
    return Result(Corpus(texts), np.arange(n), X, X, np.asarray(topics), np.zeros(n, np.float32))


def topics_of(counts: Any) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(6, n_init=1, random_state=0).fit_predict(counts)


def test_complement_naive_bayes_equals_scikit_learn(counts: Any) -> None:
    topics = topics_of(counts)
    train, test = np.arange(200), np.arange(200, 300)
    expected = ComplementNB().fit(counts[train], topics[train]).predict(counts[test])
    found = complement_naive_bayes(counts[train], topics[train], counts[test])
    assert len(set(expected)) > 3
    np.testing.assert_array_equal(found, expected)


def test_words_ami_equals_scikit_learn(texts: list[str], counts: Any) -> None:
    # Only letters, so that the measure's own tokens and the pattern's are the same.
    texts = ["".join(c if c.isalpha() else " " for c in text) for text in dict.fromkeys(texts)]
    counts = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=TOKEN).fit_transform(texts)
    topics = topics_of(counts)
    fold = np.random.default_rng(3).permutation(len(texts)) % 5
    predicted = np.empty_like(topics)
    for number in range(5):
        model = ComplementNB().fit(counts[fold != number], topics[fold != number])
        predicted[fold == number] = model.predict(counts[fold == number])
    expected = adjusted_mutual_info_score(topics, predicted)
    assert expected > 0.2
    assert words_ami(result_of(texts, topics), seed=3) == pytest.approx(expected, abs=1e-9)


def test_no_document_is_predicted_from_its_copy(texts: list[str], counts: Any) -> None:
    """Of chance topics the words tell nothing, and copies would tell all."""
    topics = np.random.default_rng(0).permutation(topics_of(counts))
    once = words_ami(result_of(texts, topics))
    assert once == pytest.approx(0, abs=0.1)
    assert words_ami(result_of(texts * 2, np.tile(topics, 2))) == once
    assert words_ami(result_of(texts[:4] * 9, [0, 1, 2, 3] * 9)) is None  # four texts, five folds


def test_words_tell_topics_from_chance(texts: list[str], counts: Any) -> None:
    topics = topics_of(counts)
    shuffled = np.random.default_rng(0).permutation(topics)
    assert words_ami(result_of(texts, shuffled)) == pytest.approx(0, abs=0.1)
    outliers = np.where(np.arange(len(texts)) % 2, topics, -1)
    some = words_ami(result_of(texts, outliers))
    inside = [text for text, topic in zip(texts, outliers, strict=True) if topic >= 0]
    assert some == words_ami(result_of(inside, outliers[outliers >= 0]))


def test_words_ami_of_a_sample(texts: list[str], counts: Any) -> None:
    topics = topics_of(counts)
    whole = words_ami(result_of(texts, topics))
    sampled = words_ami(result_of(texts, topics), n_documents=150)
    assert sampled is not None
    assert sampled != whole
    assert sampled == words_ami(result_of(texts, topics), n_documents=150)


@pytest.mark.parametrize("topics", [[0] * 6, [-1] * 6, [0, 1, -1, -1, -1, -1]])
def test_no_words_ami_without_topics_to_compare(topics: list[int]) -> None:
    assert words_ami(result_of(["cat sea"] * 6, topics)) is None


def test_words_ami_of_documents_without_a_common_word() -> None:
    assert words_ami(result_of(["cat", "dog", "sea", "sun", "sky", "ice"], [0, 1] * 3)) is None


def test_lexical_lift_equals_scikit_learn(texts: list[str]) -> None:
    texts = ["".join(c if c.isalpha() else " " for c in text) for text in texts]
    counts = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=TOKEN).fit_transform(texts)
    X = np.random.default_rng(0).normal(size=(len(texts), 8)) + counts[:, :8].toarray() * 9
    near = NearestNeighbors(n_neighbors=4, metric="cosine").fit(X).kneighbors(return_distance=False)
    cosines = cosine_similarity(counts)
    at_random = cosines[~np.eye(len(texts), dtype=bool)].mean()
    expected = np.take_along_axis(cosines, near, axis=1).mean() / at_random
    found = lexical_lift(result_of(texts, np.zeros(len(texts), int), X), n_neighbors=4)
    assert found == pytest.approx(expected, rel=1e-6)


def test_lexical_lift_is_high_where_the_space_is_that_of_the_words(
    texts: list[str], counts: Any
) -> None:
    labels = np.zeros(len(texts), int)
    noise = np.random.default_rng(0).normal(size=(len(texts), 8))
    assert lexical_lift(result_of(texts, labels, counts)) > 2
    assert lexical_lift(result_of(texts, labels, noise)) == pytest.approx(1, abs=0.1)
    assert lexical_lift(result_of(["a", "b", "c"], [0, 0, 0], noise[:3])) is None
