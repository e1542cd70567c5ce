"""One run: what it leaves in its folder, whether it ends well or not."""

from __future__ import annotations

import html
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from components.base import UserError
from runner.tracking import provenance, record
from runner.tracking.folder import writing
from runner.tracking.process import this_process
from tests_support import FAST
from tracking_support import runs_of

Run = Callable[..., Any]


def test_the_folder_of_a_run(runner: Run) -> None:
    clean = "representation.stop_words=['as it is']"
    arguments = [*FAST, "dataset.limit=60", "map=true", "reports=default", clean]
    outcome = runner(*arguments)
    assert outcome.code == 0, outcome.err
    assert {path.name for path in outcome.output.iterdir()} == {
        "config.yaml", "documents.parquet", "environment.json", "map.png", "model",
        "neighbors.npy", "report.html", "run.json", "runner.log", "topics.csv", "topics.png",
        ".hydra", "hierarchy.csv",
    }  # fmt: skip
    known = record.load(outcome.output)
    assert known.status == "FINISHED"
    assert known.metrics["n_documents"] == 60
    assert known.files == [
        "topics.csv", "documents.parquet", "hierarchy.csv", "neighbors.npy", "topics.png",
        "map.png", "report.html",
    ]  # fmt: skip
    assert shlex.split(known.tags["command"]) == ["python", "-m", "runner", *arguments]
    assert f'"{clean}"' in known.tags["command"]  # no quote within quotes
    assert known.tags["command"] in html.unescape((outcome.output / "report.html").read_text())
    assert known.run_id is None
    assert not known.lost
    assert len(pq.read_table(outcome.output / "documents.parquet")) == 60
    config = yaml.safe_load((outcome.output / "config.yaml").read_text())
    assert config["dataset"]["seed"] == 42  # resolved
    assert json.loads((outcome.output / "environment.json").read_text())["numpy"]
    assert f"Artifacts: {outcome.output}\nRead: {outcome.output}/report.html\n" in outcome.out


def test_the_folder_of_a_failed_run(runner: Run, troubled: list[str]) -> None:
    outcome = runner(*troubled, "tracking=none", "embedder.trouble=fail")
    assert outcome.code == 1
    known = record.load(outcome.output)
    assert known.status == "FAILED"
    assert known.failure is not None
    assert known.failure.startswith("embedder (Troubled) failed: RuntimeError: 401")
    assert (outcome.output / "config.yaml").is_file()
    log = (outcome.output / "runner.log").read_text()
    assert "Artifacts" not in outcome.out
    assert "Traceback" not in outcome.err
    assert "sweep_parts.py" in log or "Traceback" not in log


def test_layers_and_the_choice_of_granularity_are_written_and_tracked(
    runner: Run, store: Path
) -> None:
    outcome = runner(
        "embedder=tfidf", "map=true", "dataset.limit=120", "clusterer.layers=[broad,fine]",
        "cache.dir=null",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    written = {path.name for path in outcome.output.iterdir()} - {".hydra", "runner.log"}
    assert {"layers.csv", "model"} <= written
    (run,) = runs_of(store)
    logged = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    # The model is logged as a model, not as an artifact.
    assert {path.name for path in logged.iterdir()} == written - {"model"}


def test_a_folder_that_is_used_again(runner: Run, store: Path, tmp_path: Path) -> None:
    """Its other files are left alone and stay out of MLflow; what an earlier run left goes."""
    (tmp_path / "diary.txt").write_text("mine")
    (tmp_path / "layers.csv").write_text("mine too: no run was here before")
    runner(*FAST, "dataset.limit=60", "map=true", "reports=default", "hydra.run.dir=.")
    assert (tmp_path / "map.png").is_file()
    assert (tmp_path / "layers.csv").is_file()
    assert runner(*FAST, "tracking=mlflow", "dataset.limit=60", "hydra.run.dir=.").code == 0
    assert not (tmp_path / "map.png").exists()
    assert (tmp_path / "diary.txt").is_file()
    (run,) = runs_of(store)
    logged = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    known = record.load(tmp_path)
    assert {path.name for path in logged.iterdir()} == {*record.RUN_FILES, *known.files}


def test_only_files_of_the_folder_are_the_run_s(tmp_path: Path) -> None:
    """A record may come from somebody else: what it names elsewhere is neither sent nor deleted."""
    folder = tmp_path / "run"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "a.png").write_text("a picture")
    (tmp_path / "secret.txt").write_text("elsewhere")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    names = ["pictures/a.png", "../secret.txt", str(tmp_path / "secret.txt"), "link", "gone.csv"]
    known = record.Record(name="x", files=names)
    assert known.files_in(folder) == [folder / "pictures" / "a.png"]


def test_a_report_that_fails_is_left_out(runner: Run, store: Path) -> None:
    broken = "{_target_: report_parts.broken, _partial_: true}"
    nested = "{_target_: report_parts.Nested, text: hello}"
    outcome = runner(
        *FAST, "tracking=mlflow", "model=false", "dataset.limit=60",
        "trusted_targets=[report_parts]",
        f"+reports.broken={broken}", f"+reports.nested={nested}",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    known = record.load(outcome.output)
    assert known.status == "FINISHED"
    assert known.tags["failed_reports"] == "broken"
    assert known.files == [
        "topics.csv", "documents.parquet", "hierarchy.csv", "neighbors.npy", "notes/hello.txt",
    ]  # fmt: skip
    warning = "reports.broken failed, and is left out: ZeroDivisionError: no luck"
    assert warning in (outcome.output / "runner.log").read_text()
    (run,) = runs_of(store)
    logged = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    assert (logged / "notes" / "hello.txt").read_text() == "60 documents"


def test_a_metric_that_fails_is_left_out(runner: Run) -> None:
    broken = "{_target_: report_parts.broken_metric, _partial_: true}"
    outcome = runner(
        *FAST, "dataset.limit=60", "trusted_targets=[report_parts]", "reports=default",
        f"+metrics.broken={broken}", "clusterer.layers=[broad]",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    known = record.load(outcome.output)
    assert known.status == "FINISHED"
    assert known.tags["failed_metrics"] == "broken"
    assert {"topics.csv", "report.html"} <= set(known.files)
    assert "failed: broken" in outcome.out
    reason = "metrics.broken (broken_metric) failed: ZeroDivisionError: no luck"
    assert outcome.err.count(reason) == 1  # and not again for the layer
    assert "leave it out with ~metrics.broken" in outcome.err
    assert reason in (outcome.output / "report.html").read_text()


def test_what_an_interrupted_run_has_written_goes_with_the_next(
    runner: Run, tmp_path: Path
) -> None:
    arguments = [*FAST, "dataset.limit=60", "hydra.run.dir=.", "trusted_targets=[report_parts]"]
    stopped = "+reports.stopped={_target_: report_parts.stopped, _partial_: true}"
    assert runner(*arguments, stopped).code
    assert record.load(tmp_path).status == "KILLED"
    assert "topics.csv" in record.load(tmp_path).files
    assert runner(*arguments, "reports=none").code == 0
    assert not (tmp_path / "topics.csv").exists()


def test_a_folder_where_another_run_is_going_on_is_refused(runner: Run, tmp_path: Path) -> None:
    other = os.getppid()
    start = Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()[19]
    tags = {**this_process(), "pid": str(other), "process_start": start}
    folders = {"hydra.run.dir": tmp_path / "run", "hydra.sweep.dir": tmp_path / "sweep"}
    for mode, (setting, folder) in zip(([], ["-m"]), folders.items(), strict=True):
        folder.mkdir()
        record.Record("x", tags=tags).save(folder)
        outcome = runner(*mode, *FAST, f"{setting}={folder}")
        assert outcome.code == 2
        assert f"in the output folder {folder} (process {other})" in outcome.err
        assert f"choose another folder with {setting}=..." in outcome.err
        assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_a_run_interrupted_at_its_start_is_known_to_be(
    runner: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(provenance, "environment", interrupted)
    assert runner(*FAST, "hydra.run.dir=out").code == 130
    assert record.load(tmp_path / "out").status == "KILLED"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file that is always full")
def test_a_disk_that_fills_up_in_the_middle(runner: Run, tmp_path: Path) -> None:
    """One clear error; what was computed is cached, and the same command writes the result."""
    arguments = [*FAST, "dataset.limit=60", "cache.dir=cached", "hydra.run.dir=."]
    (tmp_path / "topics.csv").symlink_to("/dev/full")
    outcome = runner(*arguments)
    assert outcome.code == 1
    assert f"{tmp_path} cannot be written to: No space left on device" in outcome.err
    assert "cached in cached: the same command writes the result" in outcome.err
    assert "Traceback" not in outcome.err
    assert record.load(tmp_path).status == "FAILED"
    (tmp_path / "topics.csv").unlink()
    assert runner(*arguments).code == 0
    assert (tmp_path / "topics.csv").is_file()
    assert record.load(tmp_path).metrics["n_documents_embedded"] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file that is always full")
def test_a_record_that_cannot_be_saved_leaves_the_last_one(tmp_path: Path) -> None:
    known = record.Record("x")
    known.save(tmp_path)
    known.end("FINISHED")
    (tmp_path / f".run.json.{os.getpid()}").symlink_to("/dev/full")
    reason = r"No space left.*Nothing is cached.*hydra.run.dir=\.\.\."
    with pytest.raises(UserError, match=reason), writing(tmp_path, "hydra.run.dir", None):
        known.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert record.load(tmp_path).status == "RUNNING"


@pytest.mark.parametrize("setting", ["hydra.run.dir", "hydra.sweep.dir"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(
    setting: str, runner: Run, read_only: Callable[[Path], None], tmp_path: Path
) -> None:
    read_only(tmp_path / "shelf")
    sweep = ["-m", "seed=1,2"] if "sweep" in setting else []
    outcome = runner(*FAST, *sweep, f"{setting}=shelf/out")
    assert outcome.code == 2
    assert "shelf/out cannot be written to: " in outcome.err
    assert f"Nothing was computed. Choose another folder with {setting}=..." in outcome.err
    assert "Traceback" not in outcome.err
    assert "embeddings" not in outcome.err + outcome.out


def test_no_reports(runner: Run) -> None:
    outcome = runner(*FAST, "dataset.limit=60", "reports=none")
    assert outcome.code == 0, outcome.err
    written = {path.name for path in outcome.output.iterdir()} - {".hydra", "runner.log"}
    assert written == {*record.RUN_FILES, "model"}
