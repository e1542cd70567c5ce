"""The command line: `python -m runner`, and `runner`."""

from __future__ import annotations

import os
import sys

from components.base import UserError


def main() -> None:
    """Check the command line as a whole, then let Hydra run it."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # classes of the user's, for the console script too
    from runner.preflight import preflight
    from runner.schema import register

    register()
    try:
        preflight(sys.argv[1:])
        _run()
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nStopped. The vectors computed so far are kept.", file=sys.stderr)  # noqa: T201
        sys.exit(130)


def _run() -> None:
    import hydra
    from omegaconf import DictConfig

    @hydra.main(config_path="pkg://conf", config_name="config", version_base="1.3")
    def job(config: DictConfig) -> None:
        from pathlib import Path

        from hydra.core.hydra_config import HydraConfig

        from runner.job import execute

        settings = HydraConfig.get()
        try:
            execute(config, settings.runtime.choices, Path(settings.runtime.output_dir))
        except UserError as error:
            if settings.mode.name == "RUN":
                print(error, file=sys.stderr)  # noqa: T201
                sys.exit(1)
            raise

    job()
