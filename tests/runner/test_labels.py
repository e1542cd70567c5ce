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
