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

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from components.base import UserError
from runner.console import say, shell_line
from runner.leaderboard.comparison import SCORES, Comparison, compare, score
from runner.leaderboard.ranking import rank_runs
from runner.leaderboard.recommendation import recommend
from runner.leaderboard.table import HTML, show, write
from runner.output import check_writable
from runner.secrets import mask_config
from runner.sweep.choose import PRESET, is_last, sample_of
from runner.sweep.isolate import run_in_subprocess
from runner.sweep.progress import Progress
from runner.tracking import record
from runner.tracking.record import Record

log = logging.getLogger(__name__)

FILE = "sweep.json"


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
        log.exception("an error that this program did not foresee")
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
        from runner.tracking import Tracker

        tracker = Tracker(config.tracking.uri, config.tracking.experiment)
        tracker.close_dead_runs()
        tracker.start(parent, folder)
        about["parent_run_id"] = parent.run_id
    (folder / FILE).write_text(json.dumps(mask_config(about), indent=2), encoding="utf-8")
    count = "" if about["n_jobs"] is None else f": {about['n_jobs']} jobs"
    say(f"Sweep {about['sweep_id']}{count} in {folder}", error=True)
    # Jobs of another process cannot tell this one that they ended; it looks for itself.
    return Progress(folder, about, looks=not _in_this_process(config.hydra))


def folder_of(settings: Any) -> Path:
    """A sweep's folder, by Hydra's settings."""
    return Path(settings.runtime.cwd) / str(settings.sweep.dir)


def _preset(config: DictConfig) -> list[str]:
    """The overrides that a preset sweeps."""
    return [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]


def _swept(overrides: list[str]) -> dict[str, int | None]:
    """Each swept key, and how many values it takes; None where Hydra expands it (glob, interval).

    As in Hydra, what comes later takes the place of what came before.
    """
    found: dict[str, Override] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        found[override.get_key_element()] = override
    return {
        key: len(list(override.sweep_iterator()))
        if override.is_choice_sweep() or override.is_range_sweep()
        else None
        for key, override in found.items()
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
    path = folder_of(settings) / FILE
    if not path.is_file():
        raise UserError(f"there is no {path}: was hydra.callbacks.sweep taken away?")
    about = json.loads(path.read_text(encoding="utf-8"))
    mine = [o for o in settings.overrides.task if o.partition("=")[0] in about["swept"]]
    about["job"] = " ".join(mine)
    if about["minutes"] is not None and time.time() - about["started"] > 60 * about["minutes"]:
        say(f"{about['job']}: not started, choose.minutes={about['minutes']} are used", error=True)
        if _progress:
            _progress.skipped += 1
        return
    if _in_this_process(settings):
        _execute(config, settings, folder, about)
        if _progress:
            _progress.look()
        return
    if config.tracking.kind != "none":
        from runner.tracking import load_mlflow

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
        log.exception("an error that this program did not foresee")


def _record_death(
    death: str, config: DictConfig, settings: Any, folder: Path, about: dict[str, Any]
) -> None:
    """Finish the record of a job whose process could not do so itself."""
    from runner.job import track

    known = record.load_jobs(folder_of(settings), about["sweep_id"]).get(folder)
    if known is None:
        known = record.begin(config, settings.runtime.choices, folder, about)
    if known.status == "RUNNING":
        known.fail(UserError(death))
        known.save(folder)
        track(config.tracking, known, folder)


def finish(*, stopped: bool = False) -> int:
    """End the sweep that this process opened, if it did: leaderboard, failures, exit status.

    Parameters
    ----------
    stopped : it was interrupted
    """
    global _progress
    if _progress is None:
        return 0
    progress, _progress = _progress, None
    folder, about = progress.folder, progress.about
    jobs = progress.end(stopped=stopped)
    n_missing = max(0, (about["n_jobs"] or 0) - len(jobs) - progress.skipped)
    bad = [job for job in jobs.values() if job.status != "FINISHED"]
    last = {path: job for path, job in jobs.items() if is_last(job, about)}
    comparisons = _compare(last)
    scored = score(last, comparisons)
    ranking = rank_runs(last.values(), about["sort"])
    largest = comparisons[0] if comparisons else None
    advice = recommend(ranking, largest)
    if advice and (sample := sample_of(ranking, about)):
        advice = advice.on(sample)
    write(ranking, folder, f"Sweep {about['sweep_id']}", largest, advice)
    show(ranking)
    if advice:
        say(advice.sentence)
    say(f"Leaderboard: {folder / HTML}")
    if n_missing:
        say(f"{n_missing} of {about['n_jobs']} jobs never started.")
    parent = record.load(folder)
    parent.end("KILLED" if stopped else "FAILED" if bad or n_missing else "FINISHED")
    if advice:
        parent.tags |= {"recommendation": advice.sentence}
        about["recommendation"] = advice.sentence
        if advice.embedder:
            parent.tags["recommended_embedder"] = about["recommended_embedder"] = advice.embedder
        (folder / FILE).write_text(json.dumps(about, indent=2), encoding="utf-8")
    parent.save(folder)
    tracked = about["tracking"]["kind"] == "none" or _track(parent, jobs, scored, folder, about)
    return 1 if bad or n_missing or not tracked else 0


def _compare(jobs: dict[Path, Record]) -> list[Comparison]:
    """The jobs side by side; empty where their files cannot be read, which fails nothing."""
    try:
        return compare(jobs)
    except Exception:
        log.exception("the runs cannot be compared")
        return []


def _track(
    parent: Record,
    jobs: dict[Path, Record],
    scored: list[Path],
    folder: Path,
    about: dict[str, Any],
) -> bool:
    """Log the sweep as a whole, and what of its jobs is not logged; whether all is logged now.

    `scored` are the folders of jobs that got metrics after they were logged.
    """
    from runner.job import track
    from runner.tracking import Tracker
    from runner.tracking.uri import ui_command

    settings = about["tracking"]
    try:
        tracker = Tracker(settings["uri"], settings["experiment"])
        say(ui_command(tracker.uri, parent.experiment_id))
    except UserError as error:
        say(str(error).partition("\n")[0])
        tracker = None
    left = {path: job for path, job in jobs.items() if job.status != "RUNNING"}
    left = {path: job for path, job in left.items() if not job.tracked} | {folder: parent}
    for path, job in left.items():
        if tracker:
            track(settings, job, path, tracker)
    for path in scored:
        if tracker and path not in left:
            _add_scores(tracker, jobs[path], path)
    lost = [job.label for job in jobs.values() if not job.tracked and job.status != "RUNNING"]
    for label in lost:
        say(f"not in MLflow: {label}")
    if lost or not parent.tracked:
        store = [f"uri={settings['uri']}"] if settings["uri"] else []
        later = shell_line("upload", folder, *store)
        say(f"The results are in the output folder. To log them later: {later}")
    return parent.tracked and not lost


def _add_scores(tracker: Any, job: Record, folder: Path) -> None:
    try:
        tracker.add_metrics(job, SCORES)
    except UserError as error:
        job.tracked, job.lost = False, str(error).partition("\n")[0]
        job.save(folder)
