"""How far two clusterings of the same documents, or of two halves of them, agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Integers
from components.labels import count_topics

Rows: TypeAlias = NDArray[np.int64]

LEAST = 1.5  # effective number of topics below which there is nothing to agree on
DOCUMENTS = 30_000  # clustered by all splits together: the more documents, the fewer splits


def agreement(
    n: int,
    n_settings: int,
    cluster: Callable[[Rows], list[Integers]],
    carry: Callable[[Rows, Rows, list[Integers]], list[Integers]],
    random_state: int | None,
    modularity: Callable[[Integers], float] | None = None,
) -> list[dict[str, Any]]:
    """How far two halves of `n` documents agree, at each setting, coarsest first.

    Parameters
    ----------
    cluster : callable
        Rows (h,) -> for each setting the topics (h,) of these rows, clustered on their own.
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
    seen: list[dict[str, list[float]]] = [defaultdict(list) for _ in range(n_settings)]
    for _ in range(min(6, max(1, DOCUMENTS // n))):
        order = rng.permutation(n)
        sides = [np.sort(order[: n // 2]), np.sort(order[n // 2 :])]
        found = [cluster(rows) for rows in sides]
        for this, other in ((0, 1), (1, 0)):
            carried = carry(sides[other], sides[this], found[other])
            for k, (own, given) in enumerate(zip(found[this], carried, strict=True)):
                trivial = min(_effective_number(own), _effective_number(given)) < LEAST
                score = 0.0 if trivial else adjusted_mutual_information(own, given)
                seen[k]["score"].append(score)
                seen[k]["n_topics"].append(count_topics(own))
                if modularity is not None:
                    everywhere = np.empty(n, np.int64)
                    everywhere[sides[other]], everywhere[sides[this]] = found[other][k], given
                    seen[k]["modularity"].append(modularity(everywhere))
    return [{name: float(np.mean(values)) for name, values in point.items()} for point in seen]


def adjusted_mutual_information(a: Integers, b: Integers) -> float:
    """Agreement of two clusterings (n,), adjusted for chance: at most 1, and 0 by chance.

        (MI - E) / (mean of the two entropies - E)

    with E the mutual information expected of random clusterings with the same sizes (Vinh, Epps
    and Bailey 2010, theorem 13). The value is that of scikit-learn's adjusted_mutual_info_score,
    whose import, with pandas and scipy.stats, takes longer than all comparisons of a default run.
    """
    n = len(a)
    a, b = (np.unique(labels, return_inverse=True)[1] for labels in (a, b))
    sizes_a, sizes_b = np.bincount(a), np.bincount(b)
    if len(sizes_a) == len(sizes_b) and len(sizes_a) in (1, n):
        return 1.0  # one topic in both, or as many as documents: equal, and nothing to adjust
    pairs, both = np.unique(a * len(sizes_b) + b, return_counts=True)
    of_a, of_b = np.divmod(pairs, len(sizes_b))
    mutual = float((both / n * np.log(n * both / (sizes_a[of_a] * sizes_b[of_b]))).sum())
    entropy = (_entropy(sizes_a / n) + _entropy(sizes_b / n)) / 2
    expected = _expected_mutual_information(sizes_a, sizes_b)
    return (mutual - expected) / max(entropy - expected, np.finfo(float).eps)


def _expected_mutual_information(a: Integers, b: Integers) -> float:
    """Of two random clusterings with topics of the sizes `a` and `b`."""
    n = int(a.sum())
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    b, times_b = np.unique(b, return_counts=True)
    expected = 0.0
    for size, times in zip(*np.unique(a, return_counts=True), strict=True):
        # For each size in b, all numbers of documents that the two topics may have in common.
        least, most = np.maximum(1, size + b - n), np.minimum(size, b)
        counts = most - least + 1
        ends = np.cumsum(counts)
        both = np.arange(ends[-1]) - np.repeat(ends - counts - least, counts)
        other = np.repeat(b, counts)
        log_chance = (
            log_factorial[size] + log_factorial[n - size] - log_factorial[n]
            + np.repeat(log_factorial[b] + log_factorial[n - b], counts)
            - log_factorial[both] - log_factorial[size - both] - log_factorial[other - both]
            - log_factorial[n - size - other + both]
        )  # fmt: skip
        terms = both / n * np.log(n * both / (size * other)) * np.exp(log_chance)
        expected += float(times * (np.repeat(times_b, counts) * terms).sum())
    return expected


def _entropy(shares: NDArray[np.float64]) -> float:
    """In nats."""
    shares = shares[shares > 0]
    return -float((shares * np.log(shares)).sum())


def _effective_number(labels: Integers) -> float:
    """Exp of the entropy: how many topics of equal size would be as diverse; -1 counts as one."""
    return math.exp(_entropy(np.bincount(labels + 1) / len(labels)))
