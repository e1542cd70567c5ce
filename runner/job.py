"""One run: the config in, artifacts and an MLflow run out."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from components.base import Result, UserError
from runner.cache import Cache
from runner.config.build import build
from runner.pipeline import run
from runner.tracking import provenance, record
from runner.tracking.record import Record

if TYPE_CHECKING:
    from runner.tracking import Tracker

log = logging.getLogger(__name__)


def execute(
    config: DictConfig,
    choices: dict[str, Any],
    folder: Path,
    sweep: dict[str, Any] | None = None,
) -> tuple[Result, Record]:
    """Run a config, write its artifacts to a folder of its own, and track it.

    A tracking store that goes away in the middle fails nothing: the record says so in `lost`.

    Parameters
    ----------
    config : the composed config
    choices : the option chosen in each group
    folder : an existing folder; holds the artifacts and `run.json` afterwards
    sweep : see `record.begin`

    Raises
    ------
    UserError
        When the run fails for a reason that the user can mend. It is tracked as FAILED.
    """
    if (folder / record.FILE).exists():  # an earlier run's; without one, they are the user's
        for name in record.RUN_FILES:
            (folder / name).unlink(missing_ok=True)
    OmegaConf.save(provenance.kept_config(config), folder / "config.yaml")
    (folder / "environment.json").write_text(json.dumps(provenance.environment(), indent=2))
    known = record.begin(config, choices, folder, sweep)
    known.save(folder)
    tracker = None
    try:
        tracker = _start_tracking(config, known, folder)
        result = _compute(config, folder)
        known.finish(result)
    except BaseException as error:
        known.fail(error)
        raise
    finally:
        known.save(folder)
        if tracker or sweep:
            track(config.tracking, known, folder, tracker)
    return result, known


def track(
    settings: Mapping[str, Any], known: Record, folder: Path, tracker: Tracker | None = None
) -> None:
    """Log a run that has ended. Where that cannot be done, its record says so in `lost`.

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
        tracker.finish(known, folder)
    except UserError as error:
        known.lost = str(error).partition("\n")[0]
        known.save(folder)


def _start_tracking(config: DictConfig, known: Record, folder: Path) -> Tracker | None:
    if config.tracking.kind == "none":
        return None
    from runner.tracking import Tracker

    try:
        tracker = Tracker(config.tracking.uri, config.tracking.experiment)
        if "sweep_id" not in known.tags:
            tracker.close_dead_runs()
        tracker.start(known, folder)
    except UserError as error:
        if "sweep_id" not in known.tags:
            raise
        log.warning("%s\nThis job goes on without it.", str(error).partition("\n")[0])
        return None
    return tracker


def _compute(config: DictConfig, folder: Path) -> Result:
    result = run(build(config), Cache(config.cache.dir), draw_map=config.map)
    write(result, folder)
    return result


def write(result: Result, folder: Path) -> None:
    """Write every artifact of a result. Their names are among `record.RUN_FILES`."""
    from components.reports import plots, tables

    tables.write_topics(result, folder / "topics.csv")
    tables.write_documents(result, folder / "documents.parquet")
    if result.layers:
        tables.write_layers(result, folder / "layers.csv")
    plots.write_topics_plot(result, folder / "topics.png")
    if result.coordinates is not None:
        plots.write_map(result, folder / "map.png")
    if result.curve:
        plots.write_curve(result, folder / "granularity.png")
