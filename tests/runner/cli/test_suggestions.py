"""Every command that the program prints works when it is pasted into a shell."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.errors import HydraException

from components.base import UserError
from runner import cli, job, sweep
from runner.terminal import console, suggestions
from runner.terminal.suggestions import shell_quote
from runner.tracking import Tracker
from suggestions_support import check_command
from tests_support import FAST
from tracking_support import runs_of

COMMAND = re.compile(
    r"(?:^|: |Type )((?:[A-Z_]+=\S+ )?\S*/(?:python -m runner|mlflow )\S*.*)$", re.M
)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the program says while it runs in a folder whose name a shell would take apart."""
    folder = tmp_path / "it's a (new) folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    printed: list[str] = []
    print_it = console.say

    def say(text: str, *, error: bool = False) -> None:
        printed.append(text)
        print_it(text, error=error)

    for module in (console, cli, job, sweep):
        monkeypatch.setattr(module, "say", say)
    # Python is not on the path, as after `make run`: its whole path has to be printed.
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return printed


def paste(line: str, expected: int = 0) -> str:
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode == expected, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_suggestion_works(messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that lacked -m, a setting that is missing, and how to repeat a run."""
    run = _runner(monkeypatch)
    fast = [*FAST, "dataset.limit=60", "clusterer.n_clusters=3"]
    run(*fast, "seed=1,2", "hydra.sweep.dir=a sweep")
    run("replay")
    run("--experimental-rerun=x")
    sweep_line, usage, repeat = [line for text in messages for line in COMMAND.findall(text)]
    assert paste(sweep_line).count("a sweep/leaderboard.html") == 1
    folder = Path.cwd() / "a sweep" / "0"
    assert "runner.replay run=ID" in paste(usage)
    line = re.sub(r"run=\w+$", shell_quote(f"run={folder}"), repeat)
    assert "The same topics" in paste(line)


def test_a_result_is_logged_later(
    messages: list[str], empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload that a run suggests whose store went away, and the UI's command after it."""
    here = Path.cwd()
    store = Path(shutil.copy(empty_store, here / "mlflow.db"))

    def gone(self: Tracker, *args: object) -> None:
        raise UserError("the store is away")

    tracked = [*FAST, "tracking=mlflow", "model=false"]
    with monkeypatch.context() as broken:
        broken.setattr(Tracker, "finish", gone)
        _runner(monkeypatch)(*tracked, "dataset.limit=60", "hydra.run.dir=my run")
    (upload,) = [line for text in messages for line in COMMAND.findall(text) if "upload" in line]
    before = len(runs_of(store))
    paste(upload)
    assert len(runs_of(store)) == before
    assert [run.info.status for run in runs_of(store)] == ["FINISHED"]
    messages.clear()
    _runner(monkeypatch)(*tracked, "dataset.limit=60")
    (page,) = [line for text in messages for line in COMMAND.findall(text) if "mlflow ui" in line]
    assert "Usage: mlflow ui" in paste(f"{page} --help")
    assert shlex.split(page)[-1] == f"sqlite:///{store}"


def test_every_printed_command_is_made_by_one_function() -> None:
    """It quotes for the shell and knows how this program was started."""
    root = Path(suggestions.__file__).parents[1]
    found = []
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docs = {ast.get_docstring(n, False) for n in ast.walk(tree) if isinstance(n, documented)}
        found += [
            f"{path.relative_to(root)}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if node.value not in docs and "python -m runner" in node.value
        ]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "python -m runner.predict run=a dataste=csv",
        "python -m runner.replay --no-such-flag",
        "python -m runner dataset.text=Größe Breite",
        "nothing -m runner",
        "python -m runner.replay run='a",
    ],
)
def test_a_command_that_does_not_work_is_noticed(line: str) -> None:
    """The check that every test is followed by, of the commands that it provoked."""
    with pytest.raises((AssertionError, ValueError, HydraException)):
        check_command(line)


def _runner(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["runner", *arguments])
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0)

    return run
