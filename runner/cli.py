"""The command line: `python -m runner`, and `runner`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from components.base import UserError
from runner import schema


def main() -> None:
    """Check the command line as a whole, then let Hydra run it."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # classes of the user's, for the console script too
    schema.register()
    from runner.preflight import preflight

    try:
        preflight(sys.argv[1:])
        job()
        from runner import sweep

        sys.exit(sweep.finish())
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nStopped. The vectors computed so far are kept.", file=sys.stderr)  # noqa: T201
        sys.exit(130)


@hydra.main(config_path="pkg://conf", config_name="config", version_base="1.3")
def job(config: DictConfig) -> None:
    """One job: the only one of a run, or one of a sweep."""
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    if settings.mode is not None and settings.mode.name == "MULTIRUN":
        from runner.sweep import execute_in_sweep

        execute_in_sweep(config, settings, folder)
        return
    from runner.job import execute

    try:
        result, tracker = execute(config, settings.runtime.choices, folder)
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(1)
    from components.reports.terminal import print_topics

    print_topics(result, sys.stdout)
    print(f"Artifacts: {folder}")  # noqa: T201
    if tracker:
        from runner.tracking import ui_command

        print(f"Compare:   {ui_command(tracker.uri)}", flush=True)  # noqa: T201
