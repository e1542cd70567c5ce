"""The record of a run: what it holds, how it ends, whose process it names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig

from components.base import UserError
from runner.config import schema
from runner.tracking import process, record
from runner.tracking.process import this_process
from runner.tracking.record import Record

CHOICES = {"dataset": "lee", "embedder": "tfidf", "reducer": "pca", "clusterer": "kmeans"}


def config(*overrides: str) -> DictConfig:
    schema.register()
    options = [f"{group}={option}" for group, option in CHOICES.items()]
    with initialize_config_module("conf", version_base="1.3"):
        return compose("config", [*options, *overrides])


def tags(*overrides: str, **sweep: str) -> dict[str, str]:
    about = {"sweep_id": "s", "parent_run_id": "p", "job": "", **sweep} if sweep else None
    return record.begin(config(*overrides), CHOICES, Path("/out"), about).tags


def test_what_a_record_begins_with() -> None:
    known = record.begin(config("reducer.n_components=7"), CHOICES, Path("/out"))
    assert known.name == "tfidf-pca-kmeans"
    assert known.label == "embedder=tfidf reducer=pca clusterer=kmeans"
    assert known.params["reducer.n_components"] == 7
    assert {key: known.params[key] for key in CHOICES} == CHOICES
    assert {key: known.tags[key] for key in CHOICES} == CHOICES
    assert known.tags["pid"] == str(os.getpid())
    assert known.tags["folder"] == "/out"
    assert "sweep_id" not in known.tags


def test_a_job_of_a_sweep_is_called_by_what_sets_it_apart() -> None:
    about = {"sweep_id": "s", "parent_run_id": "p", "job": "embedder=tfidf seed=7"}
    known = record.begin(config("seed=7"), CHOICES, Path("/out"), about)
    assert known.name == "tfidf-pca-kmeans seed=7"
    assert known.label == "embedder=tfidf seed=7"
    assert known.tags["sweep_id"] == "s"
    assert known.tags["mlflow.parentRunId"] == "p"


def test_hashes_tell_what_decides_the_result() -> None:
    base = tags()
    for neutral in ("tracking.experiment=x", "cache.dir=null", "leaderboard.sort=ami"):
        assert tags(neutral)["config_hash"] == base["config_hash"]
    seed, other = tags("seed=1"), tags("reducer.n_components=9")
    assert seed["config_hash"] != base["config_hash"] != other["config_hash"]
    assert seed["seedless_hash"] == base["seedless_hash"] != other["seedless_hash"]


def test_how_a_record_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "correct-horse-battery")
    known = Record("name")
    known.fail(ValueError("no correct-horse-battery"))
    assert (known.status, known.failure) == ("FAILED", "ValueError: no ***")
    known.fail(UserError("mend it"))
    assert (known.status, known.failure) == ("FAILED", "mend it")
    known.fail(KeyboardInterrupt())
    assert (known.status, known.failure) == ("KILLED", "it was interrupted")


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    known = record.begin(config(), CHOICES, tmp_path)
    known.save(tmp_path)
    assert record.load(tmp_path) == known
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    with pytest.raises(UserError, match="there is no folder"):
        record.load(tmp_path / "nowhere")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UserError, match=r"holds no run\.json"):
        record.load(tmp_path / "elsewhere")


def test_the_jobs_of_a_sweep_in_the_order_of_their_start(tmp_path: Path) -> None:
    for folder, sweep_id, start in [("0", "a", 3), ("1", "a", 1), ("2", "b", 2)]:
        (tmp_path / folder).mkdir()
        Record(folder, tags={"sweep_id": sweep_id}, start_time=start).save(tmp_path / folder)
    assert [path.name for path in record.load_jobs(tmp_path, "a")] == ["1", "0"]


def test_whether_a_process_is_alive() -> None:
    me = this_process()
    assert Record("", tags=me).is_alive is True
    assert Record("", tags=me).without_secrets().tags == me  # a mask would make it another machine
    assert Record("", tags={**me, "host": "elsewhere"}).is_alive is None
    assert Record("", tags={}).is_alive is None
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet forgotten
    state, started = process._state(child.pid)
    assert state == "Z"
    assert (
        Record("", tags={**me, "pid": str(child.pid), "process_start": started}).is_alive is False
    )
    child.wait()
    assert Record("", tags={**me, "pid": str(child.pid)}).is_alive is False
    if Path("/proc/self/stat").exists():
        assert Record("", tags={**me, "process_start": "1"}).is_alive is False


@pytest.mark.parametrize("key", ["boot_id", "pid_namespace"])
def test_a_run_in_another_container_of_the_same_name_may_be_alive(key: str) -> None:
    """Its pid means nothing here."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = {**this_process(), "pid": str(child.pid)}
    assert Record("", tags=dead).is_alive is False
    assert Record("", tags={**dead, key: "another"}).is_alive is None
    del dead[key]  # of an older version
    assert Record("", tags=dead).is_alive is False


def test_a_process_knows_its_namespace() -> None:
    """As root: a process in a pid namespace of its own is not one of ours."""
    code = (
        "import json; from runner.tracking.process import this_process;"
        "print(json.dumps(this_process()))"
    )
    line = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    try:
        done = subprocess.run(line, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.stderr.startswith("unshare:"):
        pytest.skip("no pid namespace can be made here")
    other = json.loads(done.stdout)
    assert other["pid"] == "1"
    assert Record("", tags=other).is_alive is None


def test_params_are_json(tmp_path: Path) -> None:
    known = record.begin(config("embedder.pipeline.ngram_range=[1,2]"), CHOICES, tmp_path)
    known.save(tmp_path)
    params = json.loads((tmp_path / "run.json").read_text())["params"]
    assert params["embedder.pipeline.ngram_range"] == [1, 2]
