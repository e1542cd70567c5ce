"""Arrays of topic numbers, where -1 is no topic and topics count from 0; groups of equal values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers


def by_size(labels: Integers) -> Integers:
    """Topics renumbered by falling size; of equals, the one with the earliest row first.

    Parameters
    ----------
    labels : int array (n,)
        Any numbers from 0 on, with gaps or without; negative is no topic.

    Returns
    -------
    int64 (n,)
    """
    ids, first, sizes = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    numbers = np.full(int(labels.max(initial=-1)) + 2, -1, np.int64)  # the last is that of -1
    numbers[ids[np.lexsort((first, -sizes))]] = np.arange(len(ids))
    return numbers[np.maximum(labels, -1)]


def distinct(keys: NDArray[Any]) -> tuple[Integers, Integers]:
    """First row of each different value, ascending, int64 (u,); which of them each row equals."""
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return first[order], places[group]


def one_hot(labels: Integers) -> Any:
    """CSR (n, topics) with a one at each row's topic; an empty row for -1."""
    from scipy import sparse

    has_one = labels >= 0
    starts = np.concatenate([[0], np.cumsum(has_one)])
    shape = (len(labels), int(labels.max(initial=-1)) + 1)
    return sparse.csr_matrix((np.ones(starts[-1]), labels[has_one], starts), shape=shape)


def count_topics(labels: Integers) -> int:
    """Number of topics among labels; -1 is none of them."""
    return len(np.unique(labels[labels >= 0]))
