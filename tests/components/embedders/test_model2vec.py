import json

import numpy as np
import pytest
from model2vec import StaticModel

from components.base import UserError
from components.embedders.model2vec import Model2VecEmbedder
from components.embedders.weights import resolve

DOCUMENTS = [
    "The stock market fell.",
    "Investors sold their shares on the stock exchange.",
    "The football team won the cup final.",
]


@pytest.fixture(scope="module")
def static_model():
    return StaticModel.from_pretrained(resolve("pkg://static_model/model"))


def test_equal_to_the_library(static_model):
    X = Model2VecEmbedder().encode(DOCUMENTS)
    assert X.dtype == np.float32
    assert np.allclose(X, static_model.encode(DOCUMENTS), atol=1e-6)
    assert np.allclose(np.linalg.norm(X, axis=1), 1, atol=1e-5)


def test_related_documents_are_nearer():
    X = Model2VecEmbedder().encode(DOCUMENTS)
    assert X[0] @ X[1] > X[0] @ X[2] + 0.2


def test_dimensions_and_normalise():
    raw = Model2VecEmbedder(normalise=False).encode(DOCUMENTS)
    short = Model2VecEmbedder(normalise=False, dimensions=16).encode(DOCUMENTS)
    assert np.allclose(short, raw[:, :16], atol=1e-5)
    unit = Model2VecEmbedder(normalise=True, dimensions=16).encode(DOCUMENTS)
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)


def test_a_long_document_is_cut_only_on_demand():
    long = "market " * 500 + "football " * 500
    whole = Model2VecEmbedder()
    X = whole.encode([long, "market"])
    assert not whole.truncated_.any()
    cut = Model2VecEmbedder(max_length=100)
    Y = cut.encode([long, "market"])
    assert cut.truncated_.tolist() == [True, False]
    assert Y[0] @ Y[1] > 0.99  # only the market is left
    assert X[0] @ X[1] < 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "./nothing"}, "no such file or folder"),
        ({"model": "pkg://no_such_package/model"}, "pip install"),
        ({"max_length": 0}, r"^max_length=0"),
    ],
)
def test_what_cannot_work_fails_at_once(options, message):
    with pytest.raises(UserError, match=message):
        Model2VecEmbedder(**options)


def test_what_the_model_cannot_give(tmp_path):
    with pytest.raises(UserError, match=r"^dimensions=500.*has 64"):
        Model2VecEmbedder(dimensions=500).encode(DOCUMENTS)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="could not be loaded"):
        Model2VecEmbedder(model=str(tmp_path)).encode(DOCUMENTS)


def test_fingerprint_knows_what_changes_a_vector():
    def text(**options):
        return json.dumps(Model2VecEmbedder(**options).fingerprint(), sort_keys=True)

    assert text() == text(batch_size=3)
    assert len({text(), text(normalise=False), text(dimensions=8), text(max_length=9)}) == 4
