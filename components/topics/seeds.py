"""Seed words, phrases and rows: how strongly documents speak for topics."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, ParameterError
from components.representations.counts import count_terms
from components.representations.segment import UNSPACED, Segmenters
from components.representations.tokens import Tokens, tokenize, undotted
from components.text import lower

log = logging.getLogger(__name__)


def seed_shares(
    seeds: Mapping[str, Sequence[str | int]],
    documents: Sequence[str],
    rows: Integers,
    n_rows: int,
    words: Any,
) -> Any:
    """How strongly each document speaks for each topic: CSR (m, topics) in [0, 1].

    The part of the squared length of the document's tf-idf vector (tf * ln(m / df)) that the
    topic's seed words hold; 1 for a seed row.

    Parameters
    ----------
    seeds : mapping of name to list of (str or int)
    rows, n_rows : rows of the documents in the data set, and how many that has
    words : what the representation read of the documents, with `tokens`, or None

    Raises
    ------
    ParameterError
        When no document holds any seed of a topic, or a row is not there.
    """
    from scipy import sparse

    tokens = getattr(words, "tokens", None)
    if tokens is None:
        tokens = tokenize(documents)
    counts, vocabulary = count_terms(tokens, 1, 1)
    counts = counts.tocsr().astype(np.float64)
    number = {word: column for column, word in enumerate(vocabulary)}
    df = np.diff(counts.tocsc().indptr)
    idf = np.log(len(documents) / np.maximum(df, 1)) ** 2
    length = np.asarray(counts.power(2) @ idf).ravel()
    cut = Segmenters(getattr(words, "languages", ()))
    columns = []
    for name, of_group in seeds.items():
        mass = np.zeros(len(documents))
        missing = []
        for seed in of_group:
            if isinstance(seed, int):
                mass[_places(seed, name, rows, n_rows)] = np.inf
                continue
            ids = [number.get(word, -1) for word in _words_of(seed, number, cut)]
            occurrences = _occurrences(tokens, ids, counts)
            if not occurrences.any():
                missing.append(seed)
            mass += occurrences**2 * idf[ids].sum() if min(ids, default=-1) >= 0 else 0
        if missing:
            near = [difflib.get_close_matches(word, vocabulary, 1) for word in missing]
            hint = ", ".join(match[0] for match in near if match)
            hint = f" Near to them are: {hint}." if hint else ""
            if not mass.any():
                raise ParameterError(
                    f"seeds.{name}",
                    f"[{', '.join(map(str, of_group))}]",
                    f"no document holds any of these words.{hint}",
                )
            log.warning("seeds of %s: no document holds %s.%s", name, ", ".join(missing), hint)
        columns.append(np.minimum(mass / np.where(length > 0, length, 1), 1))
    return sparse.csr_matrix(np.column_stack(columns))


def in_context(shares: Any, near: NDArray[np.integer[Any]]) -> Any:
    """The shares, less where neighbours speak for no or another topic: CSR (m, topics).

    Words have several meanings, and topics have words in common. A share is multiplied by two
    numbers in [0, 1]: the mean share of the document and its neighbours, divided by what that is on
    average where the topic's seeds are, at most 1; and, of what the document and its neighbours
    have of all topics' seeds, the part that is the topic's. A share of 1 stays: the document is a
    seed itself, or holds nothing but seeds.

    Parameters
    ----------
    shares : CSR (m, topics), from `seed_shares`
    near : int (m, k), the neighbours of each document
    """
    from scipy import sparse

    m, k = near.shape
    if not k or not shares.nnz:
        return shares
    ones = np.ones(near.size)
    links = sparse.csr_matrix((ones, near.ravel(), np.arange(0, near.size + 1, k)), (m, m))
    around = (links @ shares) / k
    both = shares + around
    own = shares.tocoo()
    beside = np.asarray(around[own.row, own.col]).ravel()
    local = (own.data + k * beside) / (k + 1)
    mass = np.bincount(own.col, own.data, shares.shape[1])
    usual = np.bincount(own.col, own.data * local, shares.shape[1]) / np.maximum(mass, 1e-300)
    amid = np.minimum(local / usual[own.col], 1)
    alone = (own.data + beside) / np.asarray(both.sum(axis=1)).ravel()[own.row]
    data = np.where(own.data < 1, own.data * amid * alone, own.data)
    return sparse.csr_matrix((data, (own.row, own.col)), shares.shape)


def _words_of(seed: str, number: Mapping[str, int], cut: Callable[[str], list[str]]) -> list[str]:
    """The seed as the documents' words have it: as it is, in lower case, or cut like them."""
    seed = undotted(seed)
    for form in (seed, seed.lower()):
        if form in number:
            return [form]
    tokens = tokenize(
        [seed], lower=str, segment=lambda run: cut(run) if UNSPACED.search(run) else [run]
    )
    words = [tokens.words[index] for index in tokens.ids.tolist()]
    # As they are typed where documents have them so: US is another word than us.
    return [word if word in number else lower(word) for word in words]


def _occurrences(tokens: Tokens, ids: Sequence[int], counts: Any) -> NDArray[np.float64]:
    """How often each document holds these words one after the other, float64 (m,)."""
    n = len(tokens.starts) - 1
    if not ids or min(ids) < 0:
        return np.zeros(n)
    if len(ids) == 1:
        return np.asarray(counts[:, ids[0]].toarray()).ravel()
    last = len(tokens.ids) - len(ids) + 1
    starts = np.flatnonzero(
        np.all([tokens.ids[place : place + last] == id for place, id in enumerate(ids)], axis=0)
    )
    document = np.searchsorted(tokens.starts, starts, side="right") - 1
    inside = starts + len(ids) <= tokens.starts[document + 1]
    return np.bincount(document[inside], minlength=n).astype(np.float64)


def _places(row: int, name: str, rows: Integers, n_rows: int) -> Integers:
    """Which documents stand in a row of the data set."""
    places = np.flatnonzero(rows == row)
    if not 0 <= row < n_rows:
        raise ParameterError(
            f"seeds.{name}",
            row,
            f"there is no such row: they count from 0 to {n_rows - 1}.",
        )
    if not len(places):
        log.warning(
            "seeds of %s: row %d is empty, or no part of the sample that was drawn.", name, row
        )
    return places
