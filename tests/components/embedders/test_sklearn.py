import importlib
import json
import logging
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from components.base import ParameterError, UserError
from components.embedders.sklearn import SklearnEmbedder

DOCUMENTS = [
    "the cat sat on the mat",
    "a cat and a dog",
    "stocks fell on monday",
    "the market and the stocks",
    "dogs chase cats on the mat",
]


def lsa(**options):
    return SklearnEmbedder(
        pipeline={
            "tfidf": TfidfVectorizer(**options),
            "svd": TruncatedSVD(n_components=3, random_state=0),
        }
    )


def test_tfidf_is_sparse_and_equal_to_scikit_learn():
    X = SklearnEmbedder(pipeline=TfidfVectorizer(sublinear_tf=True)).encode(DOCUMENTS)
    assert isinstance(X, sparse.csr_matrix)
    assert X.dtype == np.float32
    expected = TfidfVectorizer(sublinear_tf=True).fit_transform(DOCUMENTS)
    assert np.allclose(X.toarray(), expected.toarray(), atol=1e-6)


def test_a_pipeline_and_named_steps_give_the_same_dense_rows():
    named = lsa().encode(DOCUMENTS)
    piped = SklearnEmbedder(
        pipeline=make_pipeline(TfidfVectorizer(), TruncatedSVD(n_components=3, random_state=0))
    ).encode(DOCUMENTS)
    assert named.dtype == np.float32
    assert named.shape == (5, 3)
    assert np.array_equal(named, piped)


def test_fitted_once_on_the_first_documents():
    embedder = lsa()
    X = embedder.encode(DOCUMENTS)
    again = embedder.encode([DOCUMENTS[3], "cat", "unheard"])
    assert np.allclose(again[0], X[3], atol=1e-5)
    assert again.shape == (3, 3)
    assert not again[2].any()


def test_fit_lets_words_be_encoded_in_the_space_of_the_corpus():
    words = lsa().fit(DOCUMENTS).encode(["cat", "stocks"])
    embedder = lsa()
    embedder.encode(DOCUMENTS)
    assert np.array_equal(words, embedder.encode(["cat", "stocks"]))


def test_the_given_transformer_stays_unfitted():
    vectorizer = TfidfVectorizer()
    SklearnEmbedder(pipeline=vectorizer).encode(DOCUMENTS)
    assert not hasattr(vectorizer, "vocabulary_")


@pytest.mark.parametrize("algorithm", ["randomized", "arpack"])
def test_too_many_components_are_reduced_with_a_warning(caplog, algorithm):
    embedder = SklearnEmbedder(
        pipeline={
            "tfidf": TfidfVectorizer(),
            "svd": TruncatedSVD(n_components=100, algorithm=algorithm, random_state=0),
        }
    )
    with caplog.at_level(logging.WARNING):
        X = embedder.encode(DOCUMENTS)
    assert X.shape == (5, 5 if algorithm == "randomized" else 4)
    assert "n_components=100 is more than 5 documents" in caplog.text


def test_pca_takes_no_more_components_than_documents():
    dense = FunctionTransformer(lambda X: X.toarray())
    X = SklearnEmbedder(
        pipeline={"t": TfidfVectorizer(), "dense": dense, "pca": PCA(n_components=50)}
    ).encode(DOCUMENTS)
    assert X.shape == (5, 5)


def test_one_document():
    X = lsa().encode(["only one document here"])
    assert X.shape == (1, 1)
    assert np.isfinite(X).all()


def test_lists_from_yaml_become_tuples():
    X = SklearnEmbedder(pipeline=TfidfVectorizer(ngram_range=[1, 2])).encode(DOCUMENTS)
    assert X.shape[1] > SklearnEmbedder(pipeline=TfidfVectorizer()).encode(DOCUMENTS).shape[1]


@pytest.mark.parametrize(
    ("vectorizer", "message"),
    [
        (TfidfVectorizer(stop_words=["the", "cat"]), "empty vocabulary"),
        (TfidfVectorizer(min_df=2, max_df=0.5), "max_df corresponds"),
        (TfidfVectorizer(norm="l3"), "'norm' parameter"),
    ],
)
def test_what_cannot_be_fitted_says_so(vectorizer, message):
    with pytest.raises(UserError, match=message) as error:
        SklearnEmbedder(pipeline=vectorizer).encode(["the cat", "the the"])
    assert "pipeline=TfidfVectorizer: " in str(error.value)


def test_fingerprint_is_json_and_knows_every_parameter():
    def text(embedder):
        return json.dumps(embedder.fingerprint())

    assert text(lsa()) == text(lsa())
    assert text(lsa()) != text(lsa(min_df=2))
    assert text(lsa(stop_words=["a"])) != text(lsa(stop_words=["b"]))
    hashing = SklearnEmbedder(pipeline=HashingVectorizer(n_features=16))
    assert "HashingVectorizer" in text(hashing)
    assert hashing.encode(DOCUMENTS).shape == (5, 16)


def test_an_object_that_only_transforms():
    class Lengths:
        def transform(self, documents):
            return [[len(d), 1] for d in documents]

    X = SklearnEmbedder(pipeline=Lengths()).encode(DOCUMENTS)
    assert X.dtype == np.float32
    assert X[0].tolist() == [22.0, 1.0]


def test_fingerprint_follows_the_source_of_a_users_own_step(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    source = tmp_path / "own_step.py"
    prints = []
    for factor in (1, 2):
        source.write_text(
            f"class Own:\n    def transform(self, documents):\n"
            f"        return [[{factor} * len(d)] for d in documents]\n"
        )
        monkeypatch.delitem(sys.modules, "own_step", raising=False)
        importlib.invalidate_caches()
        own = importlib.import_module("own_step").Own()
        prints.append(json.dumps(SklearnEmbedder(pipeline=own).fingerprint()))
    assert prints[0] != prints[1]


def test_parameters_that_scikit_learn_refuses_are_refused_before_any_document_is_read():
    steps = {"tfidf": TfidfVectorizer(), "svd": TruncatedSVD(n_components=-1)}
    with pytest.raises(ParameterError, match=r"pipeline=TruncatedSVD: The 'n_components'.*Got -1"):
        SklearnEmbedder(pipeline=steps)


CHINESE = [
    "我觉得课堂难度太大跟不上，而且教材内容陈旧需要更新。",
    "这次配送员太慢了等了一个星期，所以不推荐。",
    "总的来说早餐味道一般种类太少，但是空调干净整洁而且安静。",
]


def test_clauses_taken_for_words_are_told_with_what_to_set(caplog):
    SklearnEmbedder(pipeline=TfidfVectorizer()).encode(CHINESE)
    assert "5 of 6 terms are whole clauses" in caplog.text
    assert "analyzer=char and ngram_range=[1,2]" in caplog.text


@pytest.mark.parametrize(
    ("vectorizer", "documents"),
    [
        (TfidfVectorizer(), DOCUMENTS),
        (TfidfVectorizer(), ["我 觉得 课堂 难度 太大 跟不上", "这次 配送员 太慢 了"]),
        (TfidfVectorizer(), [*DOCUMENTS, CHINESE[0]]),
        (TfidfVectorizer(analyzer="char", ngram_range=(1, 9)), CHINESE),
        (TfidfVectorizer(tokenizer=list, token_pattern=None), CHINESE),
        (HashingVectorizer(), CHINESE),
    ],
)
def test_no_word_of_clauses_where_words_are_words(vectorizer, documents, caplog):
    SklearnEmbedder(pipeline=vectorizer).encode(documents)
    assert "clauses" not in caplog.text
