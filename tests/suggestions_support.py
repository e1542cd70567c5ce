"""Does what a message says to type work?"""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from components.base import UserError
from runner.cli import COMMANDS
from runner.config.command_line import parse_flags, preflight
from runner.terminal import suggestions

_TYPE = re.compile(
    r"(?:\bType|before it:|as one (?:text|list):|trust its code:|trust these packages:) "
    r"(.+?)(?=, or [a-z]|\. [A-Z]|\.?$)"
)
_MEANT = re.compile(r"^(?P<path>[^:]*?)(?:=[^:]*)?: .*Did you mean '(?P<name>[^']+)'\?$")

PRINTED: list[str] = []


def follow(arguments: list[str], message: str) -> list[str]:
    """Type what a message suggests in place of what it is about; what was typed.

    The mistake that a suggestion is for must be gone; others may be left.
    """
    typed = []
    for line in message.splitlines():
        for match in _TYPE.finditer(line):
            text = match[1]
            if "..." not in text:  # a value that only the user knows
                typed.append(text)
                others = [a for a in arguments if not line.startswith(f"{a}: there is no such ")]
                _check(_with(others, shlex.split(text)), line)
        if match := _MEANT.match(line):
            typed.append(match["name"])
            path = match["path"].lstrip("+~")
            places = sorted(range(len(arguments)), key=lambda place: _key(arguments[place]) != path)
            tries = [
                [*arguments[:place], repaired, *arguments[place + 1 :]]
                for place in places
                for repaired in _repaired(arguments[place], match["name"])
            ]
            assert any(line not in _refusal(each) for each in tries), line
    return typed


def _with(arguments: list[str], words: list[str]) -> list[str]:
    """The command line with another setting, or the whole line that was suggested."""
    if "runner" in words[:3]:
        return words[words.index("runner") + 1 :]
    keys = {_key(word) for word in words}
    return [*(a for a in arguments if _key(a) not in keys), *words]


def _key(argument: str) -> str:
    return argument.lstrip("+~").partition("=")[0]


def _repaired(argument: str, name: str) -> list[str]:
    """The argument with its key, the last part of it, or its value replaced."""
    sign = argument[: len(argument) - len(argument.lstrip("+~"))]
    key, equals, value = argument.lstrip("+~").partition("=")
    parts = key.split(".")
    keys = [".".join([*parts[:i], name, *parts[i + 1 :]]) for i in range(len(parts))]
    choices = value.split(",")
    values = [",".join([*choices[:i], name, *choices[i + 1 :]]) for i in range(len(choices))]
    return [
        *(f"{sign}{k}{equals}{value}" for k in keys),
        *(f"{sign}{key}={v}" for v in values if equals),
    ]


def _refusal(arguments: list[str]) -> list[str]:
    before = len(PRINTED)
    try:
        preflight(arguments)
    except UserError as error:
        return str(error).splitlines()
    finally:
        del PRINTED[before:]  # most of what is tried here nobody would type
    return []


def _check(arguments: list[str], line: str) -> None:
    path = line.partition(":")[0].partition("=")[0].lstrip("+~")
    left = [each for each in _refusal(arguments) if each.lstrip("+~").startswith(path)]
    again = line.partition(": ")[2]
    assert not any(again in each for each in left), f"{line}\n{arguments}\n{left}"


def record_commands() -> None:
    """From now on, add every command that this process makes for a person to `PRINTED`."""
    original = suggestions.shell_line

    def shell_line(name: str, *arguments: object) -> str:
        line = original(name, *arguments)
        PRINTED.append(line)
        return line

    for module in [*sys.modules.values()]:  # later imports find it in its own module
        if getattr(module, "shell_line", None) is original:
            module.shell_line = shell_line  # type: ignore[attr-defined]


class _Read(Exception):
    """A sub-command has understood its arguments, and need not work."""


def check_command(line: str) -> None:
    """Assert that a shell finds the program, and the program understands its arguments.

    `...` and words in capitals stand for what only the user knows.
    """
    words = shlex.split(line)
    assert shutil.which(words[0]), line
    if words[1] == "-m":
        words = [words[0], *words[2].split(".", 1), *words[3:]]
    name, *arguments = words[1:] if words[1:2] != ["runner"] else words[2:] or [""]
    if name in COMMANDS:
        _read(COMMANDS[name][0], arguments, line)
    elif name != "COMMAND":
        options = parse_flags([name, *arguments] if name else [])
        OverridesParser.create().parse_overrides(options.overrides)  # they may be wrong elsewhere


def _read(module: str, arguments: list[str], line: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for place in (importlib.import_module(module), sys.modules.get("runner.derive.command")):
            if parse := getattr(place, "parse", None):
                patch.setattr(place, "parse", _reading(parse))
        try:
            importlib.import_module(module).main(arguments)
        except (_Read, SystemExit):
            return
        except UserError as error:
            raise AssertionError(f"{line}: {error}") from error
    raise AssertionError(f"{line}: its arguments were not read")


def _reading(parse: Callable[..., Any]) -> Callable[..., Any]:
    def read(*arguments: Any, **settings: Any) -> None:
        parse(*arguments, **settings)
        raise _Read

    return read
