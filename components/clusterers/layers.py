"""Layers: further granularities of the topics, nested in one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from components.base import Integers, ParameterError
from components.clusterers.communities import Communities
from components.clusterers.joining import absorb
from components.labels import by_size, count_topics

MIN_SHARE = 0.2  # of a topic: a smaller piece of it, cut off by nesting, is no topic of its own


def check_layers(layers: Sequence[str] | None) -> None:
    """Raise a `ParameterError` for a layer that is not a granularity."""
    for layer in layers or ():
        if layer not in ("broad", "medium", "fine"):
            raise ParameterError("layers", layer, "must be a list of broad, medium, fine.")


def nest(
    labels: Integers, coarser: dict[str, Integers], finer: dict[str, Integers]
) -> dict[str, Integers]:
    """Layers that were clustered by themselves, made nested in one another and in `labels`.

    A finer layer is split where the topics of the next coarser one are. A coarser one is made of
    whole topics of the next finer one: each goes to the topic that most of its documents have. An
    outlier of a layer is an outlier in all finer ones.

    Parameters
    ----------
    labels : int64 (n,)
        The main topics, numbered by size.
    coarser, finer : dict of str to int64 (n,)
        Layers from coarse to fine. One as coarse as the main topics is among the coarser.

    Returns
    -------
    dict of str to int64 (n,)
        From coarse to fine.
    """
    nested: dict[str, Integers] = {}
    inner = outer = labels
    for name, layer in finer.items():
        nested[name] = inner = _split_along(inner, layer)
    for name, layer in reversed(coarser.items()):
        parents = np.full(count_topics(outer) + 1, -1, np.int64)  # index -1, the last: outliers
        for topic in range(len(parents) - 1):
            inside = layer[(outer == topic) & (layer >= 0)]
            # A topic of which all documents are outliers in the layer remains a topic.
            parents[topic] = np.bincount(inside).argmax() if len(inside) else len(layer) + topic
        nested[name] = outer = by_size(parents[outer])
    return {name: nested[name] for name in (*coarser, *finer)}


def _split_along(parents: Integers, layer: Integers) -> Integers:
    """Topics of `layer` split so that each piece is in one topic of `parents`: int64 (n,).

    Pieces smaller than `MIN_SHARE` of their topic join the largest piece with the same parent.
    """
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
        if sizes[index] < MIN_SHARE * whole[topic]:
            siblings = np.flatnonzero(pairs[:, 0] == parent)
            into[index] = siblings[sizes[siblings].argmax()]
    cut = np.full(len(parents), -1, np.int64)
    cut[rows] = into[piece.ravel()]
    return by_size(cut)


def nested_communities(
    communities: Communities,
    labels: Integers,
    resolution: float,
    layers: dict[str, float],
    find: Callable[[Communities, float], Integers],
    least: int,
    sizes: Integers | None = None,
) -> dict[str, Integers]:
    """Layers of the communities of a graph: finer ones split topics, coarser ones merge them.

    Parameters
    ----------
    labels : int64 (n,)
        The main topics, numbered by size.
    resolution : float
        At which they were found.
    layers : dict of str to float
        The resolution of each layer, from coarse to fine. One as coarse as the main topics is
        the main topics.
    find : callable
        Communities and a resolution -> topics int64 (n,).
    least : int
        Documents of the smallest topic.
    sizes : int64 (n,), optional
        Documents that each row stands for; None: one.

    Returns
    -------
    dict of str to int64 (n,)
        From coarse to fine.
    """
    nested: dict[str, Integers] = {}
    inner = outer = labels
    for name in (name for name, finer in layers.items() if finer > resolution):
        inside = communities.within(inner)
        topics = find(inside, layers[name])
        topics = absorb(topics, inside.links, least, keep_unlinked=True, sizes=sizes)
        nested[name] = inner = by_size(np.where(inner >= 0, topics, -1))
    for name in (name for name, coarser in reversed(layers.items()) if coarser < resolution):
        joined = find(communities.merged(outer), layers[name])
        nested[name] = outer = by_size(np.where(outer >= 0, joined[outer], -1))
    return {name: nested.get(name, labels).copy() for name in layers}
