"""What a part raises, as an error that names the part, its input and what to change."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import components
from components.base import ParameterError, UserError
from components.errors import raised_by
from runner.terminal.secrets import MaskingFormatter

log = logging.getLogger(__name__)

LONGEST = 500  # characters of a library's message that an error quotes


class StageError(UserError):
    """A part failed on its input; the message names the part, the input and the error.

    shows_cause : whether the traceback of the cause is in no log, and is to be shown
    """

    def __init__(self, message: str, shows_cause: bool) -> None:
        super().__init__(message)
        self.shows_cause = shows_cause


@contextmanager
def stage(role: str, part: Any, shape: tuple[int, ...] = ()) -> Iterator[None]:
    """Name the part and its input in what is raised here, and tell it the role.

    Parameters
    ----------
    role : where the part stands in the config, such as "reducer"
    part : the part that is at work
    shape : of the matrix that it gets

    Raises
    ------
    ParameterError
        With the role in front of the parameter's name.
    StageError
        In place of what a library raises.
    """
    with raised_by(role):
        try:
            yield
        except ParameterError as error:
            raise error.within(role) from error
        except UserError:
            raise
        except Exception as error:
            log.debug("traceback of the failure", exc_info=True)
            part = getattr(part, "func", part)  # of a function with some arguments
            kind = getattr(part, "__qualname__", type(part).__qualname__)
            text = str(error)
            its_input = f" on {' x '.join(map(str, shape))} input" if shape else ""
            file = _log_file()
            where = f"in {file}" if file else "above"
            is_one_of_several = "." in role  # such as metrics.mine
            other = f"leave it out with ~{role}" if is_one_of_several else f"choose another {role}"
            advice = f"Change {role}.*, or {other}. The traceback is {where}."
            called_wrongly = text.startswith(f"{kind}.")  # its method takes other arguments
            if not called_wrongly and (place := _own_fault(error)):
                log.error("unexpected error in %s", place, exc_info=bool(file))
                advice = (
                    f"This is a fault of topic-runner, at {place}. Please report it with the "
                    f"traceback, which is {where}. Meanwhile, {other}."
                )
            if len(text) > LONGEST:  # a library may quote a whole document in it
                text = text[:LONGEST] + "..."
            reason = f"{type(error).__name__}: {text}"
            message = f"{role} ({kind}) failed{its_input}: {reason}\n{advice}"
            raise StageError(message, shows_cause=not file) from error


def _log_file() -> str:
    """Name of the file that a run on the command line logs to; empty elsewhere."""
    for handler in logging.getLogger().handlers:
        # Not where a program that calls us logs to.
        is_ours = isinstance(handler.formatter, MaskingFormatter)
        if is_ours and isinstance(handler, logging.FileHandler):
            return Path(handler.baseFilename).name
    return ""


def _own_fault(error: Exception) -> str:
    """File and line, where our own code and no library or user's part raised an exception."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = [Path(__file__).parents[1], Path(components.__file__).parent]
    file = Path(frame.filename)
    if not any(file.is_relative_to(folder) for folder in ours):
        return ""
    return f"{file.parent.name}/{file.name}:{frame.lineno}"
