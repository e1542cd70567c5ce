"""`key=value` arguments, and how a command ends: for the small commands beside the runner."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable

from components.base import UserError
from runner.secrets import mask


def parse(arguments: list[str], usage: str, names: list[str]) -> dict[str, str]:
    """`["a=1"]` as `{"a": "1"}`; `--help` prints the usage and ends the program.

    Raises
    ------
    UserError
        At a key that is not in `names`, or an argument that is not `key=value`.
    """
    if {"-h", "--help"} & set(arguments):
        say(usage.strip())
        sys.exit(0)
    options: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise UserError(f"'{argument}' is not of the form key=value. Keys: {', '.join(names)}.")
        if key not in names:
            raise UserError(f"there is no key '{key}'.{nearest(key, names)}")
        options[key] = value
    return options


def command(main: Callable[[list[str]], int]) -> None:
    """Run a command on the program's arguments, and exit: 2 where the user made a mistake."""
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as mistake:
        say(str(mistake), error=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def say(text: str, *, error: bool = False) -> None:
    """Print a text without its secrets."""
    print(mask(text), file=sys.stderr if error else sys.stdout, flush=True)


def nearest(name: str, names: Iterable[str], otherwise: str | None = None) -> str:
    """` Did you mean 'x'?`; where nothing is near `otherwise`, by default what there is."""
    choices = sorted(map(str, names))
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    if otherwise is not None:
        return otherwise
    return f" There are: {', '.join(choices)}." if 0 < len(choices) <= 30 else ""
