"""Whether the same topics come out of other documents of the same kind."""

from __future__ import annotations

import numpy as np

from components.base import Result


def stability(result: Result) -> float | None:
    """Agreement of two halves of the documents at the granularity that was chosen.

    The documents are split at random into halves; each is clustered on its own, and the topics of
    one half are carried over to the documents of the other by similarity. The measure is the
    adjusted mutual information of these and of the topics that the other half found by itself,
    averaged over splits (Lange, Roth, Braun and Buhmann 2004, with another index). Between two
    settings that were compared it is interpolated, over the logarithm of the setting. At most 1,
    0 by chance; higher is better. The clusterer compares halves to choose its granularity, so this
    costs nothing; None where it had nothing to choose (`clusterer.granularity` is not auto).
    """
    points = [point for point in result.curve if "score" in point]
    setting = next(iter(points[0])) if points else ""
    if setting not in result.choice:
        return None
    tried, scores = np.array(sorted((point[setting], point["score"]) for point in points)).T
    return float(np.interp(np.log(result.choice[setting]), np.log(tried), scores))
