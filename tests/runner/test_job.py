"""One run: what it leaves in its folder, whether it ends well or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from runner.tracking import record
from tests_support import FAST
from tracking_support import runs_of

Run = Callable[..., Any]


def test_the_folder_of_a_run(runner: Run) -> None:
    outcome = runner(*FAST, "dataset.limit=60", "map=true")
    assert outcome.code == 0, outcome.err
    assert {path.name for path in outcome.output.iterdir()} == {
        "config.yaml", "documents.parquet", "environment.json", "map.png", "run.json",
        "runner.log", "topics.csv", "topics.png", ".hydra",
    }  # fmt: skip
    known = record.load(outcome.output)
    assert known.status == "FINISHED"
    assert known.metrics["n_documents"] == 60
    assert known.run_id is None
    assert not known.lost
    assert len(pq.read_table(outcome.output / "documents.parquet")) == 60
    config = yaml.safe_load((outcome.output / "config.yaml").read_text())
    assert config["dataset"]["seed"] == 42  # resolved
    assert json.loads((outcome.output / "environment.json").read_text())["numpy"]
    assert f"Artifacts: {outcome.output}" in outcome.out


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
    assert "layers.csv" in written
    (run,) = runs_of(store)
    logged = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    assert {path.name for path in logged.iterdir()} == written


def test_a_folder_that_is_used_again(runner: Run, store: Path, tmp_path: Path) -> None:
    """Its other files are left alone and stay out of MLflow; what an earlier run left goes."""
    (tmp_path / "diary.txt").write_text("mine")
    (tmp_path / "layers.csv").write_text("mine too: no run was here before")
    runner(*FAST, "dataset.limit=60", "map=true", "hydra.run.dir=.")
    assert (tmp_path / "map.png").is_file()
    assert (tmp_path / "layers.csv").is_file()
    arguments = [argument for argument in FAST if argument != "tracking=none"]
    assert runner(*arguments, "dataset.limit=60", "hydra.run.dir=.").code == 0
    assert not (tmp_path / "map.png").exists()
    assert (tmp_path / "diary.txt").is_file()
    (run,) = runs_of(store)
    logged = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    assert not {path.name for path in logged.iterdir()} - set(record.RUN_FILES)
