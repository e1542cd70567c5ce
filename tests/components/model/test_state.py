"""What estimators have learnt goes through arrays and comes back the same."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from components.base import UserError
from components.embedders.gensim import GensimEmbedder
from components.embedders.sklearn import SklearnEmbedder
from components.model.state import NotSavableError, pack, unpack

TEXTS = [f"{a} {b} naïve {c}" for a in "one two".split() for b in "red blue".split() for c in "xyz"]
PIPELINES = [
    TfidfVectorizer(token_pattern=r"\w+"),
    {"counts": CountVectorizer(ngram_range=(1, 2)), "svd": TruncatedSVD(2, random_state=0)},
    make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0), Normalizer()),
    {
        "hash": HashingVectorizer(n_features=32, alternate_sign=False),
        "nmf": NMF(2, random_state=0, init="random"),
    },
    FeatureUnion([("words", TfidfVectorizer()), ("chars", CountVectorizer(analyzer="char"))]),
    {"t": TfidfVectorizer(max_features=4), "svd": TruncatedSVD(3), "s": StandardScaler()},
]


def _through_json(tree: str) -> str:
    return json.dumps(json.loads(tree))


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: type(p).__name__)
def test_a_fitted_pipeline_embeds_as_before(pipeline):
    fitted = SklearnEmbedder(pipeline=pipeline).fit(TEXTS)
    tree, arrays = pack(fitted.get_state())
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in arrays.values())
    again = SklearnEmbedder(pipeline=pipeline)
    again.set_state(partial(unpack, _through_json(tree), arrays))
    new = ["one green thing", "two red naïve"]
    a, b = fitted.encode(new), again.encode(new)
    a, b = (M.toarray() if hasattr(M, "toarray") else M for M in (a, b))
    assert a.tobytes() == b.tobytes()


def test_word_weights_of_averaged_vectors():
    fitted = GensimEmbedder(weighting="sif").fit(["the stock market fell", "rain fell in spring"])
    again = GensimEmbedder(weighting="sif")
    tree, arrays = pack(fitted.get_state())
    again.set_state(partial(unpack, tree, arrays))
    new = ["the market in spring", "unseen words"]
    assert fitted.encode(new).tobytes() == again.encode(new).tobytes()


def test_another_estimator_is_not_filled_with_what_this_one_learnt():
    tree, arrays = pack([PCA(2).fit(np.eye(4))])
    with pytest.raises(UserError, match=r"was a .*PCA and is now a .*TruncatedSVD"):
        unpack(tree, arrays, [TruncatedSVD(2)])


def test_what_is_no_array_is_refused_by_its_place():
    forest = RandomForestClassifier(3).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(NotSavableError, match="_tree"):
        pack([forest])


def test_only_classes_of_scikit_learn_are_made():
    tree, arrays = pack([clone(PCA(2))])
    evil = tree.replace("sklearn.decomposition._pca.PCA", "subprocess.Popen")
    with pytest.raises(UserError, match="now missing"):
        unpack(evil, arrays)


@pytest.mark.parametrize("numbers", [[0, 10**6], [0, -7], [1, 1]])
def test_words_that_are_numbered_beyond_their_matrix(numbers):
    """scikit-learn would read and write memory that is not its own."""
    vectorizer = CountVectorizer().fit(["one two"])
    tree, arrays = pack(vectorizer)
    (name,) = (name for name in arrays if name.endswith("vocabulary_.values"))
    arrays[name] = np.array(numbers)
    with pytest.raises(ValueError, match="does not number its words"):
        unpack(tree, arrays, CountVectorizer())


def test_a_sparse_matrix_that_leads_out_of_its_arrays():
    tree, arrays = pack({"x": csr_matrix(np.eye(3))})
    arrays["state.x.indices"] = np.array([0, 1, 10**6], np.int32)
    with pytest.raises(ValueError, match="indices"):
        unpack(tree, arrays)
