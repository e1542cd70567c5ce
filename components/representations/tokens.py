"""Documents to words, and words to counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.arrow import numbers, strings, to_numpy
from components.base import Integers


@dataclass(frozen=True)
class Tokens:
    """The words of documents, as numbers, in reading order.

    Parameters
    ----------
    ids : int32 array (number of tokens,)
        Which of `words` each token is.
    starts : int64 array (n + 1,)
        The tokens of document i are `ids[starts[i] : starts[i + 1]]`.
    words : list of str
        By first appearance. A word that was dropped keeps its number.
    """

    ids: NDArray[np.int32]
    starts: Integers
    words: list[str]

    def without(self, dropped: NDArray[np.bool_]) -> Tokens:
        """The same tokens less the words for which `dropped` (number of words,) is true."""
        kept = np.flatnonzero(~dropped[self.ids])
        return Tokens(self.ids[kept], np.searchsorted(kept, self.starts), self.words)


class _Separators(dict[int, int]):
    """A table for `str.translate` that leaves words and turns all else into spaces.

    Accents and vowel signs that are characters of their own belong to the word, or Hindi, Thai
    and decomposed Latin fall apart; variation selectors, which follow emoji, do not.
    """

    def __missing__(self, code: int) -> int:
        character = chr(code)
        mark = unicodedata.category(character) in ("Mn", "Mc")
        selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
        self[code] = code if character.isalnum() or (mark and not selector) else ord(" ")
        return self[code]


_SEPARATORS = _Separators()


def tokenize(
    documents: Sequence[str], *, lowercase: bool = True, token_pattern: str | None = None
) -> Tokens:
    """Cut documents into words.

    Without a `token_pattern`, a word is a run of two or more letters, marks and digits that is
    not a number. With one, it is whatever `re.findall` finds, if not empty.

    Notes
    -----
    Arrow splits strings and numbers words about twice as fast as Python's `split` and `dict`.
    """
    import pyarrow.compute as pc

    if lowercase:
        documents = [document.lower() for document in documents]
    if token_pattern is None:
        spaced = [document.translate(_SEPARATORS) for document in documents]
        split = pc.ascii_split_whitespace(strings(spaced))
        starts, found = to_numpy(split.offsets), split.flatten()
    else:
        find = re.compile(token_pattern).findall
        lists = [find(document) for document in documents]
        starts = np.cumsum([0, *map(len, lists)])
        found = strings([word for words in lists for word in words])
    encoded = found.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    if token_pattern is None:
        no_word = [len(word) < 2 or word.isnumeric() for word in words]
    else:
        no_word = [not word for word in words]
    tokens = Tokens(to_numpy(encoded.indices), starts.astype(np.int64), words)
    return tokens.without(np.array(no_word, bool))


def count_terms(tokens: Tokens, first: int, last: int) -> tuple[Any, list[str]]:
    """How often each run of `first` to `last` words stands in each document.

    Returns
    -------
    counts : CSR matrix, int32 (n, n_terms)
    terms : list of str, length n_terms
        The words of a run are joined by a space. A word that was dropped has a column of zeros.
    """
    from scipy import sparse

    terms, runs = tokens.words, tokens
    blocks, names = [], []
    for length in range(1, last + 1):
        if length > 1:
            runs, terms = _lengthened(runs, terms, tokens, length)
        if length >= first:
            data = np.ones(len(runs.ids), np.int32)
            shape = (len(runs.starts) - 1, len(terms))
            block = sparse.csr_matrix((data, runs.ids, runs.starts), shape, copy=True)
            block.sum_duplicates()  # in place
            blocks.append(block)
            names += terms
    return blocks[0] if len(blocks) == 1 else sparse.hstack(blocks, "csr"), names


def _lengthened(
    runs: Tokens, terms: list[str], tokens: Tokens, length: int
) -> tuple[Tokens, list[str]]:
    """Runs of `length` words, from those that are one word shorter."""
    # A document of k words has k - length + 1 runs, each a shorter run and the word behind it.
    sizes = np.maximum(np.diff(tokens.starts) - length + 1, 0)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    heads = runs.ids[np.repeat(runs.starts[:-1], sizes) + within].astype(np.int64)
    tails = tokens.ids[np.repeat(tokens.starts[:-1], sizes) + within + length - 1]
    n_words = max(len(tokens.words), 1)
    encoded = numbers(heads * n_words + tails).dictionary_encode()
    pairs = to_numpy(encoded.dictionary)
    names = [
        f"{terms[head]} {tokens.words[tail]}"
        for head, tail in zip(*(part.tolist() for part in divmod(pairs, n_words)), strict=True)
    ]
    return Tokens(to_numpy(encoded.indices), starts, names), names
