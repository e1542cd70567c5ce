"""The record of a run, stored beside its artifacts as `run.json`.

The file holds all that tracking needs, so a result can be logged after the run as well as in it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from components import plain_yaml
from components.base import Result, UserError
from runner.terminal import secrets
from runner.tracking import provenance
from runner.tracking.description import DESCRIPTION, topics, verbatim
from runner.tracking.process import is_alive, this_process

GROUPED_BY = ("dataset", "embedder", "reducer", "clusterer")
FILE = "run.json"
# What every run leaves in its folder beside the files of its reports, and a sweep in its own.
RUN_FILES = ("config.yaml", "environment.json", FILE)
SWEEP_FILE = "sweep.json"  # what a sweep says of itself, in its folder
SWEEP_FILES = (SWEEP_FILE, "multirun.yaml", "leaderboard.csv", "leaderboard.html")
IS_SWEEP = "is_sweep"  # the tag that marks the parent run of a sweep
PARENT = "mlflow.parentRunId"  # the tag by which MLflow nests runs
SOURCE = {"mlflow.source.name": "runner"}
_TYPES: dict[str, Any] = {
    "name": str, "params": dict, "tags": dict, "metrics": dict, "status": str, "files": list,
    "start_time": int, "end_time": (int, type(None)), "failure": (str, type(None)),
    "run_id": (str, type(None)), "experiment_id": (str, type(None)), "model_id": (str, type(None)),
}  # fmt: skip


@dataclass
class Record:
    """One run. Times are milliseconds since 1970, as MLflow counts them.

    params : the flattened config without secrets, and the four options that the UI groups by
    tags : provenance: sweep_id, config_hash, git_commit, corpus_hash, host, pid, ...
    status : RUNNING, FINISHED, FAILED or KILLED
    failure : why it has no result
    files : what its reports wrote, relative to its folder
    run_id, experiment_id, model_id : its ids in MLflow, once it has them
    tracked : the run is fully logged to MLflow
    lost : why it is not, where it should be
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    status: str = "RUNNING"
    failure: str | None = None
    start_time: int = 0
    end_time: int | None = None
    files: list[str] = field(default_factory=list)
    run_id: str | None = None
    experiment_id: str | None = None
    model_id: str | None = None
    tracked: bool = False
    lost: str | None = None

    @property
    def label(self) -> str:
        """What sets it apart, as it would be typed."""
        options = (f"{key}={self.params[key]}" for key in GROUPED_BY[1:] if key in self.params)
        return self.tags.get("job") or " ".join(options)

    @property
    def is_alive(self) -> bool | None:
        """Whether its process is; None where that cannot be known, as it ran elsewhere."""
        return is_alive(self.tags)

    def require_result(self, run: object) -> None:
        """Raise a `UserError` where the run, which the message calls `run`, has no result."""
        if self.status != "FINISHED":
            raise UserError(f"the run {run} has no result ({self.status}).")

    def finish(self, result: Result) -> None:
        """End the record as FINISHED, with what a result measured and chose."""
        self.metrics = {name: float(value) for name, value in result.metrics.items()}
        corpus = result.corpus.whole or result.corpus
        self.tags["corpus_hash"] = result.corpus.hash
        self.tags["n_available"] = str(corpus.n_rows or len(corpus))  # documents of the data set
        self.tags |= {f"chosen_{key}": str(value) for key, value in result.choice.items()}
        self.tags[DESCRIPTION] = topics(result)
        self.end("FINISHED")

    def fail(self, error: BaseException) -> None:
        """End the record as FAILED with the reason, or as KILLED where it was interrupted."""
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        if isinstance(error, UserError) and error.part:
            self.tags["failed_part"] = error.part
        if isinstance(error, Exception):
            self.end("FAILED", f"{kind}{error}")
        elif isinstance(error, SystemExit):  # of a part; the runner itself does not exit here
            self.end("FAILED", f"a part ended the program: sys.exit({error.code!r})")
        else:
            self.end("KILLED", "it was interrupted")

    def end(self, status: str, failure: str | None = None) -> None:
        """End the record now, with a status and, without secrets, why there is no result."""
        self.status = status
        self.failure = None if failure is None else secrets.mask(failure)
        self.end_time = _now()

    def files_in(self, folder: Path) -> list[Path]:
        """The files of the run that are in its folder.

        The folder may hold other files: with hydra.run.dir=. it is the user's. The record may
        come from somebody else, so a name that leads out of the folder is passed over.
        """
        root = folder.resolve()
        paths = [folder / name for name in (*self.files, *RUN_FILES)]
        return [path for path in paths if path.is_file() and path.resolve().is_relative_to(root)]

    def without_secrets(self) -> Record:
        """The record as it may be written down: every text in it is masked."""
        return Record(**secrets.mask_config(asdict(self)))

    def save(self, folder: Path) -> None:
        """Write `run.json` to a folder, without secrets: whole or not at all."""
        draft = folder / f".{FILE}.{os.getpid()}"
        content = asdict(self.without_secrets())
        try:
            with draft.open("w", encoding="utf-8") as stream:
                stream.write(json.dumps(content, indent=2, default=str))
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut may leave an empty file
            draft.replace(folder / FILE)
        except BaseException:  # a full disk, or Ctrl-C
            draft.unlink(missing_ok=True)
            raise


def begin(
    config: DictConfig, choices: dict[str, Any], folder: Path, sweep: dict[str, Any] | None = None
) -> Record:
    """The record of a run that starts now.

    Parameters
    ----------
    config : the composed config
    choices : the option chosen in each group
    folder : where its artifacts go
    sweep : the contents of `sweep.json`, and `job`, the overrides of this job; None outside one
    """
    plain = provenance.kept_config(config)
    options = {role: _option(config, choices, role) for role in GROUPED_BY}
    tags = {
        **options,
        "config_hash": provenance.config_hash(plain),
        # The same for runs that differ in nothing but their seed.
        "seedless_hash": provenance.config_hash(_without_seed(config)),
        "git_commit": provenance.git_commit(),
        **SOURCE,
        "folder": str(folder),
        **this_process(),
    }
    if HydraConfig.initialized():
        tags["command"] = secrets.mask(provenance.command(HydraConfig.get()))
    name = "-".join(options[role] for role in GROUPED_BY[1:])
    if sweep:
        tags["sweep_id"] = sweep["sweep_id"]
        if sweep["job"]:
            tags["job"] = sweep["job"]
        if sweep.get("parent_run_id"):
            tags[PARENT] = sweep["parent_run_id"]
        other = [o for o in sweep["job"].split() if o.partition("=")[0] not in GROUPED_BY]
        name = " ".join([name, *other])
    nodes = {key: value for key, value in plain.items() if key not in ("tracking", "leaderboard")}
    params = {
        key: value
        for key, value in provenance.flatten(nodes).items()
        # The class of a metric or a report says nothing that its name does not.
        if not (key.startswith(("metrics.", "reports.")) and key.endswith("_"))
    }
    if isinstance(members := plain["embedder"].get("of"), dict):
        params["embedder.of"] = ",".join(members)
    return Record(
        name=name[:250],
        # First, as the UI lists parameters in this order, and again, as theirs is the last word.
        params={**options, **params, **options},
        tags=tags,
        start_time=_now(),
    )


def begin_sweep(sweep_id: str, overrides: list[str], folder: Path) -> Record:
    """The record of a sweep as a whole: the container of its jobs, without metrics of its own."""
    command = provenance.quoted(["python", "-m", "runner", "-m", *overrides])
    tags = {
        "sweep_id": sweep_id,
        IS_SWEEP: "true",
        "overrides": " ".join(overrides),
        DESCRIPTION: f"{verbatim(command)}\n\nIts jobs compared: Artifacts, leaderboard.html",
        "git_commit": provenance.git_commit(),
        **SOURCE,
        "folder": str(folder),
        **this_process(),
    }
    return Record(name=f"sweep {sweep_id}", tags=tags, start_time=_now())


def load(folder: Path) -> Record:
    """Read a run's record from its output folder."""
    path = folder / FILE
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}.")
    if not path.is_file():
        raise UserError(f"{folder} is not the output folder of a run: it holds no {FILE}.")
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        for key, kind in _TYPES.items():
            if not isinstance(getattr(record, key), kind):
                raise TypeError(f"{key} has the wrong type")
        texts = [*record.files, *record.tags, *record.tags.values(), *record.params]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("files, tags or params hold something else than text")
        record.metrics = {str(name): float(value) for name, value in record.metrics.items()}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        reason = str(error)[:200]
        raise UserError(
            f"{path} cannot be read as the record of a run: {reason}. Make the run again in "
            "another folder."
        ) from error
    return record


def load_sweep(folder: Path) -> dict[str, Any]:
    """What a sweep says of itself.

    Raises
    ------
    UserError
        When its file cannot be read as that.
    """
    path = folder / SWEEP_FILE
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(about, dict) or not isinstance(about.get("sweep_id"), str):
            raise ValueError("it names no sweep_id")
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error)[:200]
        raise UserError(f"{path} cannot be read as the record of a sweep: {reason}") from error
    return about


def load_config(folder: Path) -> dict[str, Any]:
    """A recorded config, with nothing in it resolved."""
    path = folder / "config.yaml"
    try:
        plain_yaml.read(path)
        plain = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except Exception as error:  # of the file, of YAML, of OmegaConf
        reason = str(error).partition("\n")[0][:200]
        raise UserError(f"{path} cannot be read as a recorded config: {reason}") from error
    if not isinstance(plain, dict):
        raise UserError(f"{path} is not a recorded config.")
    return {str(key): value for key, value in plain.items()}


def job_folders(folder: Path) -> Iterator[Path]:
    """The folders of a sweep's jobs, at any depth: hydra.sweep.subdir says how deep.

    MLflow's copies of their files may lie below as well, with hydra.sweep.dir=. for one.
    """
    for root, names, files in os.walk(folder):
        names[:] = [n for n in names if n not in ("mlartifacts", "mlruns") and n[0] != "."]
        if FILE in files and Path(root) != folder:
            yield Path(root)


def load_jobs(folder: Path, sweep_id: str) -> dict[Path, Record]:
    """The records of a sweep's jobs, by their folders, in the order in which they began."""
    records = {path: load(path) for path in job_folders(folder)}
    mine = {path: job for path, job in records.items() if job.tags.get("sweep_id") == sweep_id}
    return dict(sorted(mine.items(), key=lambda item: item[1].start_time))


def _option(config: DictConfig, choices: dict[str, Any], role: str) -> str:
    """The option chosen in a group; the name of the class where one stands in its place."""
    return str(choices.get(role) or str(config[role].get("_target_")).rpartition(".")[2])


def _without_seed(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if key != "seed"}


def _now() -> int:
    return time.time_ns() // 1_000_000
