"""Several embedders at once: their vectors joined, by a rule that is stated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from components.base import ParameterError
from components.embedders.ensemble import EnsembleEmbedder
from components.embedders.model2vec import Model2VecEmbedder

DOCUMENTS = [
    "The market fell on Monday.",
    "Shares fell as the market lost ground.",
    "The team won the match.",
    "The coach praised the team.",
]


@pytest.mark.parametrize("members", [("model2vec", "gensim_glove"), ("model2vec", "tfidf")])
def test_the_cosine_of_joined_rows_is_the_mean_of_the_members(build, members):
    made = {name: build(name) if name != "tfidf" else TfidfVectorizer() for name in members}
    ensemble = EnsembleEmbedder(of=made)
    X = ensemble.encode(DOCUMENTS)
    alone = [member.encode(DOCUMENTS) for member in ensemble.members.values()]
    assert X.dtype == np.float32
    assert sparse.issparse(X) == ("tfidf" in members)
    assert X.shape[1] == sum(vectors.shape[1] for vectors in alone)
    expected = np.mean([cosine_similarity(vectors) for vectors in alone], axis=0)
    assert cosine_similarity(X) == pytest.approx(expected, abs=1e-6)


def test_a_member_without_a_vector_counts_as_a_cosine_of_nothing():
    one = np.array([[2, 0], [0, 0], [1, 0]], np.float32)
    other = np.array([[0, 3], [0, 1], [5, 0]], np.float32)
    X = EnsembleEmbedder.join([one, other])
    np.testing.assert_allclose(X @ X.T, [[1, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 1]], atol=1e-7)
    assert one.tolist() == [[2, 0], [0, 0], [1, 0]]  # the members' own are left alone
    joined = EnsembleEmbedder.join([sparse.csr_matrix(one), other])
    np.testing.assert_array_equal(joined.toarray(), X)


def test_what_is_cut_for_one_member_is_cut(build):
    ensemble = EnsembleEmbedder(of=[Model2VecEmbedder(), build("minilm")])
    ensemble.encode(["short", "word " * 1000])
    assert ensemble.truncated_.tolist() == [False, True]
    assert not ensemble.fits_corpus


def test_members_that_learn_from_the_corpus_are_restored():
    ensemble = EnsembleEmbedder(of={"words": TfidfVectorizer(), "vectors": Model2VecEmbedder()})
    assert ensemble.fits_corpus
    assert ensemble.get_state() is None
    X = ensemble.encode(DOCUMENTS)
    state = ensemble.get_state()
    assert [*state] == ["words"]
    other = EnsembleEmbedder(of={"words": TfidfVectorizer(), "vectors": Model2VecEmbedder()})
    given = []
    other.set_state(lambda unfitted: given.append(unfitted) or state)
    assert [type(step) for step in given[0]["words"]] == [TfidfVectorizer]
    np.testing.assert_array_equal(other.encode(DOCUMENTS).toarray(), X.toarray())
    fitted = EnsembleEmbedder(of=[TfidfVectorizer(), Model2VecEmbedder()]).fit(DOCUMENTS)
    np.testing.assert_array_equal(fitted.encode(DOCUMENTS[:1]).toarray(), X[:1].toarray())


def test_what_is_no_ensemble_is_refused():
    with pytest.raises(ParameterError, match=r"^of=\['a'\]: must name at least two"):
        EnsembleEmbedder(of={"a": Model2VecEmbedder()})
    with pytest.raises(ParameterError, match=r"^of\.1=minilm: must be an embedder, not a name"):
        EnsembleEmbedder(of=[Model2VecEmbedder(), "minilm"])
