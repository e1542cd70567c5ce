"""Lets Hydra run what a command line asks for: one job, or those of a sweep."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig

from components.base import UserError
from runner.config import schema
from runner.config.command_line import parse_flags, preflight
from runner.config.members import name_members
from runner.terminal import secrets
from runner.terminal.console import say
from runner.terminal.working_folder import put_last

log = logging.getLogger(__name__)


def launch(arguments: list[str]) -> int:
    """Check a command line as a whole, then run it; the exit status.

    Raises
    ------
    UserError
        Before anything is run, naming every mistake.
    """
    from runner.sweep.choose import expand

    schema.register()
    arguments = expand(arguments)
    sys.argv[1:] = preflight(arguments)
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # a launcher's workers start in this folder too
    _refuse_secrets(arguments)
    from runner import sweep
    from runner.sweep.foresee import KEY, hopeless

    options = parse_flags(arguments)
    if options.multirun and not options.cfg and (options.config_name or "config") == "config":
        for value, reason in hopeless(options.overrides, options.config_dir):
            say(f"{KEY}={value}: its jobs will fail, the others run. {reason}", error=True)
    sweep.task = job.__wrapped__
    # Before its first job, Hydra composes the config of every job, a tenth of a second for each.
    # `preflight` has checked every value, and no job's config depends on another's.
    Sweeper.validate_batch_is_legal = lambda self, batch: None  # type: ignore[method-assign]
    code: int | str | None = 0
    try:
        job()
    except SystemExit as stop:  # a failed run, or a launcher that broke
        code = stop.code
    except KeyboardInterrupt:
        sweep.finish(stopped=True)
        raise
    return max(sweep.finish(), code if isinstance(code, int) else 1 if code else 0)


def _refuse_secrets(arguments: list[str]) -> None:
    """Hydra writes the whole command line to its folder, also what is no part of the config."""
    for argument in arguments:
        if (masked := secrets.mask(argument)) != argument:
            raise UserError(
                f"{masked}: this holds a secret, and Hydra writes every argument to disk. Backends "
                "read their keys from the environment."
            )


@hydra.main(config_path="pkg://conf", config_name="config", version_base="1.3")
def job(config: DictConfig) -> None:
    """One job: the only one of a run, or one of a sweep."""
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    if settings.job.chdir:  # paths in the config are relative to where the program was started
        os.chdir(settings.runtime.cwd)
    put_last(settings.runtime.cwd)  # in a launcher's worker
    name_members(config)
    if settings.mode is not None and settings.mode.name == "MULTIRUN":
        from runner.sweep import execute_in_sweep

        execute_in_sweep(config, settings, folder)
        return
    from runner.job import announce, execute

    try:
        result, run_record = execute(config, settings.runtime.choices, folder)
    except UserError as error:
        say(str(error), error=True)
        sys.exit(1)
    except Exception:
        log.exception("unexpected error")
        sys.exit(1)
    if status := announce(result, run_record, config, folder):
        sys.exit(status)
