import importlib
import json
import sys

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from pydantic import BaseModel, SecretStr

from components.base import UserError
from components.embedders.langchain import LangChainEmbedder

DOCUMENTS = [f"document {i}" for i in range(5)]


class Recording(Embeddings):
    """Remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def embed_documents(self, texts):
        self.calls.append(texts)
        return [[float(len(text)), 1.0] for text in texts]

    def embed_query(self, text):
        raise AssertionError("documents are no queries")


def test_rows_of_the_object():
    fake = DeterministicFakeEmbedding(size=12)
    X = LangChainEmbedder(embeddings=fake).encode(DOCUMENTS)
    assert X.dtype == np.float32
    assert np.allclose(X, fake.embed_documents(DOCUMENTS), atol=1e-6)


def test_documents_are_handed_over_in_batches():
    recording = Recording()
    X = LangChainEmbedder(embeddings=recording, batch_size=2).encode(tuple(DOCUMENTS))
    assert recording.calls == [DOCUMENTS[:2], DOCUMENTS[2:4], DOCUMENTS[4:]]
    assert X.tolist() == [[10.0, 1.0]] * 5


def test_what_is_no_embeddings_object():
    with pytest.raises(UserError, match=r"^embeddings=dict: is not a LangChain.* _target_"):
        LangChainEmbedder(embeddings={})
    with pytest.raises(UserError, match=r"^batch_size=0"):
        LangChainEmbedder(embeddings=Recording(), batch_size=0)


def test_a_provider_that_fails_is_named():
    class Broken(Recording):
        def embed_documents(self, texts):
            raise ConnectionError("no route to host")

    with pytest.raises(UserError, match=r"Broken failed .ConnectionError: no route to host"):
        LangChainEmbedder(embeddings=Broken()).encode(DOCUMENTS)


def test_what_came_before_a_failure_is_handed_over():
    class Fails(Recording):
        def embed_documents(self, texts):
            if self.calls:
                raise ConnectionError("no route to host")
            return super().embed_documents(texts)

    got = []
    with pytest.raises(UserError, match="no route to host"):
        got.extend(LangChainEmbedder(embeddings=Fails(), batch_size=2).iter_encode(DOCUMENTS))
    assert [rows.tolist() for rows, _ in got] == [[0, 1]]


def test_a_batch_with_too_few_vectors_is_not_taken():
    class Fewer(Recording):
        def embed_documents(self, texts):
            return super().embed_documents(texts)[1:]

    with pytest.raises(UserError, match=r"^Fewer gave 1 vectors for 2 documents"):
        LangChainEmbedder(embeddings=Fewer(), batch_size=2).encode(DOCUMENTS)


class Provider(Embeddings, BaseModel):
    """What a provider's class looks like."""

    model: str = "small"
    dimensions: int | None = None
    base_url: str | None = None
    api_key: SecretStr | None = None
    max_retries: int = 2
    request_timeout: float | None = None
    encode_kwargs: dict[str, object] = {}
    client: object = None

    def embed_documents(self, texts):
        return [[1.0]] * len(texts)

    def embed_query(self, text):
        raise AssertionError("documents are no queries")


def key(**settings):
    return json.dumps(LangChainEmbedder(embeddings=Provider(**settings)).fingerprint())


def test_the_key_follows_what_may_change_a_vector(tmp_path):
    keys = {
        key(),
        key(model="large"),
        key(dimensions=8),
        key(base_url="https://elsewhere/v1"),
        key(encode_kwargs={"normalize_embeddings": True}),
    }
    assert len(keys) == 5
    (tmp_path / "weights").write_text("old")
    before = key(model=str(tmp_path / "weights"))
    (tmp_path / "weights").write_text("new")
    assert key(model=str(tmp_path / "weights")) != before


def test_the_key_leaves_out_what_does_not():
    neutral = {"max_retries": 9, "request_timeout": 1.0, "client": object()}
    assert key(**neutral, api_key="sk-one", encode_kwargs={"batch_size": 2}) == key(
        api_key="sk-two", encode_kwargs={"batch_size": 3}, client=object()
    )
    one = LangChainEmbedder(embeddings=Provider(), batch_size=3)
    assert json.dumps(one.fingerprint()) == key()


def test_no_secret_is_in_the_key():
    text = key(api_key="sk-one", base_url="https://me:sesame@host/v1")
    assert "sk-one" not in text
    assert "sesame" not in text


def test_a_class_of_the_users_own_is_known_by_its_source(tmp_path, monkeypatch):
    def described(source):
        (tmp_path / "own_embeddings.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        sys.modules.pop("own_embeddings", None)
        importlib.invalidate_caches()
        own = importlib.import_module("own_embeddings").Own()
        return LangChainEmbedder(embeddings=own).fingerprint()

    source = "class Own:\n    def embed_documents(self, texts):\n        return [[1.0]]\n"
    first = described(source)
    assert described(source) == first
    assert described(source.replace("1.0", "2.25")) != first
    fake = LangChainEmbedder(embeddings=DeterministicFakeEmbedding(size=4)).fingerprint()
    assert ":" not in fake["embeddings"]["class"]  # of an installed package
