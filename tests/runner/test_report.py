"""A report of a run that has ended, from its folder and from MLflow."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.base import UserError
from runner import report
from runner.tracking import record
from tests_support import FAST
from tracking_support import runs_of

Run = Callable[..., Any]


def test_a_report_of_a_run_in_mlflow_and_in_its_folder(
    runner: Run, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = runner(*FAST, "tracking=mlflow", "dataset.limit=60", "map=true")
    assert outcome.code == 0, outcome.err
    (run,) = runs_of(store)
    settings = [f"run={run.info.run_id}", f"uri=sqlite:///{store}"]

    assert report.main([*settings, f"folder={tmp_path / 'elsewhere'}"]) == 0
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["report.html"]
    artifacts = store.parent / "mlartifacts" / run.info.run_id / "artifacts"
    assert not (artifacts / "report.html").exists()

    assert report.main(settings) == 0
    assert f"Logged report.html to run {run.info.run_id}" in capsys.readouterr().out
    page = (artifacts / "report.html").read_text(encoding="utf-8")
    assert "embedder.pipeline.min_df" in page  # a setting
    assert "scikit-learn" in page  # a version
    for title in ("Similarity of topics", "Tree of topics"):
        assert f">{title}</h2>" in page
    assert "the similarity of topics is left out" not in page

    assert report.main([f"run={outcome.output}"]) == 0
    assert (outcome.output / "report.html").is_file()
    assert record.load(outcome.output).files[-1] == "report.html"
    assert ">Similarity of topics</h2>" in (outcome.output / "report.html").read_text("utf-8")

    (outcome.output / "model" / "arrays.safetensors").write_bytes(b"damaged")
    (outcome.output / "hierarchy.csv").unlink()
    assert report.main([f"run={outcome.output}"]) == 0
    assert "The similarity of topics is left out." in capsys.readouterr().err
    page = (outcome.output / "report.html").read_text("utf-8")
    assert "the similarity of topics is left out" in page
    assert ">Tree of topics</h2>" not in page


def test_a_disk_that_has_no_room_for_the_page(
    runner: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = runner(*FAST, "dataset.limit=60", "model=false")
    assert outcome.code == 0, outcome.err

    def full(result: Any, folder: Path, **settings: Any) -> None:
        (folder / "report.html").write_text("<html>")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("components.reports.page.write_report", full)
    with pytest.raises(UserError, match=r"report.html cannot be written: No space.*folder=\.\.\."):
        report.main([f"run={outcome.output}", f"folder={tmp_path / 'page'}"])
    assert not list((tmp_path / "page").iterdir())


def test_how_the_granularity_was_chosen_is_shown_again(runner: Run) -> None:
    settings = [s for s in FAST if not s.startswith(("clusterer", "reducer", "reports"))]
    outcome = runner(*settings, "reducer=none", "clusterer=leiden", "dataset.limit=120")
    assert outcome.code == 0, outcome.err
    page = outcome.output / "report.html"
    (first,) = re.findall('<line class="chosen"[^>]*>', page.read_text("utf-8"))
    assert report.main([f"run={outcome.output}"]) == 0
    assert first in page.read_text("utf-8")


def test_wrong_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"run=\.\.\. is missing.* runner\.report --help"):
        report.main([])
    with pytest.raises(UserError, match="max_megabytes=large: must be a number"):
        report.main([f"run={tmp_path}", "max_megabytes=large"])
    with pytest.raises(UserError, match=r"holds no run\.json"):
        report.main([f"run={tmp_path}"])
    record.Record(name="x", status="FAILED").save(tmp_path)
    with pytest.raises(UserError, match=r"has no result \(FAILED\)"):
        report.main([f"run={tmp_path}"])
