"""No reduction: cluster the vectors as they are."""

from __future__ import annotations

from components.base import Matrix


class Identity:
    """Gives back what it is given, dense or sparse."""

    def fit_transform(self, X: Matrix) -> Matrix:
        return X

    def transform(self, X: Matrix) -> Matrix:
        return X
