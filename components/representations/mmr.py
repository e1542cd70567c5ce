"""Words that describe a topic without repeating each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError
from components.representations.candidates import FromCandidates, candidate_vectors
from components.representations.ctfidf import CTFIDF
from components.representations.views import EncodeWords
from components.representations.words import Words


class MMR(FromCandidates):
    """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) over candidate words.

    Words are chosen one by one, each time the one with the highest

        (1 - diversity) * relevance(w) - diversity * max(0, cos(w, v) for each chosen v)

    where relevance is the candidate's weight over the highest weight in its topic, and the cosine
    is between the words' vectors.

    Parameters
    ----------
    candidates : CTFIDF
        Proposes the words; its `n_words` is how many.
    n_words : int
        How many of them are kept.
    diversity : float
        0: the best candidates, in their order. 1: words as unlike each other as can be.

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, score)
        In the order in which they were chosen; the score, which never rises, is the one above.

    Notes
    -----
    How much a word repeats the others is not known where the word model does not know it. It is
    then taken to be as similar to each of them as two candidates are on average: zero would
    favour rare and misspelt words.
    """

    def __init__(self, *, candidates: CTFIDF, n_words: int = 10, diversity: float = 0.3) -> None:
        self.candidates = candidates
        self.n_words = n_words
        self.diversity = diversity
        if n_words < 1:
            raise ParameterError("n_words", n_words, "must be 1 or more.")
        if not 0 <= diversity <= 1:
            raise ParameterError("diversity", diversity, "must be a number from 0 to 1.")

    def fit(
        self,
        documents: Sequence[str],
        labels: Integers,
        *,
        encode_words: EncodeWords,
        embeddings: Matrix | None = None,
        words: Words | None = None,
    ) -> MMR:
        """Find the words of each topic.

        Parameters
        ----------
        documents : sequence of str, length m
            As the c-TF-IDF has them.
        labels : int array (m,)
            Topic of each document; -1 is none.
        encode_words : callable
            Gives each of a list of strings its vector in the word model.
        embeddings : float array or CSR matrix (m, d), optional
            The embedder's vectors; only a view of the candidates may need them.
        words : Words, optional
            What `read` returned for these documents.
        """
        candidates = self.propose(documents, labels, words, embeddings, encode_words)
        self.words_ = [[] for _ in candidates.words_]
        for number, vectors in enumerate(candidate_vectors(candidates, encode_words)):
            if proposed := candidates.words_[number]:
                self.words_[number] = self._choose(proposed, _cosines(vectors))
        return self

    def _choose(
        self, proposed: list[tuple[str, float]], cosines: NDArray[np.float64]
    ) -> list[tuple[str, float]]:
        weights = np.array([weight for _, weight in proposed])
        relevance = (1 - self.diversity) * weights / weights.max()
        repeated = np.zeros(len(weights))  # the highest cosine to a chosen word
        left = np.ones(len(weights), bool)
        chosen: list[tuple[str, float]] = []
        for _ in range(min(self.n_words, len(weights))):
            scores = np.where(left, relevance - self.diversity * repeated, -np.inf)
            best = int(scores.argmax())  # of equals, the better candidate
            left[best] = False
            chosen.append((proposed[best][0], float(scores[best])))
            repeated = np.maximum(repeated, cosines[best])
        return chosen


def _cosines(vectors: Matrix) -> NDArray[np.float64]:
    """Cosines between words (k, k), with the average where a word has no vector."""
    product: Any = vectors @ vectors.T
    cosines = np.asarray(product.toarray() if hasattr(product, "toarray") else product).round(12)
    known = cosines.diagonal() > 0
    pairs = known[:, None] & known & ~np.eye(len(known), dtype=bool)
    average = float(cosines[pairs].mean()) if pairs.any() else 0.0
    return np.where(known[:, None] & known, cosines, average)
