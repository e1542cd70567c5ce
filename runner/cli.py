"""The command line: `python -m runner`, and `runner`."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from components.base import UserError
from runner.config import schema
from runner.console import say
from runner.secrets import mask

log = logging.getLogger(__name__)


def entry_point() -> NoReturn:
    """`main`, and then the end of the process at once.

    To take apart every module that a run has loaded takes Python half a second. What was to be
    done at the end is done before, and what was printed is written. Where threads are left
    that it must wait for, such as one that ends a launcher's workers, Python ends in its own way.
    """
    code: int | str | None = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    if sum(not thread.daemon for thread in threading.enumerate()) > 1:
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads any more
            stream.flush()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


def main() -> None:
    """Check the command line as a whole, then let Hydra run it."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # classes of the user's, for the console script too
    # To be told to end is the same as Ctrl-C: what is done is kept, and the run is closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    schema.register()
    from runner.config.command_line import preflight

    try:
        preflight(sys.argv[1:])
        _refuse_secrets(sys.argv[1:])
        sys.exit(_launch())
    except UserError as error:
        say(str(error), error=True)
        sys.exit(2)
    except KeyboardInterrupt:
        say("\nStopped. The vectors computed so far are kept.", error=True)
        sys.exit(130)


def _refuse_secrets(arguments: list[str]) -> None:
    """Hydra writes the whole command line to its folder, also what is no part of the config."""
    for argument in arguments:
        if (masked := mask(argument)) != argument:
            raise UserError(
                f"{masked}: this holds a secret, and Hydra writes every argument to disk. Backends "
                "read their keys from the environment."
            )


def _launch() -> int:
    """Run Hydra, and end the sweep if it was one; the exit status."""
    from runner import sweep

    code: int | str | None = 0
    try:
        job()
    except SystemExit as stop:  # a failed run, or a launcher that broke
        code = stop.code
    except KeyboardInterrupt:
        sweep.finish(stopped=True)
        raise
    return max(sweep.finish(), code if isinstance(code, int) else 1 if code else 0)


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
        result, known = execute(config, settings.runtime.choices, folder)
    except UserError as error:
        say(str(error), error=True)
        sys.exit(1)
    except Exception:
        log.exception("an error that this program did not foresee")
        sys.exit(1)
    from components.reports.terminal import print_topics

    print_topics(result, sys.stdout)
    say(f"Artifacts: {folder}")
    if known.lost:
        say(f"{known.lost}\nTo log this run later: python -m runner.upload {folder}", error=True)
        sys.exit(1)
    if known.run_id:
        from runner.tracking.uri import absolute_uri, ui_command

        say(ui_command(absolute_uri(config.tracking.uri), known.experiment_id))
