"""All documents are clustered again, and the topics found are the old ones as far as they agree."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix
from components.model import TopicModel
from components.model.grow import Growth
from components.representations.typical import cosine_to_topic
from components.topics import Labels


@dataclass(frozen=True)
class Match:
    """Numbers of topics that were found anew.

    numbers : int64 (found,), the number of each topic found
    sources : by number, the old topics that go on in it: first the one that it is, then those
        that are gone, and have most of their documents in it. A new topic has none
    """

    numbers: Integers
    sources: list[tuple[int, ...]]


def match_topics(before: Integers, found: Integers, n_before: int) -> Match:
    """Which old topics the found ones are.

    A pair may be one topic where most documents of one of them are in the other, of those that
    both clusterings have given a topic. Of these pairs, one to one, those are chosen that have
    most documents in common (Kuhn 1955). An old topic keeps its number, and a new one gets the
    next. Where topics are gone, the last numbers move into their places, so that none is left
    out: those of new topics first.

    Parameters
    ----------
    before : int64 (m,), old topic of each document, -1 for a new document or none
    found : int64 (m,), topics without gaps
    n_before : how many old topics there are
    """
    from scipy.optimize import linear_sum_assignment

    n_found = int(found.max(initial=-1)) + 1
    both = (before >= 0) & (found >= 0)
    common = np.zeros((n_before, n_found), np.int64)
    np.add.at(common, (before[both], found[both]), 1)
    old_sizes, sizes = common.sum(axis=1), common.sum(axis=0)
    smaller = np.minimum(old_sizes[:, None], sizes)
    old, new = linear_sum_assignment(np.where(2 * common > smaller, common, 0), maximize=True)
    is_pair = 2 * common[old, new] > smaller[old, new]
    numbers = np.full(n_found, -1, np.int64)
    numbers[new[is_pair]] = old[is_pair]
    is_same = numbers >= 0
    numbers[~is_same] = n_before + np.arange(np.sum(~is_same))
    free = np.setdiff1d(np.arange(n_found), numbers)
    beyond = np.flatnonzero(numbers >= n_found)
    numbers[beyond[np.argsort(-numbers[beyond])]] = free
    goes_to = np.where(old_sizes > 0, common.argmax(axis=1), -1) if n_found else old_sizes - 1
    most = 2 * common.max(axis=1, initial=0) > old_sizes
    sources: list[tuple[int, ...]] = [()] * n_found
    for topic, number in enumerate(numbers.tolist()):
        own = old[is_pair & (new == topic)].tolist()
        lost = most & (goes_to == topic) & ~np.isin(np.arange(n_before), old[is_pair])
        merged = np.flatnonzero(lost).tolist()
        sources[number] = (*own, *sorted(merged, key=lambda o: -common[o, topic]))
    return Match(numbers, sources)


def carry_over(
    model: TopicModel,
    X: Matrix,
    before: Growth,
    is_new: NDArray[np.bool_],
    found: Labels,
    held: Collection[int] = (),
) -> tuple[Labels, dict[str, Match]]:
    """Topics that were found among all documents, in the numbers of the old ones.

    Documents of `held` topics stay in them, and what is nearest to a topic that was dropped stays
    out. A topic found is none of its own where more of its old documents are in one held topic than
    in none: the others go to the held topic that is predicted for them, or else to the largest.
    Neither is one of which most documents were dropped: the others stay in their old topics.

    Parameters
    ----------
    X : float32 (m, d) or CSR (m, d), none of the rows all zero
    before : what the old documents have; the values of new ones do not count
    is_new : bool (m,)
    found : of the m documents
    held : topics of the model that a person has merged or split

    Returns
    -------
    Labels
    dict of str to Match
        By layer; the main topics are those of "".
    """
    old = before.labels.copy()
    old[is_new] = -1
    predicted = old
    if "dropped" in model.arrays or len(held):
        predicted = old.copy()
        predicted[is_new] = model.predict(X[is_new]).topics
    dropped = model.is_dropped(X) & (old < 0)
    main, left = _without_dropped(found.main, dropped)
    main = _held(main, old, predicted, np.array(sorted(held), np.int64))
    match = match_topics(old, main, len(model.topics))
    labels = _numbered(main, match.numbers)
    goes_to = np.full(len(model.topics) + 1, -1, np.int64)
    for number, sources in enumerate(match.sources):
        goes_to[[*sources]] = number
    labels[left] = goes_to[predicted[left]]
    # What is not where it was found.
    numbers = np.full(int(found.main.max(initial=-1)) + 2, -1, np.int64)
    for topic in range(len(numbers) - 1):
        here = labels[found.main == topic]
        numbers[topic] = np.bincount(here + 1).argmax() - 1
    moved = numbers[found.main] != labels
    strengths = found.strengths.copy()
    if moved.any():
        strengths[moved] = np.clip(cosine_to_topic(X, labels), 0, 1)[moved]
    strengths[labels < 0] = 0
    matches = {"": match}
    layers = {}
    for name, layer in found.layers.items():
        of_layer = before.layers[name].copy()
        of_layer[is_new] = -1
        matches[name] = match_topics(of_layer, layer, len(model.layers[name]))
        layers[name] = _numbered(layer, matches[name].numbers)
    memberships = _memberships(found.memberships, numbers[:-1], labels, moved)
    return Labels(labels, layers, strengths, found.before, memberships), matches


def _without_dropped(
    found: Integers, dropped: NDArray[np.bool_]
) -> tuple[Integers, NDArray[np.bool_]]:
    """Topics without what was dropped, and the documents that were found among such only."""
    share = np.bincount(found[found >= 0], dropped[found >= 0]) / np.maximum(
        np.bincount(found[found >= 0]), 1
    )
    left = np.append(share > 0.5, False)[found] & ~dropped
    return np.where(dropped | left, -1, found), left


def _held(found: Integers, old: Integers, predicted: Integers, topics: Integers) -> Integers:
    """Topics found, with held ones in the place of what was found around their documents."""
    labels = found.copy()
    n_found = int(found.max(initial=-1)) + 1
    is_held = np.isin(old, topics)
    for topic in np.unique(found[is_held & (found >= 0)]).tolist():
        inside = found == topic
        here = old[inside & is_held]
        main = np.bincount(here).argmax()
        # Or another topic could have more documents in the place of `main` than that itself.
        if np.sum(here == main) <= np.sum((old[inside] >= 0) & ~is_held[inside]):
            continue
        chosen = np.where(np.isin(predicted[inside], topics), predicted[inside], main)
        labels[inside] = n_found + np.searchsorted(topics, chosen)
    labels[is_held] = n_found + np.searchsorted(topics, old[is_held])
    present = np.unique(labels[labels >= 0])  # closes gaps
    numbers = np.full(int(labels.max(initial=-1)) + 1, -1, np.int64)
    numbers[present] = np.arange(len(present))
    return _numbered(labels, numbers)


def _numbered(labels: Integers, numbers: Integers) -> Integers:
    return np.append(numbers, -1)[labels]


def _memberships(
    memberships: Any, numbers: Integers, labels: Integers, moved: NDArray[np.bool_]
) -> Any:
    """Memberships in the new numbers, CSR (m, topics); documents that were moved belong wholly."""
    from scipy import sparse

    if memberships is None:
        return None
    own = sparse.coo_matrix(memberships)
    stays = (numbers[own.col] >= 0) & ~moved[own.row]
    rows = np.flatnonzero(moved & (labels >= 0))
    return sparse.csr_matrix(
        (
            np.concatenate([own.data[stays], np.ones(len(rows), own.dtype)]),
            (
                np.concatenate([own.row[stays], rows]),
                np.concatenate([numbers[own.col[stays]], labels[rows]]),
            ),
        ),
        (len(labels), int(labels.max(initial=-1)) + 1),
    )
