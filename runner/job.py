"""One run: the config in, artifacts and an MLflow run out."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from components.base import Result
from runner import provenance
from runner.build import build
from runner.pipeline import run
from runner.stages import Stages
from runner.store import Store

log = logging.getLogger(__name__)


def execute(config: DictConfig, choices: dict[str, Any], folder: Path) -> Result:
    """Run a config; write its artifacts to `folder`; track it; print the topics.

    Parameters
    ----------
    config : the composed config
    choices : the option chosen in each group
    folder : an existing folder of this run's own
    """
    plain = provenance.kept_config(config)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps(provenance.environment(), indent=2))
    if config.tracking.kind == "none":
        result = _compute(config, folder)
        where = ""
    else:
        from runner import tracking

        with tracking.track(_settings(config, plain, choices)) as tracked:
            result = _compute(config, folder)
            tracked.finish(result, folder)
        where = f"\nCompare:   {tracking.ui_command(tracked.uri)}"
    from components.reports.terminal import print_topics

    print_topics(result, sys.stdout)
    print(f"Artifacts: {folder}{where}", flush=True)  # noqa: T201
    return result


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
    plots.write_topics_plot(result, folder / "topics.png")
    if result.coordinates is not None:
        plots.write_map(result, folder / "map.png")


def _settings(config: DictConfig, plain: dict[str, Any], choices: dict[str, Any]) -> Any:
    from runner.tracking import Settings

    parts = {role: choices[role] for role in ("dataset", "embedder", "reducer", "clusterer")}
    tags = {**parts, "config_hash": provenance.config_hash(plain)}
    if commit := provenance.git_commit():
        tags["git_commit"] = commit
    nodes = {k: v for k, v in plain.items() if k != "tracking"}
    return Settings(
        uri=config.tracking.uri,
        experiment=config.tracking.experiment,
        name="-".join(parts[role] for role in ("embedder", "reducer", "clusterer")),
        params={**provenance.flatten(nodes), **parts},
        tags=tags,
    )
