"""Turns what people already have into an embedder: an object with `encode`, a scikit-learn
transformer, or a plain function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from components.base import Embedder, Matrix, UserError


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
            from components.embedders.sklearn import SklearnEmbedder

            return SklearnEmbedder(pipeline=part)
        if callable(part):
            return FunctionEmbedder(function=part)
    raise UserError(
        f"embedder: {part!r} is no embedder. It needs a method encode(documents) that returns "
        "one row of numbers a document, or scikit-learn's fit_transform(documents), or it must "
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


def as_matrix(values: Any) -> Matrix:
    """Rows of numbers as float32 (n, d), or as float32 CSR (n, d) where they are sparse.

    Nothing is copied that already has that form.

    Parameters
    ----------
    values : array-like (n, d)
        numpy array, nested lists, scipy sparse matrix, torch tensor or a list of them.

    Raises
    ------
    UserError
        When it is not a table of numbers.
    """
    from scipy import sparse

    if sparse.issparse(values):
        return sparse.csr_matrix(values, dtype=np.float32)
    try:
        if isinstance(values, list | tuple):
            values = [_to_cpu(row) for row in values]
        matrix = np.asarray(_to_cpu(values), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"embedder: its vectors are no table of numbers ({error}). It must return one row a "
            "document, all of the same length."
        ) from error
    if matrix.ndim != 2:
        raise UserError(
            f"embedder: its vectors have the shape {matrix.shape}, not (documents, dimensions). "
            "It must return one row of numbers a document."
        )
    return matrix


def _to_cpu(values: Any) -> Any:
    """A torch tensor, on any device and of any float type, as float32 numpy; else `values`."""
    return values.detach().cpu().float().numpy() if hasattr(values, "detach") else values
