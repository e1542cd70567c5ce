"""What a command line asks for, checked before Hydra acts on it."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig

from components.base import UserError
from runner.config.compose import Composer
from runner.config.problems import ConfigError, report
from runner.config.run_keys import check_path
from runner.config.schema import run_groups, run_keys
from runner.config.validate import plain
from runner.terminal.suggestions import nearest, shell_line, shell_quote

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
    composer = Composer(arguments, options.config_name or "config", options.config_dir)
    shows = any(getattr(options, name) for name in _SHOWS)
    if not (options.hydra_help or options.shell_completion) or options.multirun:
        config = composer.run(options.overrides, multirun=options.multirun, values=not shows)
        if not shows and (problems := list(check_path(plain(config, ["dataset"])["dataset"]))):
            raise ConfigError(report(problems))
    flags = list(arguments)
    for text in options.overrides:
        flags.remove(text)
    return [*flags, *map(_at_home, options.overrides)]


def _at_home(text: str) -> str:
    """An override whose folder begins with `~`: Hydra would make one that is called "~"."""
    home = f"{Path('~').expanduser()}/"
    return re.sub(r"^(hydra\.(?:run|sweep)\.dir=['\"])~/", lambda key: key[1] + home, text)


def compose(overrides: Iterable[str], config_dir: str | Path | None = None) -> DictConfig:
    """The checked config of one run, Hydra's own settings under `hydra` included.

    Raises
    ------
    UserError
        See `preflight`.
    """
    texts = list(overrides)
    return Composer(None, "config", None if config_dir is None else str(config_dir)).run(texts)


def parse_flags(arguments: list[str]) -> Namespace:
    """The arguments by Hydra's own flags.

    Raises
    ------
    UserError
        At an unknown flag, one that is not supported here, or a folder that is not there.
    """
    parser = get_args_parser()
    names = [name for action in parser._actions for name in action.option_strings]

    def refuse(message: str) -> NoReturn:
        unknown = next(
            (a for a in arguments if a[:1] == "-" and a.partition("=")[0] not in names), ""
        )
        hint = nearest(unknown, [name for name in names if name[:2] == "--"], otherwise="")
        key, _, value = unknown.lstrip("-").partition("=")
        if not hint and key.partition(".")[0] in (*run_keys(), *run_groups()):
            typed = shell_quote(f"{key}={value}") if value else f"{key}=..."
            hint = f" Settings have no dashes. Type {typed}"
        raise UserError(f"{unknown}: there is no such flag.{hint}" if unknown else message)

    parser.error = refuse  # type: ignore[method-assign]
    options = parser.parse_intermixed_args(arguments)
    if options.config_path:
        raise UserError(
            "--config-path would take the place of every option that there is. A folder of your "
            "own is added with --config-dir FOLDER"
        )
    if options.experimental_rerun:
        raise UserError(
            "--experimental-rerun loads a pickle, which can run any code. To repeat a run: "
            + shell_line("replay", "run=OUTPUT_FOLDER")
        )
    if options.config_dir and not Path(options.config_dir).is_dir():
        raise UserError(
            f"--config-dir: there is no folder '{Path(options.config_dir).absolute()}'."
        )
    return options
