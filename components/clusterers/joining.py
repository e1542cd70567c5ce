"""Topics on a weighted graph: how much each row is linked to, and small ones joined to others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers
from components.labels import by_size, one_hot


def shares(links: Any, labels: Integers) -> Any:
    """Share of each row's link weight that goes to each topic: float32 CSR (n, topics)."""
    weights = (links @ one_hot(labels)).tocsr()
    totals = np.asarray(links.sum(axis=1)).ravel()
    weights.data *= np.repeat(1 / np.where(totals > 0, totals, 1), np.diff(weights.indptr))
    return weights.astype(np.float32)


def heaviest(links: Any, labels: Integers) -> Integers:
    """The topic that each row of `links` (m, n) has the most link weight to, int64 (m,).

    Of equals, the lowest; 0 for a row without links. `labels` (n,) are those of the columns.
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
    """The entry of each row's own topic, float32 (n,); 0 where there is none."""
    values = memberships.multiply(one_hot(labels)).sum(axis=1)
    return np.asarray(values, dtype=np.float32).ravel().clip(0, 1)


def _between(links: Any, member: Any) -> Any:
    """Link weight between each two topics: CSR (topics, topics)."""
    return member.T.tocsr() @ (links @ member)  # with member.T first, SciPy copies all links


def absorb(
    labels: Integers,
    links: Any,
    least: int,
    keep_unlinked: bool = False,
    fixed: NDArray[np.bool_] | None = None,
) -> Integers:
    """Join topics of fewer than `least` rows to those that they have the heaviest links to.

    A small topic without a link to another becomes -1, unless `keep_unlinked`. A topic
    with a `fixed` row, bool (n,), is never small.
    """
    from scipy import sparse

    labels = by_size(labels)
    while True:
        sizes = np.bincount(labels[labels >= 0])
        if fixed is not None:
            sizes[labels[fixed]] = len(labels)
        member = one_hot(labels)
        between = _between(links, member).tolil()
        between.setdiag(0)
        between = between.tocsr()
        linked = np.asarray(between.sum(axis=1)).ravel() > 0
        small = np.flatnonzero((sizes < least) & linked)
        if not len(small):
            break
        target = np.asarray(between[small].argmax(axis=1)).ravel()
        pairs = sparse.csr_matrix((np.ones(len(small)), (small, target)), shape=between.shape)
        _, joined = sparse.csgraph.connected_components(pairs, directed=False)
        labels = by_size(np.where(labels >= 0, joined[labels], -1))
    if keep_unlinked:
        return labels
    return np.where((labels >= 0) & (sizes[labels] >= least), labels, -1)


def merge_down(
    labels: Integers, links: Any, target: int, fixed: NDArray[np.bool_] | None = None
) -> Integers:
    """Merge topics, two at a time, until `target` are left.

    Each time the two with the most weight between them for their degrees; where no two are
    linked, the two smallest. Two topics with `fixed` rows, bool (n,), are not merged: at least
    so many are left.
    """
    labels = by_size(labels)
    member = one_hot(labels)
    between = _between(links, member).toarray()
    sizes = np.bincount(labels[labels >= 0]).astype(np.float64)
    into = np.arange(len(sizes))
    alive = np.ones(len(sizes), bool)
    named = np.zeros(len(sizes), bool)
    if fixed is not None:
        named[labels[fixed]] = True
        target = max(target, int(named.sum()))
    while alive.sum() > target:
        degrees = between.sum(axis=1)
        density = between / np.maximum(np.outer(degrees, degrees), 1e-300)
        density[~alive] = density[:, ~alive] = -1
        density[np.ix_(named, named)] = -1
        np.fill_diagonal(density, -1)
        a, b = np.sort(np.unravel_index(density.argmax(), density.shape))
        if density[a, b] <= 0:
            order = np.lexsort((sizes, named, ~alive))  # those with fixed rows last
            a, b = np.sort(order[:2])
        between[a] += between[b]
        between[:, a] += between[:, b]
        between[b] = between[:, b] = 0
        sizes[a] += sizes[b]
        named[a] |= named[b]
        alive[b] = named[b] = False
        into[into == b] = a
    return by_size(np.where(labels >= 0, into[labels], -1))
