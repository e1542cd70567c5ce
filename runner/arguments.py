"""`key=value` arguments for the small commands beside the runner."""

from __future__ import annotations

import sys

from components.base import UserError
from runner.check import nearest


def parse(arguments: list[str], usage: str, names: list[str]) -> dict[str, str]:
    """`["a=1"]` as `{"a": "1"}`; `--help` prints the usage and ends the program.

    Raises
    ------
    UserError
        At a key that is not in `names`, or an argument that is not `key=value`.
    """
    if {"-h", "--help"} & set(arguments):
        print(usage.strip())  # noqa: T201
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
