"""Words that describe a topic without repeating each other."""

from __future__ import annotations

from collections.abc import Sequence

from components.base import Integers, Matrix
from components.representations.candidates import FromCandidates
from components.representations.ctfidf import CTFIDF
from components.representations.selection import Diverse, EncodeWords
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
        How many of them are chosen.
    diversity : float
        0: the best candidates, in their order. 1: words as unlike each other as can be.

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, score)
        In the order in which they were chosen; the score, which never rises, is the one above.

    Raises
    ------
    ParameterError

    Notes
    -----
    How much a word repeats the others is not known where the word model does not know it. It is
    then taken to be as similar to each of them as two candidates are on average: zero would
    favour rare and misspelt words.
    """

    def __init__(self, *, candidates: CTFIDF, n_words: int = 10, diversity: float = 0.3) -> None:
        self.candidates = candidates
        self.diverse = Diverse(n_words=n_words, diversity=diversity)

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
            From a list of k strings to their vectors in the word model, float array or CSR (k, e).
        embeddings : float array or CSR matrix (m, d), optional
            The embedder's vectors; only a view of the candidates may need them.
        words : Words, optional
            What `read` returned for these documents.
        """
        candidates = self.propose(documents, labels, words, embeddings, encode_words)
        chosen = self.diverse.choose(candidates.best_, encode_words)
        self.words_ = candidates.as_written(chosen)
        return self
