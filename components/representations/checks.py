"""Checks of parameters that several representations have."""

from __future__ import annotations

from typing import Any

from components.base import ParameterError


def check_words(name: str, value: Any) -> None:
    """Check that a parameter is a list of text.

    Raises
    ------
    ParameterError
        With the first entry that is not text, and how to quote it in YAML.
    """
    if not isinstance(value, list | tuple):
        raise ParameterError(name, value, "must be a list of words, as in [drug, cancer].")
    for place, word in enumerate(value):
        if not isinstance(word, str):
            raise ParameterError(name, value, f"word {place + 1} is not text. {quote_it(word)}")


def quote_it(value: Any) -> str:
    """What to type for a word that YAML read as something else."""
    unquoted = "null and ~" if value is None else str(value)
    if isinstance(value, bool):
        unquoted = "yes, on and true" if value else "no, off and false"
    return (
        f"YAML reads {unquoted} without quotes as {value!r}: quote it, as in ['no', 'on', '1e5']."
    )
