import inspect

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from components.base import UserError
from components.embedders.model2vec import Model2VecEmbedder
from components.embedders.precomputed import PrecomputedEmbedder
from components.embedders.word_doc import WordDocEmbedder

DOCUMENTS = ["The market fell on Monday.", "The team won the match."]


@pytest.fixture(scope="module")
def minilm_and_glove(build):
    documents, words = build("minilm"), build("gensim_glove")
    return WordDocEmbedder(document_embedder=documents, word_embedder=words), documents, words


def test_documents_by_one_model_and_words_by_another(minilm_and_glove):
    both, documents, words = minilm_and_glove
    assert np.array_equal(both.encode(DOCUMENTS), documents.encode(DOCUMENTS))
    assert both.word_embedder is words
    X = both.word_embedder.encode(["market", "shares", "football"])
    assert X.shape == (3, 50)


def test_everything_else_is_the_document_embedders(minilm_and_glove):
    both, documents, _ = minilm_and_glove
    assert both.fingerprint() == documents.fingerprint()
    both.encode(["short", "word " * 1000])
    assert both.truncated_.tolist() == [False, True]
    assert not hasattr(both, "fits_corpus")
    assert not hasattr(both, "iter_encode")


def test_a_document_embedder_that_is_fitted_or_reads_rows(tmp_path):
    words = Model2VecEmbedder()
    fitted = WordDocEmbedder(document_embedder=TfidfVectorizer(), word_embedder=words)
    assert fitted.fits_corpus
    assert fitted.encode(DOCUMENTS).shape == (2, 8)
    X = np.eye(3, dtype=np.float32)
    np.save(tmp_path / "v.npy", X)
    stored = WordDocEmbedder(
        document_embedder=PrecomputedEmbedder(path=str(tmp_path / "v.npy")), word_embedder=words
    )
    assert not stored.stored
    assert {"rows", "n_rows"} <= set(inspect.signature(stored.encode).parameters)
    assert np.array_equal(stored.encode(["b"], rows=np.array([1]), n_rows=3), X[[1]])


def test_what_is_no_embedder_is_refused():
    with pytest.raises(UserError, match="is not an embedder"):
        WordDocEmbedder(document_embedder=Model2VecEmbedder(), word_embedder=3)
