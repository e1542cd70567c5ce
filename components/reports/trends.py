"""Which topics rise, fall or are new: a stated rule over counts in bins of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers

FEWEST_BINS = 5  # a line through fewer says nothing
LEAST_CHANGE = 1.5  # of the odds from the first bin to the last, for a trend
NEW_PART = 0.25  # of the documents, the first ones, in which a new topic is all but absent
NEW_SHARE = 0.1  # of its later share, at most, that a new topic has there
NEW_EXPECTED = 10.0  # documents that it would have there at its later share, at least
_ITERATIONS = 30


@dataclass(frozen=True)
class Trend:
    """How the share of a topic changes from the first bin to the last.

    kind : "new", "rising", "falling" or empty
    factor, low, high : by what the fitted odds of the topic are multiplied from the middle of the
        first bin to that of the last, with its interval; NaN where no line was fitted
    """

    kind: str
    factor: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


def trends(counts: Integers, totals: Integers, when: NDArray[np.float64]) -> list[Trend]:
    """The trend of each topic.

    A line is fitted to the log-odds of the topic's share over time by maximum likelihood
    (logistic regression on the bins' counts), with quasi-binomial errors: where the counts
    scatter about the line more than chance would, the interval is as much wider (McCullagh and
    Nelder 1989, section 4.5). The interval is Student's, with n_bins - 2 degrees of freedom, at the
    level 1 - .05 / n_topics: where nothing changes and bins are independent, none of the topics
    is named in 95 % of corpora.

    rising, falling : the interval leaves out 1, and the factor is at least 1.5, or at most 1 / 1.5
    new : in the first bins that hold a quarter of the documents, the topic's share is at most a
        tenth of its share in the others, at which at least 10 documents would be expected there.
        A topic that is new counts as nothing else.

    With fewer than 5 bins there are no trends.

    Parameters
    ----------
    counts : int array (n_topics, n_bins)
    totals : int array (n_bins,), at least 1
    when : float array (n_bins,)
        Middle of each bin, in any unit, ascending.
    """
    n_topics, n_bins = counts.shape
    if n_bins < FEWEST_BINS:
        return [Trend("")] * n_topics
    from scipy.stats import t

    x = (when - when[0]) / (when[-1] - when[0])
    slope, error = _slopes(counts, totals, x)
    half = float(t.isf(0.025 / n_topics, n_bins - 2)) * error
    new = _are_new(counts, totals)
    found = []
    for topic in range(n_topics):
        factor, low, high = _factors(slope[topic], half[topic])
        kind = ""
        if new[topic]:
            kind = "new"
        elif low > 1 and factor >= LEAST_CHANGE:
            kind = "rising"
        elif high < 1 and factor <= 1 / LEAST_CHANGE:
            kind = "falling"
        found.append(Trend(kind, factor, low, high))
    return found


def _factors(slope: float, half: float) -> Sequence[float]:
    return [float(np.exp(np.clip(s, -20, 20))) for s in (slope, slope - half, slope + half)]


def _slopes(counts: Integers, totals: Integers, x: NDArray[np.float64]) -> tuple[Any, Any]:
    """Slope of the log-odds of each topic over x, and its standard error: float (n_topics,)."""
    share = (counts.sum(axis=1) + 0.5) / (totals.sum() + 1.0)
    centre = float((totals * x).sum() / totals.sum())
    z = x - centre  # so that level and slope are nearly independent
    level, slope = np.log(share / (1 - share)), np.zeros(len(counts))
    # Half a document in and out of each topic, spread over the bins: all fits are finite, also
    # those of topics that have all their documents at one end.
    c = counts + 0.5 * totals / totals.sum()
    n = totals * (1 + 1.0 / totals.sum())

    def fitted() -> Any:
        line = np.clip(level[:, None] + slope[:, None] * z, -30, 30)
        return 1 / (1 + np.exp(-line))

    for _ in range(_ITERATIONS):
        p = fitted()
        weight = n * p * (1 - p)
        residuals = c - n * p
        a, b, d = weight.sum(axis=1), (weight * z).sum(axis=1), (weight * z * z).sum(axis=1)
        g, h = residuals.sum(axis=1), (residuals * z).sum(axis=1)
        det = np.maximum(a * d - b * b, 1e-12)
        step = np.clip((d * g - b * h) / det, -2, 2), np.clip((a * h - b * g) / det, -2, 2)
        level, slope = level + step[0], np.clip(slope + step[1], -20, 20)
        if max(np.abs(step[0]).max(), np.abs(step[1]).max()) < 1e-9:
            break
    p = fitted()
    weight = np.maximum(n * p * (1 - p), 1e-12)
    a, b, d = weight.sum(axis=1), (weight * z).sum(axis=1), (weight * z * z).sum(axis=1)
    variance = a / np.maximum(a * d - b * b, 1e-12)
    scatter = ((c - n * p) ** 2 / weight).sum(axis=1) / (len(x) - 2)
    return slope, np.sqrt(variance * np.maximum(scatter, 1.0))


def _are_new(counts: Integers, totals: Integers) -> Any:
    """Bool (n_topics,)."""
    up_to = np.cumsum(totals)
    first = int(np.searchsorted(up_to, NEW_PART * up_to[-1])) + 1
    if first >= len(totals):
        return np.zeros(len(counts), bool)
    early, late = counts[:, :first].sum(axis=1), counts[:, first:].sum(axis=1)
    later_share = late / totals[first:].sum()
    expected = later_share * totals[:first].sum()
    return (expected >= NEW_EXPECTED) & (early <= NEW_SHARE * expected)
