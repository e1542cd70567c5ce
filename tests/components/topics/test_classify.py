import numpy as np
import pytest
from scipy import sparse

from components.topics.classify import label_probabilities, word_vectors

rng = np.random.default_rng(0)
TRUTH = np.arange(300) % 3
X = (np.eye(3, 8)[TRUTH] + 0.1 * rng.normal(size=(300, 8))).astype(np.float32)
NO_WORDS = sparse.csr_matrix((300, 0))
FEW = np.where(np.arange(300) % 10 < 3, TRUTH, -1)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_a_document_gets_the_label_of_those_like_it(form):
    likely = label_probabilities(FEW, form(X), NO_WORDS, 3).toarray()
    assert likely.shape == (300, 3)
    assert (likely[FEW >= 0] == 0).all()
    rest = FEW < 0
    assert (likely[rest].argmax(axis=1) == TRUTH[rest]).all()
    assert likely[rest].max(axis=1).mean() > 0.8
    assert likely.max() <= 1


def test_what_is_like_no_labelled_document_has_no_label():
    fixed = np.where(TRUTH == 2, -1, FEW)  # nobody has labelled the third group
    likely = label_probabilities(fixed, X, NO_WORDS, 2).toarray().sum(axis=1)
    assert likely[TRUTH == 2].max() < 0.2 < likely[(TRUTH < 2) & (fixed < 0)].min()


def test_words_decide_where_vectors_cannot():
    alike = np.ones((300, 4), np.float32)
    documents = [
        f"{('alpha', 'beta', 'gamma')[label]} word{n % 7}" for n, label in enumerate(TRUTH)
    ]
    likely = label_probabilities(FEW, alike, word_vectors(documents), 3).toarray()
    rest = FEW < 0
    assert (likely[rest].argmax(axis=1) == TRUTH[rest]).all()


def test_one_label_is_every_likeness():
    fixed = np.where((TRUTH == 0) & (FEW >= 0), 0, -1)
    likely = label_probabilities(fixed, X, NO_WORDS, 1).toarray().ravel()
    assert likely[(TRUTH == 0) & (fixed < 0)].min() > 0.5 > likely[TRUTH > 0].max()


def test_word_vectors_are_tf_idf_of_words_that_two_documents_have():
    vectors = word_vectors(["tea tea milk", "tea sugar", "salt", "sugar"]).toarray()
    tea, sugar = 1 + np.log(4 / 2), 1 + np.log(4 / 2)
    first = (1 + np.log(2)) * tea
    expected = {(first,), (tea, sugar), (), (sugar,)}
    units = {
        tuple(np.round(np.sort(np.array(v) / np.linalg.norm(v)), 6)) if v else () for v in expected
    }
    assert {tuple(np.round(np.sort(row[row > 0]), 6)) for row in vectors} == units
