"""MLflow: a run's settings and its result in, an MLflow run out. The only importer of MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from components.base import Result, UserError
from runner import secrets

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What is known of a run before it starts.

    params : the flattened config, less secrets; tags : provenance, and what the UI groups by
    """

    uri: str | None
    experiment: str
    name: str
    params: dict[str, Any]
    tags: dict[str, str]


class Tracked:
    """An open MLflow run."""

    def __init__(self, client: Any, run_id: str, uri: str, experiment_id: str) -> None:
        self.client = client
        self.run_id = run_id
        self.uri = uri
        self.experiment_id = experiment_id

    def finish(self, result: Result, folder: Path) -> None:
        """Log the metrics of a result and every artifact in its folder."""
        self.client.set_tag(self.run_id, "corpus_hash", result.corpus.hash)
        self.log_metrics(result.metrics)
        self.log_folder(folder)

    def log_metrics(self, metrics: dict[str, float]) -> None:
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        entries = [Metric(name, float(value), now, 0) for name, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=entries)

    def log_folder(self, folder: Path) -> None:
        """Log the files of a folder, less Hydra's own and the log, which is still written to."""
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.suffix != ".log":
                self.client.log_artifact(self.run_id, str(file))


def default_uri() -> str:
    """SQLite in the current folder, by absolute path."""
    return f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def resolve_uri(uri: str | None) -> str:
    """The tracking store to use: the config's, MLflow's own variable, or the local file."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or default_uri()


@contextmanager
def track(settings: Settings) -> Iterator[Tracked]:
    """An MLflow run around a block: FINISHED after it, FAILED with the reason where it raises.

    Raises
    ------
    UserError
        When the tracking store cannot be reached.
    """
    tracked = _start(settings)
    status = "KILLED"
    try:
        yield tracked
        status = "FINISHED"
    except Exception as error:
        status = "FAILED"
        tracked.client.set_tag(tracked.run_id, "failure", secrets.mask(str(error))[:5000])
        raise
    finally:
        tracked.client.set_terminated(tracked.run_id, status)


def _start(settings: Settings) -> Tracked:
    client, uri, experiment_id = connect(settings.uri, settings.experiment)
    run = client.create_run(experiment_id, tags=settings.tags, run_name=settings.name)
    from mlflow.entities import Param

    # MLflow takes at most 100 parameters in a request.
    params = [Param(key, str(value)[:6000]) for key, value in settings.params.items()]
    for start in range(0, len(params), 100):
        client.log_batch(run.info.run_id, params=params[start : start + 100])
    return Tracked(client, run.info.run_id, uri, experiment_id)


def connect(uri: str | None, experiment: str) -> tuple[Any, str, str]:
    """A client, the store's address and the experiment's id; both are made on first use."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri = resolve_uri(uri)
    try:
        if not uri.startswith("sqlite:///"):
            client = MlflowClient(uri)
            return client, uri, _experiment(client, experiment, None)
        path = Path(uri.removeprefix("sqlite:///")).absolute()
        uri = f"sqlite:///{path}"
        path.parent.mkdir(parents=True, exist_ok=True)
        # MLflow makes its tables without a lock, and two processes at once break each other.
        with FileLock(f"{path}.lock"):
            client = MlflowClient(uri)
            return client, uri, _experiment(client, experiment, path.parent / "mlartifacts")
    except (MlflowException, OSError) as error:
        raise UserError(
            f"the MLflow store {secrets.mask(uri)} cannot be used: "
            f"{secrets.mask(str(error)).splitlines()[0]}\nStart the server, mend tracking.uri, "
            "or go without: tracking=none"
        ) from error


def _experiment(client: Any, name: str, artifacts: Path | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = None if artifacts is None else artifacts.as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def ui_command(uri: str) -> str:
    """What opens the UI on a store."""
    if uri.startswith("http"):
        return f"open {uri}"
    return f"mlflow ui --backend-store-uri {uri}"
