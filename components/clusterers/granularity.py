"""The granularity of topics, chosen by what two halves of the documents agree on.

Split-half stability: the documents are split at random into halves, and each half is clustered
without the other at every setting. The topics of one half are carried over to the documents of the
other by similarity, and compared with the other's own topics by adjusted mutual information. Real
structure is found in both halves, noise is not. (The idea is that of Lange, Roth, Braun and Buhmann
2004, "Stability-based validation of clustering solutions", with another measure of agreement.)

The best setting of such a curve changes with the split, and so would the result of any rule that
picks one point. So the choice is a weighted mean of all settings, on a log scale. A setting whose
agreement is lower than the best by `TOLERANCE` has 1/e of its weight: where there is a clear peak,
little else counts; of a flat curve, where no setting is better founded than another, the middle is
chosen.

Agreement alone can mislead:

- Where vectors say little, a few very large topics with many tiny ones are found in both halves of
  any graph. So where topics are communities of a graph, a setting with a modularity below the best
  loses weight, and has none where it is lower by `MODULARITY_LOSS[1]` or more.
- Few topics are easily agreed on: two of six groups are found in any halves. So where there is no
  modularity, agreement is raised by `GAIN_PER_DOUBLING` of it for each doubling of the topics.
- Of more than `MANY_DOCUMENTS`, a few very large topics are of no use to anyone. They are
  chosen only where halves agree by `CLEAR_AGREEMENT` at some setting; else settings with fewer
  topics than the fourth root of the number of documents are left out.

The splits are the same for every `random_state`: the choice is a property of the documents.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, ParameterError, at_least
from components.clusterers.checks import at_most
from components.clusterers.split_half import split_half_agreement

log = logging.getLogger(__name__)

Granularity = Literal["broad", "medium", "fine", "auto"]

# The values come from experiments/granularity.
TOLERANCE = 0.015  # of agreement
MODULARITY_LOSS = (0.04, 0.06)  # below the best: to the first no weight is lost, at the second all
GAIN_PER_DOUBLING = 0.06  # share of the agreement
CLEAR_AGREEMENT = 0.5
SEED = 0  # of the splits, of the sample, and of the trials
NEARLY = 0.8  # of the fewest topics: no weight is left there, and none lost at the fewest
MIN_DOCUMENTS = 100  # whose halves are worth comparing
AUTO_LIMIT = 40_000  # documents beyond which halves of a random sample are compared ...
AUTO_SAMPLE = 20_000  # ... of this many
MANY_DOCUMENTS = 100_000  # beyond which a few very large topics must be found clearly


def check_scale(granularity: str | None, n_topics: int | None, **parameters: float | None) -> None:
    """Check the parameters that set the number of topics.

    Parameters
    ----------
    **parameters
        Other parameters of the clusterer that do, of which none may be set with `n_topics`.

    Raises
    ------
    ParameterError
        Where a value is out of range, or `n_topics` is not the only one.
    """
    names = get_args(Granularity)
    if granularity is not None and granularity not in names:
        raise ParameterError("granularity", granularity, f"must be one of {', '.join(names)}.")
    at_least(1, n_topics=n_topics)
    also = [name for name, value in parameters.items() if value is not None]
    if n_topics is not None and also:
        raise ParameterError(
            "n_topics",
            n_topics,
            f"{also[0]} sets the number of topics too. Set one of the two to null.",
        )


def weigh(curve: Sequence[dict[str, Any]], fewest: float = 0) -> NDArray[np.float64]:
    """Weight of each setting in the choice, float64 (settings,), which sum to 1.

    Parameters
    ----------
    curve : sequence of dict
        See `split_half_agreement`.
    fewest : float
        Settings with fewer topics lose weight, unless agreement is clear or all have fewer.
    """
    score = np.array([point["score"] for point in curve])
    modularity = np.array([point.get("modularity", 0.0) for point in curve])
    if "modularity" not in curve[0]:
        n_topics = np.array([max(1.0, point["n_topics"]) for point in curve])
        score = score * (1 + GAIN_PER_DOUBLING * np.log2(n_topics / n_topics.min()))
    enough = _enough(curve, fewest)
    least, most = MODULARITY_LOSS
    # 1 up to a loss of `least`, linear from there, 0 from `most` on.
    sound = np.clip((most - (modularity[enough > 0].max() - modularity)) / (most - least), 0, 1)
    sound *= enough
    best = score[sound > 0].max()
    weights = sound * np.exp(np.minimum(score - best, 0) / TOLERANCE)
    return np.asarray(weights / weights.sum())


def _enough(curve: Sequence[dict[str, Any]], fewest: float) -> NDArray[np.float64]:
    """Share of its weight that is left to each setting, float64 (settings,).

    1 with `fewest` topics, 0 up to `NEARLY` of it, and linear between: a sample of the documents
    may have a topic or two fewer than another. 1 for all if agreement is clear or none has more.
    """
    n_topics = np.array([point["n_topics"] for point in curve])
    is_clear = max(point["score"] for point in curve) >= CLEAR_AGREEMENT
    if not fewest or is_clear or n_topics.max() <= NEARLY * fewest:
        return np.ones(len(curve))
    return np.clip((n_topics / fewest - NEARLY) / (1 - NEARLY), 0, 1)


def reason(curve: Sequence[dict[str, Any]], fewest: float = 0) -> str:
    """Why this setting was chosen, in a sentence."""
    name = next(iter(curve[0]))  # of the parameter
    best = max((p for p in curve if not p["ruled_out"]), key=lambda p: float(p["score"]))
    enough = _enough(curve, fewest)
    few = int((enough == 0).sum())
    loose = sum(p["ruled_out"] for p, share in zip(curve, enough, strict=True) if share)
    return (
        "auto: mean of the settings on which two halves of the documents agree, "
        f"most on {best[name]:g} (AMI {best['score']:.2f})"
        + (f"; {few} of {len(curve)} left out for fewer than {fewest:.0f} topics" if few else "")
        + (f"; {loose} of {len(curve)} left out for low modularity" if loose else "")
    )


@dataclass(frozen=True)
class Scale:
    """The one parameter that sets how coarse or fine the topics of a clusterer are.

    Parameters
    ----------
    name : str
        The parameter.
    levels : dict
        Its values for broad, medium and fine.
    tried : sequence of float
        The values that ``auto`` compares, coarsest first.
    cluster, carry, modularity : callable
        See `split_half_agreement`; the settings are the values in `tried`.
    """

    name: str
    levels: dict[str, float]
    tried: Sequence[float]
    cluster: Callable[[Integers], Iterable[Integers]]
    carry: Callable[[Integers, Integers, list[Integers]], list[Integers]]
    modularity: Callable[[Integers], float] | None = None

    def choose(
        self, n: int, granularity: str, n_documents: int | None = None
    ) -> tuple[float, str, list[dict[str, Any]]]:
        """The value for a `granularity` of `n` documents, the reason, and the curve of ``auto``.

        Parameters
        ----------
        n_documents : int, optional
            Of which the `n` are a sample; see `auto_sample`.

        Returns
        -------
        value : float
            For ``auto`` rounded to three digits.
        reason : str
        curve : list of dict
            For each value tried: the value by its name, what `split_half_agreement` returns,
            ``weight``, and ``ruled_out`` (no weight). Empty unless ``auto``.
        """
        if granularity != "auto":
            return self.levels[granularity], f"granularity={granularity}", []
        if n < MIN_DOCUMENTS:
            why = f"medium: fewer than {MIN_DOCUMENTS} distinct documents to compare"
            return self.levels["medium"], why, []
        points = split_half_agreement(
            n, len(self.tried), self.cluster, self.carry, SEED, self.modularity
        )
        curve = [{self.name: v, **p} for v, p in zip(self.tried, points, strict=True)]
        fewest = 0
        if self.modularity is not None and (n_documents or n) > MANY_DOCUMENTS:
            fewest = round((n_documents or n) ** 0.25)
        weights = weigh(curve, fewest)
        for point, weight in zip(curve, weights, strict=True):
            point |= {"weight": float(weight), "ruled_out": weight == 0}
        chosen = float(f"{math.exp(weights @ np.log(self.tried)):.3g}")
        why = reason(curve, fewest)
        if n_documents is not None and n_documents > n:
            why += f"; on a sample of {n:,} of the {n_documents:,} documents"
            for point in curve:
                point["n_documents"] = n
        return chosen, why, curve


def choose_number(
    X: Any,
    cluster: Callable[[Any, Sequence[int]], Iterable[Integers]],
    *,
    n_topics: int | None,
    n_clusters: int | None,
    granularity: str | None,
) -> tuple[int, str, list[dict[str, Any]]]:
    """The number of topics of a clusterer that must be told it.

    Parameters
    ----------
    X : matrix (n, d)
    cluster : callable
        Some rows of `X` and numbers of topics -> topics of the rows, for each number.
    n_topics, n_clusters, granularity
        The clusterer's parameters, of which the first that is set decides, and a granularity before
        `n_clusters`; ``auto`` where none is.

    Returns
    -------
    number : int
    reason : str
    curve : list of dict
        See `Scale.choose`.
    """
    n = int(X.shape[0])
    if n_topics is not None:
        return at_most("n_topics", n_topics, n, n), f"n_topics={n_topics}", []
    if granularity is None and n_clusters is not None:
        return at_most("n_clusters", n_clusters, n, n), f"n_clusters={n_clusters}", []
    levels, tried = count_levels(n)
    granularity = granularity or "auto"
    sample = auto_sample(n, granularity)
    if sample is not None:
        X = X[sample]

    def halves(rows: Integers) -> Iterable[Integers]:
        return cluster(X[rows], tried)

    def carry(source: Integers, target: Integers, clusterings: list[Integers]) -> list[Integers]:
        return carry_by_centre(X, source, target, clusterings)

    scale = Scale("n_clusters", levels, tried, halves, carry)
    number, why, curve = scale.choose(int(X.shape[0]), granularity, n)
    return round(number), why, curve


def auto_sample(n: int, granularity: str | None) -> Integers | None:
    """Rows of the sample on which ``auto`` compares settings, ascending; None: no sample."""
    if granularity != "auto" or n <= AUTO_LIMIT:
        return None
    log.info("settings are compared on a sample of %d of the %d documents", AUTO_SAMPLE, n)
    return np.sort(np.random.default_rng(SEED).choice(n, AUTO_SAMPLE, replace=False))


def count_levels(n: int) -> tuple[dict[str, float], list[int]]:
    """Numbers of topics for `n` documents: of broad, medium and fine, and those ``auto`` compares.

    Multiples of the fourth root of `n`, from 2 to `n`.
    """

    def number(level: float) -> int:
        return min(n, max(2, round(level * math.sqrt(math.sqrt(n)))))

    levels = {"broad": 1.0, "medium": 2.0, "fine": 5.0}
    steps = (0.5, 0.75, 1.1, 1.6, 2.4, 3.5, 5.0, 7.5)
    tried = {number(step) for step in steps}
    if len(tried) < len(steps) and {2, 4} <= tried:  # two steps are 2: one is free for 3
        tried.add(3)
    return {name: float(number(level)) for name, level in levels.items()}, sorted(tried)


def carry_by_centre(
    X: Any, source: Integers, target: Integers, clusterings: list[Integers]
) -> list[Integers]:
    """For each clustering of the rows `source` of `X`, topics of the rows `target`.

    Those with the nearest mean, by euclidean distance.
    """
    from sklearn.metrics import pairwise_distances_argmin

    carried = []
    X_target = X[target]
    for labels in clusterings:
        centres = np.stack(
            [np.asarray(X[source[labels == t]].mean(axis=0)).ravel() for t in np.unique(labels)]
        )
        carried.append(np.asarray(pairwise_distances_argmin(X_target, centres), dtype=np.int64))
    return carried
