"""Words that occur in nearly every document: signatures, disclaimers, forms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.base import Integers
from components.representations.tokens import Tokens

_RUN = 4  # words
_RUN_SHARE = 0.5  # of the documents, from which on a run is boilerplate
_WORD_SHARE = 0.9  # of the documents, from which on a single word is
_ENOUGH = 20  # documents; fewer tell nothing about what is usual


def boilerplate(tokens: Tokens, stopped: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bool (number of tokens,): the token is part of the text that documents have in common.

    That is a run of four words, not all of them stop words, that occurs in more than half of the
    documents, or a word that occurs in nine of ten and is not a stop word. A corpus of fewer than
    20 documents has none, nor has one of which more than half of the documents are nothing else.

    Parameters
    ----------
    tokens : Tokens
        Stop words included.
    stopped : bool array (number of words,)
        Which words are stop words.
    """
    n = len(tokens.starts) - 1
    common = np.zeros(len(tokens.ids), bool)
    if n < _ENOUGH:
        return common
    frequent = np.bincount(tokens.ids, minlength=len(tokens.words)) > _RUN_SHARE * n
    words = _documents_with(tokens, frequent & ~stopped)
    if words.max(initial=0) <= _RUN_SHARE * n:
        return common  # at least one word of a run is no stop word
    words += _documents_with(tokens, frequent & stopped)
    document = np.repeat(np.arange(n), np.diff(tokens.starts))
    common |= ((words >= _WORD_SHARE * n) & ~stopped)[tokens.ids]
    starts = _run_starts((words > _RUN_SHARE * n)[tokens.ids], document)
    starts = starts[np.any([~stopped[tokens.ids[starts + step]] for step in range(_RUN)], axis=0)]
    runs = _numbered(np.stack([tokens.ids[starts + step] for step in range(_RUN)], axis=1))
    pairs = np.unique(runs * n + document[starts])  # a run counts once in a document
    repeated = np.bincount(pairs // n, minlength=runs.max(initial=-1) + 1) > _RUN_SHARE * n
    for step in range(_RUN):
        common[starts[repeated[runs]] + step] = True
    own = np.zeros(n, bool)
    own[document[~common & ~stopped[tokens.ids]]] = True
    bare = np.zeros(n, bool)
    bare[document[common]] = True
    return common if (bare & ~own).sum() <= _RUN_SHARE * n else np.zeros_like(common)


def _numbered(rows: NDArray[np.int32]) -> Integers:
    """A number for each different row (n, k)."""
    if not len(rows):
        return np.empty(0, np.int64)
    return np.unique(rows, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def _run_starts(allowed: NDArray[np.bool_], document: Integers) -> Integers:
    """Places from which on `_RUN` tokens of one document are all allowed."""
    if len(allowed) < _RUN:
        return np.empty(0, np.int64)
    last = len(allowed) - _RUN + 1
    starts = document[:last] == document[_RUN - 1 :]
    for step in range(_RUN):
        starts &= allowed[step : last + step]
    return np.flatnonzero(starts)


def _documents_with(tokens: Tokens, selected: NDArray[np.bool_]) -> Integers:
    """Document frequency of the selected words, int64 (number of words,); 0 for the others."""
    # A table of n rows and a column for each word takes few bytes a token: a selected word is one
    # that is frequent, so that there are no more of them than words in a few documents.
    column = np.cumsum(selected) - 1
    places = np.flatnonzero(selected[tokens.ids])
    present = np.zeros((len(tokens.starts) - 1, int(selected.sum())), bool)
    documents = np.searchsorted(tokens.starts, places, side="right") - 1
    present[documents, column[tokens.ids[places]]] = True
    counts = np.zeros(len(selected), np.int64)
    counts[selected] = present.sum(axis=0)
    return counts
