"""How often documents contain words and n-grams."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.arrow import numbers, to_numpy
from components.representations.tokens import Tokens


def count_terms(tokens: Tokens, first: int, last: int) -> tuple[Any, list[str]]:
    """How often each n-gram of `first` to `last` words occurs in each document.

    Returns
    -------
    counts : CSR matrix, int32 (n, n_terms)
    terms : list of str, length n_terms
        The words of an n-gram are joined by a space. A word of `tokens` that none of its tokens is
        any more has a column of zeros.
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
    """The n-grams of `length` words, from those that are one word shorter."""
    # A document of k words has k - length + 1 of them, each a shorter one and the word after it.
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
