"""Hydra's own flags on a command line."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from components.base import UserError
from runner.config.schema import run_groups, run_keys
from runner.terminal.suggestions import nearest, shell_line, shell_quote


def parse_flags(arguments: list[str]) -> Namespace:
    """The arguments by Hydra's own flags."""
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
