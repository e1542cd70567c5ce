"""Choosing a topic's words among candidates, by the words' vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError, at_least
from components.neighbors import unit_rows
from components.representations.typical import typical_rows
from components.result import dense

EncodeWords: TypeAlias = Callable[[list[str]], Matrix]
WordLists: TypeAlias = list[list[tuple[str, float]]]  # by topic, best first


class Closest:
    """The candidates whose vectors are closest to their topic's; parameters as for `KeyBERT`.

    Raises
    ------
    ParameterError
    """

    def __init__(self, *, n_words: int = 10, n_typical: int = 10) -> None:
        self.n_words = n_words
        self.n_typical = n_typical
        at_least(1, n_words=n_words, n_typical=n_typical)

    def choose(
        self,
        candidates: WordLists,
        documents: Sequence[str],
        labels: Integers,
        embeddings: Matrix,
        encode_words: EncodeWords,
    ) -> WordLists:
        """Words and cosines; `documents`, `labels`, ... as for `KeyBERT.fit`."""
        vectors = _word_vectors(candidates, encode_words)
        if not vectors:
            return [[] for _ in candidates]
        typical = typical_rows(embeddings, labels, self.n_typical)
        topics = _topic_vectors(documents, typical, encode_words)
        return list(map(self._rank, candidates, vectors, topics))

    def _rank(
        self, candidates: list[tuple[str, float]], vectors: Matrix, topic: Any
    ) -> list[tuple[str, float]]:
        # Rounded, so that equal vectors stay equal in whatever order their products are summed.
        cosines = (vectors @ topic).round(12)
        has_vector = np.asarray(abs(vectors).sum(axis=1)).ravel() > 0
        cosines[~has_vector] = -1.0
        order = np.argsort(-cosines, kind="stable")[: self.n_words]
        return [(candidates[place][0], float(cosines[place])) for place in order]


class Diverse:
    """Candidates that do not repeat each other; parameters as for `MMR`.

    Raises
    ------
    ParameterError
    """

    def __init__(self, *, n_words: int = 10, diversity: float = 0.3) -> None:
        self.n_words = n_words
        self.diversity = diversity
        at_least(1, n_words=n_words)
        if not (isinstance(diversity, Real) and 0 <= diversity <= 1):
            raise ParameterError("diversity", diversity, "must be a number from 0 to 1.")

    def choose(self, candidates: WordLists, encode_words: EncodeWords) -> WordLists:
        """Words and scores, in the order in which they are chosen."""
        vectors = _word_vectors(candidates, encode_words)
        if not vectors:
            return [[] for _ in candidates]
        return [
            self._choose(topic, _cosines(of_topic)) if topic else []
            for topic, of_topic in zip(candidates, vectors, strict=True)
        ]

    def _choose(
        self, candidates: list[tuple[str, float]], cosines: NDArray[np.float64]
    ) -> list[tuple[str, float]]:
        weights = np.array([weight for _, weight in candidates])
        relevance = (1 - self.diversity) * weights / weights.max()
        repeated = np.zeros(len(weights))  # the highest cosine to a chosen word
        available = np.ones(len(weights), bool)
        chosen: list[tuple[str, float]] = []
        for _ in range(min(self.n_words, len(weights))):
            scores = np.where(available, relevance - self.diversity * repeated, -np.inf)
            best = int(scores.argmax())  # of equals, the better candidate
            available[best] = False
            chosen.append((candidates[best][0], float(scores[best])))
            repeated = np.maximum(repeated, cosines[best])
        return chosen


def _word_vectors(candidates: WordLists, encode_words: EncodeWords) -> list[Matrix]:
    """Unit vectors of the candidate words of each topic, float64 (k, e) or CSR.

    All words go to `encode_words` in one call, each once. A word that it does not know has an
    all-zero row. The list is empty where there is no word at all.
    """
    words = sorted({word for topic in candidates for word, _ in topic})
    if not words:
        return []
    units = unit_rows(encode_words(words).astype(np.float64))
    row = {word: number for number, word in enumerate(words)}
    return [units[[row[word] for word, _ in topic]] for topic in candidates]


def _topic_vectors(
    documents: Sequence[str], typical: list[Integers], encode_words: EncodeWords
) -> list[Any]:
    """Unit vectors of the topics in the word model, float64 (e,): all texts in one call of it."""
    texts = [documents[row] for rows in typical for row in rows]
    units = unit_rows(encode_words(texts).astype(np.float64))
    ends = np.cumsum([len(rows) for rows in typical])[:-1]
    means = []
    for rows in np.split(np.arange(len(texts)), ends):
        total = np.asarray(units[rows].sum(axis=0)).reshape(1, -1)
        means.append(unit_rows(total)[0])
    return means


def _cosines(vectors: Matrix) -> NDArray[np.float64]:
    """Cosines between words (k, k), with the average where a word has no vector."""
    cosines = dense(vectors @ vectors.T).round(12)
    has_vector = cosines.diagonal() > 0
    both = has_vector[:, None] & has_vector
    pairs = both & ~np.eye(len(has_vector), dtype=bool)
    average = float(cosines[pairs].mean()) if pairs.any() else 0.0
    return np.where(both, cosines, average)
