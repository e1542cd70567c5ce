"""Requests to a server on this machine, by the real SDK."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from api_server import stop_when
from components.api.openai import OpenAI, total_tokens
from components.api.requests import Requests
from components.base import ParameterError, UserError


@pytest.fixture
def ask(api_server):
    """Asks for the vectors of `n` texts, one a request; yields the numbers of those answered."""

    def ask(n, **options):
        provider = OpenAI(model="m", base_url=f"{api_server.url}/v1")
        requests = Requests(provider, **{"retry_delay": 0.01, "timeout": 5.0} | options)
        client = provider.connect(5.0)

        def send(rows):
            texts = [f"text {row}" for row in rows]
            raw = client.embeddings.with_raw_response.create(model="m", input=texts)
            body = provider.read(raw)
            return len(body["data"]), total_tokens(body)

        with requests.start(n, lambda row: 2, send) as run:
            for rows, answer in run:
                assert answer == len(rows)
                yield from rows.tolist()

    return ask


@pytest.fixture(autouse=True)
def _handlers():
    """As in a run: both signals raise KeyboardInterrupt; afterwards the handlers are back."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    yield
    after = [signal.signal(number, handler) for number, handler in before.items()]
    assert after == [signal.default_int_handler] * 2


def test_every_item_is_answered_once(ask, api_server):
    assert sorted(ask(20, concurrency=4)) == list(range(20))
    assert len(api_server.requests) == 20


def test_a_server_that_drips_is_given_up(ask, api_server):
    api_server.faults.append("drip")  # four seconds of it, a byte every 0.02 s
    begun = time.monotonic()
    assert list(ask(1, timeout=0.3)) == [0]
    assert time.monotonic() - begun < 2
    assert len(api_server.requests) == 2


def test_waiting_doubles_also_after_retry_after_0(ask, api_server):
    api_server.faults.extend([(429, "slow down", {"Retry-After": "0"})] * 3)
    list(ask(1, retry_delay=0.1))
    pauses = np.diff([arrival for arrival, *_ in api_server.requests])
    assert (pauses >= [0.09, 0.19, 0.39]).all()


def test_waits_are_not_all_the_same(api_server):
    provider = OpenAI(model="m", base_url=api_server.url)
    requests = Requests(provider, retry_delay=1.0)
    failure = requests._failure(TimeoutError())
    delays = [requests._delay(failure, 0) for _ in range(50)]
    assert len(set(delays)) > 40
    assert 1 <= min(delays) < max(delays) <= 1.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_when_the_user_stops_is_handed_over(ask, api_server, number):
    api_server.pause = 0.3
    stop_when(lambda: len(api_server.requests) >= 6, number)
    got = []
    with pytest.raises(KeyboardInterrupt):
        got.extend(ask(40, concurrency=4))
    assert len(got) == len(api_server.requests) < 40


def test_what_comes_while_the_caller_stores_is_handed_over(ask, api_server):
    stop_when(lambda: len(api_server.requests) >= 4, signal.SIGINT)
    got = []

    def store():
        for row in ask(40, concurrency=4):
            time.sleep(0.2)
            got.append(row)

    with pytest.raises(KeyboardInterrupt):
        store()
    assert len(got) == len(api_server.requests) < 40


def test_a_second_signal_does_not_wait(ask, api_server):
    api_server.pause = 2.0
    stop_when(lambda: len(api_server.requests) >= 2, signal.SIGINT, signal.SIGINT)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(ask(40, concurrency=2))
    assert time.monotonic() - begun < 1.5


def test_no_retry_after_the_user_stops(ask, api_server):
    api_server.faults.append((503, "overloaded", {"Retry-After": "60"}))
    stop_when(lambda: len(api_server.requests) >= 1, signal.SIGINT)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(ask(1))
    assert time.monotonic() - begun < 2


def test_signals_that_are_ignored_stay_ignored(ask, api_server):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        api_server.pause = 0.1
        stop_when(lambda: len(api_server.requests) >= 1, signal.SIGINT)
        assert list(ask(3, concurrency=1)) == [0, 1, 2]
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_a_thread_too(ask):
    got = []
    thread = threading.Thread(target=lambda: got.extend(ask(3)))
    thread.start()
    thread.join()
    assert sorted(got) == [0, 1, 2]


def test_the_budget(ask, api_server):
    got = []
    with pytest.raises(ParameterError, match=r"^max_tokens=7: OpenAI: the budget is used up: 6"):
        got.extend(ask(40, max_tokens=7))
    assert len(got) == 3


def test_the_callers_own_failure_ends_it(api_server):
    requests = Requests(OpenAI(model="m", base_url=api_server.url), concurrency=1)
    got = []

    def use():
        with requests.start(9, lambda row: 1, lambda rows: (0, 1)) as run:
            for rows, _ in run:
                got.extend(rows.tolist())
                run.fail(UserError("enough"))

    with pytest.raises(UserError, match="enough"):
        use()
    assert got == [0]


def test_a_mistake_in_the_code_that_sends_is_not_hidden(api_server):
    requests = Requests(OpenAI(model="m", base_url=api_server.url))

    def use():
        with requests.start(3, lambda row: 1, lambda rows: rows / None) as run:
            list(run)

    with pytest.raises(TypeError):
        use()


def test_a_password_in_the_address_is_not_shown(monkeypatch):
    monkeypatch.setitem(os.environ, "OPENAI_BASE_URL", "ftp://me:secret@host/v1")
    with pytest.raises(ParameterError, match="must begin with http") as error:
        OpenAI(model="m", base_url=None)
    assert "secret" not in str(error.value)
