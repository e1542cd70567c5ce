"""Addresses of MLflow stores: an SQLite file, a tracking server, a database."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from components.base import UserError
from runner.terminal.suggestions import shell_quote, tool

_SQLITE = "sqlite:///"
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def absolute_uri(uri: str | None) -> str:
    """A store's address, that of an SQLite file made absolute.

    Parameters
    ----------
    uri : the config's `tracking.uri`; None for MLFLOW_TRACKING_URI, or else `mlflow.db` in the
        current folder
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}mlflow.db"
    path = sqlite_path(uri)
    if path is None:
        return uri
    # SQLAlchemy decodes an address, and takes what follows a question mark as its settings.
    query = uri[len(uri.partition("?")[0]) :] if _has_query(uri) else ""
    return f"{sqlite_uri(path.expanduser().absolute())}{query}"


def sqlite_uri(path: Path) -> str:
    """The address of the SQLite store in a file."""
    encoded = re.sub("[%?#]", lambda match: f"%{ord(match[0]):02X}", str(path))
    return f"{_SQLITE}{encoded}"


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other."""
    if not uri.startswith(_SQLITE):
        return None
    path = uri.removeprefix(_SQLITE)
    return Path(unquote(path.partition("?")[0] if _has_query(uri) else path))


def _has_query(uri: str) -> bool:
    """Whether settings such as `?timeout=10` follow the file; else a "?" is part of its name."""
    return "=" in uri.partition("?")[2]


def ui_command(uri: str, experiment_id: str | None) -> str:
    """What opens MLflow's UI on a store, and the page of the experiment's runs there."""
    # Without the last part the UI may open in the mode for language models, which shows no runs.
    page = f"#/experiments/{experiment_id}/runs?workflowType=machine_learning"
    if uri.startswith("http"):
        return f"Compare: {uri.rstrip('/')}/{page}"
    command = f"{tool('mlflow')} ui --backend-store-uri {shell_quote(uri)}"
    return f"Compare: {command}\n         http://127.0.0.1:5000/{page}"


def check_store(uri: str, *, create: bool) -> None:
    """Find out in seconds whether a store can be there; MLflow itself would try for minutes.

    Raises
    ------
    UserError
        When there is no such SQLite file and it may not be created, or it is something else.
    OSError
        When nobody listens at the address.
    """
    path = sqlite_path(uri)
    if path is None:
        _knock(uri)
    elif not path.exists():
        if not create:
            raise UserError(
                f"there is no MLflow store {path} yet. Name another one (uri=...), or the output "
                "folder of the run (of a sweep: sweep_id=FOLDER)."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        with path.open("rb") as file:
            if file.read(15) not in (b"", b"SQLite format 3"):
                raise UserError(f"{path} is not an SQLite database. Correct tracking.uri.")


def _knock(uri: str) -> None:
    address = urlsplit(uri)
    scheme = address.scheme.partition("+")[0]
    host = address.hostname
    if host is None or scheme not in _PORTS or (scheme in getproxies() and not proxy_bypass(host)):
        return  # not a place that can be reached directly
    socket.create_connection((host, address.port or _PORTS[scheme]), timeout=5).close()
