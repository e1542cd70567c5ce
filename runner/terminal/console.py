"""What every command shares: its arguments, its messages, and the commands that it suggests."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from components.base import UserError
from runner.terminal.secrets import mask, printable
from runner.terminal.working_folder import put_last


class Arguments(dict[str, str]):
    """The settings of a command by name, with its positional words and the flags that are set."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.flags: set[str] = set()


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
            raise UserError(f"'{argument}' is not of the form key=value. Keys: {', '.join(names)}.")
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
    usage = f"name two runs: python -m runner.{name} runs=[A,B]"
    runs = [*names_in(arguments.get("runs", "")), *arguments.words]
    if len(runs) != 2:
        raise UserError(f"{usage}. There are {len(runs)}." if runs else f"{usage}.")
    if runs[0] == runs[1]:
        raise UserError(f"{usage}. Both are {runs[0]}.")
    return runs[0], runs[1]


def command(main: Callable[[list[str]], int], arguments: list[str] | None = None) -> NoReturn:
    """Run a command, by default on the program's arguments, and exit.

    The exit status is 2 where the user made a mistake, and 130 after Ctrl-C.
    """
    if arguments is None:  # a process of its own
        arguments, sys.stdout = sys.argv[1:], Pipe(sys.stdout)
        put_last()
    try:
        sys.exit(main(arguments))
    except UserError as mistake:
        say(str(mistake), error=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


class Pipe:
    """A stream that may lose its reader, as in `runner | head -5`: what comes later is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, or drop it."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Flush what was written, or drop it."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        # Python flushes the stream once more at its end, and would then fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def say(text: str, *, error: bool = False) -> None:
    """Print a text without its secrets, and with what a terminal would obey written out."""
    print(mask(printable(text)), file=sys.stderr if error else sys.stdout, flush=True)


def shell_line(name: str, *arguments: object) -> str:
    """A command of this program as it may be pasted into the shell that started it.

    Parameters
    ----------
    name : a sub-command; empty for a run
    arguments : its arguments; each is quoted where the shell needs it
    """
    script = Path(sys.argv[0])
    if script.name == "runner" and script.is_file():
        words = [tool("runner"), name] if name else [tool("runner")]
    else:
        words = [tool("python"), "-m", f"runner.{name}" if name else "runner"]
    return " ".join([*words, *(shell_quote(str(argument)) for argument in arguments)])


def tool(name: str) -> str:
    """How the shell finds a program of this Python environment."""
    here = Path(sys.executable).parent
    script = shutil.which(name)
    if script and Path(script).parent == here:
        return name
    path = Path(sys.executable) if name == "python" else here / name
    return shell_quote(str(path.relative_to(Path.cwd()) if _is_below(path) else path))


def _is_below(path: Path) -> bool:
    return path.is_relative_to(Path.cwd())


def shell_quote(text: str) -> str:
    """A word of a shell's command line, in the quotes that are the easiest to read."""
    if text and not re.search(r"""[^\w@%+=:,./~-]""", text, re.ASCII) and text[0] != "~":
        return text
    if "'" in text and not re.search(r'["$`\\!]', text):
        return f'"{text}"'
    return shlex.quote(text)


def override(key: str, value: str) -> str:
    """`key=value`, with the value in quotes where Hydra's grammar needs them."""
    plain = re.fullmatch(r"[\w./@%+:*?|$-]+", value, re.ASCII) and "${" not in value
    return f"{key}={value if plain else hydra_quote(value)}"


def hydra_quote(text: str) -> str:
    """A text in the quotes of Hydra's grammar, in which a backslash counts only before a quote."""
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{escaped}'"


def nearest(name: str, names: Iterable[str], otherwise: str | None = None) -> str:
    """` Did you mean 'x'?`; where nothing is near `otherwise`, by default what there is."""
    choices = sorted(map(str, names))
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    if otherwise is not None:
        return otherwise
    return f" There are: {', '.join(choices)}." if 0 < len(choices) <= 30 else ""
