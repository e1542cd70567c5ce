"""Edge weight of each row of a graph to each topic; topics merged, by it or by centroids.

For `links`, see `components.clusterers.graph`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers
from components.labels import by_size, count_topics, one_hot


def shares(links: Any, labels: Integers) -> Any:
    """Share of each row's edge weight that goes to each topic, in [0, 1]: float32 CSR (n, topics).

    What goes to outliers (-1) is in no column.
    """
    weights = (links @ one_hot(labels)).tocsr()
    totals = np.asarray(links.sum(axis=1)).ravel()
    weights.data *= np.repeat(1 / np.where(totals > 0, totals, 1), np.diff(weights.indptr))
    return weights.astype(np.float32)


def heaviest(links: Any, labels: Integers) -> Integers:
    """The topic that each row has the most edge weight to, int64 (m,).

    Ties go to the lower topic number; 0 for a row without edges.

    Parameters
    ----------
    links : CSR (m, n)
    labels : int64 (n,)
        Topics of the columns.
    """
    weights = (links @ one_hot(labels)).tocsr()
    weights.sort_indices()
    topics = np.zeros(weights.shape[0], np.int64)
    linked = np.flatnonzero(np.diff(weights.indptr))
    if len(linked):
        starts = weights.indptr[linked]
        most = np.maximum.reduceat(weights.data, starts)
        at_most = np.flatnonzero(weights.data == np.repeat(most, np.diff([*starts, weights.nnz])))
        topics[linked] = weights.indices[at_most[np.searchsorted(at_most, starts)]]
    return topics


def own_share(memberships: Any, labels: Integers) -> NDArray[np.float32]:
    """Each row's membership in its own topic, float32 (n,); 0 for outliers.

    Parameters
    ----------
    memberships : CSR (n, topics)
    labels : int64 (n,)
    """
    values = memberships.multiply(one_hot(labels)).sum(axis=1)
    return np.asarray(values, dtype=np.float32).ravel().clip(0, 1)


def _between(links: Any, member: Any) -> Any:
    """Edge weight between each two topics, CSR (topics, topics); `member`: see `one_hot`."""
    return member.T.tocsr() @ (links @ member)  # (member.T @ links) first would copy all links


def absorb(
    labels: Integers,
    links: Any,
    least: int,
    keep_unlinked: bool = False,
    fixed: NDArray[np.bool_] | None = None,
    sizes: Integers | None = None,
) -> Integers:
    """Merge each topic smaller than `least` into the topic with the most edge weight to it.

    Repeated until no small topic has an edge to another.

    Parameters
    ----------
    labels : int64 (n,)
    links : symmetric CSR (n, n)
    keep_unlinked : bool
        Small topics without an edge to another remain; else their rows become outliers (-1).
    fixed : bool (n,), optional
        A topic that has such a row counts as large.
    sizes : int64 (n,), optional
        Documents that each row stands for; None: one.

    Returns
    -------
    int64 (n,)
    """
    from scipy import sparse

    labels = by_size(labels)
    while True:
        has = labels >= 0
        held = np.bincount(labels[has], None if sizes is None else sizes[has])
        if fixed is not None:
            held[labels[fixed]] = least
        member = one_hot(labels)
        between = _between(links, member).tolil()
        between.setdiag(0)
        between = between.tocsr()
        linked = np.asarray(between.sum(axis=1)).ravel() > 0
        small = np.flatnonzero((held < least) & linked)
        if not len(small):
            break
        target = np.asarray(between[small].argmax(axis=1)).ravel()
        pairs = sparse.csr_matrix((np.ones(len(small)), (small, target)), shape=between.shape)
        _, merged = sparse.csgraph.connected_components(pairs, directed=False)
        labels = by_size(np.where(labels >= 0, merged[labels], -1))
    if keep_unlinked:
        return labels
    return np.where((labels >= 0) & (held[labels] >= least), labels, -1)


def merge_down(
    labels: Integers, links: Any, target: int, fixed: NDArray[np.bool_] | None = None
) -> Integers:
    """Merge topics, two at a time, until `target` remain.

    Always the two with the largest w / (a b), with w the edge weight between them and a and b
    their degrees; where no two have an edge, the two smallest. Two topics that both have `fixed`
    rows, bool (n,), are never merged, so that more than `target` may remain.
    """
    labels = by_size(labels)
    member = one_hot(labels)
    between = _between(links, member).toarray()
    sizes = np.bincount(labels[labels >= 0]).astype(np.float64)
    into = np.arange(len(sizes))
    alive = np.ones(len(sizes), bool)
    holds_fixed = np.zeros(len(sizes), bool)
    if fixed is not None:
        holds_fixed[labels[fixed]] = True
        target = max(target, int(holds_fixed.sum()))
    while alive.sum() > target:
        degrees = between.sum(axis=1)
        density = between / np.maximum(np.outer(degrees, degrees), 1e-300)
        density[~alive] = density[:, ~alive] = -1
        density[np.ix_(holds_fixed, holds_fixed)] = -1
        np.fill_diagonal(density, -1)
        a, b = np.sort(np.unravel_index(density.argmax(), density.shape))
        if density[a, b] <= 0:
            order = np.lexsort((sizes, holds_fixed, ~alive))  # topics with fixed rows last
            a, b = np.sort(order[:2])
        between[a] += between[b]
        between[:, a] += between[:, b]
        between[b] = between[:, b] = 0
        sizes[a] += sizes[b]
        holds_fixed[a] |= holds_fixed[b]
        alive[b] = holds_fixed[b] = False
        into[into == b] = a
    return by_size(np.where(labels >= 0, into[labels], -1))


def merge_nearest(X: NDArray[Any], labels: Integers, target: int) -> Integers:
    """At most `target` topics, int64 (n,): those with the nearest centroids are merged.

    By average linkage of the centroids.

    Parameters
    ----------
    X : float array (n, d)
    labels : int64 (n,)
        -1 is an outlier, and remains one.
    """
    from sklearn.cluster import AgglomerativeClustering

    n_topics = count_topics(labels)
    if n_topics <= target:
        return labels
    if target == 1:
        return np.where(labels >= 0, 0, -1).astype(np.int64)
    centroids = np.stack([X[labels == topic].mean(axis=0) for topic in range(n_topics)])
    merged = AgglomerativeClustering(n_clusters=target, linkage="average").fit_predict(centroids)
    return np.where(labels >= 0, merged[labels], -1).astype(np.int64)
