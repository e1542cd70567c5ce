"""What a user did wrong: errors that say where, and what to type instead."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class UserError(Exception):
    """A mistake that the user can correct. It is shown without a traceback.

    The message says what was wrong, where, and what to type instead.

    part : the part of a run that raised it, such as `dataset`; empty where none is known
    """

    part = ""


class ParameterError(UserError):
    """A parameter has a value that it cannot take.

    A component knows the names of its own parameters, and not where a config holds it, so it
    raises ``ParameterError("n_topics", 0, "must be at least 1.")``. Whoever knows the place puts
    it in front with `within`: the message is then ``clusterer.n_topics=0: must be at least 1.``

    Parameters
    ----------
    name : str
        The parameter, as its constructor spells it.
    value : Any
        Its value; at most 200 characters of it are shown.
    reason : str
        What is wrong with it and what it may be, as one or more sentences.
    """

    def __init__(self, name: str, value: Any, reason: str) -> None:
        super().__init__(name, value, reason)
        self.name = name
        self.value = value
        self.reason = reason

    @property
    def setting(self) -> str:
        """``name=value``; at most 200 characters of the value."""
        shown = "null" if self.value is None else str(self.value)
        return f"{self.name}={shown[:200]}{'...' * (len(shown) > 200)}"

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"

    def within(self, path: str) -> ParameterError:
        """The same error of a component that stands at `path` in a larger whole."""
        return type(self)(f"{path}.{self.name}", self.value, self.reason)


def at_least(least: float, otherwise: str = "", /, **values: float | None) -> None:
    """Raise a `ParameterError` for the first of the parameters that is less than `least`.

    None passes: whether a parameter may be null, its annotation says.

    Parameters
    ----------
    otherwise : str
        What a parameter may be instead, such as ``or null``.
    """
    for name, value in values.items():
        if value is not None and not value >= least:  # false for NaN too
            reason = ", ".join(filter(None, (f"must be at least {least}", otherwise)))
            raise ParameterError(name, value, f"{reason}.")


@dataclass(frozen=True)
class Bounds:
    """Which numbers a function's parameter takes, in its annotation: `Annotated[int, Bounds(1)]`.

    A config is held to them before any work. Metrics and reports are functions, called when the
    work is done; a class checks its parameters itself, where it is built.
    """

    least: float
    most: float | None = None
    odd: bool = False

    def __contains__(self, number: float) -> bool:
        too_large = self.most is not None and number > self.most
        return number >= self.least and not too_large and not (self.odd and number % 2 == 0)

    def __str__(self) -> str:
        reach = (
            f"from {self.least} to {self.most:,}"
            if self.most is not None
            else f"at least {self.least}"
        )
        return f"odd, and {reach}" if self.odd else reach


@contextmanager
def within(path: str) -> Iterator[None]:
    """Put `path` in front of the parameter that an error names, for a component that holds others.

    ``with within("document_embedder"): self.document_embedder.encode(documents)``
    """
    try:
        yield
    except ParameterError as error:
        raise error.within(path) from error


@contextmanager
def raised_by(part: str) -> Iterator[None]:
    """Set the `part` of a `UserError` that is raised here, where it has none."""
    try:
        yield
    except UserError as error:
        error.part = error.part or part
        raise


class MissingExtraError(UserError):
    """A backend is not installed. The message holds the line that installs it."""


def require(module: str, extra: str) -> None:
    """Check that `module` is installed, without importing it.

    Call it in a part's `__init__`; import the module where it is first used, so that a run
    served from the cache never pays for the import.

    Raises
    ------
    MissingExtraError
        With the `pip install` line of `extra`.
    """
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise MissingExtraError(
            f"the package '{module}' is not installed. Install it with: "
            f"pip install 'topic-runner[{extra}]'"
        )
