"""How coarse or fine: chosen from the documents alone, by what two halves of them agree on.

The documents are split at random into halves. Each half is clustered on its own at every
setting; the topics of one half are carried over to the documents of the other by likeness, and
compared with the topics that those found by themselves: the adjusted mutual information of the
two. Structure that is there is found twice; noise is not. (The idea is that of Lange, Roth, Braun
and Buhmann 2004, "Stability-based validation of clustering solutions"; the measure is another.)

Very coarse topics are almost always found twice, so the best score alone would choose too few.
From the best setting the choice therefore moves on to finer ones for as long as they cost no more
than `TOLERANCE` in agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, UserError
from components.clusterers.checks import at_least

Rows: TypeAlias = NDArray[np.int64]

TOLERANCE = 0.04  # found on labelled corpora: experiments/granularity
DOCUMENTS = 30_000  # clustered by all splits together: the more documents, the fewer splits


def check_scale(granularity: str, n_topics: int | None, **own: float | None) -> None:
    """At most one of `n_topics` and the library's own parameter may be set."""
    if granularity not in ("broad", "medium", "fine", "auto"):
        raise UserError(
            f"clusterer.granularity={granularity} is not one of: broad, medium, fine, auto."
        )
    if n_topics is not None:
        at_least("n_topics", n_topics, 1)
    named = [f"clusterer.{name}" for name, value in own.items() if value is not None]
    if n_topics is not None and named:
        raise UserError(
            f"clusterer.n_topics and {named[0]} both say how many topics there are: "
            "set one of them to null."
        )


def check_layers(layers: Sequence[str] | None) -> None:
    for layer in layers or ():
        if layer not in ("broad", "medium", "fine"):
            raise UserError(f"clusterer.layers: {layer!r} is not one of: broad, medium, fine.")


def agreement(
    n: int,
    n_settings: int,
    cluster: Callable[[Rows], list[Integers]],
    carry: Callable[[Rows, Rows, list[Integers]], list[Integers]],
    random_state: int | None,
) -> list[dict[str, Any]]:
    """How far two halves of `n` documents agree, at each setting, coarsest first.

    Parameters
    ----------
    cluster : callable
        Rows (h,) -> for each setting the topics (h,) of these rows, clustered on their own.
    carry : callable
        Rows of one half, rows of the other, topics of the first for each setting -> topics of
        the second by likeness to the first.

    Returns
    -------
    list of dict
        For each setting ``score``, the mean adjusted mutual information (0 where a half has
        fewer than two topics), and ``n_topics``, the mean number of topics in a half.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    rng = np.random.default_rng(random_state)
    scores: list[list[float]] = [[] for _ in range(n_settings)]
    counts: list[list[int]] = [[] for _ in range(n_settings)]
    for _ in range(min(6, max(1, DOCUMENTS // n))):
        order = rng.permutation(n)
        sides = [np.sort(order[: n // 2]), np.sort(order[n // 2 :])]
        found = [cluster(rows) for rows in sides]
        for this, other in ((0, 1), (1, 0)):
            carried = carry(sides[other], sides[this], found[other])
            for k, (own, given) in enumerate(zip(found[this], carried, strict=True)):
                topics = len(np.unique(own[own >= 0]))
                trivial = topics < 2 or len(np.unique(given[given >= 0])) < 2
                scores[k].append(0.0 if trivial else adjusted_mutual_info_score(own, given))
                counts[k].append(topics)
    return [
        {"score": float(np.mean(score)), "n_topics": float(np.mean(count))}
        for score, count in zip(scores, counts, strict=True)
    ]


def finest_agreed(curve: Sequence[dict[str, Any]]) -> int:
    """Index of the chosen setting of a curve, coarsest first; see the module's docstring."""
    scores = [point["score"] for point in curve]
    chosen = best = int(np.argmax(scores))
    while chosen + 1 < len(scores) and scores[chosen + 1] >= scores[best] - TOLERANCE:
        chosen += 1
    return chosen


def reason(chosen: int, curve: Sequence[dict[str, Any]]) -> str:
    """Why this setting was chosen, in a sentence."""
    best = max(point["score"] for point in curve)
    return (
        f"auto: halves of the documents agree on it by {curve[chosen]['score']:.2f} (AMI), within "
        f"{TOLERANCE} of the best agreement ({best:.2f}), and on nothing finer"
    )
