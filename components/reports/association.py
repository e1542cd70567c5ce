"""How topics and classes go together: intervals of shares, and what stands out, from counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.base import Floats, Integers

Z_95 = 1.959964  # of a 95 % interval


def wilson(counts: Any, totals: Any) -> tuple[Any, Any]:
    """The 95 % interval of a share (Wilson 1927), which is right for small counts and 0 too."""
    share = counts / totals
    square = Z_95**2
    middle = (share + square / (2 * totals)) / (1 + square / totals)
    half = (Z_95 / (1 + square / totals)) * np.sqrt(
        share * (1 - share) / totals + square / (4 * totals**2)
    )
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def log_odds(counts: Integers, totals: Integers, others: Integers, n_others: int) -> Floats:
    """z-scores of the log-odds ratio of each topic between a class and all other classes.

    With an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words",
    equations 15, 19 and 22): the prior has the topics' shares over all classes, and the weight of
    as many documents as there are topics. The variance is that of equation 19, in full: their
    equation 20, for words that are each a small share of all, is too small for large topics.

    Parameters
    ----------
    counts, totals, others, n_others
        As in `ByClass`.

    Returns
    -------
    float64 array (n_topics, n_classes)
        Positive where the class has more of the topic than the other classes have.
    """
    in_topic = counts.sum(axis=1) + others
    n = int(totals.sum()) + n_others
    weight = float(len(counts))
    # Documents without a topic count as one topic more, so that a share of 1 has finite odds.
    prior = weight * (in_topic + 1) / (n + len(counts) + 1)
    inside = counts + prior[:, None]
    outside = (in_topic[:, None] - counts) + prior[:, None]
    inside_others = totals + weight - inside
    outside_others = n - totals + weight - outside
    ratio = np.log(inside / inside_others) - np.log(outside / outside_others)
    variance = 1 / inside + 1 / inside_others + 1 / outside + 1 / outside_others
    return np.asarray(ratio / np.sqrt(variance))


def standing(z: float, threshold: float) -> str:
    """Whether a class has more or less of a topic than the others: "more", "less" or empty."""
    return "more" if z > threshold else "less" if z < -threshold else ""
