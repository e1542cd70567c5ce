"""How coarse or fine: chosen from the documents alone, by what two halves of them agree on.

The documents are split at random into halves. Each half is clustered on its own at every
setting; the topics of one half are carried over to the documents of the other by likeness, and
compared with the topics that those found by themselves: the adjusted mutual information of the
two. Structure that is there is found twice; noise is not. (The idea is that of Lange, Roth, Braun
and Buhmann 2004, "Stability-based validation of clustering solutions"; the measure is another.)

The best setting of such a curve jumps with the split, and so would any rule that picks one point.
So the choice is a mean of all settings, on a log scale. A setting that the halves agree on less
than on the best by `TOLERANCE` weighs 1/e of it: of a clear peak little else than the peak is
left, and of a flat curve, where none is better founded than another, the middle.

Agreement alone can mislead. Where the vectors say little, a few giants, with crumbs beside them,
are found twice in any graph: where topics are communities of a graph, a setting whose modularity
is below the best therefore weighs less, and nothing where it lacks `LOOSE[1]` or more. And few
topics are easily agreed on, as two of six groups are in any halves: where there is no modularity to
tell, an agreement counts for more the more topics it is on, by a share of `DOUBLED` for twice as
many.

Of more than `AUTO_LIMIT` documents a few giants are no topics that anyone can use. There they are
chosen only where halves agree on some setting by `CLEAR`: else settings with fewer topics than the
fourth root of the number of documents are left out.

The splits are the same for every `random_state`: what is chosen is a property of the documents.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, ParameterError
from components.clusterers.agreement import Rows, agreement
from components.clusterers.checks import at_least
from components.labels import by_size, count_topics

log = logging.getLogger(__name__)

TOLERANCE = 0.015  # in agreement; this and the next were found in experiments/granularity
LOOSE = (0.04, 0.06)  # below the best modularity: what costs no weight, and what costs all of it
DOUBLED = 0.06  # of the agreement, for twice as many topics; as the two above
CLEAR = 0.5  # agreement on any setting from which on a large corpus may have few topics
SEED = 0  # of the splits and of what is drawn for them
SLIVER = 0.2  # share of a topic below which a piece of it is not a topic of its own
FEWEST = 100  # documents whose halves are worth comparing
# With more documents than this, `auto` compares halves of a random sample of them; see
# experiments/granularity.
AUTO_LIMIT, AUTO_SAMPLE = 100_000, 40_000


def check_scale(granularity: str | None, n_topics: int | None, **parameters: float | None) -> None:
    """At most one of `n_topics` and the library's own parameter may be set."""
    if granularity not in ("broad", "medium", "fine", "auto", None):
        raise ParameterError(
            "granularity", granularity, "must be one of broad, medium, fine, auto."
        )
    if n_topics is not None:
        at_least("n_topics", n_topics, 1)
    also = [name for name, value in parameters.items() if value is not None]
    if n_topics is not None and also:
        raise ParameterError(
            "n_topics",
            n_topics,
            f"{also[0]} sets the number of topics too. Set one of the two to null.",
        )


def check_layers(layers: Sequence[str] | None) -> None:
    for layer in layers or ():
        if layer not in ("broad", "medium", "fine"):
            raise ParameterError("layers", layer, "must be a list of broad, medium, fine.")


def weigh(curve: Sequence[dict[str, Any]], fewest: float = 0) -> NDArray[np.float64]:
    """Weights (settings,) that sum to 1; see the module's docstring.

    `fewest` topics are asked for where the agreement is not clear and some setting has them.
    """
    score = np.array([point["score"] for point in curve])
    modularity = np.array([point.get("modularity", 0.0) for point in curve])
    if "modularity" not in curve[0]:
        n_topics = np.array([max(1.0, point["n_topics"]) for point in curve])
        score = score * (1 + DOUBLED * np.log2(n_topics / n_topics.min()))
    enough = _enough(curve, fewest)
    least, most = LOOSE
    sound = np.clip((most - (modularity[enough].max() - modularity)) / (most - least), 0, 1)
    sound[~enough] = 0
    best = score[sound > 0].max()
    weights = sound * np.exp(np.minimum(score - best, 0) / TOLERANCE)
    return np.asarray(weights / weights.sum())


def _enough(curve: Sequence[dict[str, Any]], fewest: float) -> NDArray[np.bool_]:
    """Which settings have `fewest` topics: all, where the agreement is clear or none has them."""
    enough = np.array([point["n_topics"] >= fewest for point in curve])
    if not enough.any() or max(point["score"] for point in curve) >= CLEAR:
        enough[:] = True
    return enough


def reason(curve: Sequence[dict[str, Any]], fewest: float = 0) -> str:
    """Why this setting was chosen, in a sentence."""
    name = next(iter(curve[0]))
    best = max((p for p in curve if not p["ruled_out"]), key=lambda p: float(p["score"]))
    enough = _enough(curve, fewest)
    few = len(curve) - sum(enough)
    loose = sum(p["ruled_out"] for p, many in zip(curve, enough, strict=True) if many)
    return (
        "auto: mean of the settings on which two halves of the documents agree, "
        f"most on {best[name]:g} (AMI {best['score']:.2f})"
        + (f"; {few} of {len(curve)} left out for fewer than {fewest:.0f} topics" if few else "")
        + (f"; {loose} of {len(curve)} left out for low modularity" if loose else "")
    )


@dataclass(frozen=True)
class Scale:
    """The one number that says how coarse or fine a clusterer is.

    name : the parameter; levels : its value for broad, medium and fine; tried : the values that
    ``auto`` compares, coarsest first; cluster, carry, modularity : see `agreement`, for the
    values tried.
    """

    name: str
    levels: dict[str, float]
    tried: Sequence[float]
    cluster: Callable[[Rows], Iterable[Integers]]
    carry: Callable[[Rows, Rows, list[Integers]], list[Integers]]
    modularity: Callable[[Integers], float] | None = None

    def choose(
        self, n: int, granularity: str, n_documents: int | None = None
    ) -> tuple[float, str, list[dict[str, Any]]]:
        """The value that `granularity` stands for with `n` documents, why, and the curve.

        `n_documents`: of which the `n` are a sample, where there are more; see `auto_sample`.
        """
        if granularity != "auto":
            return self.levels[granularity], f"granularity={granularity}", []
        if n < FEWEST:
            return self.levels["medium"], f"medium: fewer than {FEWEST} documents to compare", []
        points = agreement(n, len(self.tried), self.cluster, self.carry, SEED, self.modularity)
        curve = [{self.name: v, **p} for v, p in zip(self.tried, points, strict=True)]
        fewest = 0
        if self.modularity is not None and (n_documents or n) > AUTO_LIMIT:
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


def auto_sample(n: int, granularity: str | None) -> Rows | None:
    """Rows, ascending, on which settings are tried for `n` documents; None where that is all."""
    if granularity != "auto" or n <= AUTO_LIMIT:
        return None
    log.info("settings are compared on a sample of %d of the %d documents", AUTO_SAMPLE, n)
    return np.sort(np.random.default_rng(SEED).choice(n, AUTO_SAMPLE, replace=False))


def count_levels(n: int) -> tuple[dict[str, float], list[int]]:
    """Numbers of topics among `n` documents: for broad, medium and fine, and those to try."""

    def number(level: float) -> int:
        return min(n, max(2, round(level * math.sqrt(math.sqrt(n)))))

    levels = {"broad": 1.0, "medium": 2.0, "fine": 5.0}
    tried = [number(level) for level in (0.5, 0.75, 1.1, 1.6, 2.4, 3.5, 5.0, 7.5)]
    return {name: float(number(level)) for name, level in levels.items()}, sorted(set(tried))


def nest(
    labels: Integers, coarser: dict[str, Integers], finer: dict[str, Integers]
) -> dict[str, Integers]:
    """Make layers, found one by one, nested in one another and around the main `labels`.

    A finer layer is cut along the main topics; a coarser one is put together from whole topics,
    each going where most of its documents are. A document that is an outlier in a layer is one in
    all finer ones.

    Parameters
    ----------
    labels : int64 (n,)
        Numbered by size.
    coarser, finer : dict of str to int64 (n,)
        Each from coarse to fine. One that is as coarse as the main layer counts as coarser.
    """
    nested: dict[str, Integers] = {}
    inner = outer = labels
    for name, layer in finer.items():
        nested[name] = inner = _cut_along(inner, layer)
    for name, layer in reversed(coarser.items()):
        parents = np.full(count_topics(outer) + 1, -1, np.int64)  # the last is that of -1
        for topic in range(len(parents) - 1):
            inside = layer[(outer == topic) & (layer >= 0)]
            # Nothing but outliers there: a topic of its own.
            parents[topic] = np.bincount(inside).argmax() if len(inside) else len(layer) + topic
        nested[name] = outer = by_size(parents[outer])
    return {name: nested[name] for name in (*coarser, *finer)}


def _cut_along(parents: Integers, layer: Integers) -> Integers:
    """Topics of `layer` cut where `parents` part; slivers join the largest piece of the parent."""
    rows = np.flatnonzero((parents >= 0) & (layer >= 0))
    pairs, piece, sizes = np.unique(
        np.column_stack([parents[rows], layer[rows]]),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    whole = np.bincount(layer[rows])
    into = np.arange(len(pairs))
    for index, (parent, topic) in enumerate(pairs):
        if sizes[index] < SLIVER * whole[topic]:
            siblings = np.flatnonzero(pairs[:, 0] == parent)
            into[index] = siblings[sizes[siblings].argmax()]
    cut = np.full(len(parents), -1, np.int64)
    cut[rows] = into[piece.ravel()]
    return by_size(cut)


def carry_by_centre(
    X: Any, source: Rows, target: Rows, clusterings: list[Integers]
) -> list[Integers]:
    """Topics of the rows `target` of `X`: those of `source` with the nearest mean."""
    from sklearn.metrics import pairwise_distances_argmin

    carried = []
    theirs = X[target]
    for labels in clusterings:
        centres = np.stack(
            [np.asarray(X[source[labels == t]].mean(axis=0)).ravel() for t in np.unique(labels)]
        )
        carried.append(np.asarray(pairwise_distances_argmin(theirs, centres), dtype=np.int64))
    return carried
