"""What the labels of some documents say of two runs, and how certain that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.agreement import (
    T_QUANTILE,
    adjusted_mutual_information,
    jackknife_error,
    jackknife_values,
)
from components.base import Integers

FEWEST = 40  # documents with a label, from which on it is told how certain they are


@dataclass(frozen=True)
class LabelledDifference:
    """How far two runs are apart in AMI with the labels of `n` documents.

    error : standard error of the difference, see `components.agreement.jackknife_error`
    """

    n: int
    difference: float
    error: float

    @property
    def is_certain(self) -> bool:
        """Whether other documents of the kind would hardly turn it around."""
        return abs(self.difference) > T_QUANTILE * self.error

    @property
    def n_needed(self) -> float:
        """Labels by which such a difference would be certain: errors fall as 1 / sqrt(n)."""
        if not self.difference:
            return np.inf
        return float(self.n * (T_QUANTILE * self.error / self.difference) ** 2)


def difference(labels: Integers, topics: Sequence[Integers]) -> LabelledDifference | None:
    """How far the first of two runs is above the second; None where too few have a label.

    Parameters
    ----------
    labels : int64 (n,), -1 where a document has none
    topics : two arrays int64 (n,)
    """
    rows = labels >= 0
    if rows.sum() < FEWEST:
        return None
    pair = [each[rows] for each in topics]
    one, other = (adjusted_mutual_information(labels[rows], each) for each in pair)
    without = jackknife_values(labels[rows], pair)
    error = jackknife_error(without[:, 0] - without[:, 1])
    return LabelledDifference(int(rows.sum()), one - other, error)
