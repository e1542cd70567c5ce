"""What a command line asks for, checked before Hydra acts on it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omegaconf import DictConfig

from components.base import UserError
from runner.config.check import Check
from runner.config.flags import parse_flags
from runner.config.problems import ConfigError, report
from runner.config.run_keys import check_path
from runner.config.validate import plain
from runner.terminal.suggestions import shell_line

# With one of these Hydra only shows something, and runs nothing.
_SHOWS = ("hydra_help", "cfg", "info", "shell_completion")


def preflight(arguments: list[str]) -> list[str]:
    """Check the arguments of `python -m runner`; returns them as Hydra reads them, flags first.

    Raises
    ------
    UserError
        Naming every mistake, each with its path, its value and the nearest right name.
    """
    options = parse_flags(arguments)
    check = Check(arguments, options.config_name or "config", options.config_dir)
    shows = any(getattr(options, name) for name in _SHOWS)
    if shows and options.multirun:
        without_flag = [a for a in arguments if a not in ("-m", "--multirun")]
        raise UserError(
            "-m runs a sweep, and the other flag only shows something. Type "
            + shell_line("", *without_flag)
        )
    if not (options.hydra_help or options.shell_completion):
        config = check.run(options.overrides, multirun=options.multirun, values=not shows)
        if not shows and (problems := list(check_path(plain(config, ["dataset"])["dataset"]))):
            raise ConfigError(report(problems))
    flags = list(arguments)
    for text in options.overrides:
        flags.remove(text)
    return [*flags, *options.overrides]


def compose(overrides: Iterable[str], config_dir: str | Path | None = None) -> DictConfig:
    """The checked config of one run, Hydra's own settings under `hydra` included.

    Raises
    ------
    UserError
        See `preflight`.
    """
    texts = list(overrides)
    return Check(None, "config", None if config_dir is None else str(config_dir)).run(texts)
