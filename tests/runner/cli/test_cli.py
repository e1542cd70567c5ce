"""How a command line ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import job
from runner.cli import COMMANDS
from runner.tracking import connect, experiment_ids
from tests_support import FAST
from tracking_support import TRACKED

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


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    """As in `runner --help | head -1`: no traceback, and a run is done all the same."""
    for arguments in (["--help"], [*FAST, "dataset.limit=60", "hydra.run.dir=out"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait() == 0, errors
        assert "Traceback" not in errors
        assert "BrokenPipe" not in errors
    assert (tmp_path / "out" / "topics.csv").is_file()


@pytest.mark.parametrize("module", ["runner", "runner.leaderboard"])
def test_a_folder_that_was_removed_while_one_was_in_it(module: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", f'rmdir "{gone}"; exec "$0" "$@"', sys.executable, "-m", module, "a=b"],
        cwd=gone, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode == 1
    assert "has been removed. Change to another: cd ..." in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_for_a_person(process: Run) -> None:
    outcome = process("--help")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) <= 50  # a screen
    for name in ("dataset.path", "use_multilingual", "--help all", *COMMANDS):
        assert name in outcome.out
    whole = process("--help", "all", "--config-dir=mine")
    assert whole.code == 0
    assert whole.out.index("Examples:") < whole.out.index("embedder= (default: minilm)")
    assert re.search(r"^  tfidf +\S+", whole.out, re.MULTILINE)
    assert "…" not in whole.out  # nothing is cut off
    group = process("--help", "reducer").out
    assert "truncated_svd  Truncated SVD" in group
    assert "embedder" not in group
    line = re.search(r"Its keys: \S*python -m runner (.*)", group)
    assert line
    assert process(*line[1].split()).code == 0
    for name in COMMANDS:
        shown = process(name, "--help")
        assert shown.code == 0, shown.err
        assert f"python -m runner.{name}" in shown.out
    assert process("--version").out.startswith("topic-runner ")


def test_the_environment_names_the_experiment(
    runner: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "by-environment")
    runner(*TRACKED, "tracking.experiment=typed")
    runner(*TRACKED)
    names = experiment_ids(connect(f"sqlite:///{store}"), None)
    assert len(names) == 3  # MLflow's own, and these two
    assert experiment_ids(connect(f"sqlite:///{store}"), "by-environment")


def test_the_console_script_finds_the_classes_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "my_words.py").write_text(
        "class Lengths:\n    def encode(self, documents):\n"
        "        return [[len(d), d.count('e')] for d in documents]\n"
    )
    folder = tmp_path / "mine" / "embedder"
    folder.mkdir(parents=True)
    (folder / "lengths.yaml").write_text("_target_: my_words.Lengths\n")
    root = str(Path(__file__).parents[3])
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


def test_in_an_environment_without_its_packages_the_one_to_use_is_named() -> None:
    command = [sys.executable, "-S", "-m", "runner"]  # -S: without what is installed
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not installed in" in done.stderr
    assert "source .venv/bin/activate" in done.stderr
    assert "Traceback" not in done.stderr
