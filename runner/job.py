"""One run: the config in, artifacts and an MLflow run out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from components.base import Result
from runner import provenance, record
from runner.build import build
from runner.pipeline import run
from runner.stages import Stages
from runner.store import Store

if TYPE_CHECKING:
    from runner.tracking import Tracker


def execute(
    config: DictConfig,
    choices: dict[str, Any],
    folder: Path,
    sweep: dict[str, str] | None = None,
) -> tuple[Result, Tracker | None]:
    """Run a config, write its artifacts to a folder of its own, and track it.

    Parameters
    ----------
    config : the composed config
    choices : the option chosen in each group
    folder : an existing folder; holds the artifacts and `run.json` afterwards
    sweep : the sweep that the run belongs to

    Raises
    ------
    UserError
        When the run fails for a reason that the user can mend. It is tracked as FAILED.
    """
    plain = provenance.kept_config(config)
    OmegaConf.save(plain, folder / "config.yaml")
    (folder / "environment.json").write_text(json.dumps(provenance.environment(), indent=2))
    known = record.begin(config, choices, sweep)
    tracker = None
    if config.tracking.kind != "none":
        from runner.tracking import Tracker

        tracker = Tracker(config.tracking.uri, config.tracking.experiment)
        tracker.start(known)
    try:
        known.save(folder)
        result = _compute(config, folder)
        known.finish(result)
    except BaseException as error:
        known.fail(error)
        raise
    finally:
        known.save(folder)
        if tracker:
            tracker.close(known, folder)
    return result, tracker


def _compute(config: DictConfig, folder: Path) -> Result:
    cache = None if config.cache.dir is None else Path(config.cache.dir).expanduser().absolute()
    result = run(build(config), Store(cache), Stages(cache), draw_map=config.map)
    write(result, folder)
    return result


def write(result: Result, folder: Path) -> None:
    """Write every artifact of a result."""
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
