"""MLflow: what a run leaves there, in a file or on a server, and what happens without one."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from components.base import UserError
from runner import upload
from runner.leaderboard import __main__ as leaderboard
from runner.tracking import Tracker, connect, fetch_result, named_params, record
from runner.tracking.uri import absolute_uri, sqlite_path
from tracking_support import TRACKED, Server, runs_of, wait_for

Run = Callable[..., Any]
ARTIFACTS = {
    "config.yaml",
    "documents.parquet",
    "environment.json",
    "hierarchy.csv",
    "neighbors.npy",
    "report.html",
    "run.json",
    "topics.csv",
    "topics.png",
}
TABLES = ARTIFACTS - {"report.html", "topics.png"}  # of reports=fast


def test_a_run_in_mlflow(runner: Run, store: Path) -> None:
    outcome = runner(*TRACKED, "reports=default", "tracking.experiment=mine")
    assert outcome.code == 0, outcome.err
    (run,) = runs_of(store)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "tfidf-truncated_svd-kmeans"
    params = run.data.params
    assert params["dataset"] == "lee"
    assert params["embedder"] == "tfidf"
    assert params["reducer"] == "truncated_svd"
    assert params["clusterer"] == "kmeans"
    assert params["reducer.n_components"] == "5"
    assert params["seed"] == "42"
    # The UI lists parameters in this order, and these are what one looks for.
    assert list(params)[:4] == ["dataset", "embedder", "reducer", "clusterer"]
    assert not {key for key in params if key.startswith(("tracking", "leaderboard"))}
    assert run.data.metrics["n_documents"] == 60
    assert run.data.metrics["n_topics"] == 4
    assert len(run.data.tags["corpus_hash"]) == 64
    with (outcome.output / "topics.csv").open(encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    described = run.data.tags["mlflow.note.content"]
    assert f"  0  {first['size']}  {first['label']}\n" in described
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "lee"
    assert run.data.tags["corpus_hash"].startswith(data.dataset.digest)
    # What names the process is in run.json, and no tag of a run that has ended.
    assert not {"process", "host", "boot_id", "pid", "process_start"} & run.data.tags.keys()
    assert "pid" in json.loads((outcome.output / "run.json").read_text())["tags"]
    logged = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    assert {file.name for file in logged.iterdir()} == ARTIFACTS
    for name in ARTIFACTS - {"run.json"}:
        assert (logged / name).read_bytes() == (outcome.output / name).read_bytes()
    assert f"mlflow ui --backend-store-uri sqlite:///{store}" in outcome.out
    assert MlflowClient(f"sqlite:///{store}").get_experiment_by_name("mine") is not None


def test_what_a_result_is_read_from_is_fetched(runner: Run, store: Path, tmp_path: Path) -> None:
    outcome = runner(*TRACKED, "clusterer.layers=[broad]")
    assert outcome.code == 0, outcome.err
    (run,) = runs_of(store)
    client = connect(f"sqlite:///{store}")
    record = fetch_result(client, run.info.run_id, tmp_path / "fetched")
    assert record.metrics == run.data.metrics
    assert {file.name for file in (tmp_path / "fetched").iterdir()} == {
        "config.yaml", "documents.parquet", "environment.json", "hierarchy.csv",
        "layers.csv", "run.json", "topics.csv",
    }  # fmt: skip


def test_a_failed_run_has_its_reason(runner: Run, store: Path, troubled: list[str]) -> None:
    outcome = runner(*troubled, "embedder.trouble=fail")
    assert outcome.code == 1
    assert "RuntimeError: 401" in outcome.err
    (run,) = runs_of(store)
    assert run.info.status == "FAILED"
    assert "RuntimeError: 401" in run.data.tags["failure"]
    assert "RuntimeError: 401" in run.data.tags["mlflow.note.content"]
    assert run.data.metrics == {}
    with pytest.raises(UserError, match=r"has no result \(FAILED\)"):
        fetch_result(connect(f"sqlite:///{store}"), run.info.run_id, store.parent / "fetched")


def test_the_page_of_a_sweep_says_what_was_typed_and_where_its_jobs_are_compared(
    runner: Run, store: Path
) -> None:
    swept = "dataset.limit=40,60"
    assert runner("-m", *TRACKED, swept).code == 0
    runs = runs_of(store)
    (parent,) = [run for run in runs if "is_sweep" in run.data.tags]
    description = parent.data.tags["mlflow.note.content"]
    assert "python -m runner -m " in description
    assert swept in description
    assert "leaderboard.html" in description
    assert {run.data.tags["mlflow.source.name"] for run in runs} == {"runner"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_told_to_end_closes_its_run(
    number: signal.Signals, store: Path, troubled: list[str], start: Run
) -> None:
    process = start(*troubled, "embedder.seconds=600")
    file = wait_for(lambda: [*store.parent.glob("outputs/*/*/run.json")])[0]
    wait_for(lambda: json.loads(file.read_text())["run_id"])
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped." in err
    assert [run.info.status for run in runs_of(store)] == ["KILLED"]


@pytest.mark.parametrize("call", ["log_batch", "log_artifact"])
def test_ctrl_c_while_mlflow_writes_breaks_no_transaction(
    call: str, runner: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes effect after the call, and the run is ended in the store."""
    original = getattr(MlflowClient, call)
    whole = []

    def interrupted(self: MlflowClient, *arguments: Any, **keywords: Any) -> Any:
        if not whole:
            os.kill(os.getpid(), signal.SIGINT)
        whole.append(original(self, *arguments, **keywords))
        return whole[-1]

    monkeypatch.setattr(MlflowClient, call, interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        outcome = runner(*TRACKED)
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.code == 130, outcome.err
    assert whole
    assert "Stopping as soon as the run is logged" in outcome.err
    (run,) = runs_of(store)
    assert run.info.status == ("KILLED" if call == "log_batch" else "FINISHED")


def test_only_the_dead_are_closed(store: Path, runner: Run) -> None:
    """Runs of live processes, of other machines, and of other programs are left alone."""
    tracker = Tracker(f"sqlite:///{store}", "runner")
    client = MlflowClient(f"sqlite:///{store}")
    (experiment,) = client.search_experiments(filter_string="name = 'runner'")
    from runner.tracking.process import packed, this_process

    me = this_process()
    others = {
        "mine": me,
        "reused": {**me, "process_start": "1"},
        "elsewhere": {**me, "host": "elsewhere", "pid": "1"},
        "foreign": {},
        "no number": {"host": me["host"], "pid": "none"},
        "no tag of ours": {"process": "[1"},
    }
    ids = {
        name: client.create_run(experiment.experiment_id, tags=packed(tags)).info.run_id
        for name, tags in others.items()
    }
    tracker.close_dead_runs()
    status = {name: client.get_run(run_id).info.status for name, run_id in ids.items()}
    assert status.pop("reused") == "KILLED"
    assert "process" not in client.get_run(ids["reused"]).data.tags
    assert "process" in client.get_run(ids["mine"]).data.tags
    assert set(status.values()) == {"RUNNING"}


def test_a_run_that_was_taken_for_dead_and_is_logged_later(store: Path, runner: Run) -> None:
    outcome = runner(*TRACKED)
    known = record.load(outcome.output)
    client = MlflowClient(f"sqlite:///{store}")
    assert known.run_id is not None
    client.set_tag(known.run_id, "failure", "its process was killed")
    client.set_terminated(known.run_id, "KILLED")
    assert upload.main([str(outcome.output)]) == 0
    (run,) = runs_of(store)
    assert run.info.status == "FINISHED"
    assert "failure" not in run.data.tags


def test_a_server_that_is_not_there_is_said_before_any_work(runner: Run, tmp_path: Path) -> None:
    before = time.monotonic()
    for mode in ([], ["-m"]):
        outcome = runner(*mode, *TRACKED, "tracking.uri=http://127.0.0.1:9")
        assert outcome.code in (1, 2)
        assert "the MLflow store http://127.0.0.1:9 cannot be used" in outcome.err
        assert "tracking=none" in outcome.err
        assert "computed" not in outcome.err
    records = [record.load(path.parent) for path in tmp_path.rglob("run.json")]
    assert [each.status for each in records] == ["FAILED", "FAILED"]
    assert time.monotonic() - before < 60  # MLflow's own patience is much longer


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no database, but long enough", "is not an SQLite database"), (None, "yet")],
)
def test_a_file_that_is_no_store(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    if content:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        connect(f"sqlite:///{path}")
    assert path.exists() == bool(content)


def test_a_store_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow could not go on with the tables that a full disk leaves."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "50%20off" / "mlflow.db"  # in a folder with a name that an address encodes
    uri = absolute_uri("sqlite:///50%2520off/mlflow.db")

    def fill(uri: str) -> None:
        path = sqlite_path(uri)
        assert path is not None
        with sqlite3.connect(path) as tables:
            tables.execute("CREATE TABLE _alembic_tmp_params (a)")
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr("mlflow.MlflowClient", fill)
        full.setattr("runner.tracking.client.store_errors", lambda: (sqlite3.Error,))
        with pytest.raises(UserError, match=r"is full\nMake room on its disk"):
            connect(uri, create=True)
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db.lock"]
    (path.parent / ".mlflow.db.new-journal").write_text("of a process that was killed")
    connect(uri, create=True)
    assert sorted(file.name for file in path.parent.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


def test_a_store_that_can_only_be_read_is_read(
    empty_store: Path, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    """Such as a colleague's."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    store = Path(shutil.copy(empty_store, folder / "mlflow.db"))
    read_only(folder)
    assert connect(f"sqlite:///{store}").search_experiments()


@pytest.mark.parametrize("name", ["R&D", "Q/A", "../x", "a//b", "C++", "Grüße", "(x)", "x" * 300])
def test_a_topic_s_name_is_no_name_that_mlflow_refuses(name: str) -> None:
    from mlflow.utils.validation import _validate_param

    ((key, value),) = named_params({f"guided.topics.{name}": "[tea]"}).items()
    _validate_param(key, value)
    assert named_params({"embedder.model": 1, "a b:c-d": 2}) == {"embedder.model": 1, "a b:c-d": 2}


def test_a_deleted_experiment(store: Path, runner: Run) -> None:
    client = MlflowClient(f"sqlite:///{store}")
    client.delete_experiment(client.create_experiment("old"))
    outcome = runner(*TRACKED, "tracking.experiment=old")
    assert outcome.code == 1
    assert "mlflow experiments restore" in outcome.err


def test_a_server_that_goes_away_loses_no_result(
    runner: Run,
    server: Server,
    troubled: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = f"tracking.uri={server.uri}"
    # While it is there, everything is logged to it.
    outcome = runner(*TRACKED, uri)
    assert outcome.code == 0, outcome.err
    assert f"Compare: {server.uri}/#/experiments/1/runs" in outcome.out
    (single,) = runs_of(server.uri)
    client = MlflowClient(server.uri)
    assert {file.path for file in client.list_artifacts(single.info.run_id)} == TABLES

    # The second of three jobs takes it down.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # the test is in a hurry
    outcome = runner(
        "-m", *troubled, uri, f"embedder.pid_file={server.pid_file}",
        "embedder.trouble=none,server,none", "embedder.seconds=0.0",
    )  # fmt: skip
    folder = next(outcome.folder.glob("multirun/*/*"))
    assert outcome.code == 1
    assert "\n3 runs, " in outcome.out
    assert outcome.out.count("not in MLflow: embedder.trouble=") == 2
    assert "not in MLflow: embedder.trouble=server" in outcome.out
    assert f"python -m runner.upload {folder} uri={server.uri}" in outcome.out
    for job in ("0", "1", "2"):
        assert {file.name for file in (folder / job).iterdir()} >= TABLES

    # A single run that loses it ends with its topics, and says how to log it later.
    server.start()
    outcome = runner(
        *troubled, uri, f"embedder.pid_file={server.pid_file}", "embedder.trouble=server",
        "cache.dir=null",
    )  # fmt: skip
    assert outcome.code == 1
    assert "4 topics" in outcome.out
    assert f"python -m runner.upload {outcome.output} uri={server.uri}" in outcome.err

    # What was lost is logged once it is back, in the runs that had begun there.
    server.start()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    with pytest.raises(UserError, match=r"holds no run\.json"):
        upload.main([str(outcome.folder)])
    for _ in range(2):  # twice changes nothing
        assert upload.main([str(folder), str(outcome.output), f"uri={server.uri}"]) == 0
    runs = runs_of(server.uri)
    assert Counter(run.info.status for run in runs) == {"FINISHED": 6}
    (parent,) = [run for run in runs if "is_sweep" in run.data.tags]
    jobs = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    assert len(jobs) == 3
    for job in jobs:
        assert job.data.metrics["n_topics"] == 4
        assert {file.path for file in client.list_artifacts(job.info.run_id)} == TABLES
    assert "leaderboard.html" in {f.path for f in client.list_artifacts(parent.info.run_id)}
    capsys.readouterr()
    assert leaderboard.main([f"uri={server.uri}"]) == 0
    assert "\n3 runs, " in capsys.readouterr().out
