"""What is known of a run, kept beside its artifacts as `run.json`.

The file holds all that tracking needs, so a result can be logged after the run as well as in it.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from components.base import Result, UserError
from runner import provenance, secrets

GROUPED_BY = ("dataset", "embedder", "reducer", "clusterer")
FILE = "run.json"


@dataclass
class Record:
    """One run. Times are milliseconds since 1970, as MLflow counts them.

    params : the flattened config without secrets, and the four options that the UI groups by
    tags : provenance: sweep_id, config_hash, git_commit, corpus_hash, host, pid, ...
    status : RUNNING, FINISHED, FAILED or KILLED
    """

    name: str
    params: dict[str, Any]
    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    status: str = "RUNNING"
    failure: str | None = None
    start_time: int = 0
    end_time: int | None = None
    run_id: str | None = None

    @property
    def label(self) -> str:
        """The options, as they would be typed."""
        return " ".join(f"{key}={self.params[key]}" for key in GROUPED_BY[1:])

    def finish(self, result: Result) -> None:
        self.status = "FINISHED"
        self.metrics = {name: float(value) for name, value in result.metrics.items()}
        self.tags["corpus_hash"] = result.corpus.hash
        self.end_time = _now()

    def fail(self, error: BaseException) -> None:
        """A failure's reason, or, where the run was interrupted rather than failed, its end."""
        self.status = "FAILED" if isinstance(error, Exception) else "KILLED"
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        self.failure = secrets.mask(f"{kind}{error}")
        self.end_time = _now()

    def save(self, folder: Path) -> None:
        draft = folder / f".{FILE}.{os.getpid()}"
        draft.write_text(json.dumps(asdict(self), indent=2, default=str), encoding="utf-8")
        draft.replace(folder / FILE)


def begin(config: DictConfig, choices: dict[str, Any], sweep: dict[str, str] | None) -> Record:
    """The record of a run that starts now.

    Parameters
    ----------
    config : the composed config
    choices : the option chosen in each group
    sweep : `sweep_id` and, under MLflow, `parent_run_id`; None for a single run
    """
    plain = provenance.kept_config(config)
    options = {role: str(choices[role]) for role in GROUPED_BY}
    tags = {
        **options,
        "config_hash": provenance.config_hash(plain),
        # The same for runs that differ in nothing but their seed.
        "seedless_hash": provenance.config_hash(_without_seed(config)),
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "process_start": process_start(os.getpid()) or "",
    }
    if commit := provenance.git_commit():
        tags["git_commit"] = commit
    if sweep:
        tags["sweep_id"] = sweep["sweep_id"]
        if sweep.get("parent_run_id"):
            tags["mlflow.parentRunId"] = sweep["parent_run_id"]
    nodes = {key: value for key, value in plain.items() if key not in ("tracking", "leaderboard")}
    return Record(
        name="-".join(options[role] for role in GROUPED_BY[1:]),
        params={**provenance.flatten(nodes), **options},
        tags=tags,
        start_time=_now(),
    )


def load(folder: Path) -> Record:
    """Read a run's record from its output folder."""
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"{folder} is no output folder of a run: it holds no {FILE}.")
    return Record(**json.loads(path.read_text(encoding="utf-8")))


def process_start(pid: int) -> str | None:
    """When a process began, in the kernel's ticks; a pid alone may be used again (Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19]


def _without_seed(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if key != "seed"}


def _now() -> int:
    return time.time_ns() // 1_000_000
