"""What the tests of runs, sweeps and tracking share: settings, a server, reading a store."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent

# The settings of tests_support.FAST, tracked, and with parts that only these tests have.
TRACKED = [
    "dataset.limit=60",
    "embedder=tfidf",
    "reducer=truncated_svd",
    "reducer.n_components=5",
    "clusterer=kmeans",
    "clusterer.n_clusters=4",
    "map=false",
    "reports=fast",
    "model=false",
]


def runs_of(store: Path | str) -> list[Any]:
    """Every run of an MLflow store, the oldest first."""
    from mlflow import MlflowClient

    client = MlflowClient(store if isinstance(store, str) else f"sqlite:///{store}")
    experiments = [e.experiment_id for e in client.search_experiments()]
    found = client.search_runs(experiments, order_by=["attributes.start_time ASC"])
    return list(found)


def wait_for(condition: Callable[[], Any], seconds: float = 90) -> Any:
    """What the condition returns, once that is something."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """`mlflow server` on SQLite, on a port of its own, that can be killed and started again."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.database = database
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.pid_file = folder / "server.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = f"mlflow server --backend-store-uri sqlite:///{self.database}"
        command += f" --artifacts-destination {self.folder / 'served'}"
        command += f" --host 127.0.0.1 --port {self.port} --workers 1"
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command.split()],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        self.pid_file.write_text(str(self._process.pid))
        wait_for(self._answers)

    def _answers(self) -> bool:
        try:
            # Not urlopen: it keeps for ever the proxies that the first test to call it had set.
            with _DIRECT.open(f"{self.uri}/health", timeout=2):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
