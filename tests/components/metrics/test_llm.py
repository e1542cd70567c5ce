from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from chat_server import ChatServer
from components.api.chat import Replies
from components.base import Corpus, ParameterError, Result, Topic
from components.metrics.llm import LLMJudge

pytest.importorskip("openai", reason="the extra openai is not installed")

PROMPTS = {
    "intrusion": "INTRUDER of: {words}",
    "rating": "RATE: {words}",
    "name": "NAME\n{documents}",
    "fit": 'FIT "{name}"\n{documents}',
}
WORDS = {
    "pets": ["cat", "dog", "hamster", "parrot", "goldfish", "puppy"],
    "cars": ["engine", "wheel", "brake", "clutch", "bumper", "tyre"],
    "food": ["bread", "cheese", "apple", "soup", "butter", "salad"],
}
NAMES = list(WORDS)
N = 8  # documents of each topic


def corpus_of_three() -> Result:
    documents = [
        f"{words[i % 6]} and {words[(i + 1) % 6]}, {i}"
        for words in WORDS.values()
        for i in range(N)
    ]
    n = len(documents)
    X = np.ones((n, 2), np.float32)
    labels = np.repeat(np.arange(3), N)
    topics = [
        Topic(t, N, tuple((w, 1.0) for w in words), t * N, tuple(range(t * N, t * N + N)))
        for t, words in enumerate(WORDS.values())
    ]
    strengths = np.ones(n, np.float32)
    return Result(Corpus(documents), np.arange(n), X, X, labels, strengths, topics)


def kind_of(text: str) -> str:
    return next(name for name, words in WORDS.items() if any(w in text.lower() for w in words))


def good_judge(prompt: str) -> Any:
    """What somebody says who knows the words."""
    if prompt.startswith("INTRUDER"):
        words = prompt.partition(": ")[2].split(", ")
        kinds = [kind_of(word) for word in words]
        return {"word": next(w for w, k in zip(words, kinds, strict=True) if kinds.count(k) == 1)}
    if prompt.startswith("RATE"):
        return {"rating": 3}
    if prompt.startswith("NAME"):
        return {"name": kind_of(prompt)}
    name, lines = re.search('"(.*)"', prompt)[1], prompt.splitlines()[1:]  # type: ignore[index]
    return {"fits": [int(line.partition(".")[0]) for line in lines if kind_of(line) == name]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    server = ChatServer()
    server.say = good_judge
    yield server
    server.close()


def judge(server: ChatServer, **options: Any) -> LLMJudge:
    settings = {"prompts": PROMPTS, "retry_delay": 0.01, "timeout": 5.0} | options
    return LLMJudge(model="m", base_url=f"{server.url}/v1", **settings)


def test_a_judge_that_knows_the_words(server: ChatServer) -> None:
    part = judge(server)
    values = part(corpus_of_three())
    n = 3 * (3 + 1 + 1 + 1)
    assert values == {
        "llm_intrusion": 1.0, "llm_rating": 3.0, "llm_fit": 1.0, "llm_unanswered": 0.0,
        "llm_tokens": 15.0 * n,
    }  # fmt: skip
    assert len(server.requests) == n
    assert [list(row.values()) for row in part.tables_["llm_judge"]] == [
        [t, ", ".join(WORDS[name][:3]), 1.0, 3.0, 1.0, name, 0] for t, name in enumerate(NAMES)
    ]


def test_a_judge_that_always_says_the_same(server: ChatServer) -> None:
    def first(prompt: str) -> Any:
        if prompt.startswith("INTRUDER"):
            return {"word": f'"{prompt.partition(": ")[2].split(", ")[0].title()}"'}
        if prompt.startswith("FIT"):
            return {"fits": [1, 2, 3, 4, 5, 6, 7, 8]}
        return good_judge(prompt) if prompt.startswith("NAME") else {"rating": "1"}

    server.say = first
    values = judge(server, n_intruders=6)(corpus_of_three())
    assert values["llm_unanswered"] == 0
    assert values["llm_intrusion"] is not None
    assert 0 < values["llm_intrusion"] < 0.6
    assert (values["llm_rating"], values["llm_fit"]) == (1.0, 0.0)


def test_what_is_shown(server: ChatServer) -> None:
    result = corpus_of_three()
    judge(server, n_documents=3, n_held_out=6, n_words=4)(result)
    for prompt in server.prompts:
        if prompt.startswith("INTRUDER"):
            kinds = [kind_of(word) for word in prompt.partition(": ")[2].split(", ")]
            assert sorted(map(kinds.count, set(kinds))) == [1, 5]
        if prompt.startswith("RATE"):
            assert len(prompt.split(", ")) == 4
        if prompt.startswith("FIT"):
            name, lines = re.search('"(.*)"', prompt)[1], prompt.splitlines()[1:]  # type: ignore[index]
            assert [line.partition(".")[0] for line in lines] == list("123456")
            own = [line.partition(" ")[2] for line in lines if kind_of(line) == name]
            assert len(own) == 3
            first = NAMES.index(name) * N
            assert not set(own) & {result.corpus.documents[first + i] for i in range(3)}


@pytest.mark.parametrize("shown", [str, str.upper])
def test_an_intruder_has_little_weight_in_the_topic(
    server: ChatServer, shown: Callable[[str], str]
) -> None:
    result = corpus_of_three()
    for place, topic in enumerate(result.topics):  # as they are written, not as they are counted
        words = tuple((shown(word), weight) for word, weight in topic.words)
        result.topics[place] = replace(topic, words=words)
    terms = [word for words in WORDS.values() for word in words]
    weights = np.repeat(np.eye(3), 6, axis=1)
    weights[0, 6:12] = 0.5  # the words of cars stand in the documents on pets too
    result.parts["representation"] = SimpleNamespace(
        components_=sparse.csr_matrix(weights), get_feature_names_out=lambda: np.array(terms)
    )
    judge(server, prompts={"intrusion": PROMPTS["intrusion"]}, n_intruders=5)(result)
    prompts = [prompt for prompt in server.prompts if prompt.count(",") == 5]
    of_pets = [p for p in prompts if shown("cat") in p and shown("dog") in p]
    assert len(of_pets) == 5
    assert not any(shown(word) in prompt for prompt in of_pets for word in WORDS["cars"])


def test_a_second_run_makes_no_request(server: ChatServer) -> None:
    answers: dict[str, str] = {}
    first = judge(server)(corpus_of_three(), answers)
    n = len(server.requests)
    again = judge(server)(corpus_of_three(), answers)
    assert len(server.requests) == n
    assert again == first | {"llm_tokens": 0.0}
    judge(server, seed=1)(corpus_of_three(), answers)
    assert len(server.requests) > n


@pytest.mark.parametrize(
    "fault",
    [(500, "oops"), (429, "slow down", {"Retry-After": "0.1"}), "drop", "drip"],
    ids=["500", "429", "drop", "slow"],
)
def test_what_passes_is_asked_again(server: ChatServer, fault: Any) -> None:
    server.faults.append(fault)
    values = judge(server, timeout=0.3)(corpus_of_three())
    assert (values["llm_intrusion"], values["llm_unanswered"]) == (1.0, 0.0)


@pytest.mark.parametrize("fault", [(400, "the prompt is too long"), b"<html>"])
def test_a_refused_question_is_left_out_and_counted(
    server: ChatServer, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.append(fault)
    part = judge(server, concurrency=1)
    values = part(corpus_of_three())
    assert (values["llm_intrusion"], values["llm_unanswered"]) == (1.0, 1.0)
    assert part.tables_["llm_judge"][0]["unanswered"] == 1
    assert "no usable answer on the intrusion of topic 0" in caplog.text


@pytest.mark.parametrize(
    "said",
    ["", None, "I cannot help with that.", '{"rating": 2', "[1]", {"other": 1},
     {"word": "zebra", "rating": 4, "name": "?!", "fits": [99]},
     {"word": 1, "rating": True, "name": "x" * 300, "fits": "1, 2"}],
)  # fmt: skip
def test_nonsense_is_counted_and_never_a_measure(server: ChatServer, said: Any) -> None:
    server.say = said
    part = judge(server)
    values = part(corpus_of_three())
    assert [values[f"llm_{name}"] for name in ("intrusion", "rating", "fit")] == [None] * 3
    assert values["llm_unanswered"] == 3 * 5 == len(server.requests)
    assert part.tables_["llm_judge"][0]["rating"] == ""


@pytest.mark.parametrize("fault", [(401, "key sk-secretsecret"), (404, "no model")])
def test_what_makes_all_requests_useless_stops_them(
    server: ChatServer, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.append(fault)
    values = judge(server, concurrency=1)(corpus_of_three())
    assert len(server.requests) == 1
    assert values["llm_unanswered"] == 3 * 5
    assert "no further question is asked" in caplog.text
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "sk-secret" not in caplog.text


def test_no_request_is_sent_beyond_the_budget(server: ChatServer) -> None:
    values = judge(server, max_tokens=100, options={"max_tokens": 120})(corpus_of_three())
    assert not server.requests
    assert values["llm_unanswered"] == 3 * 5


def test_topics_that_a_question_does_not_suit(server: ChatServer) -> None:
    result = corpus_of_three()
    result.topics = [Topic(0, 1, (("cat", 1.0),), 0), *result.topics[1:]]
    result.labels = np.where(np.arange(3 * N) < N, -1, result.labels)
    result.labels[0] = 0
    part = judge(server)
    assert part(result)["llm_unanswered"] == 0
    row = part.tables_["llm_judge"][0]
    assert (row["intrusion"], row["rating"], row["fit"], row["name"]) == ("", "", "", "pets")
    result.topics = []
    assert judge(server)(result)["llm_intrusion"] is None


def test_the_largest_topics_and_some_questions_only(server: ChatServer) -> None:
    part = judge(server, n_topics=2, prompts={"rating": PROMPTS["rating"]})
    values = part(corpus_of_three())
    assert len(server.requests) == 2 == len(part.tables_["llm_judge"])
    assert (values["llm_rating"], values["llm_fit"]) == (3.0, None)
    edited = corpus_of_three()
    edited.topics[2] = replace(edited.topics[2], size=N + 1)
    part(edited)
    assert [row["topic"] for row in part.tables_["llm_judge"]] == [0, 2]


@pytest.mark.parametrize(
    ("name", "options"),
    [("prompts", {"prompts": {}}), ("prompts", {"prompts": {"ratings": "{words}"}}),
     ("prompts", {"prompts": {"name": "{documents}"}}),
     ("prompts.rating", {"prompts": {"rating": "no place"}}), ("n_held_out", {"n_held_out": 3}),
     ("n_topics", {"n_topics": 0}), ("options", {"options": {"n": 2}}),
     ("concurrency", {"concurrency": 0}), ("base_url", {"base_url": "localhost"})],
)  # fmt: skip
def test_wrong_parameters(server: ChatServer, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as error:
        LLMJudge(**{"model": "m", "base_url": f"{server.url}/v1", "prompts": PROMPTS} | options)
    assert error.value.name == name


def test_a_model_in_this_process_can_judge() -> None:
    class Here:
        """What `LocalChat` is to the judge, without its weights."""

        model = "here"

        def ask(self, prompts: Any, answers: Any = None) -> Replies:
            return Replies([json.dumps(good_judge(prompt)) for prompt in prompts], len(prompts), 7)

    values = LLMJudge(chat=Here(), prompts=PROMPTS)(corpus_of_three())
    assert (values["llm_intrusion"], values["llm_rating"], values["llm_fit"]) == (1, 3, 1)
    assert values["llm_tokens"] == 14


@pytest.mark.parametrize("model", ["org/name", "pkg://package/folder", None])
def test_what_is_no_model_of_the_server_is_told(
    model: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ParameterError, match="metrics=llm_local"):
        LLMJudge(model=model, prompts=PROMPTS)
    assert LLMJudge(model="org/name", base_url="http://127.0.0.1:9/v1", prompts=PROMPTS)
