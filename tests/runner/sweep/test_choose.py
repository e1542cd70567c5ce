"""experiment=choose_embedder: which embedders it tries, on how much, and for how long."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.base import UserError
from conftest import Outcome, run_process
from runner.leaderboard.__main__ import main as leaderboard
from runner.sweep.choose import CANDIDATES, expand, installed
from runner.terminal.suggestions import shell_line
from tests_support import FAST

Run = Callable[..., Any]
PRESET = "experiment=choose_embedder"


def test_other_command_lines_are_left_alone() -> None:
    line = ["-m", "embedder=tfidf,minilm", "experiment=seeds", "what is=this"]
    assert expand(line) == line


def test_embedders_a_sample_and_time_are_added() -> None:
    *given, embedders, limit, grows = expand([PRESET, "dataset=lee"])
    assert given == [PRESET, "dataset=lee"]
    assert grows == "choose.grows=true"
    names = embedders.removeprefix("embedder=").split(",")
    assert {"tfidf", "minilm"} <= set(names) <= set(CANDIDATES)
    assert limit == "dataset.limit=500"
    quick = expand([PRESET, "quick=true", "choose.embedders=[tfidf,minilm]"])
    assert quick[-4:] == [
        "embedder=tfidf,minilm", "dataset.limit=500", "choose.grows=false", "choose.minutes=2.0",
    ]  # fmt: skip


def test_what_is_given_stays() -> None:
    line = [PRESET, "quick=true", "embedder=tfidf,minilm", "dataset.limit=70", "choose.minutes=1"]
    assert expand(line) == line


def test_one_embedder_is_no_choice(capsys: pytest.CaptureFixture[str]) -> None:
    line = expand([PRESET, "choose.embedders=[tfidf]"])
    assert "embedder=tfidf" in line
    assert capsys.readouterr().err == (
        "One embedder, and so no choice: choose.embedders names tfidf alone.\n"
    )


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
    assert f"Recommended: {about['recommended_embedder']}\n" in outcome.out
    assert "On 80 documents (of 300): " in outcome.out
    assert f"Its topics: {shell_line('')} " in outcome.out


def test_a_table_is_there_before_the_slowest_embedder(
    runner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sweep.growth.WITHOUT_TABLE", 0.0)
    outcome = runner(
        PRESET, *FAST[1:], "choose.embedders=[tfidf,sklearn,tfidf]", "quick=true",
        "dataset.limit=80", "clusterer.n_clusters=5",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    so_far, _, _ = outcome.out.partition("2 runs, best first by choice_score.")
    assert "So far:" in so_far
    assert outcome.out.count("So far:") == 1  # with one embedder there is nothing to compare


def test_documents_that_cannot_be_read_fail_it_once_not_for_each_embedder(
    runner: Run, tmp_path: Path
) -> None:
    (tmp_path / "notes.csv").write_text("review\ngood\n")
    outcome = runner(
        PRESET, *FAST[1:], "choose.embedders=[tfidf,sklearn,model2vec]", "quick=true",
        "dataset=csv", "dataset.path=notes.csv", "dataset.text=body",
    )  # fmt: skip
    assert outcome.code == 1
    assert "embedder=model2vec: not started, as the others failed for the documents" in outcome.err
    jobs = outcome.folder.glob("multirun/*/*/*/run.json")
    assert {json.loads(path.read_text())["tags"]["failed_part"] for path in jobs} == {"dataset"}


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Outcome:
    """A sweep on a sample that grows, over documents whose topics are random words."""
    folder = tmp_path_factory.mktemp("grown")
    shutil.copy(empty_store, folder / "mlflow.db")
    rng = np.random.default_rng(0)
    themes = [[f"w{theme}{word}" for word in "abcdefgh"] for theme in range(6)]
    every = [word for theme in themes for word in theme]  # noise, so that nobody finds all
    lines = [
        " ".join([*rng.choice(themes[n % 6], 2), *rng.choice(every, 3), f"own{n}"])
        for n in range(240)
    ]
    (folder / "notes.txt").write_text("\n".join(lines))
    return run_process(
        folder, PRESET, "dataset=text", "dataset.path=notes.txt", "dataset.limit=70",
        "choose.grows=true", "choose.minutes=5", "hydra.sweep.dir=out",
        "choose.embedders=[tfidf,sklearn,model2vec]", "clusterer=kmeans", "clusterer.n_clusters=6",
    )  # fmt: skip


def test_the_sample_grows_until_the_first_is_apart_or_it_is_all(grown: Outcome) -> None:
    assert grown.code == 0, grown.err
    about = json.loads((grown.folder / "out" / "sweep.json").read_text())
    jobs = [json.loads(path.read_text()) for path in (grown.folder / "out").glob("*/run.json")]
    limits = sorted(job["params"]["dataset.limit"] for job in jobs)
    assert len(jobs) == about["n_jobs"]
    stages = {limit: limits.count(limit) for limit in limits}
    assert stages.pop(about["limit"]) == 4  # three embedders, and an ensemble of the best two
    assert set(stages.values()) <= {3}
    assert [*stages] == [70][: len(stages)]
    assert about["limit"] <= 240, "no sample of documents that were all there already"
    if about["why"] == "all there are":
        assert about["limit"] == 240
    else:
        assert about["why"] == "enough to tell the first from the others"
        assert "cannot be told apart" not in about["recommendation"]
    assert about["recommendation"].startswith(f"On {about['limit']} documents (")
    for limit in stages:
        assert f"On {limit} documents: " in grown.out


def test_the_leaderboard_is_about_the_last_sample_and_its_ensemble(grown: Outcome) -> None:
    rows = list(csv.DictReader((grown.folder / "out" / "leaderboard.csv").open()))
    names = sorted(row["embedder"] for row in rows)
    assert len(rows) == 4
    assert names[0].startswith("ensemble[")
    assert names[1:] == ["model2vec", "sklearn", "tfidf"]
    assert len({row["n_documents"] for row in rows}) == 1
    about = json.loads((grown.folder / "out" / "sweep.json").read_text())
    assert about["recommended_embedder"] in names[1:]
    assert "An ensemble of " in about["recommendation"]


@pytest.mark.parametrize("option", ["sweep_id={}/out", "uri=sqlite:///{}/mlflow.db"])
def test_the_leaderboard_made_anew_is_about_the_last_sample_too(
    grown: Outcome, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leaderboard([option.format(grown.folder)]) == 0
    out = capsys.readouterr().out
    assert "has the highest choice_score" in out
    assert "4 runs, best first by choice_score." in out


def test_no_job_is_started_once_the_time_is_used(runner: Run) -> None:
    outcome = runner(
        PRESET, *FAST[1:], "choose.embedders=[tfidf,sklearn]", "dataset.limit=60",
        "choose.minutes=0.0001",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("not started, choose.minutes=0.0001 are used") == 2
    assert "never started" not in outcome.out
