import json

import numpy as np
import pytest

from api_server import vector
from components.api.failures import OF_ITEMS
from components.base import UserError
from components.embedders.cohere import CohereEmbedder

DOCUMENTS = [f"document number {i}" for i in range(10)]


@pytest.fixture
def embedder(api_server):
    api_server.max_inputs = 96

    def make(**options):
        options = {"retry_delay": 0.01, "timeout": 5.0, "concurrency": 1} | options
        return CohereEmbedder(base_url=api_server.url, **options)

    return make


def expected(documents, model="embed-v4.0", dimensions=8):
    return np.stack([vector(model, text, dimensions) for text in documents])


def test_vectors_for_clustering_96_texts_a_request(embedder, api_server):
    documents = [f"text {i}" for i in range(200)]
    X = embedder(concurrency=3).encode(documents)
    assert X.dtype == np.float32
    assert np.array_equal(X, expected(documents))
    assert sorted(len(body["texts"]) for *_, body in api_server.requests) == [8, 96, 96]
    body = api_server.requests[0][3]
    assert body["input_type"] == "clustering"
    assert body["truncate"] == "END"
    assert body["embedding_types"] == ["float"]


def test_two_embedders_call_their_own_models(embedder, api_server):
    a, b = embedder(), embedder(model="embed-english-v3.0", input_type="search_document")
    assert not np.array_equal(a.encode(DOCUMENTS), b.encode(DOCUMENTS))
    assert np.array_equal(a.encode(DOCUMENTS), expected(DOCUMENTS))
    asked = [(body["model"], body["input_type"]) for *_, body in api_server.requests]
    assert asked[1] == ("embed-english-v3.0", "search_document")


def test_dimensions_are_asked_for(embedder, api_server):
    X = embedder(dimensions=3).encode(DOCUMENTS)
    assert np.array_equal(X, expected(DOCUMENTS, dimensions=3))
    embedder().encode(DOCUMENTS)
    assert "output_dimension" not in api_server.requests[-1][3]


def test_the_server_cuts_and_we_count(embedder, api_server):
    documents = ["short", "word " * 600]
    one = embedder(max_input_tokens=512)
    one.encode(documents)
    assert api_server.texts == documents
    assert one.truncated_.tolist() == [False, True]


def test_what_was_used_is_counted_and_limited(embedder):
    one = embedder(batch_size=1, max_tokens=20)
    with pytest.raises(UserError, match="the budget is used up"):
        one.encode(DOCUMENTS)
    assert 15 <= one.metrics_["embed_tokens"] <= 20


@pytest.mark.parametrize(
    "fault",
    [
        (429, "You are past the rate limit", {"Retry-After": "0"}),
        (429, "You are past the rate limit"),
        (500, "internal server error"),
        (503, "service unavailable"),
        "drop",
    ],
)
def test_what_passes_is_tried_again(embedder, api_server, fault):
    api_server.faults.extend([fault, fault])
    assert np.array_equal(embedder().encode(DOCUMENTS), expected(DOCUMENTS))
    assert len(api_server.requests) == 3


def test_a_slow_answer_is_given_up_and_asked_for_again(embedder, api_server):
    api_server.faults.append(3.0)
    assert np.array_equal(embedder(timeout=0.3).encode(DOCUMENTS), expected(DOCUMENTS))
    assert len(api_server.requests) == 2


def test_retry_after_is_obeyed(embedder, api_server):
    api_server.faults.append((429, "past the rate limit", {"Retry-After": "1"}))
    embedder().encode(DOCUMENTS)
    first, second = (arrival for arrival, *_ in api_server.requests)
    assert second - first >= 0.9


def test_it_gives_up_in_the_end(embedder, api_server):
    api_server.faults.extend([(500, "internal server error")] * 9)
    with pytest.raises(UserError, match=r"^http://\S+: status 500: .*error\. Tried 3"):
        embedder(max_retries=2).encode(DOCUMENTS)
    assert len(api_server.requests) == 3


def test_no_server(api_server, embedder):
    api_server.close()
    with pytest.raises(UserError, match="cannot be reached"):
        embedder(max_retries=1).encode(DOCUMENTS)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ((400, "invalid request: texts is too long"), "invalid request"),
        ((404, "model not found"), r"Check model=embed-v4\.0"),
        ((422, "unprocessable"), "status 422"),
        ((402, "payment required"), "no credit left"),
        ((498, "invalid token"), "export CO_API_KEY"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(embedder, api_server, fault, message):
    api_server.faults.append(fault)
    divided = fault[0] in OF_ITEMS  # see test_refused_requests.py
    with pytest.raises(UserError, match=message):
        embedder().encode(DOCUMENTS[:1] if divided else DOCUMENTS)
    assert len(api_server.requests) == 1


def test_an_empty_string_is_refused_by_the_server(embedder):
    with pytest.raises(UserError, match="status 400"):
        embedder().encode(["a", ""])


@pytest.mark.parametrize(
    "fault",
    [
        b"<html>Sign in</html>",
        (200, None),
        (200, [1, 2]),
        (200, {"hello": "world"}),
        (200, {"id": "1", "embeddings": None}),
        (200, {"id": "1", "embeddings": [[1.0, 2.0]] * 10}),
        (200, {"id": "1", "embeddings": {"float": "none"}}),
        (200, {"id": "1", "embeddings": {"float": [[1.0, 2.0]]}}),
        (200, {"id": "1", "embeddings": {"float": [["one", "two"]] * 10}}),
        (200, {"id": "1", "embeddings": {"float": [[1.0, float("nan")]] * 10}}),
    ],
    ids=lambda fault: str(fault)[:40],
)
def test_a_malformed_answer_of_any_shape(embedder, api_server, fault):
    api_server.faults.append(fault)
    with pytest.raises(UserError, match=r"^Cohere: http://\S+ answered 10 texts with"):
        embedder().encode(DOCUMENTS)
    assert len(api_server.requests) == 1


def test_a_second_run_asks_only_for_what_is_missing(embedder, api_server):
    options = {"batch_size": 1, "max_retries": 0}
    api_server.faults.extend([None] * 4 + [(500, "error")])
    stored = {}

    def store(documents):
        for rows, vectors in embedder(**options).iter_encode(documents):
            stored.update(zip([documents[row] for row in rows], vectors, strict=True))

    with pytest.raises(UserError, match="status 500"):
        store(DOCUMENTS)
    assert list(stored) == DOCUMENTS[:4]
    api_server.requests.clear()
    store([document for document in DOCUMENTS if document not in stored])
    assert api_server.texts == DOCUMENTS[4:]
    assert np.array_equal(np.stack([stored[d] for d in DOCUMENTS]), expected(DOCUMENTS))


def test_without_a_key_nothing_starts(api_server):
    with pytest.raises(UserError, match=r"export CO_API_KEY=\.\.\."):
        CohereEmbedder()


def test_a_wrong_key_is_never_shown(embedder, api_server, monkeypatch, caplog):
    api_server.key = "the-right-one"
    monkeypatch.setenv("CO_API_KEY", "the-wrong-one")
    with pytest.raises(UserError, match="does not accept the key") as error:
        embedder().encode(DOCUMENTS)
    assert "the-wrong" not in str(error.value) + caplog.text
    monkeypatch.setenv("CO_API_KEY", "the-right-one")
    one = embedder()
    one.encode(DOCUMENTS)
    assert "the-right" not in json.dumps([repr(vars(one)), one.fingerprint()])


def test_fingerprint_knows_what_changes_a_vector(embedder):
    def text(**options):
        return json.dumps(embedder(**options).fingerprint(), sort_keys=True)

    neutral = {"batch_size": 7, "concurrency": 9, "timeout": 1.0, "max_retries": 1}
    assert text() == text(**neutral, retry_delay=3.0, max_tokens=5, max_input_tokens=512)
    for options in (
        {"model": "other"},
        {"dimensions": 4},
        {"input_type": "classification"},
        {"truncate": "START"},
    ):
        assert text() != text(**options)
