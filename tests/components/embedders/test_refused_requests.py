"""A request that is refused for one of its texts, or for its size, is divided."""

import numpy as np
import pytest

from api_server import vector
from components.base import UserError
from components.embedders.cohere import CohereEmbedder
from components.embedders.openai import OpenAIEmbedder


@pytest.fixture(params=[OpenAIEmbedder, CohereEmbedder])
def embedder(api_server, request):
    version = "/v1" if request.param is OpenAIEmbedder else ""

    def make(**options):
        options = {"retry_delay": 0.01, "timeout": 5.0, "concurrency": 1} | options
        return request.param(base_url=f"{api_server.url}{version}", **options)

    return make


def vectors_of(embedder, documents):
    return np.stack([vector(embedder.model, text, 8) for text in documents])


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_refused_text_does_not_cost_the_others(embedder, api_server, concurrency, caplog):
    documents = [f"text number {n}" for n in range(40)]
    api_server.refused = "number 17"
    found = {}

    def collect():
        for rows, vectors in embedder(batch_size=8, concurrency=concurrency).iter_encode(documents):
            found.update(zip(rows.tolist(), vectors, strict=True))

    with pytest.raises(UserError, match=r"status 400: the input was flagged"):
        collect()
    assert sorted(found) == [n for n in range(40) if n != 17]
    assert "the first begins 'text number 17'" in caplog.text
    assert len(api_server.requests) <= 5 + 2 * 3  # halves, quarters, eighths of one request


def test_a_server_that_takes_fewer_texts_a_request(embedder, api_server):
    documents = [f"text number {n}" for n in range(20)]
    api_server.max_inputs = 5
    one = embedder(batch_size=16)
    np.testing.assert_array_equal(one.encode(documents), vectors_of(one, documents))


def test_what_is_refused_in_every_text_ends_soon(embedder, api_server):
    api_server.refused = "text"
    with pytest.raises(UserError, match=r"status 400"):
        embedder(batch_size=1024).encode([f"text {n}" for n in range(5000)])
    assert len(api_server.requests) <= 12


def test_an_answer_that_ends_within_a_chunk_is_asked_for_again(embedder, api_server):
    api_server.faults.append("cut")
    one = embedder()
    np.testing.assert_array_equal(one.encode(["a", "b"]), vectors_of(one, ["a", "b"]))
    assert len(api_server.requests) == 2
