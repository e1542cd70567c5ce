"""Turns what people already have into an embedder: an object with `encode`, a scikit-learn
transformer, or a plain function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from components.base import Embedder, Matrix, UserError
from components.embedders.matrix import as_matrix
from components.embedders.sklearn import SklearnEmbedder


def as_embedder(part: Any) -> Embedder:
    """An `Embedder` that does what `part` does.

    Parameters
    ----------
    part : object
        With `encode(documents)`: it is used as it is. With scikit-learn's `transform` or
        `fit_transform`: it is fitted once, on the corpus. A plain function from a list of str to
        a matrix (in YAML a `_target_` with `_partial_: true`): it is called.

    Raises
    ------
    UserError
        When `part` is none of these.
    """
    if not isinstance(part, type | str | bytes):  # a str has an `encode` of its own
        if callable(getattr(part, "encode", None)):
            return part  # type: ignore[no-any-return]
        if callable(getattr(part, "transform", None)) or hasattr(part, "fit_transform"):
            return SklearnEmbedder(pipeline=part)
        if callable(part):
            return FunctionEmbedder(function=part)
    raise UserError(
        f"{part!r} is not an embedder. It needs a method encode(documents) that returns "
        "one row of numbers per document, or scikit-learn's fit_transform(documents), or it must "
        "be a function of the documents (add `_partial_: true` below its `_target_`)."
    )


class FunctionEmbedder:
    """A function as an embedder.

    Parameters
    ----------
    function : callable
        Takes a list of n str, returns anything that `as_matrix` understands with n rows.
    """

    def __init__(self, *, function: Callable[[list[str]], Any]) -> None:
        self.function = function

    def encode(self, documents: Sequence[str]) -> Matrix:
        return as_matrix(self.function(list(documents)))
