"""The way to an MLflow store, and what is said where it is gone."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from glob import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from components.base import UserError
from runner.terminal import secrets
from runner.tracking.folder import DISK
from runner.tracking.uri import absolute_uri, check_store, sqlite_path, sqlite_uri

_ADDRESSES = ("models:/", "runs:/")
# The latter for what cannot be an id, such as a name with a slash.
_NO_SUCH_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def load_mlflow() -> None:
    """Import MLflow, which takes seconds, with settings of ours that the user may override."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own 7 retries, of up to two minutes each, wait half an hour for a dead server.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    for chatty in ("alembic", "mlflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def connect(uri: str | None, *, create: bool = False) -> Any:
    """A client of an MLflow store.

    Parameters
    ----------
    uri : see `runner.tracking.uri.absolute_uri`
    create : make an SQLite file that is not there

    Raises
    ------
    UserError
        When the store cannot be reached.
    """
    uri = absolute_uri(uri)
    path = sqlite_path(uri)
    with reaching(uri, tracks=create):
        check_store(uri, create=create)
        # MLflow makes its tables without a lock, so two first starts break each other. Whoever only
        # reads what is there may not be allowed to write a lock.
        locks = path is not None and (create or not _is_made(path))
        with FileLock(f"{path}.lock") if locks else nullcontext():
            load_mlflow()
            from mlflow import MlflowClient

            if path is not None and not _is_made(path):
                _make(path)
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)  # only now does it connect
            return client


def connect_to_find(source: str, uri: str | None, kind: str = "run") -> Any:
    """A client of the MLflow store that holds what a user has named, which is no folder here.

    Parameters
    ----------
    source : the id of a run or a sweep, `runs:/ID/...` or `models:/...`
    uri : see `runner.tracking.uri.absolute_uri`
    kind : "run" or "sweep"

    Raises
    ------
    UserError
        When it can only be a folder that is not there, or the store cannot be reached.
    """
    if source.startswith(_ADDRESSES):
        return connect(uri)
    no_folder = f"there is no folder {source!r}"
    if len(Path(source).parts) > 1:
        raise UserError(f"{no_folder}. Give the output folder of a {kind}, or its id in MLflow.")
    try:
        return connect(uri)
    except UserError as error:
        raise UserError(f"{no_folder}, and {error}") from error


def _is_made(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _make(path: Path) -> None:
    """Make an SQLite store: all of its tables, or none.

    MLflow could neither use nor mend what a full disk, or a process that was killed, leaves.
    """
    from mlflow import MlflowClient

    path = path.resolve()
    draft = path.with_name(f".{path.name}.new")
    for rest in path.parent.glob(f"{escape(draft.name)}*"):
        rest.unlink()
    try:
        MlflowClient(sqlite_uri(draft)).search_experiments(max_results=1)
        draft.replace(path)
    finally:
        for rest in path.parent.glob(f"{escape(draft.name)}*"):
            rest.unlink()


def store_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises when its store is gone, or answers what it does not understand."""
    load_mlflow()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError, ValueError)


def check_location(uri: str, location: str) -> None:
    """Refuse a store's files that lie on another server: MLflow sends the user's token there.

    Raises
    ------
    UserError
    """
    there = urlsplit(location)
    if there.scheme in ("http", "https", "mlflow-artifacts") and there.netloc not in (
        "",
        urlsplit(uri).netloc,
    ):
        raise UserError(
            f"the MLflow store {secrets.mask(uri)} says that the files lie on another server, "
            f"{secrets.mask(location)[:200]}. They are not fetched: your token would be sent there."
        )


@contextmanager
def reaching(uri: str, *, tracks: bool = False) -> Iterator[None]:
    """Raise a `UserError` where what is done inside fails because the store is gone.

    tracks : whether a run logs itself there, or else something is looked for
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, store_errors()):
            raise
        reason = first_line(error)
        is_full = "disk is full" in reason or getattr(error, "errno", None) in DISK
        key = "tracking.uri" if tracks else "uri"
        advice = (
            f"Make room on its disk, name a store on another one with {key}"
            if is_full
            else f"{'Correct' if sqlite_path(uri) else 'Start the server, correct'} {key}"
        )
        otherwise = "run without tracking: tracking=none" if tracks else "name an output folder."
        raise UserError(
            f"the MLflow store {secrets.mask(uri)} cannot be used: {reason}\n"
            f"{advice}, or {otherwise}"
        ) from error


def first_line(error: Exception) -> str:
    return secrets.mask(str(error)).strip().partition("\n")[0][:500]


def is_there(get: Callable[[str], Any], name: str) -> bool:
    """Whether a store has what this method of its client gets by a name."""
    from mlflow.exceptions import MlflowException

    try:
        get(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def get_run(client: Any, run_id: str, also: str = "") -> Any:
    """A run by its id; `also`: what else a user may name in its place."""
    try:
        with reaching(client.tracking_uri):
            return client.get_run(run_id)
    except UserError as error:
        if getattr(error.__cause__, "error_code", "") not in _NO_SUCH_RUN:
            raise
        raise UserError(
            f"there is no folder {run_id!r}, and no run of that id in {client.tracking_uri}. Give "
            f"a run's id or its output folder{also}."
        ) from error
