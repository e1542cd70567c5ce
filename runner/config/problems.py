"""Mistakes in a config, and how they are reported: all at once."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.base import UserError
from runner.cache.sources import installed
from runner.terminal import secrets


class ConfigError(UserError):
    """One or more mistakes in a config."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a key.

    path : the key, or the override that sets it
    message : why, and what to type instead
    suggestion : the override that the message says to type, where only its spelling is at fault;
        it is tried before the message is shown
    """

    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def report(problems: Iterable[Problem]) -> str:
    """All problems as one text, each once."""
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    count = "A mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return secrets.mask("\n".join([f"{count} in the config; nothing was run.", *lines]))


def cause(error: BaseException) -> str:
    """What code that a config names has raised, and in which line of the user's own files."""
    text = f"{type(error).__name__}: {str(error)[:500]}"
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        file = Path(frame.f_code.co_filename)
        if package not in ("runner", "components") and file.is_file() and not installed(file):
            return f"{text} ({file.name}, line {line})"
    return text
