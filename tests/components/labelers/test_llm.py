from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chat_server import ChatServer
from components.base import ParameterError, Topic, UserError
from components.labelers.llm import LLMLabels, diverse

PROMPT = "Words: {words}\nDocuments:\n{documents}\nIn {language}."
DOCUMENTS = ["cats purr", "dogs bark", "cars honk", "a long text " * 200]
X = np.eye(4, dtype=np.float32)
KEPT = np.arange(4)
TOPICS = [
    Topic(i, 1, ((word, 1.0),), typical=i, examples=(i, 3))
    for i, word in enumerate(["cat", "dog", "car"])
]
WORDS = ["cat", "dog", "car"]
NAMED = "A name"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    server = ChatServer()
    yield server
    server.close()


def part(server: ChatServer, **options: Any) -> LLMLabels:
    given = {"prompt": PROMPT, "concurrency": 1, "retry_delay": 0.01, "timeout": 5.0} | options
    return LLMLabels(model="m", base_url=f"{server.url}/v1", **given)


def label(labels: LLMLabels, answers: dict[str, str] | None = None) -> list[str]:
    found = labels.label(TOPICS, documents=DOCUMENTS, embeddings=X, rows=KEPT, answers=answers)
    return [topic.label for topic in found]


def test_labels_and_descriptions_and_what_is_sent(server: ChatServer) -> None:
    labels = part(server, language="German", options={"temperature": 0}, max_input_tokens=40)
    found = labels.label(TOPICS, documents=DOCUMENTS, embeddings=X, rows=KEPT)
    assert {(t.label, t.description) for t in found} == {(NAMED, "About it.")}
    assert labels.metrics_ == {"n_labels_failed": 0.0, "label_tokens": 45.0}
    body = server.requests[0][3]
    assert (body["model"], body["temperature"]) == ("m", 0)
    assert "cat" in server.prompts[0]
    assert "cats purr" in server.prompts[0]
    assert "In German." in server.prompts[0]
    assert len(server.prompts[0]) < 200


def test_a_second_run_makes_no_request(server: ChatServer) -> None:
    answers: dict[str, str] = {}
    assert label(part(server), answers) == [NAMED] * 3
    again = part(server)
    assert label(again, answers) == [NAMED] * 3
    assert len(server.requests) == 3
    assert again.metrics_["label_tokens"] == 0
    label(part(server, options={"seed": 1}), answers)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "fault",
    [(500, "oops"), (429, "slow down", {"Retry-After": "0.2"}), "drop", "drip"],
    ids=["500", "429", "drop", "slow"],
)
def test_what_passes_is_tried_again(server: ChatServer, fault: Any) -> None:
    server.faults.append(fault)
    start = time.monotonic()
    assert label(part(server, timeout=0.3)) == [NAMED] * 3
    assert len(server.requests) == 4
    if fault[0] == 429:
        assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("fault", [(400, "the prompt is too long"), b"<html>"])
def test_a_refused_request_keeps_the_words_of_its_topic_alone(
    server: ChatServer, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.append(fault)
    labels, answers = part(server), {}
    assert label(labels, answers) == ["cat", NAMED, NAMED]
    assert labels.metrics_["n_labels_failed"] == 1
    assert "topic 0 keeps its words" in caplog.text
    assert label(part(server), answers) == [NAMED] * 3


@pytest.mark.parametrize(
    "said",
    ["", None, "I cannot help with that.", '{"label": "cut o', "[1]", {"name": "x"}, {"label": 3},
     {"label": " ?! "}, {"label": "x" * 101}, "{" * 5000],
)  # fmt: skip
def test_nonsense_keeps_the_words_and_is_not_paid_for_twice(server: ChatServer, said: Any) -> None:
    server.say = said
    labels, answers = part(server), {}
    assert label(labels, answers) == WORDS
    assert labels.metrics_["n_labels_failed"] == 3
    assert label(part(server), answers) == WORDS
    assert len(server.requests) == 3


def test_json_in_markdown_and_unprintable_characters(server: ChatServer) -> None:
    server.say = '```json\n{"label": "Cats\\n\\u202e and\\u0000 dogs"}\n```'
    assert label(part(server)) == ["Cats and dogs"] * 3


def test_what_a_model_thinks_is_no_part_of_its_answer(server: ChatServer) -> None:
    server.say = '<think>Is it {tea}? {"label": "Tea"}</think>\n\n{"label": "Cats"}'
    assert label(part(server)) == ["Cats"] * 3


@pytest.mark.parametrize("said", ['{"label": "cut o', "<think>Is it"])
def test_an_answer_that_was_cut_off_is_called_so(
    server: ChatServer, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.say = said
    label(part(server))
    assert "cut off" in caplog.text


@pytest.mark.parametrize("fault", [(401, "key sk-secretsecret"), (404, "no model")])
def test_what_makes_all_requests_useless_stops_them(
    server: ChatServer, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.append(fault)
    labels = part(server)
    assert label(labels) == WORDS
    assert len(server.requests) == 1
    assert labels.metrics_["n_labels_failed"] == 3
    assert f"no further topic is labelled: {server.url}" in caplog.text
    assert "sk-secret" not in caplog.text
    assert "keeps its words" not in caplog.text  # once for each topic


def test_no_request_is_sent_beyond_the_budget(
    server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    labels = part(server, max_tokens=100, options={"max_tokens": 120})
    assert label(labels) == WORDS
    assert not server.requests
    assert labels.metrics_["n_labels_failed"] == 3
    assert "the budget is used up" in caplog.text


def test_requests_are_concurrent(server: ChatServer) -> None:
    server.pause = 0.1
    label(part(server, concurrency=3))
    assert server.most_at_once == 3


def test_a_document_cannot_fill_another_placeholder(server: ChatServer) -> None:
    topics = [Topic(0, 1, (("{documents}", 1.0),), typical=0)]
    part(server).label(topics, documents=["{words}"], embeddings=X[:1], rows=KEPT[:1])
    assert "- {words}" in server.prompts[0]
    assert "Words: {documents}" in server.prompts[0]


def test_documents_are_diverse() -> None:
    X = np.array([[1, 0], [1, 0], [0.9, 0.1], [0, 1]], np.float32)
    assert diverse(X, 2) == [0, 3]
    assert diverse(X, 4) == [0, 3, 2]


def test_documents_are_found_by_their_row_in_whatever_order_the_vectors_are(
    server: ChatServer,
) -> None:
    topics = [Topic(0, 3, (("pet", 1.0),), typical=0, examples=(0, 1, 2))]
    vectors = np.array([[0, 1], [1, 0], [1, 0]], np.float32)  # of documents 2, 1 and 0
    part(server, n_documents=2).label(
        topics, documents=DOCUMENTS, embeddings=vectors, rows=np.array([2, 1, 0])
    )
    assert all(text in server.prompts[0] for text in ("cats purr", "cars honk"))
    assert "dogs bark" not in server.prompts[0]


def test_wrong_parameters(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in [("prompt", "Hi"), ("n_documents", -1), ("max_input_tokens", 0),
                        ("options", {"model": "x"}), ("concurrency", 0)]:  # fmt: skip
        with pytest.raises(ParameterError) as error:
            part(server, **{name: value})
        assert error.value.name == name
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        LLMLabels(model="m", prompt=PROMPT)
