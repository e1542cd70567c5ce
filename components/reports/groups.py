"""Groups of documents that reports describe: a topic in a year, in a class, a branch of a tree."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.base import Integers, Result
from components.reports.text import listed_words


def words_of(result: Result, members: Any, n_words: int) -> list[list[tuple[str, float]]]:
    """Words of each group with their weights, best first.

    Parameters
    ----------
    members : CSR matrix (n_groups, n)
        1 where a group holds a document of the corpus.

    Returns
    -------
    list of lists of (word, weight), length n_groups
        Empty where the representation has no `words_of`.
    """
    method = getattr(result.parts.get("representation"), "words_of", None)
    if method is None:
        return [[] for _ in range(members.shape[0])]
    words: list[list[tuple[str, float]]] = method(members[:, result.rows], n_words)
    return words


def words_of_groups(result: Result, members: Any, n_words: int) -> list[str]:
    """The words of `words_of`, separated by commas, by group."""
    return [listed_words(words) for words in words_of(result, members, n_words)]


def words_of_cells(
    result: Result, first: Integers, second: Integers, shape: tuple[int, int], n_words: int
) -> list[str]:
    """The words of each cell of a cross table, row by row; see `cross_table` and `words_of`."""
    inside = (first >= 0) & (second >= 0)
    cells = np.where(inside, first * shape[1] + second, -1)
    return words_of_groups(result, membership(cells, shape[0] * shape[1]), n_words)


def membership(groups: Integers, n_groups: int) -> Any:
    """CSR matrix, int64 (n_groups, n), from the group of each document; -1 is none."""
    from scipy import sparse

    rows = np.flatnonzero(groups >= 0)
    ones = np.ones(len(rows), np.int64)
    return sparse.csr_matrix((ones, (groups[rows], rows)), (n_groups, len(groups)))


def cross_table(first: Integers, second: Integers, shape: tuple[int, int]) -> Integers:
    """How many documents are in each pair of groups, int64 `shape`; -1 is no group."""
    inside = (first >= 0) & (second >= 0)
    pairs = first[inside] * shape[1] + second[inside]
    return np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)
