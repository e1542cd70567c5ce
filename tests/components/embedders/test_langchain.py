import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

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
    with pytest.raises(UserError, match=r"dict is no LangChain.*embedder\.embeddings\._target_"):
        LangChainEmbedder(embeddings={})
    with pytest.raises(UserError, match=r"embedder\.batch_size=0"):
        LangChainEmbedder(embeddings=Recording(), batch_size=0)


def test_a_provider_that_fails_is_named():
    class Broken(Recording):
        def embed_documents(self, texts):
            raise ConnectionError("no route to host")

    with pytest.raises(UserError, match=r"Broken failed .ConnectionError: no route to host"):
        LangChainEmbedder(embeddings=Broken()).encode(DOCUMENTS)
