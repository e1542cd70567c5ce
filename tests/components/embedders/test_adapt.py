import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from components.base import UserError
from components.embedders.adapt import as_embedder
from components.embedders.matrix import as_matrix
from components.embedders.sklearn import SklearnEmbedder

DOCUMENTS = ["one cat", "two dogs", "three"]


def count_letters(documents):
    return [[len(d), d.count("o")] for d in documents]


def test_what_has_encode_is_used_as_it_is():
    class Own:
        def encode(self, documents):
            return np.ones((len(documents), 2), np.float32)

    own = Own()
    assert as_embedder(own) is own


def test_a_transformer_is_fitted_on_the_corpus():
    embedder = as_embedder(TfidfVectorizer())
    assert isinstance(embedder, SklearnEmbedder)
    assert embedder.fits_corpus
    assert embedder.encode(DOCUMENTS).shape == (3, 5)


def test_a_function_is_called_with_a_list():
    given = tuple(DOCUMENTS)
    X = as_embedder(count_letters).encode(given)
    assert X.dtype == np.float32
    assert X.tolist() == [[7, 1], [8, 2], [5, 0]]


@pytest.mark.parametrize("part", [None, 3, "minilm", TfidfVectorizer, {"a": 1}])
def test_anything_else_is_refused(part):
    with pytest.raises(UserError, match="is not an embedder"):
        as_embedder(part)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3, 4]],
        np.array([[1.0, 2], [3, 4]]),
        torch.tensor([[1, 2], [3, 4]], dtype=torch.bfloat16),
        torch.tensor([[1.0, 2], [3, 4]], requires_grad=True),
        [torch.tensor([1.0, 2]), torch.tensor([3.0, 4], requires_grad=True)],
        (np.array([1, 2]), np.array([3, 4])),
    ],
)
def test_rows_become_float32(values):
    matrix = as_matrix(values)
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("form", [sparse.coo_matrix, sparse.csr_array, sparse.csc_matrix])
def test_sparse_stays_sparse(form):
    matrix = as_matrix(form(np.eye(3)))
    assert isinstance(matrix, sparse.csr_matrix)
    assert matrix.dtype == np.float32
    assert np.array_equal(matrix.toarray(), np.eye(3))


def test_float32_is_not_copied():
    X = np.ones((2, 3), np.float32)
    assert as_matrix(X) is X


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2], [3]], "not a table of numbers"),
        ([["a", "b"]], "not a table of numbers"),
        (np.array([[1j, 2.0]]), "complex numbers"),
        ([[1j, 2.0]], "not a table of numbers"),
        ([1, 2, 3], "has the shape|have the shape"),
        (None, "embedder"),
    ],
)
def test_no_matrix_is_an_error(values, message):
    with pytest.raises(UserError, match=message):
        as_matrix(values)
