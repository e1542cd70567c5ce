"""How a command line ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import job
from tests_support import FAST

Run = Callable[..., Any]


def test_a_run_prints_its_topics(runner: Run) -> None:
    outcome = runner(*FAST, "dataset.limit=60", "clusterer.n_clusters=3")
    assert outcome.code == 0, outcome.err
    assert "3 topics" in outcome.out
    assert "Compare" not in outcome.out  # there is nothing to compare without tracking


def test_an_error_that_nobody_foresaw(runner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a traceback, for whoever mends it, without the secrets in it."""
    monkeypatch.setenv("MY_TOKEN", "correct-horse-battery")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("correct-horse-battery")

    monkeypatch.setattr(job, "write_reports", broken)
    outcome = runner(*FAST, "dataset.limit=60")
    assert outcome.code == 1
    assert "ZeroDivisionError: ***" in outcome.err
    assert "correct-horse" not in outcome.err + (outcome.output / "runner.log").read_text()
    outcome = runner("-m", *FAST, "dataset.limit=60", "seed=1,2")
    assert outcome.code == 1
    assert "0 runs, 2 failed" in outcome.out
    assert "correct-horse" not in outcome.err + outcome.out


def test_the_console_script_finds_the_classes_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "my_words.py").write_text(
        "class Lengths:\n    def encode(self, documents):\n"
        "        return [[len(d), d.count('e')] for d in documents]\n"
    )
    folder = tmp_path / "mine" / "embedder"
    folder.mkdir(parents=True)
    (folder / "lengths.yaml").write_text("_target_: my_words.Lengths\n")
    root = str(Path(__file__).parents[2])
    code = f"import sys; sys.path[0] = {root!r}; from runner.cli import main; main()"
    done = subprocess.run(
        [
            sys.executable, "-c", code, "--config-dir=mine", *FAST[1:], "embedder=lengths",
            "reducer.n_components=2", "trusted_targets=[my_words]", "dataset.limit=60",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
