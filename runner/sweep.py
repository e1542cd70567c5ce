"""A sweep: a parent run in MLflow, a job for each combination, a leaderboard at the end.

The launching process opens the sweep and writes `sweep.json` to the sweep's folder; jobs, in
whatever process or machine they run, read it there and leave their `run.json` in folders of
their own. A failed job is recorded and the sweep goes on.
"""

from __future__ import annotations

import json
import logging
import math
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from components.base import UserError
from runner import leaderboard, record
from runner.record import Record

log = logging.getLogger(__name__)

FILE = "sweep.json"
STATUSES = ("FINISHED", "FAILED", "KILLED", "RUNNING")


class SweepCallback(Callback):
    """Opens the sweep before its first job. Hydra calls it in the launching process."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Make the sweep's folder, its parent run and `sweep.json`.

        Hydra turns exceptions of callbacks into warnings, so a failure is kept for `finish`, and
        every job notices that there is no `sweep.json`.
        """
        global _opened
        folder = _folder(config.hydra)
        try:
            _opened = _open(config, folder)
        except UserError as error:
            _opened = error


_opened: Path | UserError | None = None


def _folder(settings: Any) -> Path:
    return Path(settings.runtime.cwd or os.getcwd()) / str(settings.sweep.dir)


def _open(config: DictConfig, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    overrides = [*config.hydra.overrides.task]
    about = {
        "sweep_id": f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}",
        "n_jobs": _n_jobs(overrides),
        "overrides": overrides,
        "sort": config.leaderboard.sort,
        "start": time.time(),
    }
    if config.tracking.kind != "none":
        from runner.tracking import SWEEP_TAG, Tracker

        parent = Record(
            name=f"sweep {about['sweep_id']}",
            params={},
            tags={
                "sweep_id": about["sweep_id"],
                SWEEP_TAG: "true",
                "overrides": " ".join(overrides)[:5000],
                "host": socket.gethostname(),
                "pid": str(os.getpid()),
                "process_start": record.process_start(os.getpid()) or "",
            },
            start_time=int(about["start"] * 1000),
        )
        tracker = Tracker(config.tracking.uri, config.tracking.experiment)
        tracker.start(parent)
        about |= {
            "parent_run_id": parent.run_id,
            "uri": config.tracking.uri,
            "experiment": config.tracking.experiment,
        }
    (folder / FILE).write_text(json.dumps(about, indent=2), encoding="utf-8")
    return folder


def _n_jobs(overrides: list[str]) -> int | None:
    """How many jobs a grid of overrides makes; None where Hydra expands it (glob, interval)."""
    counts = []
    for override in OverridesParser.create().parse_overrides(overrides):
        if override.is_sweep_override():
            if not (override.is_choice_sweep() or override.is_range_sweep()):
                return None
            counts.append(len(list(override.sweep_iterator())))
    return math.prod(counts)


def execute_in_sweep(config: DictConfig, settings: Any, folder: Path) -> None:
    """Run one job of a sweep. Its failure is recorded, and printed, but not raised."""
    from runner.job import execute

    sweep_folder = _folder(settings)
    if not (sweep_folder / FILE).is_file():
        return  # opening it failed, and `finish` says why
    about = json.loads((sweep_folder / FILE).read_text(encoding="utf-8"))
    try:
        execute(config, settings.runtime.choices, folder, sweep=about)
    except UserError as error:
        log.error("%s", error)
    except Exception:
        log.exception("an error that this program did not foresee")
    done = {path.parent: record.load(path.parent) for path in sweep_folder.glob(f"*/{record.FILE}")}
    if folder in done:
        log.info(_progress(done[folder], list(done.values()), about))


def _progress(this: Record, jobs: list[Record], about: dict[str, Any]) -> str:
    count = {status: sum(job.status == status for job in jobs) for status in STATUSES}
    ended = len(jobs) - count["RUNNING"]
    n_jobs = about["n_jobs"]
    left = "" if n_jobs is None else f", {n_jobs - ended} left"
    minutes, seconds = divmod(int(time.time() - about["start"]), 60)
    if this.status == "FINISHED":
        said = f"{this.metrics['n_topics']:.0f} topics in {this.metrics['total_seconds']:.1f} s"
    else:
        said = this.status
    failed = count["FAILED"] + count["KILLED"]
    return (
        f"{this.label}: {said}   "
        f"[{count['FINISHED']} done, {failed} failed{left}, {minutes}:{seconds:02d}]"
    )


def finish() -> int:
    """End the sweep that this process opened, if it did: leaderboard, failures, exit status.

    Raises
    ------
    UserError
        When the sweep could not be opened.
    """
    if _opened is None:
        return 0
    if isinstance(_opened, UserError):
        raise _opened
    folder = _opened
    about = json.loads((folder / FILE).read_text(encoding="utf-8"))
    jobs = [record.load(path.parent) for path in sorted(folder.glob(f"*/{record.FILE}"))]
    n_missing = max(0, (about["n_jobs"] or 0) - len(jobs))
    unfinished = [job for job in jobs if job.status != "FINISHED"]
    board = leaderboard.make(jobs, about["sort"])
    leaderboard.write(board, folder, title=f"Sweep {about['sweep_id']}")
    leaderboard.show(board)
    print(f"Leaderboard: {folder / leaderboard.HTML}")  # noqa: T201
    for job in unfinished:
        reason = job.failure or "the process ended without a word"
        print(f"{job.status}: {job.label}: {reason}")  # noqa: T201
    if n_missing:
        print(f"{n_missing} of {about['n_jobs']} jobs never started.")  # noqa: T201
    failed = bool(unfinished or n_missing)
    if about.get("parent_run_id"):
        _close_parent(about, folder, failed)
    return 1 if failed else 0


def _close_parent(about: dict[str, Any], folder: Path, failed: bool) -> None:
    from runner.tracking import Tracker, ui_command

    tracker = Tracker(about["uri"], about["experiment"])
    tracker.log_files(about["parent_run_id"], folder)
    tracker.client.set_terminated(about["parent_run_id"], "FAILED" if failed else "FINISHED")
    print(f"Compare: {ui_command(tracker.uri)}")  # noqa: T201
