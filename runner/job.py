"""One run: the config in, artifacts and an MLflow run out."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from components.base import Corpus, Report, Result, UserError, goes_on
from runner.cache import Cache
from runner.config.build import build
from runner.config.recorded import TRUST
from runner.model import saving
from runner.model.saving import Lineage
from runner.pipeline import Parts, run
from runner.terminal.console import say
from runner.terminal.suggestions import shell_line
from runner.tracking import provenance, record
from runner.tracking.folder import DISK, writing
from runner.tracking.record import Record

if TYPE_CHECKING:
    from runner.tracking import Tracker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """What a run has made.

    parts : that it was made and is reported by
    lineage : what it goes on from, where that is another run's model
    summary : what became of the topics of that run
    """

    result: Result
    parts: Parts
    lineage: Lineage | None = None
    summary: str = ""


def execute(
    config: DictConfig,
    choices: dict[str, Any],
    folder: Path,
    sweep: dict[str, Any] | None = None,
    corpus: Corpus | None = None,
) -> tuple[Result, Record]:
    """Run a config, write its artifacts to a folder of its own, and track it.

    If the tracking store becomes unavailable, the run goes on and `Record.lost` holds the reason.

    Parameters
    ----------
    config : the composed config
    choices : the option chosen in each group
    folder : an existing folder; holds the artifacts and `run.json` afterwards
    sweep : see `record.begin`
    corpus : documents that take the place of the data set's

    Raises
    ------
    UserError
        When the run fails for a reason that the user can correct. It is tracked as FAILED.
    """
    made, run_record = execute_work(
        config, choices, folder, partial(compute, config, corpus), sweep=sweep
    )
    return made.result, run_record


def execute_work(
    config: DictConfig,
    choices: dict[str, Any],
    folder: Path,
    work: Callable[[], Made],
    *,
    sweep: dict[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> tuple[Made, Record]:
    """`execute`, where `work` makes the result; `tags` : of the run in MLflow."""
    with _writing(config, folder, sweep):
        return _execute(config, choices, folder, work, sweep, tags or {})


def _execute(
    config: DictConfig,
    choices: dict[str, Any],
    folder: Path,
    work: Callable[[], Made],
    sweep: dict[str, Any] | None,
    tags: Mapping[str, str],
) -> tuple[Made, Record]:
    if (folder / record.FILE).exists():  # an earlier run's; without one, they are the user's
        known = record.load(folder)
        saving.remove(folder)
        for path in known.files_in(folder):  # the record last: it tells which files are a run's
            path.unlink()
    elif (folder / "config.yaml").exists():
        raise UserError(
            f"{folder} holds a config.yaml that is not of a run, and a run would replace it. "
            f"Choose another folder with {_setting(sweep)}=..."
        )
    run_record = record.begin(config, choices, folder, sweep)
    run_record.tags |= tags

    def noted(files: list[str]) -> None:
        run_record.files = files
        run_record.save(folder)

    tracker = None
    try:
        run_record.save(folder)  # first: by it the other files are known to be a run's
        OmegaConf.save(provenance.kept_config(config), folder / "config.yaml")
        (folder / "environment.json").write_text(json.dumps(provenance.environment(), indent=2))
        tracker = _start_tracking(config, run_record, folder)
        made = work()
        result, parts = made.result, made.parts
        with _writing(config, folder, sweep):  # so that the record holds the reason
            failed = write_reports(result, folder, parts.reports, noted)[1]
        for kind, names in (("metrics", list(result.failed_metrics)), ("reports", failed)):
            if names:
                run_record.tags[f"failed_{kind}"] = " ".join(names)
        if config.model:
            saving.save_beside(
                result, parts.settings.get("embedder", {}), config, folder, run_record.name,
                made.lineage,
            )  # fmt: skip
        run_record.finish(result)
    except BaseException as error:
        run_record.fail(error)
        raise
    finally:
        run_record.save(folder)
        if tracker or sweep or run_record.run_id:
            track(config.tracking, run_record, folder, tracker)
    return made, run_record


def _writing(config: DictConfig, folder: Path, sweep: object) -> AbstractContextManager[None]:
    return writing(folder, _setting(sweep), config.cache.dir)


def _setting(sweep: object) -> str:
    if not HydraConfig.initialized():  # Python, `runner update` and others
        return "folder"
    return "hydra.sweep.dir" if sweep else "hydra.run.dir"


def compute(config: DictConfig, corpus: Corpus | None = None) -> Made:
    """Build the parts of a config and run them; nothing is written but the cache."""
    parts = build(config)
    if corpus is not None:
        parts.dataset.corpus = corpus  # type: ignore[attr-defined]
    cache = Cache(config.cache.dir)
    return Made(run(parts, cache, draw_map=config.map, preflight=config.preflight.memory), parts)


def announce(result: Result, run_record: Record, config: DictConfig, folder: Path) -> int:
    """Print a run's topics and where it is; the exit status, 1 where it could not be tracked."""
    from components.reports.terminal import print_topics

    print_topics(result, sys.stdout)
    say(f"Artifacts: {folder}")
    if (page := folder / "report.html").is_file():
        say(f"Read: {page}")
    if run_record.lost:
        store = [f"uri={config.tracking.uri}"] if config.tracking.uri else []
        trust = [TRUST] if config.model and config.model.register_as else []
        later = shell_line("upload", folder, *store, *trust)
        say(f"{run_record.lost}\nTo log this run later: {later}", error=True)
        return 1
    if run_record.run_id:
        from runner.tracking.uri import absolute_uri, ui_command

        say(ui_command(absolute_uri(config.tracking.uri), run_record.experiment_id))
    return 0


def track(
    settings: Mapping[str, Any], run_record: Record, folder: Path, tracker: Tracker | None = None
) -> None:
    """Log a run that has ended. If that fails, `Record.lost` holds the reason.

    Parameters
    ----------
    settings : the config's `tracking`
    tracker : one that is there already
    """
    if settings["kind"] == "none":
        return
    from runner.tracking import Tracker

    try:
        tracker = tracker or Tracker(settings["uri"], settings["experiment"])
        tracker.finish(run_record, folder)
    except UserError as error:
        run_record.lost = str(error).partition("\n")[0]
        run_record.save(folder)


def _start_tracking(config: DictConfig, run_record: Record, folder: Path) -> Tracker | None:
    if config.tracking.kind == "none":
        return None
    from runner.tracking import Tracker

    try:
        tracker = Tracker(config.tracking.uri, config.tracking.experiment)
        if "sweep_id" not in run_record.tags:
            tracker.close_dead_runs()
        tracker.start(run_record, folder)
    except UserError as error:
        if "sweep_id" not in run_record.tags:
            raise
        log.warning("%s\nThis job goes on without it.", str(error).partition("\n")[0])
        return None
    return tracker


def write_reports(
    result: Result,
    folder: Path,
    reports: Mapping[str, Report],
    noted: Callable[[list[str]], None] = lambda files: None,
) -> tuple[list[str], list[str]]:
    """Write the reports of a result to a folder.

    A report that fails is a warning that names it, and the others are written: a result that
    took hours is not lost to a picture.

    Parameters
    ----------
    noted : is told after each report which files there are: a run may be killed before the next

    Returns
    -------
    files : names of what was written, relative to the folder
    failed : names of the reports that failed

    Raises
    ------
    OSError
        When the disk is full or cannot be written to; see `writing`.
    """
    files: list[str] = []
    failed: list[str] = []
    for name, report in reports.items():
        try:
            with goes_on(f"reports.{name}"):
                written = report(result, folder)
            files += [Path(path).relative_to(folder).as_posix() for path in written]
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise
            failed.append(name)
            log.warning("reports.%s failed, and is left out: %s", name, _reason(error))
            log.debug("traceback of the failure", exc_info=True)
        else:
            noted(files)
    return files, failed


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
