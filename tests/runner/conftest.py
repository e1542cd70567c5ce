"""A store that is there, a server that runs, an embedder in trouble."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracking_support import TESTS, TRACKED, Server


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Path:
    """The MLflow store of a test's folder."""
    return Path(shutil.copy(empty_store, tmp_path / "mlflow.db"))


@pytest.fixture
def troubled(tmp_path: Path) -> list[str]:
    """Arguments for an embedder that can be told to fail: `embedder=troubled`."""
    folder = tmp_path / "parts" / "embedder"
    folder.mkdir(parents=True)
    (folder / "troubled.yaml").write_text(
        "_target_: sweep_parts.Troubled\ntrouble: none\nseconds: 0.0\ncalls: null\npid_file: null\n"
    )
    return [
        f"--config-dir={folder.parent}",
        *TRACKED,
        "embedder=troubled",
        "trusted_targets=[sweep_parts]",
    ]


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Make a folder read-only, with all that is in it, until the test ends."""
    mounted: list[Path] = []
    changed: list[tuple[Path, int]] = []

    def make(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:  # whom modes do not stop
            line = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
            if subprocess.run(line, capture_output=True).returncode:
                pytest.skip("root needs a read-only mount, and cannot make one here")
            mounted.append(folder)
            return
        for path in sorted([folder, *folder.rglob("*")], reverse=True):
            changed.append((path, path.stat().st_mode))
            path.chmod(0o555 if path.is_dir() else 0o444)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # files may be mapped
    for path, mode in reversed(changed):
        path.chmod(mode)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m runner ...` in the test's folder, without waiting for its end."""
    started = []

    def launch(*arguments: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}", **env},
            start_new_session=True,
            # Where the tests run in the background, a shell or nohup has made them deaf.
            preexec_fn=lambda: [
                signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)
            ],
        )
        started.append(process)
        return process

    yield launch
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def server(tmp_path: Path, empty_store: Path) -> Iterator[Server]:
    """An MLflow server that is running."""
    folder = tmp_path / "server"
    folder.mkdir()
    found = Server(folder, Path(shutil.copy(empty_store, folder / "mlflow.db")))
    found.start()
    yield found
    found.stop()
