import email.utils
import json
import logging
import signal
import time

import numpy as np
import pytest
import tiktoken

from api_server import stop_when, vector
from components.api.failures import OF_ITEMS
from components.api.openai import OpenAI
from components.base import ParameterError, UserError
from components.embedders.openai import OpenAIEmbedder
from tests_support import FAST

MODEL = "text-embedding-3-small"
DOCUMENTS = [f"document number {i}" for i in range(10)]


@pytest.fixture
def embedder(api_server):
    def make(**options):
        options = {"retry_delay": 0.01, "timeout": 5.0, "concurrency": 1} | options
        return OpenAIEmbedder(base_url=f"{api_server.url}/v1", **options)

    return make


def expected(documents, model=MODEL, dimensions=8):
    return np.stack([vector(model, text, dimensions) for text in documents])


def test_rows_in_order_however_the_answer_is_ordered(embedder, api_server):
    given = list(DOCUMENTS)
    X = embedder().encode(given)
    assert X.dtype == np.float32
    assert np.array_equal(X, expected(DOCUMENTS))
    assert given == DOCUMENTS
    assert len(api_server.requests) == 1


def test_a_server_that_answers_in_plain_numbers(embedder, api_server):
    api_server.as_floats = True
    assert np.array_equal(embedder().encode(DOCUMENTS), expected(DOCUMENTS))


def test_dimensions_are_asked_for(embedder, api_server):
    X = embedder(dimensions=3).encode(DOCUMENTS)
    assert np.array_equal(X, expected(DOCUMENTS, dimensions=3))
    embedder().encode(DOCUMENTS)
    assert "dimensions" not in api_server.requests[-1][3]


def test_two_embedders_call_their_own_models(embedder, api_server):
    small, large = embedder(), embedder(model="text-embedding-3-large")
    assert not np.array_equal(small.encode(DOCUMENTS), large.encode(DOCUMENTS))
    assert np.array_equal(small.encode(DOCUMENTS), expected(DOCUMENTS))
    models = [body["model"] for _, _, _, body in api_server.requests]
    assert models == [MODEL, "text-embedding-3-large", MODEL]


def store(embedder, documents, into):
    """Vectors by document, as they come."""
    for rows, vectors in embedder.iter_encode(documents):
        into.update(zip(rows.tolist(), vectors, strict=True))


def letters():
    """A vocabulary of one letter a token: the real ones are not on this machine."""
    ranks = {bytes([i]): i for i in range(256)}
    return tiktoken.Encoding("letters", pat_str=r".", mergeable_ranks=ranks, special_tokens={})


# --- Batches ------------------------------------------------------------------------------------


def test_batches_by_count(embedder, api_server):
    documents = [f"text {i}" for i in range(5000)]
    X = embedder(concurrency=3).encode(documents)
    assert np.array_equal(X, expected(documents))
    assert sorted(len(b["input"]) for *_, b in api_server.requests) == [904, 2048, 2048]


def test_batches_by_tokens(embedder, api_server):
    embedder(max_request_tokens=24).encode(["one two four five six"] * 9)
    assert [len(b["input"]) for *_, b in api_server.requests] == [4, 4, 1]


def test_several_requests_at_once(embedder, api_server):
    api_server.pause = 0.1
    X = embedder(batch_size=1, concurrency=4).encode(DOCUMENTS)
    assert np.array_equal(X, expected(DOCUMENTS))
    assert 2 <= api_server.most_at_once <= 4


# --- Too long, and what it costs ----------------------------------------------------------------


def test_too_long_a_text_is_cut_and_counted(embedder, api_server):
    documents = ["short", "word " * 9000, "short too"]
    one = embedder()
    one.encode(documents)
    assert one.truncated_.tolist() == [False, True, False]
    sent = api_server.texts
    assert sent[0::2] == documents[0::2]
    assert documents[1].startswith(sent[1])
    assert 8000 <= len(sent[1].split()) <= 8192


def test_tokens_are_counted_exactly_by_a_named_vocabulary(embedder, api_server, monkeypatch):
    monkeypatch.setattr(tiktoken, "get_encoding", {"letters": letters()}.__getitem__)
    one = embedder(tokenizer="letters", max_input_tokens=5)
    one.encode(["abcde", "abcdef", "<|endoftext|>", "aaaé"])
    assert api_server.texts == ["abcde", "abcde", "<|end", "aaaé"]
    assert one.truncated_.tolist() == [False, True, True, False]


def test_a_cut_never_splits_a_character(embedder, api_server, monkeypatch):
    monkeypatch.setattr(tiktoken, "get_encoding", {"letters": letters()}.__getitem__)
    embedder(tokenizer="letters", max_input_tokens=4).encode(["aaaé"])
    assert api_server.texts == ["aaa"]


def test_an_unknown_vocabulary_is_named(embedder, api_server):
    with pytest.raises(UserError, match=r"tokenizer=cl200k: could not be loaded.*cl100k_base"):
        embedder(tokenizer="cl200k").encode(DOCUMENTS)
    assert not api_server.requests


def test_half_a_surrogate_pair_does_not_break_the_request(embedder):
    assert np.isfinite(embedder().encode(["broken \ud83d emoji"])).all()


def test_what_was_used_is_counted(embedder):
    one = embedder(batch_size=4)
    one.encode(DOCUMENTS)
    assert one.metrics_ == {"embed_tokens": 30.0}  # three words each
    one.encode(DOCUMENTS[:2])
    assert one.metrics_ == {"embed_tokens": 6.0}


def test_a_price_gives_what_it_cost(embedder):
    one = embedder(price=0.02)
    one.encode(DOCUMENTS)
    assert one.metrics_ == {"embed_tokens": 30.0, "embed_cost": pytest.approx(30 * 0.02 / 1e6)}
    assert one.fingerprint() == embedder().fingerprint()
    with pytest.raises(ParameterError, match=r"^price=-1: must be a number of at least 0"):
        embedder(price=-1)


def test_the_budget_is_used_as_far_as_it_goes_and_not_passed(embedder, api_server):
    documents = [f"a text of some six {i}" for i in range(100)]  # six words, estimated at seven
    one = embedder(max_tokens=200)
    got = []
    with pytest.raises(UserError, match=r"^max_tokens=200: .*the budget is used up"):
        got.extend(one.iter_encode(documents))
    assert 200 - 7 < one.metrics_["embed_tokens"] <= 200
    assert len(got) == len(api_server.requests) <= 5
    assert sum(len(rows) for rows, _ in got) == len(api_server.texts) == 33
    with pytest.raises(UserError, match="budget"):  # over the life of the object
        one.encode(documents)


def test_the_budget_counts_what_is_under_way(embedder, api_server):
    api_server.pause = 0.05
    one = embedder(batch_size=1, max_tokens=20, concurrency=8)
    with pytest.raises(UserError, match="budget"):
        one.encode(DOCUMENTS)
    assert 15 <= one.metrics_["embed_tokens"] <= 20


# --- Which tokenizer ----------------------------------------------------------------------------


@pytest.fixture
def as_openai(api_server, monkeypatch):
    """An embedder that takes the local server for OpenAI's own."""
    monkeypatch.setattr(OpenAI, "default_url", f"{api_server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    return OpenAIEmbedder


def test_tiktoken_counts_for_openais_own_models(as_openai, api_server, monkeypatch):
    monkeypatch.setattr(tiktoken, "get_encoding", {"cl100k_base": letters()}.__getitem__)
    as_openai(max_input_tokens=5).encode(["abcdefgh"])
    assert api_server.texts == ["abcde"]
    as_openai(max_input_tokens=5, model="a-model-of-tomorrow").encode(["abcdefgh"])
    assert api_server.texts[1:] == ["abcdefgh"]  # estimated at two


def test_without_its_vocabulary_tokens_are_estimated(as_openai, api_server, monkeypatch, caplog):
    def no_network(name):
        raise ConnectionError("no route to the vocabulary")

    monkeypatch.setattr(tiktoken, "get_encoding", no_network)
    with caplog.at_level(logging.INFO):
        as_openai(max_input_tokens=5).encode(["abcdefgh"])
    assert api_server.texts == ["abcdefgh"]
    assert "tokens are estimated" in caplog.text


# --- Faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        (429, "Rate limit reached", {"Retry-After": "0"}),
        (429, "Rate limit reached"),
        (500, "The server had an error"),
        (503, "Overloaded", {"Retry-After": "0.01"}),
        (408, "Request timeout"),
        "drop",
    ],
)
def test_what_passes_is_tried_again(embedder, api_server, fault, caplog):
    api_server.faults.extend([fault, fault])
    with caplog.at_level(logging.WARNING):
        X = embedder().encode(DOCUMENTS)
    assert np.array_equal(X, expected(DOCUMENTS))
    assert len(api_server.requests) == 3
    assert len(caplog.records) == 1  # one warning, the rest as information


def test_a_slow_answer_is_given_up_and_asked_for_again(embedder, api_server):
    api_server.faults.append(3.0)
    X = embedder(timeout=0.3).encode(DOCUMENTS)
    assert np.array_equal(X, expected(DOCUMENTS))
    assert len(api_server.requests) == 2


def test_a_server_that_is_too_slow_is_told_from_one_that_is_not_there(embedder, api_server):
    api_server.pause = 0.5
    slow = {"timeout": 0.1, "max_retries": 0}
    with pytest.raises(UserError, match=r"Tried once\. Raise timeout, or lower batch_size\."):
        embedder(**slow).encode(DOCUMENTS)
    with pytest.raises(UserError, match=r"Tried once\. Raise timeout\. "):
        embedder(**slow).encode(DOCUMENTS[:1])


@pytest.mark.parametrize("form", ["seconds", "milliseconds", "date"])
def test_retry_after_is_obeyed(embedder, api_server, form):
    header = {
        "seconds": lambda: {"Retry-After": "1"},
        "milliseconds": lambda: {"retry-after-ms": "1000"},
        "date": lambda: {"Retry-After": email.utils.formatdate(time.time() + 2, usegmt=True)},
    }[form]()
    api_server.faults.append((429, "Rate limit reached", header))
    embedder().encode(DOCUMENTS)
    first, second = (arrival for arrival, *_ in api_server.requests)
    assert second - first >= 0.9


def test_a_rate_limit_holds_back_every_request(embedder, api_server):
    api_server.faults.append((429, "Rate limit reached", {"Retry-After": "1"}))
    api_server.pause = 0.1
    embedder(batch_size=1, concurrency=2).encode(DOCUMENTS[:6])
    arrivals = [arrival - api_server.requests[0][0] for arrival, *_ in api_server.requests]
    assert sum(arrival < 0.9 for arrival in arrivals) <= 3  # sent before the 429 was read


def test_waiting_doubles(embedder, api_server):
    api_server.faults.extend([(500, "error")] * 4)
    embedder(retry_delay=0.1).encode(DOCUMENTS)
    arrivals = [arrival for arrival, *_ in api_server.requests]
    for pause, least in zip(np.diff(arrivals), [0.1, 0.2, 0.4, 0.8], strict=True):
        assert pause >= 0.9 * least


def test_it_gives_up_in_the_end(embedder, api_server):
    api_server.faults.extend([(500, "The server had an error")] * 9)
    with pytest.raises(UserError, match=r"status 500.*Tried 3 times.*Run the same command again"):
        embedder(max_retries=2).encode(DOCUMENTS)
    assert len(api_server.requests) == 3


def test_a_wait_until_tomorrow_is_not_waited_for(embedder, api_server):
    api_server.faults.append((429, "Daily limit", {"Retry-After": "86400"}))
    with pytest.raises(UserError, match="asks to wait 86400 s"):
        embedder().encode(DOCUMENTS)


def test_no_server(api_server, embedder):
    api_server.close()
    reason = (
        r"no answer: http://127.0.0.1:\d+/v1 cannot be reached.* Check that a server runs there"
    )
    with pytest.raises(UserError, match=reason):
        embedder(max_retries=1).encode(DOCUMENTS)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ((400, "This model's maximum context length is 8192 tokens"), "embedded again"),
        ((403, "Not allowed"), r"may not use model=text-embedding-3-small"),
        ((404, "The model does not exist"), r"Check model=text-embedding-3-small"),
        ((422, "Bad body"), "status 422: Bad body"),
        ((429, "You exceeded your quota", {}, "insufficient_quota"), "no credit left"),
        ((402, "Insufficient Balance"), "Insufficient Balance.*no credit left"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(embedder, api_server, fault, message):
    api_server.faults.append(fault)
    divided = fault[0] in OF_ITEMS  # see test_refused_requests.py
    with pytest.raises(UserError, match=message):
        embedder().encode(DOCUMENTS[:1] if divided else DOCUMENTS)
    assert len(api_server.requests) == 1


def test_an_empty_string_is_refused_by_the_server(embedder):
    with pytest.raises(UserError, match=r"status 400.*cannot be an empty string"):
        embedder().encode(["a", ""])


def answer_of(rows, **usage):
    """What a server says that gives these values for vectors."""
    return {"data": [{"index": i, "embedding": row} for i, row in enumerate(rows)], **usage}


GOOD = [[1.0, 2.0]] * 10


@pytest.mark.parametrize(
    "fault",
    [
        b"<html><body>Sign in to the Wi-Fi</body></html>",
        b"",
        b"\xff\xfe",
        (200, None),
        (200, []),
        (200, [[1.0, 2.0]] * 10),
        (200, {"message": "this is no embedding server"}),
        (200, {"data": None}),
        (200, {"data": "none"}),
        (200, {"data": []}),
        (200, {"data": [[1.0, 2.0]] * 10}),
        (200, {"data": [{"embedding": row} for row in GOOD]}),
        (200, {"data": [{"index": "0", "embedding": row} for row in GOOD]}),
        (200, {"data": [{"index": 0, "embedding": row} for row in GOOD]}),
        (200, answer_of([*GOOD, [1.0, 2.0]])),
        (200, answer_of([["1.0", "2.0"]] * 10)),
        (200, answer_of([[True, False]] * 10)),
        (200, answer_of([None] * 10)),
        (200, answer_of([1.0] * 10)),
        (200, answer_of([[]] * 10)),
        (200, answer_of([[[1.0], [2.0, 3.0]]] * 10)),
        (200, answer_of(["no base64"] * 10)),
        (200, answer_of([[1.0, float("nan")]] * 10)),
        (200, answer_of([[1.0, 1e300]] * 10)),
    ],
    ids=lambda fault: str(fault)[:40],
)
def test_a_malformed_answer_of_any_shape(embedder, api_server, fault):
    api_server.faults.append(fault)
    with pytest.raises(
        UserError, match=r"^OpenAI: http://\S+ answered .*Check that base_url is an"
    ):
        embedder().encode(DOCUMENTS)
    assert len(api_server.requests) == 1


@pytest.mark.parametrize("cost", [None, "many", {"total_tokens": None}, {"total_tokens": "9"}, []])
def test_a_server_that_does_not_say_what_it_cost(embedder, api_server, cost):
    api_server.faults.append((200, answer_of(GOOD, usage=cost)))
    one = embedder()
    assert np.array_equal(one.encode(DOCUMENTS), GOOD)
    assert 30 <= one.metrics_["embed_tokens"] <= 60  # estimated


@pytest.mark.parametrize("bad", [None, [1.0, float("nan")], ["1", "2"], [1.0, 2.0, 3.0]])
def test_one_bad_vector_does_not_cost_its_neighbours(embedder, api_server, bad):
    api_server.faults.append((200, answer_of([*GOOD[:3], bad, *GOOD[4:]])))
    got = {}
    with pytest.raises(UserError, match=r"OpenAI: .* answered "):
        store(embedder(), DOCUMENTS, got)
    got = {row: vector.tolist() for row, vector in got.items()}
    assert got == {row: [1.0, 2.0] for row in range(10) if row != 3}


def test_an_answer_that_lacks_one_vector(embedder, api_server):
    answer = answer_of(GOOD)
    del answer["data"][3]
    api_server.faults.append((200, answer))
    got = {}
    with pytest.raises(UserError, match="answered 10 texts with 9 vectors"):
        store(embedder(), DOCUMENTS, got)
    assert list(got) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_vectors_numbered_anew_after_one_was_left_out_are_not_taken(embedder, api_server):
    api_server.faults.append((200, answer_of(GOOD[:9])))
    got = {}
    with pytest.raises(UserError, match="answered 10 texts with 9 vectors, which cannot be told"):
        store(embedder(), DOCUMENTS, got)
    assert got == {}


def test_a_server_that_does_not_shorten_vectors(embedder, api_server):
    api_server.faults.append((200, answer_of(GOOD)))
    got = {}
    with pytest.raises(UserError, match=r"^dimensions=4: http.* vectors of 2 numbers.*Type null"):
        store(embedder(dimensions=4), DOCUMENTS, got)
    assert got == {}


def test_a_request_beyond_the_limit_of_a_minute_is_divided(embedder, api_server):
    said = "Request too large for m on tokens per min (TPM): Limit 9, Requested 20."
    api_server.faults.append((429, said, {}, "rate_limit_exceeded"))
    np.testing.assert_array_equal(embedder().encode(DOCUMENTS), expected(DOCUMENTS))
    assert [len(body["input"]) for *_, body in api_server.requests] == [10, 5, 5]


def test_an_error_in_an_answer_of_status_200_is_shown(embedder, api_server):
    api_server.faults.append((200, {"error": {"message": "no provider is free.", "code": 429}}))
    with pytest.raises(UserError, match=r"answered with an error: no provider is free\. Check"):
        embedder().encode(DOCUMENTS)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_first_answer_of_a_wrong_length_does_not_lock_out_the_others(
    embedder, api_server, concurrency
):
    api_server.faults.append((200, answer_of([[1.0, 2.0, 3.0]])))
    got = {}
    with pytest.raises(UserError, match="answered with vectors of 3 and 8 numbers"):
        store(embedder(batch_size=1, concurrency=concurrency), DOCUMENTS, got)
    assert len(got) == len(api_server.requests) - 1 >= 2
    right = expected(DOCUMENTS)
    assert all(np.array_equal(vector, right[row]) for row, vector in got.items())


def test_two_answers_of_which_nobody_knows_which_is_right(embedder, api_server):
    api_server.faults.append((200, answer_of([[1.0, 2.0, 3.0]])))
    with pytest.raises(UserError, match="answered with vectors of 3 and 8 numbers"):
        embedder(batch_size=1).encode(DOCUMENTS[:2])


# --- After a failure ----------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_second_run_asks_only_for_what_is_missing(embedder, api_server, concurrency):
    options = {"batch_size": 1, "concurrency": concurrency, "max_retries": 0}
    api_server.faults.extend([None] * 4 + [(500, "error")])
    stored = {}
    with pytest.raises(UserError, match="status 500"):
        store(embedder(**options), DOCUMENTS, stored)
    answered = len(api_server.requests) - 1
    assert len(stored) == answered >= 4  # every request that was paid for

    missing = [row for row in range(10) if row not in stored]
    api_server.requests.clear()
    rest = {}
    store(embedder(**options), [DOCUMENTS[row] for row in missing], rest)
    stored |= {missing[row]: vector for row, vector in rest.items()}
    assert sorted(api_server.texts) == sorted(DOCUMENTS[row] for row in missing)
    assert np.array_equal(np.stack([stored[row] for row in range(10)]), expected(DOCUMENTS))


def test_nothing_new_is_sent_after_a_failure(embedder, api_server):
    api_server.faults.append((404, "no such model"))
    with pytest.raises(UserError):
        embedder(batch_size=1, concurrency=2).encode(DOCUMENTS)
    assert len(api_server.requests) <= 3


def test_a_caller_that_stops_early_stops_the_requests(embedder, api_server):
    vectors = embedder(batch_size=1).iter_encode(DOCUMENTS)
    next(vectors)
    vectors.close()
    assert len(api_server.requests) <= 2


# --- The key ------------------------------------------------------------------------------------


def test_without_a_key_nothing_starts(api_server):
    with pytest.raises(UserError, match=r"export OPENAI_API_KEY=\.\.\."):
        OpenAIEmbedder()


def test_the_key_comes_from_the_environment(embedder, api_server, monkeypatch):
    api_server.key = "sk-the-right-one"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-right-one")
    one = embedder()
    assert one.encode(DOCUMENTS).shape == (10, 8)
    assert "sk-the" not in json.dumps([repr(vars(one)), one.fingerprint()])


def test_a_wrong_key_is_never_shown(embedder, api_server, monkeypatch, caplog):
    api_server.key = "sk-the-right-one"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-wrong-one")
    with pytest.raises(UserError, match=r"does not accept the key.*export OPENAI_API_KEY") as error:
        embedder().encode(DOCUMENTS)
    assert "sk-" not in str(error.value) + caplog.text
    assert len(api_server.requests) == 1


def test_a_key_in_another_message_is_masked(embedder, api_server):
    api_server.faults.append((400, "Your key sk-proj-abc123456 is odd"))
    with pytest.raises(UserError) as error:
        embedder().encode(DOCUMENTS[:1])
    assert "abc123456" not in str(error.value)


def test_the_server_comes_from_the_environment_too(api_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{api_server.url}/v1/")
    one = OpenAIEmbedder()
    assert np.array_equal(one.encode(DOCUMENTS), expected(DOCUMENTS))
    assert one.fingerprint()["server"] == f"{api_server.url}/v1"


# --- Settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "localhost:8000/v1"}, "^base_url=localhost:8000/v1: must begin with http"),
        ({"batch_size": 0}, r"^batch_size=0: must be at least 1"),
        ({"timeout": 0}, r"^timeout=0: "),
        ({"max_retries": -1}, r"^max_retries=-1: "),
        ({"max_input_tokens": 0}, r"^max_input_tokens=0: "),
        ({"concurrency": 0}, r"^concurrency=0: "),
    ],
)
def test_impossible_settings(api_server, options, message):
    with pytest.raises(UserError, match=message):
        OpenAIEmbedder(**{"base_url": api_server.url} | options)


def test_fingerprint_knows_what_changes_a_vector(embedder):
    def text(**options):
        return json.dumps(embedder(**options).fingerprint(), sort_keys=True)

    neutral = {"batch_size": 7, "concurrency": 9, "timeout": 1.0, "max_retries": 1}
    assert text() == text(**neutral, retry_delay=3.0, max_tokens=5, max_request_tokens=100)
    for options in (
        {"model": "other"},
        {"dimensions": 4},
        {"tokenizer": "cl100k_base"},
        {"max_input_tokens": 99},
    ):
        assert text() != text(**options)


# --- A run --------------------------------------------------------------------------------------


def test_a_run_that_failed_goes_on_where_it_stopped(runner, api_server):
    settings = ["embedder=openai", f"embedder.base_url={api_server.url}/v1"]
    settings += ["embedder.batch_size=10", "embedder.max_retries=0", "embedder.concurrency=2"]
    settings += [f"cache.dir={api_server.url[-5:]}"]
    settings += [s for s in FAST if not s.startswith(("embedder", "cache"))]
    api_server.faults.extend([None] * 3 + [(404, "The model is gone")])
    failed = runner(*settings, "dataset.limit=60")
    assert failed.code == 1
    assert "The model is gone" in failed.out + failed.err
    first = api_server.texts
    refused = api_server.requests[3][3]["input"]

    api_server.requests.clear()
    assert runner(*settings, "dataset.limit=60").code == 0
    second = api_server.texts
    assert set(second) & set(first) == set(refused)
    assert len(set(first) | set(second)) == 60
    assert len(second) == 60 - len(first) + len(refused)

    api_server.requests.clear()
    assert runner(*settings, "dataset.limit=60").code == 0
    assert not api_server.requests


def test_a_run_that_is_stopped_stores_what_is_under_way(runner, api_server):
    settings = ["embedder=openai", f"embedder.base_url={api_server.url}/v1"]
    settings += ["embedder.batch_size=5", "embedder.concurrency=2"]
    settings += [f"cache.dir={api_server.url[-5:]}", "dataset.limit=60"]
    settings += [s for s in FAST if not s.startswith(("embedder", "cache"))]
    api_server.pause = 0.3
    stop_when(lambda: len(api_server.requests) >= 4, signal.SIGTERM)
    assert runner(*settings).code == 130
    first = api_server.texts
    assert 20 <= len(first) < 60
    api_server.requests.clear()
    api_server.pause = 0.0
    assert runner(*settings).code == 0
    assert len(api_server.texts) == 60 - len(first)
    assert not set(first) & set(api_server.texts)
