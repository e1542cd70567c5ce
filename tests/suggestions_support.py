"""Does what a message about a config says to type work?"""

from __future__ import annotations

import re
import shlex

from components.base import UserError
from runner.config.command_line import preflight

_TYPE = re.compile(
    r"(?:\bType|before it:|as one (?:text|list):|trust its code:|trust these packages:) "
    r"(.+?)(?=, or [a-z]|\. [A-Z]|\.?$)"
)
_MEANT = re.compile(r"^(?P<path>[^:]*?)(?:=[^:]*)?: .*Did you mean '(?P<name>[^']+)'\?$")


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
                _check(_with(arguments, shlex.split(text)), line)
        if match := _MEANT.match(line):
            typed.append(match["name"])
            others = [_repaired(a, match["name"]) for a in arguments]
            tries = [
                [*arguments[:place], repaired, *arguments[place + 1 :]]
                for place, repairs in enumerate(others)
                for repaired in repairs
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
    try:
        preflight(arguments)
    except UserError as error:
        return str(error).splitlines()
    return []


def _check(arguments: list[str], line: str) -> None:
    path = line.partition(":")[0].partition("=")[0].lstrip("+~")
    left = [each for each in _refusal(arguments) if each.lstrip("+~").startswith(path)]
    again = line.partition(": ")[2]
    assert not any(again in each for each in left), f"{line}\n{arguments}\n{left}"
