"""Rows of numbers, of whatever type a library returns them, as float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.base import Matrix, UserError


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

    if getattr(getattr(values, "dtype", None), "kind", "") == "c":  # numpy would drop a half
        raise UserError("the embedder's vectors are complex numbers. It must return real ones.")
    try:
        with np.errstate(over="ignore"):  # what is beyond float32 is found where it is checked
            if sparse.issparse(values):
                return sparse.csr_matrix(values, dtype=np.float32)
            if isinstance(values, list | tuple):
                values = [_to_cpu(row) for row in values]
            matrix = np.asarray(_to_cpu(values), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"the embedder's vectors are not a table of numbers ({error}). It must return one row "
            "per document, all of the same length."
        ) from error
    if matrix.ndim != 2:
        raise UserError(
            f"the embedder's vectors have the shape {matrix.shape}, not (documents, dimensions). "
            "It must return one row of numbers per document."
        )
    return matrix


def _to_cpu(values: Any) -> Any:
    """A torch tensor, on any device and of any float type, as float32 numpy; else `values`."""
    return values.detach().cpu().float().numpy() if hasattr(values, "detach") else values
