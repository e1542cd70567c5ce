"""experiment=choose_embedder: which embedders it tries, on how much, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from components.base import UserError
from runner.sweep.choose import CANDIDATES, expand, installed
from tests_support import FAST

Run = Callable[..., Any]
PRESET = "experiment=choose_embedder"


def test_other_command_lines_are_left_alone() -> None:
    line = ["-m", "embedder=tfidf,minilm", "experiment=seeds", "what is=this"]
    assert expand(line) == line


def test_embedders_a_sample_and_time_are_added() -> None:
    *given, embedders, limit = expand([PRESET, "dataset=lee"])
    assert given == [PRESET, "dataset=lee"]
    names = embedders.removeprefix("embedder=").split(",")
    assert {"tfidf", "minilm"} <= set(names) <= set(CANDIDATES)
    assert limit == "dataset.limit=2000"
    quick = expand([PRESET, "quick=true", "choose.embedders=[tfidf,minilm]"])
    assert quick[-3:] == ["embedder=tfidf,minilm", "dataset.limit=500", "choose.minutes=2.0"]


def test_what_is_given_stays() -> None:
    line = [PRESET, "quick=true", "embedder=tfidf,minilm", "dataset.limit=70", "choose.minutes=1"]
    assert expand(line) == line


@pytest.mark.parametrize("value", ["minilm", "[]"])
def test_embedders_that_are_no_list(value: str) -> None:
    with pytest.raises(UserError, match=r"choose\.embedders=.*must be a list of names"):
        expand([PRESET, f"choose.embedders={value}"])


def test_an_embedder_whose_model_is_not_there_is_not_installed() -> None:
    assert installed("tfidf")
    assert installed("spacy_trf") == (find_spec("en_core_web_trf") is not None)


def test_it_recommends_an_embedder(runner: Run) -> None:
    # FAST without its embedder and limit; the candidates are two that load nothing.
    outcome = runner(
        PRESET, *FAST[1:], "choose.embedders=[tfidf,sklearn]", "quick=true", "dataset.limit=80",
        "clusterer.n_clusters=5",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "[2 done, 0 failed, 0 left" in outcome.err
    (path,) = outcome.folder.glob("multirun/*/*/sweep.json")
    about = json.loads(path.read_text())
    assert about["recommended_embedder"] in ("tfidf", "sklearn")
    assert about["recommendation"] in outcome.out


def test_no_job_is_started_once_the_time_is_used(runner: Run) -> None:
    outcome = runner(
        PRESET, *FAST[1:], "choose.embedders=[tfidf,sklearn]", "dataset.limit=60",
        "choose.minutes=0.0001",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("not started, choose.minutes=0.0001 are used") == 2
    assert "never started" not in outcome.out
