"""Logging what lies in folders: see also the server that goes away in test_tracking."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.base import UserError
from runner import upload
from runner.tracking import record
from tests_support import FAST
from tracking_support import TRACKED, runs_of

Run = Callable[..., Any]


def test_what_was_not_tracked_is_logged_later(runner: Run, store: Path) -> None:
    single = runner(*FAST, "dataset.limit=60").output
    runner("-m", *FAST, "dataset.limit=60", "hydra.sweep.dir=mine", "seed=1,2")
    for _ in range(2):
        assert upload.main([str(single), "mine", "experiment=later"]) == 0
    runs = runs_of(store)
    assert len(runs) == 4
    assert Counter("mlflow.parentRunId" in run.data.tags for run in runs) == {True: 2, False: 2}
    parent = next(run for run in runs if "is_sweep" in run.data.tags)
    logged = store.parent / "mlartifacts" / parent.info.run_id / "artifacts"
    assert (logged / "leaderboard.html").is_file()
    assert record.load(single).tracked


def test_a_store_that_never_knew_the_runs(
    runner: Run, store: Path, empty_store: Path, tmp_path: Path
) -> None:
    """As when a server comes back with an empty database."""
    runner("-m", *TRACKED, "hydra.sweep.dir=mine", "seed=1,2")
    before = {run.info.run_id for run in runs_of(store)}
    shutil.copy(empty_store, store)
    assert upload.main(["mine"]) == 0
    runs = runs_of(store)
    assert len(runs) == 3
    assert not before & {run.info.run_id for run in runs}
    (parent,) = [run for run in runs if "is_sweep" in run.data.tags]
    parents = {run.data.tags.get("mlflow.parentRunId") for run in runs}
    assert parents == {None, parent.info.run_id}


def test_what_has_not_ended_is_not_logged(runner: Run, store: Path) -> None:
    folder = runner(*FAST, "dataset.limit=60").output
    known = record.load(folder)
    known.status = "RUNNING"
    known.save(folder)
    with pytest.raises(UserError, match="has not ended"):
        upload.main([str(folder)])
    here = known.tags["boot_id"]
    known.tags["boot_id"] = "of another container, or before a restart"
    known.save(folder)
    with pytest.raises(UserError, match=r'cannot be looked up here.*set "status" to "KILLED"'):
        upload.main([str(folder)])
    known.tags["boot_id"] = here
    known.tags["process_start"] = "1"  # its process is dead
    known.save(folder)
    assert upload.main([str(folder)]) == 0
    assert [run.info.status for run in runs_of(store)] == ["KILLED"]
    assert json.loads((folder / "run.json").read_text())["status"] == "KILLED"


@pytest.mark.parametrize("flag", ["--dry-run", "--dryrun=1", "experimant=x"])
def test_an_unknown_flag_logs_nothing(flag: str, runner: Run, store: Path) -> None:
    folder = runner(*FAST, "dataset.limit=60").output
    with pytest.raises(UserError, match="there is no"):
        upload.main([str(folder), flag])
    assert not runs_of(store)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        upload.main([])
    assert "python -m runner.upload" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1:9/x", "may come from somebody else.*uri=http://127.0.0.1:9/x"),
        ("sqlite:///../other.db", "may come from somebody else"),
        ("http://127.0.0.1:9/${oc.env:MY_SECRET}", "is not resolved"),
    ],
)
def test_a_folder_of_somebody_else_does_not_choose_the_store(
    uri: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "correct-horse-battery")
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"name": "n", "status": "FINISHED"}))
    (folder / "config.yaml").write_text(f"tracking: {{uri: '{uri}', experiment: e}}")
    with pytest.raises(UserError, match=f"(?s){reason}"):
        upload.main([str(folder)])
    about = {"sweep_id": "s", "tracking": {"uri": uri, "experiment": "e"}}
    (folder / "sweep.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=f"(?s){reason}"):
        upload.main([str(folder)])
