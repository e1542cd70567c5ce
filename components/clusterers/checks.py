"""Checks of input and parameters that the clusterers share."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from components.base import Matrix, UserError
from components.neighbors import unit_rows

log = logging.getLogger(__name__)


def dense_rows(X: Matrix, name: str, normalise: bool) -> NDArray[np.floating]:
    """`X` (n, d) as a dense array, its rows scaled to unit length if `normalise`.

    Parameters
    ----------
    name : str
        The clusterer, for the error.

    Raises
    ------
    UserError
        Where `X` is sparse: a dense copy might not fit in memory.
    """
    from scipy import sparse

    if sparse.issparse(X):
        raise UserError(
            f"{name} needs dense vectors, and these are sparse. Type reducer=truncated_svd or "
            "reducer=umap, or clusterer=leiden, which takes sparse ones."
        )
    X = np.asarray(X)
    rows: NDArray[np.floating] = unit_rows(X) if normalise else X
    return rows


def at_most(name: str, value: int, most: int, n: int) -> int:
    """`value`, or `most` with a warning if `n` documents allow no more."""
    if value <= most:
        return value
    log.warning("%s=%d is too large for %d documents: using %d", name, value, n, most)
    return most
