"""The resolution at which a search finds as many topics as are asked for, or a few more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np

from components.base import Integers
from components.labels import count_topics

STEPS = 12  # searches that halve the interval in which the resolution lies
CLOSE = 1.1  # times as many as wanted: near enough on a sample, and what is aimed at from there
AGAIN = 5  # searches from a start
TOO_MANY = (1.25, 500)  # times as many, and so many more: what it would take too long to merge

Search: TypeAlias = Callable[[float], Integers]  # topics (n,) at a resolution
Trial: TypeAlias = tuple[int, float, Integers]  # number of topics, resolution, topics


def enough_topics(
    target: int, search: Search, start: float | None = None
) -> tuple[Integers, float]:
    """The topics of the search that finds the fewest that are enough, and its resolution.

    Where none finds `target`, those of the one that finds the most.

    Parameters
    ----------
    start : float, optional
        Where to look first, from `started`: then one search is enough nearly always.
    """
    trials = _halving(target, search) if start is None else _near(target, search, start)
    _, resolution, labels = _best(target, trials)
    return labels, resolution


def started(target: int, search: Search) -> float:
    """A resolution at which `search`, on a sample, finds `target` topics or a few more."""

    def until_close() -> Iterator[Trial]:
        for trial in _halving(target, search):
            yield trial
            if target <= trial[0] <= CLOSE * target:
                return

    return _best(target, until_close())[1]


def _best(target: int, trials: Iterable[Trial]) -> Trial:
    tried = list(trials)
    enough = [trial for trial in tried if trial[0] >= target]
    if enough:
        return min(enough, key=lambda trial: trial[0])
    return max(tried, key=lambda trial: trial[0])


def _halving(target: int, search: Search) -> Iterator[Trial]:
    low, high, resolution = 0.0, np.inf, 1.0
    for _ in range(STEPS):
        labels = search(resolution)
        n_topics = count_topics(labels)
        yield n_topics, resolution, labels
        if n_topics == target:
            return
        low, high = (low, resolution) if n_topics > target else (resolution, high)
        resolution = 2 * low if np.isinf(high) else (low + high) / 2


def _near(target: int, search: Search, resolution: float) -> Iterator[Trial]:
    times, more = TOO_MANY
    for _ in range(AGAIN):
        labels = search(resolution)
        n_topics = count_topics(labels)
        yield n_topics, resolution, labels
        if target <= n_topics <= max(times * target, target + more):
            return
        resolution *= min(2.0, max(0.5, CLOSE * target / max(1, n_topics)))
