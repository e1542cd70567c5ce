"""No reduction."""

from __future__ import annotations

from components.base import Matrix


class Identity:
    """Returns the vectors (n, d) unchanged, dense or sparse."""

    def fit_transform(self, X: Matrix) -> Matrix:
        return X

    def transform(self, X: Matrix) -> Matrix:
        return X
