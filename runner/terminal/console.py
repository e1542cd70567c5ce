"""Runs a command as a program, and prints its messages."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import NoReturn, TextIO

from components.base import UserError
from components.interrupts import stop_as_by_ctrl_c
from runner.terminal.secrets import mask, printable
from runner.terminal.working_folder import put_last

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def command(main: Callable[[list[str]], int], arguments: list[str] | None = None) -> NoReturn:
    """Run a command, by default on the program's arguments, and exit.

    The exit status is 2 where the user made a mistake, and 130 after Ctrl-C.
    """
    if arguments is None:  # a process of its own
        with keep_streams():
            put_last()
            command(main, sys.argv[1:])
    stop_as_by_ctrl_c()
    try:
        sys.exit(main(arguments))
    except UserError as mistake:
        if getattr(mistake, "shows_cause", False):
            say("".join(traceback.format_exception(mistake.__cause__)), error=True)
        say(str(mistake), error=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def keep_streams() -> Iterator[None]:
    """Let no output fail for want of a reader, a letter or room: work goes on and is recorded.

    A program that could not write all of its output, as to a log on a full disk, exits with 1.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="replace")  # a letter that its encoding has not: "?"
    out, err = Pipe(sys.stdout), Pipe(sys.stderr)
    sys.stdout, sys.stderr = out, err  # type: ignore[assignment]
    try:
        yield
    except SystemExit as stop:
        out.flush()
        if not stop.code and (reason := out.lost or err.lost):
            say(f"Not all output could be written: {reason}.", error=not err.lost)
            sys.exit(1)
        raise


class Pipe:
    """A stream that may lose its reader, as in `runner | head -5`, its terminal or its disk.

    What comes later is dropped.

    Attributes
    ----------
    lost : why some of the output is lost, where somebody may want it
    """

    lost = ""

    def __init__(self, stream: TextIO | None) -> None:
        # None: closed by `>&-`
        self._stream = open(os.devnull, "w") if stream is None else stream  # noqa: SIM115

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, or drop it."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Flush what was written, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        if error.errno in _FULL:
            self.lost = os.strerror(error.errno)
        elif error.errno not in (errno.EPIPE, errno.EIO):
            raise error
        # Python flushes the stream once more at its end, and would then fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def say(text: str, *, error: bool = False) -> None:
    """Print a text without its secrets, and with what a terminal would obey written out."""
    print(mask(printable(text)), file=sys.stderr if error else sys.stdout, flush=True)
