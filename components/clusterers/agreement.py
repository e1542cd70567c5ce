"""How far clusterings of two halves of the documents agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.agreement import adjusted_mutual_information, entropy
from components.base import Integers, progress
from components.labels import count_topics

Rows: TypeAlias = NDArray[np.int64]

LEAST = 1.5  # effective number of topics below which there is nothing to agree on
DOCUMENTS = 30_000  # clustered by all splits together: the more documents, the fewer splits


def agreement(
    n: int,
    n_settings: int,
    cluster: Callable[[Rows], Iterable[Integers]],
    carry: Callable[[Rows, Rows, list[Integers]], list[Integers]],
    random_state: int | None,
    modularity: Callable[[Integers], float] | None = None,
) -> list[dict[str, Any]]:
    """How far two halves of `n` documents agree, at each setting, coarsest first.

    Parameters
    ----------
    cluster : callable
        Rows (h,) -> for each setting the topics (h,) of these rows, clustered on their own; one
        after the other, so that progress can be shown, where it yields them.
    carry : callable
        Rows of one half, rows of the other, topics of the first for each setting -> topics of
        the second by likeness to the first.
    modularity : callable, optional
        Topics (n,) -> their modularity, where there is a graph.

    Returns
    -------
    list of dict
        For each setting ``score``, the mean adjusted mutual information (0 where nearly all
        documents of a half have one topic), and ``n_topics``, the mean number of topics in a
        half. With `modularity` also that: the mean over halves, with each half's topics carried
        over to the other.
    """
    rng = np.random.default_rng(random_state)
    points: list[dict[str, list[float]]] = [defaultdict(list) for _ in range(n_settings)]
    orders = [rng.permutation(n) for _ in range(min(6, max(1, DOCUMENTS // n)))]
    splits = [(np.sort(order[: n // 2]), np.sort(order[n // 2 :])) for order in orders]
    trials = chain.from_iterable(cluster(rows) for sides in splits for rows in sides)
    total = 2 * n_settings * len(splits)
    finished = progress(trials, total=total, label="granularity: trials")
    for sides in splits:
        clusterings = [list(islice(finished, n_settings)) for _ in sides]
        for this, other in ((0, 1), (1, 0)):
            carried = carry(sides[other], sides[this], clusterings[other])
            for k, (direct, received) in enumerate(zip(clusterings[this], carried, strict=True)):
                trivial = min(_effective_number(direct), _effective_number(received)) < LEAST
                score = 0.0 if trivial else adjusted_mutual_information(direct, received)
                points[k]["score"].append(score)
                points[k]["n_topics"].append(count_topics(direct))
                if modularity is not None:
                    everywhere = np.empty(n, np.int64)
                    everywhere[sides[other]] = clusterings[other][k]
                    everywhere[sides[this]] = received
                    points[k]["modularity"].append(modularity(everywhere))
    return [{name: float(np.mean(values)) for name, values in point.items()} for point in points]


def _effective_number(labels: Integers) -> float:
    """Exp of the entropy: how many topics of equal size would be as diverse; -1 counts as one."""
    return math.exp(entropy(np.bincount(labels + 1)))
