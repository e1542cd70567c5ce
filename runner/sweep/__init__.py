"""A sweep: a parent run in MLflow, a job for each combination, a leaderboard at the end.

The launching process opens the sweep and writes `sweep.json` to the sweep's folder; jobs, in
whatever process or machine they run, read it there and leave their `run.json` in folders of
their own. A failed job is recorded and the sweep goes on.
"""

from __future__ import annotations

import json
import logging
import math
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from components.base import UserError
from components.reports.meanings import MEANINGS
from runner.leaderboard.recommendation import PRESET
from runner.sweep.ending import end_sweep
from runner.sweep.isolate import run_in_subprocess, watch_joblib_workers
from runner.sweep.progress import Progress
from runner.terminal.console import say
from runner.terminal.suggestions import nearest
from runner.tracking import record
from runner.tracking.folder import check_writable

log = logging.getLogger(__name__)


class SweepCallback(Callback):
    """Checks the output folder, and opens a sweep, before the first job.

    Hydra calls it in the launching process, and turns exceptions of callbacks into warnings, so a
    failure ends the program here.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check that the folder of a single run can be written to."""
        with _ends_the_program():
            before = HydraConfig.instance().cfg
            HydraConfig.instance().set_config(config)  # for ${hydra:...} in it
            folder = Path(config.hydra.runtime.cwd) / str(config.hydra.run.dir)
            HydraConfig.instance().cfg = before
            check_writable(folder, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Make the sweep's folder, its parent run and `sweep.json`."""
        global _progress
        with _ends_the_program():
            _progress = _open(config)
            if str(config.hydra.launcher._target_).endswith("JoblibLauncher"):
                watch_joblib_workers()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Run what `experiment=choose_embedder` adds to the jobs of its sweep."""
        if config.hydra.runtime.choices.get("experiment") == PRESET and _progress is not None:
            from runner.sweep.growth import run_more

            try:
                run_more(config, _progress)
            except Exception:  # what was found by then is shown all the same
                log.exception("the sample cannot be made larger")


@contextmanager
def _ends_the_program() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        say(str(error), error=True)
        raise SystemExit(2) from None
    except Exception:
        log.exception("unexpected error")
        raise SystemExit(1) from None


task: Callable[[DictConfig], Any] | None = None  # what runs one job; set where sweeps are launched
_progress: Progress | None = None  # of the sweep that this process has opened


def _open(config: DictConfig) -> Progress:
    folder = folder_of(config.hydra)
    check_writable(folder, "hydra.sweep.dir")
    overrides = [*config.hydra.overrides.task]
    swept = _swept([*_preset(config), *overrides])
    parent = record.begin_sweep(
        f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}", overrides, folder
    )
    about = {
        "sweep_id": parent.tags["sweep_id"],
        "n_jobs": _n_jobs(config, swept),
        "swept": list(swept),
        "sort": config.leaderboard.sort,
        "minutes": config.choose.minutes,
        "started": time.time(),
        "tracking": OmegaConf.to_container(config.tracking, resolve=True),
    }
    parent.save(folder)
    if config.tracking.kind != "none":
        try:
            from runner.tracking import Tracker

            tracker = Tracker(config.tracking.uri, config.tracking.experiment)
            tracker.close_dead_runs()
            tracker.start(parent, folder)
        except BaseException as error:
            parent.fail(error)
            parent.save(folder)
            raise
        about["parent_run_id"] = parent.run_id
    # Jobs of another process cannot tell this one that they ended; it looks for itself.
    progress = Progress(folder, about, polls=not _in_this_process(config.hydra))
    progress.save()
    n = about["n_jobs"]
    count = "" if n is None else f": {n} {'job' if n == 1 else 'jobs'}"
    say(f"Sweep {about['sweep_id']}{count} in {folder}", error=True)
    sort = (config.leaderboard.sort or "").removeprefix("-")
    known = {*MEANINGS, *config.metrics}
    if sort and sort not in known and (hint := nearest(sort, known, otherwise="")):
        say(f"leaderboard.sort={sort}: no metric is known by that name.{hint}", error=True)
    return progress


def folder_of(settings: Any) -> Path:
    """A sweep's folder, by Hydra's settings."""
    return Path(settings.runtime.cwd) / str(settings.sweep.dir)


def _preset(config: DictConfig) -> list[str]:
    """The overrides that a preset sweeps."""
    return [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]


def _swept(overrides: list[str]) -> dict[str, int | None]:
    """Each swept key, and how many values it takes; None for an interval.

    As in Hydra, what comes later takes the place of what came before.
    """
    last: dict[str, Override] = {}
    loader = GlobalHydra.instance().config_loader()  # a glob asks it for the options that there are
    for override in OverridesParser.create(config_loader=loader).parse_overrides(overrides):
        last[override.get_key_element()] = override
    return {
        key: len(list(override.sweep_iterator()))
        if override.is_choice_sweep() or override.is_range_sweep()
        else None
        for key, override in last.items()
        if override.is_sweep_override()
    }


def _n_jobs(config: DictConfig, swept: dict[str, int | None]) -> int | None:
    counts = swept.values()
    grid = str(config.hydra.sweeper._target_).endswith("BasicSweeper")
    return math.prod(c or 0 for c in counts) if grid and None not in counts else None


def _in_this_process(settings: Any) -> bool:
    return str(settings.launcher._target_).endswith("BasicLauncher")


def execute_in_sweep(config: DictConfig, settings: Any, folder: Path) -> None:
    """Run one job of a sweep. Its failure is recorded, and printed, but not raised."""
    path = folder_of(settings) / record.SWEEP_FILE
    if not path.is_file():
        raise UserError(f"there is no {path}: was hydra.callbacks.sweep taken away?")
    about = json.loads(path.read_text(encoding="utf-8"))
    of_job = [o for o in settings.overrides.task if o.partition("=")[0] in about["swept"]]
    about["job"] = " ".join(of_job)
    if about["minutes"] is not None and time.time() - about["started"] > 60 * about["minutes"]:
        say(f"{about['job']}: not started, choose.minutes={about['minutes']} are used", error=True)
        if _progress:
            _progress.skipped += 1
        return
    if _progress and _progress.failed_for_documents:
        say(f"{about['job']}: not started, as the others failed for the documents", error=True)
        _progress.skipped += 1
        return
    if _in_this_process(settings):
        if _progress:
            _progress.log_filter.watch()
        _execute(config, settings, folder, about)
        if _progress:
            _progress.look()
            if settings.runtime.choices.get("experiment") == PRESET:
                from runner.sweep.growth import show_so_far

                show_so_far(_progress, config.dataset.limit)
        return
    if config.tracking.kind != "none":
        from runner.tracking.client import load_mlflow

        load_mlflow()  # once for all jobs of this worker
    death = run_in_subprocess(lambda: _execute(config, settings, folder, about))
    if death:
        _record_death(death, config, settings, folder, about)


def _execute(config: DictConfig, settings: Any, folder: Path, about: dict[str, Any]) -> None:
    from runner.job import execute

    try:
        execute(config, settings.runtime.choices, folder, sweep=about)
    except UserError as error:
        log.error("%s", error)
    except Exception:
        log.exception("unexpected error")


def _record_death(
    death: str, config: DictConfig, settings: Any, folder: Path, about: dict[str, Any]
) -> None:
    """Finish the record of a job whose process could not do so itself."""
    from runner.job import track

    job = record.load_jobs(folder_of(settings), about["sweep_id"]).get(folder)
    if job is None:
        job = record.begin(config, settings.runtime.choices, folder, about)
    if job.status == "RUNNING":
        job.fail(UserError(death))
        job.save(folder)
        track(config.tracking, job, folder)


def finish(*, stopped: bool = False) -> int:
    """End the sweep that this process opened, if it did; the exit status.

    Parameters
    ----------
    stopped : it was interrupted
    """
    global _progress
    if _progress is None:
        return 0
    progress, _progress = _progress, None
    return end_sweep(progress, stopped=stopped)
