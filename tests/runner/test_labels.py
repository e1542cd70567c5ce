"""Labels by the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer
from tests_support import FAST

KEY = "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2"
Run = Callable[..., Any]
MODEL = [
    "embedder=model2vec", "clusterer=kmeans", "clusterer.n_clusters=4", "tracking=none",
    "map=false", "dataset.limit=80", "model=false", "metrics=none", "reports=fast",
]  # fmt: skip


def labels_of(outcome: Any) -> list[str]:
    with (outcome.output / "topics.csv").open(encoding="utf-8-sig") as file:
        return [row["label"] for row in csv.DictReader(file)]


def test_zeroshot(runner: Run) -> None:
    names = ["sport", "fire and weather", "war"]
    options = [f"labels.candidates=[{','.join(names)}]", "labels.threshold=-1"]
    done = runner(*MODEL, "labels=zeroshot", *options)
    assert done.code == 0, done.err
    assert set(labels_of(done)) <= set(names)
    none = runner(*MODEL, "labels=zeroshot", options[0], "labels.threshold=1")
    words = runner(*MODEL)
    assert labels_of(none) == labels_of(words)


def test_zeroshot_needs_candidates_and_an_embedder_of_other_texts(runner: Run) -> None:
    done = runner(*MODEL, "labels=zeroshot")
    assert done.code == 2
    assert "labels.candidates" in done.out + done.err
    done = runner(*FAST, "labels=zeroshot", "labels.candidates=[sport]")
    assert done.code == 1
    assert "needs vectors of the names" in done.out + done.err


def test_llm_answers_are_cached_and_shown_and_no_key_is_written(
    runner: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = ChatServer()
    server.key = KEY
    try:
        options = [
            *MODEL,
            "reports=default",
            "labels=llm",
            f"labels.base_url={server.url}/v1",
            "labels.model=m",
        ]
        done = runner(*options)
        assert done.code == 0, done.err
        n = len(server.requests)
        assert labels_of(done) == ["A name"] * n
        page = (done.output / "report.html").read_text(encoding="utf-8")
        assert "A name" in page
        assert "About it." in page
        metrics = json.loads((done.output / "run.json").read_text())["metrics"]
        assert metrics["n_labels_failed"] == 0
        assert labels_of(runner(*options)) == ["A name"] * n
        assert len(server.requests) == n
    finally:
        server.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_judge_on_the_server_of_the_labels(
    runner: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = ChatServer()

    def say(prompt: str) -> Any:
        if "does not belong" in prompt:
            return {"word": prompt.split("\n\n")[1].split(", ")[0]}
        fits = [1] if "belong to the category" in prompt else "none"
        return {"label": "A label", "rating": 2, "name": "A name", "fits": fits}

    server.say = say
    options = [
        *MODEL[:-2], "metrics=llm", "reports=fast", "labels=llm", "labels.model=m",
        f"labels.base_url={server.url}/v1", "clusterer=leiden", "clusterer.layers=[broad]",
        "metrics.llm.n_topics=2", "~metrics.npmi",
    ]  # fmt: skip
    options = [o for o in options if o not in ("clusterer=kmeans", "clusterer.n_clusters=4")]
    try:
        done = runner(*options)
        assert done.code == 0, done.err
        n = len(server.requests)
        judged = [p for p in server.prompts if "Answer with a JSON object and nothing" in p]
        assert len(judged) == 2 * (3 + 1 + 1 + 1)  # the layer is not judged
        metrics = json.loads((done.output / "run.json").read_text())["metrics"]
        assert (metrics["llm_rating"], metrics["llm_unanswered"]) == (2.0, 0.0)
        assert {"llm_intrusion", "llm_fit", "llm_tokens", "words_ami"} <= metrics.keys()
        assert not {"llm_rating_broad", "npmi"} & metrics.keys()
        with (done.output / "llm_judge.csv").open(encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        assert [(row["label"], row["name"], row["rating"]) for row in rows] == [
            ("A label", "A name", "2.0")
        ] * 2
        again = runner(*options)
        assert again.code == 0
        assert len(server.requests) == n
    finally:
        server.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_judge_without_a_key_is_an_error_before_any_work(
    runner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    done = runner(*FAST, "metrics=llm")
    assert done.code == 1
    assert "OPENAI_API_KEY" in done.out + done.err
    done = runner(*FAST, "metrics=llm", "metrics.llm.n_held_out=3")
    assert "metrics.llm.n_held_out=3: must be even" in done.out + done.err
