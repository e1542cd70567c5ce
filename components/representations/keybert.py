"""Words whose vectors are close to their topic's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.base import Integers, Matrix, ParameterError
from components.neighbors import unit_rows
from components.representations.candidates import FromCandidates, candidate_vectors
from components.representations.ctfidf import CTFIDF
from components.representations.typical import typical_rows
from components.representations.views import EncodeWords
from components.representations.words import Words


class KeyBERT(FromCandidates):
    """Candidate words ranked by cosine to their topic, after KeyBERT (Grootendorst 2020).

    Words and topics are compared in one space, that of the word model: a topic's vector is the
    mean of the unit vectors that the *word* model gives its typical documents. Which documents
    are typical is seen in the space of the embedder.

    Parameters
    ----------
    candidates : CTFIDF
        Proposes the words; its `n_words` is how many.
    n_words : int
        How many of them are kept.
    n_typical : int
        Documents that stand for a topic, see `typical_rows`.

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, cosine)
        Best first; of equals, the better candidate. A word that the word model does not know comes
        last, with -1.

    References
    ----------
    https://github.com/MaartenGr/KeyBERT, doi:10.5281/zenodo.4461265
    """

    def __init__(self, *, candidates: CTFIDF, n_words: int = 10, n_typical: int = 10) -> None:
        self.candidates = candidates
        self.n_words = n_words
        self.n_typical = n_typical
        for name in ("n_words", "n_typical"):
            if getattr(self, name) < 1:
                raise ParameterError(name, getattr(self, name), "must be 1 or more.")

    def fit(
        self,
        documents: Sequence[str],
        labels: Integers,
        *,
        embeddings: Matrix,
        encode_words: EncodeWords,
        words: Words | None = None,
    ) -> KeyBERT:
        """Find the words of each topic.

        Parameters
        ----------
        documents : sequence of str, length m
            As the c-TF-IDF has them.
        labels : int array (m,)
            Topic of each document; -1 is none.
        embeddings : float array or CSR matrix (m, d)
            The embedder's vectors.
        encode_words : callable
            Gives each of a list of strings its vector in the word model.
        words : Words, optional
            What `read` returned for these documents.
        """
        candidates = self.propose(documents, labels, words, embeddings, encode_words)
        self.words_ = [[] for _ in candidates.words_]
        vectors = candidate_vectors(candidates, encode_words)
        if vectors:
            typical = typical_rows(embeddings, labels, self.n_typical)
            topics = _topic_vectors(documents, typical, encode_words)
            for number, proposed in enumerate(candidates.words_):
                self.words_[number] = self._rank(proposed, vectors[number], topics[number])
        return self

    def _rank(
        self, proposed: list[tuple[str, float]], vectors: Matrix, topic: Any
    ) -> list[tuple[str, float]]:
        # Rounded, so that equal vectors stay equal in whatever order their products are summed.
        cosines = (vectors @ topic).round(12)
        known = np.asarray(abs(vectors).sum(axis=1)).ravel() > 0
        cosines[~known] = -1.0
        order = np.argsort(-cosines, kind="stable")[: self.n_words]
        return [(proposed[place][0], float(cosines[place])) for place in order]


def _topic_vectors(
    documents: Sequence[str], typical: list[Integers], encode_words: EncodeWords
) -> list[Any]:
    """Unit vectors (d,) of the topics in the word model, which embeds all documents in one call."""
    texts = [documents[row] for rows in typical for row in rows]
    units = unit_rows(encode_words(texts).astype(np.float64))
    ends = np.cumsum([len(rows) for rows in typical])[:-1]
    means = []
    for rows in np.split(np.arange(len(texts)), ends):
        total = np.asarray(units[rows].sum(axis=0)).reshape(1, -1)
        means.append(unit_rows(total)[0])
    return means
