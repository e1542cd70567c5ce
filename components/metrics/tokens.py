"""The words of documents, as measures count them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, Result
from components.neighbors import unit_rows


def tokens_of(result: Result) -> tuple[NDArray[Any], NDArray[Any], Sequence[str]]:
    """Word numbers of all tokens, where each document starts, and the words.

    The tokens are the representation's, stop words included; where it keeps none, runs of two or
    more letters and digits that are not numbers, in lower case.
    """
    tokens = getattr(result.parts.get("representation"), "tokens_", None)
    if tokens is not None:
        return tokens.ids, tokens.starts, tokens.words
    numbers: dict[str, int] = {}
    ids: list[int] = []
    starts = [0]
    for row in result.rows:
        for word in re.findall(r"[^\W_]{2,}", result.corpus.documents[row].lower()):
            if not word.isnumeric():
                ids.append(numbers.setdefault(word, len(numbers)))
        starts.append(len(ids))
    return np.array(ids, np.int64), np.array(starts), list(numbers)


def tfidf(result: Result, rows: Integers) -> Any:
    """TF-IDF of some of the documents: CSR float64 (rows, words), rows at unit length.

    (1 + ln count) (1 + ln((1 + n) / (1 + documents with the word))), as scikit-learn's
    TfidfVectorizer(sublinear_tf=True). Words of a single one of these documents are left out:
    they tell nothing about any other.
    """
    from scipy import sparse

    ids, starts, words = tokens_of(result)
    counts = sparse.csr_matrix(
        (np.ones(len(ids)), np.asarray(ids), np.asarray(starts)),
        (len(starts) - 1, len(words)),
        copy=True,
    )[rows]
    counts.sum_duplicates()
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    counts = counts[:, np.flatnonzero(documents > 1)]
    idf: Floats = 1 + np.log((1 + len(rows)) / (1 + documents[documents > 1]))
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    return unit_rows(counts)
