"""The arguments of a sub-command: settings, flags and words, in one syntax for all of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from components.base import UserError
from runner.terminal.console import say
from runner.terminal.suggestions import nearest, shell_line, shell_quote


class Arguments(dict[str, str]):
    """The settings of a command by name, with its positional words and the flags that are set."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.flags: set[str] = set()

    def require(self, name: str, *keys: str) -> None:
        """Raise a `UserError` where the sub-command `name` lacks one of its settings."""
        for key in keys:
            if key not in self:
                raise UserError(f"{key}=... is missing. For all keys: {shell_line(name, '--help')}")


def parse(
    arguments: Sequence[str],
    usage: str,
    names: Sequence[str],
    *,
    flags: Sequence[str] = (),
    words: bool = False,
) -> Arguments:
    """The arguments of a command; `--help` prints the usage and ends the program.

    A setting may be written `name=value`, `--name=value` or `--name value`, with `_` or `-`.

    Parameters
    ----------
    arguments : what was typed after the command
    usage : what `--help` prints
    names : the settings
    flags : settings without a value, typed `--name`
    words : whether positional words are allowed

    Raises
    ------
    UserError
        At a setting or flag that is in neither list, or at a word where none is allowed.
    """
    if {"-h", "--help"} & set(arguments):
        say(usage.strip())
        sys.exit(0)
    parsed = Arguments()
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        dashed = argument.startswith("-")
        key, equals, value = argument.partition("=")
        name = key.lstrip("-").replace("-", "_")
        if dashed and name in flags and not equals:
            parsed.flags.add(name)
        elif name in names and (equals or dashed):
            if not equals and not remaining:
                raise UserError(f"{argument} needs a value: {argument} ...")
            parsed[name] = value if equals else remaining.pop(0)
        elif dashed:
            options = [f"--{each.replace('_', '-')}" for each in (*names, *flags)]
            raise UserError(f"there is no option '{key}'.{nearest(key, options)}")
        elif words and (not equals or Path(argument).exists()):
            parsed.words.append(argument)
        elif not equals:
            first = names[0] if "run" in names[:1] or "sweep_id" in names[:1] else ""
            hint = f" Type {shell_quote(f'{first}={argument}')}" if first else ""
            keys = ", ".join(names)
            raise UserError(f"'{argument}' is not of the form key=value. Keys: {keys}.{hint}")
        else:
            raise UserError(f"there is no key '{key}'.{nearest(key, [*names, *flags])}")
    return parsed


def names_in(text: str) -> list[str]:
    """The names of a list as it is typed: `[a,b]`, or `a,b`."""
    return [name.strip() for name in text.strip("[]").split(",") if name.strip()]


def two_runs(arguments: Arguments, name: str) -> tuple[str, str]:
    """The two runs that a sub-command names: `runs=[A,B]`, or two words.

    Raises
    ------
    UserError
        When there are not two, or both are one.
    """
    usage = f"name two runs: {shell_line(name, 'A', 'B')}"
    runs = [*names_in(arguments.get("runs", "")), *arguments.words]
    if len(runs) != 2:
        raise UserError(f"{usage}. There are {len(runs)}." if runs else f"{usage}.")
    if runs[0] == runs[1]:
        raise UserError(f"{usage}. Both are {runs[0]}.")
    return runs[0], runs[1]
