"""An exact number of topics: the resolution that has as many or a few more, which are merged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Integers
from components.clusterers.communities import Communities
from components.clusterers.granularity import SEED
from components.clusterers.guided import GuidedCommunities
from components.clusterers.joining import absorb, merge_down
from components.labels import count_topics

log = logging.getLogger(__name__)

TRIAL_ITERATIONS = 2  # of the algorithm, where a resolution is only tried

BISECTIONS = 12  # searches that halve the interval of the resolution
CLOSE = 1.1  # times `target`: close enough on a sample, and what a search from there aims at
ATTEMPTS = 5  # searches from a starting resolution
TOO_MANY = (1.25, 500)  # times `target`, or so many more: beyond, merging them takes too long

Search: TypeAlias = Callable[[float], Integers]  # resolution -> topics int64 (n,)
Trial: TypeAlias = tuple[int, float, Integers]  # number of topics, resolution, topics


def find_resolution(
    target: int, search: Search, start: float | None = None
) -> tuple[Integers, float]:
    """Topics int64 (n,), and the resolution that gives them.

    Of the resolutions tried, the one with the fewest topics that are at least `target`; if none
    has as many, the one with the most.

    Parameters
    ----------
    start : float, optional
        The first resolution to try, from `starting_resolution`: one search nearly always does.
    """
    trials = _bisection(target, search) if start is None else _from_start(target, search, start)
    _, resolution, labels = _best(target, trials)
    return labels, resolution


def exactly(
    target: int,
    communities: Communities | GuidedCommunities,
    find: Callable[[Communities | GuidedCommunities, float], Integers],
    least: int,
    start: float | None = None,
    fixed: NDArray[np.bool_] | None = None,
    sizes: Integers | None = None,
) -> tuple[Integers, float]:
    """`target` topics, int64 (n,), and the resolution at which they were found.

    Fewer, with a warning, where no resolution has as many.

    Parameters
    ----------
    find : callable
        Communities and a resolution -> topics int64 (n,).
    least : int
        Documents of the smallest topic.
    start : float, optional
        See `find_resolution`.
    fixed : bool (n,), optional
        Documents whose topic the user has set.
    sizes : int64 (n,), optional
        Documents that each row stands for; None: one.
    """

    def search(resolution: float) -> Integers:
        topics = find(communities, resolution)
        return absorb(topics, communities.links, least, fixed=fixed, sizes=sizes)

    labels, resolution = find_resolution(target, search, start)
    n_topics = count_topics(labels)
    if n_topics < target:
        log.warning(
            "n_topics=%d: only %d topics of min_topic_size=%d or more documents were found",
            target, n_topics, least,
        )  # fmt: skip
    elif n_topics > target:
        labels = merge_down(labels, communities.links, target, fixed)
    return labels, resolution


def starting_resolution(target: int, sample: Communities, least: int) -> float:
    """A resolution at which the graph of a sample has `target` topics or a few more."""

    def search(resolution: float) -> Integers:
        labels = sample.find(resolution, TRIAL_ITERATIONS, SEED)
        return absorb(labels, sample.links, least)

    return close_resolution(target, search)


def close_resolution(target: int, search: Search) -> float:
    """The first resolution found at which `search` has `target` topics or a few more."""

    def until_close() -> Iterator[Trial]:
        for trial in _bisection(target, search):
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


def _bisection(target: int, search: Search) -> Iterator[Trial]:
    low, high, resolution = 0.0, np.inf, 1.0
    for _ in range(BISECTIONS):
        labels = search(resolution)
        n_topics = count_topics(labels)
        yield n_topics, resolution, labels
        if n_topics == target:
            return
        low, high = (low, resolution) if n_topics > target else (resolution, high)
        resolution = 2 * low if np.isinf(high) else (low + high) / 2


def _from_start(target: int, search: Search, resolution: float) -> Iterator[Trial]:
    """The number of topics grows about in proportion to the resolution, which is scaled by that."""
    times, more = TOO_MANY
    for _ in range(ATTEMPTS):
        labels = search(resolution)
        n_topics = count_topics(labels)
        yield n_topics, resolution, labels
        if target <= n_topics <= max(times * target, target + more):
            return
        resolution *= min(2.0, max(0.5, CLOSE * target / max(1, n_topics)))
