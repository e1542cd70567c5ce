"""MLflow: a run's record and its folder in, an MLflow run out. The only importer of MLflow."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.base import UserError
from components.interrupts import put_off_interrupts
from runner.terminal import secrets
from runner.terminal.suggestions import nearest, shell_quote, tool
from runner.tracking.client import (
    check_location,
    first_line,
    get_run,
    is_there,
    reaching,
    store_errors,
)
from runner.tracking.client import connect as connect
from runner.tracking.client import connect_to_find as connect_to_find
from runner.tracking.description import DESCRIPTION, verbatim
from runner.tracking.model import log_model
from runner.tracking.process import TAG, packed, unpacked, without
from runner.tracking.record import FILE, RUN_FILES, SWEEP_FILES, Record, load
from runner.tracking.uri import absolute_uri, sqlite_path

log = logging.getLogger(__name__)

# A transaction that is broken off would hold SQLite's lock, and the run could not be ended.
STOPPING = "Stopping as soon as the run is logged. Press Ctrl-C again to stop at once."


def named_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by names that MLflow takes: a topic of `guided.topics` may be called "R&D"."""
    return {re.sub(r"[^\w.\- :]", "_", name)[:250]: value for name, value in params.items()}


class Tracker:
    """Writes runs to an MLflow experiment, which is made if there is none.

    Every method raises a `UserError` when the store cannot be reached.

    Parameters
    ----------
    uri : see `runner.tracking.uri.absolute_uri`
    experiment : name of the experiment
    """

    def __init__(self, uri: str | None, experiment: str) -> None:
        self.uri = absolute_uri(uri)
        if secrets.mask(experiment) != experiment:
            raise UserError("tracking.experiment holds a secret, and is shown to all. Rename it.")
        self._client = connect(uri, create=True)
        with reaching(self.uri, tracks=True):
            self._experiment_id = self._experiment(experiment)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            path = sqlite_path(self.uri)
            location = None if path is None else (path.parent / "mlartifacts").as_uri()
            try:
                return str(self._client.create_experiment(name, location))
            except MlflowException:  # another process was quicker
                experiment = self._client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        if experiment.lifecycle_stage == "deleted":
            raise UserError(
                f"the MLflow experiment '{name}' is deleted. Name another one "
                "(tracking.experiment=...), or restore it: "
                f"MLFLOW_TRACKING_URI={shell_quote(self.uri)} {tool('mlflow')} experiments restore "
                f"--experiment-id {experiment.experiment_id}"
            )
        return str(experiment.experiment_id)

    def start(self, record: Record, folder: Path) -> None:
        """Open a run for a record, and keep its id there and in the folder."""
        from mlflow.entities import Param

        with put_off_interrupts(STOPPING), reaching(self.uri, tracks=True):
            safe = record.without_secrets()
            # What names the process is for whoever ends the runs of dead ones.
            known = packed(safe.tags) if record.status == "RUNNING" else without(safe.tags)
            tags = {key: value[:5000] for key, value in known.items()}
            run = self._client.create_run(self._experiment_id, record.start_time, tags, safe.name)
            record.run_id, record.experiment_id = run.info.run_id, self._experiment_id
            record.tracked = False
            record.save(folder)
            params = [Param(k, str(v)[:6000]) for k, v in named_params(safe.params).items()]
            for first in range(0, len(params), 100):  # MLflow's limit for one request
                self._client.log_batch(record.run_id, params=params[first : first + 100])

    def finish(self, record: Record, folder: Path) -> None:
        """Log a record's metrics and the files of its folder, and end its run.

        A run that this store does not know is started first. To log twice changes nothing.
        """
        from mlflow.entities import Metric, RunTag

        assert record.end_time is not None
        with put_off_interrupts(STOPPING), reaching(self.uri, tracks=True):
            if record.run_id is None or not is_there(self._client.get_run, record.run_id):
                self.start(record, folder)
            model_id = log_model(self._client, record, folder)
            safe = record.without_secrets()
            tags = {**without(safe.tags), "failure": safe.failure}  # some are known only now
            if record.failure:  # as a tag alone, the UI cuts it off after a few words
                tags.setdefault(DESCRIPTION, verbatim(str(safe.failure)))
            self._client.log_batch(
                record.run_id,
                metrics=[
                    Metric(name, value, record.end_time, 0, model_id)
                    for name, value in record.metrics.items()
                ],
                tags=[RunTag(key, value[:5000]) for key, value in tags.items() if value],
            )
            if dataset := _dataset(safe):
                self._client.log_inputs(record.run_id, [dataset])
            record.lost = None
            of_sweep = [folder / name for name in SWEEP_FILES]
            for file in (*record.files_in(folder), *filter(Path.is_file, of_sweep)):
                place = file.parent.relative_to(folder).as_posix()
                self._client.log_artifact(record.run_id, str(file), "" if place == "." else place)
            # A run that could not be logged when it ended may have been taken for a dead one.
            self._forget(record.run_id, *([TAG] if record.failure else [TAG, "failure"]))
            self._client.set_terminated(record.run_id, record.status, record.end_time)
            record.tracked = True
            record.save(folder)

    def add_metrics(self, record: Record, names: Iterable[str]) -> None:
        """Log some of a record's metrics to its run, which may have ended."""
        from mlflow.entities import Metric

        assert record.end_time is not None
        with reaching(self.uri, tracks=True):
            metrics = [Metric(n, v, record.end_time, 0) for n, v in record.metrics.items()]
            self._client.log_batch(record.run_id, [m for m in metrics if m.key in set(names)])

    def _forget(self, run_id: Any, *tags: str) -> None:
        """Take away tags of a run that are no longer true."""
        for tag in get_run(self._client, run_id).data.tags.keys() & set(tags):
            self._client.delete_tag(run_id, tag)

    def close_dead_runs(self) -> None:
        """End as KILLED what this machine's dead processes left RUNNING."""
        query = "attributes.status = 'RUNNING'"
        with reaching(self.uri, tracks=True):
            for run in find(self._client, query, [self._experiment_id]):
                if run.is_alive is False:
                    log.warning("Marked run %s as KILLED: its process no longer exists.", run.name)
                    self._client.set_tag(run.run_id, "failure", "its process was killed")
                    self._forget(run.run_id, TAG)
                    self._client.set_terminated(run.run_id, "KILLED")


def experiment_ids(client: Any, name: str | None = None) -> list[str]:
    """The id of the experiment of this name; of all where there is no name."""
    ids = {str(e.name): str(e.experiment_id) for e in client.search_experiments()}
    if name is None:
        return list(ids.values())
    if name not in ids:
        raise UserError(f"there is no MLflow experiment '{name}'.{nearest(name, ids)}")
    return [ids[name]]


def find(client: Any, query: str, experiments: list[str]) -> list[Record]:
    """Records of the runs that a query of MLflow's finds, newest first."""
    records: list[Record] = []
    token = None
    while True:
        page = client.search_runs(
            experiments, query, order_by=["attributes.start_time DESC"], page_token=token
        )
        records += [_record(run) for run in page]
        token = page.token
        if not token:
            return records


def log_file(client: Any, run_id: str | None, file: Path) -> None:
    """Log a file as an artifact of a run."""
    with reaching(client.tracking_uri):
        client.log_artifact(run_id, str(file))


def fetch(client: Any, run_id: str, name: str, folder: Path) -> None:
    """Copy an artifact of a run to a folder."""
    check_location(client.tracking_uri, str(get_run(client, run_id).info.artifact_uri))
    try:
        client.download_artifacts(run_id, name, str(folder))
    except store_errors() as error:
        raise UserError(f"{name} of run {run_id} cannot be fetched: {first_line(error)}") from error


def fetch_result(client: Any, run_id: str, folder: Path) -> Record:
    """Copy what the result of a run is read from to a folder: its record and its tables.

    Raises
    ------
    UserError
        When there is no such run, or it has no result.
    """
    from components.reports.read import TABLES

    fetch(client, run_id, FILE, folder)
    record = load(folder)
    record.require_result(run_id)
    with reaching(client.tracking_uri):
        logged = {artifact.path for artifact in client.list_artifacts(run_id)}
    for name in (*RUN_FILES, *TABLES):
        if name != FILE and (name in logged or name in TABLES[:2]):
            fetch(client, run_id, name, folder)
    return record


def _dataset(record: Record) -> Any:
    """What MLflow's UI shows as a run's data set: its name, and the hash of its documents."""
    from mlflow.entities import Dataset, DatasetInput

    if "corpus_hash" not in record.tags:
        return None
    source = str(record.params.get("dataset.path") or record.params["dataset"])
    digest = record.tags["corpus_hash"][:36]  # no more fits
    return DatasetInput(Dataset(Path(source).name, digest, "local", source))


def _record(run: Any) -> Record:
    return Record(
        name=run.info.run_name,
        params=dict(run.data.params),
        tags=unpacked(run.data.tags),
        metrics=dict(run.data.metrics),
        status=run.info.status,
        failure=run.data.tags.get("failure"),
        start_time=run.info.start_time,
        end_time=run.info.end_time,
        run_id=run.info.run_id,
    )
