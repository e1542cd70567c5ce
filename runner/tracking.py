"""MLflow: a run's record and its folder in, an MLflow run out. The only importer of MLflow."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path
from typing import Any

from filelock import FileLock

from components.base import UserError
from runner import record as records
from runner import secrets
from runner.record import Record

log = logging.getLogger(__name__)

SWEEP_TAG = "is_sweep"  # marks the parent run of a sweep


class TrackingLostError(UserError):
    """The tracking store went away; the result lies in the output folder."""


class Tracker:
    """A connection to an MLflow experiment, which is made if there is none.

    Parameters
    ----------
    uri : the config's `tracking.uri`; None for MLFLOW_TRACKING_URI, or else SQLite in the
        current folder
    experiment : name of the experiment

    Raises
    ------
    UserError
        When the store cannot be reached.
    """

    def __init__(self, uri: str | None, experiment: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # MLflow's own default waits for minutes where a server is gone.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        for chatty in ("alembic", "mlflow"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self.uri = absolute_uri(uri)
        self._lost = (MlflowException, OSError)
        try:
            if self.uri.startswith("sqlite:///"):
                path = Path(self.uri.removeprefix("sqlite:///"))
                path.parent.mkdir(parents=True, exist_ok=True)
                # MLflow makes its tables without a lock, so two first starts break each other.
                with FileLock(f"{path}.lock"):
                    self.client = MlflowClient(self.uri)
                    self.experiment_id = self._experiment(experiment, path.parent / "mlartifacts")
            else:
                self.client = MlflowClient(self.uri)
                self.experiment_id = self._experiment(experiment, None)
        except self._lost as error:
            raise UserError(
                f"the MLflow store {secrets.mask(self.uri)} cannot be used: {_first_line(error)}\n"
                "Start the server, mend tracking.uri, or go without: tracking=none"
            ) from error

    def _experiment(self, name: str, artifacts: Path | None) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = None if artifacts is None else artifacts.as_uri()
            try:
                return str(self.client.create_experiment(name, artifact_location=location))
            except MlflowException:  # another process was quicker
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def start(self, record: Record) -> None:
        """Open a run for a record and remember its id there."""
        from mlflow.entities import Param

        self.close_dead_runs()
        run = self.client.create_run(
            self.experiment_id, record.start_time, dict(record.tags), record.name
        )
        record.run_id = run.info.run_id
        params = [Param(key, str(value)[:6000]) for key, value in record.params.items()]
        for first in range(0, len(params), 100):  # MLflow's limit for one request
            self.client.log_batch(record.run_id, params=params[first : first + 100])

    def close(self, record: Record, folder: Path) -> None:
        """Log a record's metrics and the files of its folder, and end its run.

        Raises
        ------
        TrackingLostError
            When the store is gone; the message says how to log the folder later.
        """
        try:
            self._log(record, folder)
        except self._lost as error:
            raise TrackingLostError(
                f"the MLflow store {secrets.mask(self.uri)} went away: {_first_line(error)}\n"
                f"Nothing is lost. When it is back: python -m runner.upload {folder}"
            ) from error

    def _log(self, record: Record, folder: Path) -> None:
        from mlflow.entities import Metric

        assert record.run_id is not None and record.end_time is not None
        if record.failure:
            self.client.set_tag(record.run_id, "failure", record.failure[:5000])
        if "corpus_hash" in record.tags:
            self.client.set_tag(record.run_id, "corpus_hash", record.tags["corpus_hash"])
        metrics = [Metric(k, v, record.end_time, 0) for k, v in record.metrics.items()]
        self.client.log_batch(record.run_id, metrics=metrics)
        self.log_files(record.run_id, folder)
        self.client.set_terminated(record.run_id, record.status, record.end_time)

    def log_files(self, run_id: str, folder: Path) -> None:
        """Log the files of a folder: not Hydra's own, nor the log that is still written to."""
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.suffix != ".log" and not file.name.startswith("."):
                self.client.log_artifact(run_id, str(file))

    def close_dead_runs(self) -> None:
        """End as KILLED what this machine's dead processes left RUNNING."""
        here = socket.gethostname()
        running = self.client.search_runs(
            [self.experiment_id], f"attributes.status = 'RUNNING' and tags.host = '{here}'"
        )
        for run in running:
            tags = run.data.tags
            if not _alive(int(tags["pid"]), tags.get("process_start", "")):
                log.warning("run %s was killed; it is closed now.", run.info.run_name)
                self.client.set_tag(run.info.run_id, "failure", "the process was killed")
                self.client.set_terminated(run.info.run_id, "KILLED")

    def runs(self, query: str) -> list[Record]:
        """Records of the experiment's runs that a query of MLflow's finds, newest first."""
        found: list[Record] = []
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], query, order_by=["attributes.start_time DESC"],
                page_token=token,
            )  # fmt: skip
            found += [_record(run) for run in page]
            token = page.token
            if not token:
                return found

    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Fetch an artifact of a run into a folder."""
        try:
            return Path(self.client.download_artifacts(run_id, name, str(folder)))
        except self._lost as error:
            raise UserError(f"run {run_id} has no artifact {name}: {_first_line(error)}") from error


def absolute_uri(uri: str | None) -> str:
    """The store's address, that of an SQLite file made absolute."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if uri.startswith("sqlite:///"):
        return f"sqlite:///{Path(uri.removeprefix('sqlite:///')).expanduser().absolute()}"
    return uri


def ui_command(uri: str) -> str:
    """What opens the UI on a store."""
    return uri if uri.startswith("http") else f"mlflow ui --backend-store-uri {secrets.mask(uri)}"


def _record(run: Any) -> Record:
    return Record(
        name=run.info.run_name,
        params=dict(run.data.params),
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
        status=run.info.status,
        failure=run.data.tags.get("failure"),
        start_time=run.info.start_time,
        end_time=run.info.end_time,
        run_id=run.info.run_id,
    )


def _alive(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not started or records.process_start(pid) in (None, started)


def _first_line(error: Exception) -> str:
    return secrets.mask(str(error)).strip().partition("\n")[0]
