"""Guidance: what the user knows before any topic is, as seed words and rows, names, some labels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Guidance, Integers, Matrix, NeighborGraph, Topic
from components.knowledge import Knowledge
from components.labels import one_hot
from components.neighbors import metric_for, neighbors
from components.topics.classify import label_probabilities, word_vectors
from components.topics.seeds import in_context, seed_shares

FEW = 0.1  # of a topic's documents: with seeds in fewer, its name says little of it
N_NEIGHBORS = 15  # whose words are read beside a document's own

log = logging.getLogger(__name__)


def guide(
    knowledge: Knowledge,
    known_labels: Sequence[str | None] | None,
    documents: Sequence[str],
    rows: Integers,
    n_rows: int,
    X: Matrix,
    words: Any,
    neighbors: Callable[..., NeighborGraph] = neighbors,
    *,
    classify: bool = True,
) -> Guidance | None:
    """What is known of m documents, in the form that a clusterer takes; None if nothing is.

    A seed speaks for its topic by the share of a document that it makes up, where the document's
    neighbours speak for the topic too; see `seed_shares` and `in_context`.

    Known labels speak for the documents without one by how likely these have them; see
    `label_probabilities`.

    Parameters
    ----------
    known_labels : the label of each document, None where it is not known
    rows, n_rows : rows of the documents in the data set, and how many that has
    X : float32 ndarray or CSR (m, d)
    words : what the representation read of the documents, with `tokens`, or None
    neighbors : ``(X, k, metric) -> NeighborGraph``
    classify : whether known labels speak for documents without one

    Raises
    ------
    ParameterError
        When no document holds any seed of a topic, or a row is not there.
    """
    from scipy import sparse

    labelled = [str(label) for label in known_labels or () if label is not None]
    if not knowledge.seeds and not labelled:
        return None
    names = (*dict.fromkeys([*knowledge.seeds, *sorted(set(labelled))]),)
    number = {name: group for group, name in enumerate(names)}
    fixed = np.full(len(documents), -1, np.int64)
    for row, label in enumerate(known_labels or ()):
        if label is not None:
            fixed[row] = number[str(label)]
    if len(labelled) and len(set(labelled)) == 1:
        log.warning("every known label is %r: no document is told apart by them.", labelled[0])
    seeds: Any = sparse.csr_matrix((len(documents), len(names)))
    if knowledge.seeds:
        shares = seed_shares(knowledge.seeds, documents, rows, n_rows, words)
        k = min(N_NEIGHBORS, len(documents) - 1)
        shares = in_context(shares, neighbors(X, k, metric_for(X, "auto")).indices)
        shares.resize(seeds.shape)  # the guided topics come first
        seeds = seeds + knowledge.weight * shares
    if classify and labelled and (fixed < 0).any():
        tokens = getattr(words, "tokens", None)
        vectors = word_vectors(documents, tokens)
        seeds = seeds + label_probabilities(fixed, X, vectors, len(names))
    return Guidance(names, fixed, seeds.tocsr())


def with_names(
    topics: Sequence[Topic], labels: Integers, guidance: Guidance | None, near: Integers,
    names: Sequence[str],
) -> list[Topic]:  # fmt: skip
    """The topics; one that gathers the documents or seeds of a name has it as label.

    Where a group has documents that are certainly its own, their topic gets its name; else the
    topic with the most weight of its seeds, if it has more of them than of any other group's.

    Parameters
    ----------
    labels : int64 (m,), topics of the documents
    near : int64 (m,), the one of `names` that each document is near to; -1
    """
    name_of: dict[int, str] = {}
    for group, name in enumerate(names):
        nearest = labels[near == group]
        if (nearest >= 0).any():
            name_of[int(np.bincount(nearest[nearest >= 0]).argmax())] = str(name)
        else:
            log.warning("no document is near to the name %r.", name)
    if guidance is not None and len(topics):
        weights = _group_weights(guidance, labels)
        best_topic = weights.argmax(axis=0)
        best_group = weights.argmax(axis=1)
        for group, name in enumerate(guidance.names):
            topic = int(best_topic[group])
            if weights[topic, group] > 0 and best_group[topic] == group:
                name_of.setdefault(topic, name)
                _check_share(name, guidance.seeds[:, [group]].getnnz(axis=1) > 0, labels == topic)
            else:
                log.warning("no topic gathers the seeds of %r.", name)
    return [
        replace(topic, label=name_of[topic.id]) if topic.id in name_of else topic
        for topic in topics
    ]


def _check_share(name: str, has_seed: NDArray[np.bool_], inside: NDArray[np.bool_]) -> None:
    """Warn where few documents of a topic are why it has its name."""
    n_seeds, size = int((has_seed & inside).sum()), int(inside.sum())
    if 0 < n_seeds < FEW * size:
        log.warning(
            "only %d of the %d documents of the topic %r hold its words: there are so few topics "
            "that it took in others. clusterer.granularity=fine makes more.",
            n_seeds, size, name,
        )  # fmt: skip


def _group_weights(guidance: Guidance, labels: Integers) -> Any:
    """How much each group has in each topic: (topics, groups); of seeds less than of one row."""
    from scipy import sparse

    member = one_hot(labels)
    has = np.flatnonzero(guidance.fixed >= 0)
    shape = (len(labels), len(guidance.names))
    fixed = sparse.csr_matrix((np.ones(len(has)), (has, guidance.fixed[has])), shape)
    seeds = (member.T @ guidance.seeds).toarray()
    return (member.T @ fixed).toarray() + 0.5 * seeds / max(float(seeds.max(initial=0)), 1e-300)
