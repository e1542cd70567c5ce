"""Words whose vectors are close to their topic's."""

from __future__ import annotations

from collections.abc import Sequence

from components.base import Integers, Matrix
from components.representations.candidates import FromCandidates
from components.representations.ctfidf import CTFIDF
from components.representations.selection import Closest, EncodeWords
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
        How many of them are chosen.
    n_typical : int
        Documents whose mean is a topic's vector, see `typical_rows`.

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, cosine)
        Best first; of equals, the better candidate. A word that the word model does not know comes
        last, with -1.

    Raises
    ------
    ParameterError

    References
    ----------
    https://github.com/MaartenGr/KeyBERT, doi:10.5281/zenodo.4461265
    """

    def __init__(self, *, candidates: CTFIDF, n_words: int = 10, n_typical: int = 10) -> None:
        self.candidates = candidates
        self.closest = Closest(n_words=n_words, n_typical=n_typical)

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
            From a list of k strings to their vectors in the word model, float array or CSR (k, e).
        words : Words, optional
            What `read` returned for these documents.
        """
        candidates = self.propose(documents, labels, words, embeddings, encode_words)
        chosen = self.closest.choose(candidates.best_, documents, labels, embeddings, encode_words)
        self.words_ = candidates.as_written(chosen)
        return self
