"""Words that are frequent in one topic and rare in the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError
from components.representations.tokens import Tokens
from components.representations.variants import Distinct
from components.representations.views import EncodeWords, Views
from components.representations.words import Reader, Words

log = logging.getLogger(__name__)


class CTFIDF:
    """Class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794, section 3.3).

    The weight of term t in topic c is

        W(t, c) = tf(t, c) * ln(1 + A / f(t))

    with tf the count of t in c divided by the number of terms in c, A the mean number of terms
    per topic, and f the count of t over all topics. Documents without a topic are no part of any
    count. Terms that the options below leave out are not counted either.

    Parameters
    ----------
    n_words : int
        Words per topic. A topic may have fewer, or none.
    language : "auto", str, or list of str
        ISO 639-1 codes or English names of the languages of the documents; "auto" detects them
        from a sample. They decide on stop words, on how scripts without spaces are cut into words,
        and on which words are forms of one.
    stop_words : "auto", str, list of str, or None
        "auto": the lists of the languages of the documents. A code or name: the list of that
        language. A list: these words. None: none. Compared without regard to case.
    clean : bool
        Leave out what is no language: HTML, web and e-mail addresses, @names, and what stands in
        nearly every document. What was left out is logged.
    merge_variants : bool
        Of the forms of a word (game, games; colour, color) only the heaviest is among a topic's
        words.
    pos : list of str, or None
        Count only words with these universal part-of-speech tags, as in [NOUN, PROPN, ADJ].
    noun_phrases : bool
        Count noun phrases of two to four words as terms, beside single words.
    lemmatize : bool
        Count dictionary forms instead of the forms in the text.
    spacy_model : str
        The spaCy pipeline for the three options above: a name or a folder.
    ngram_range : list of two int
        Shortest and longest term, in words. Stop words are taken out first.
    min_df : int
        A term must occur in so many documents that have a topic. Where none does, 1 is used.
    max_df : float
        A term must not occur in more than this share of them.
    bm25_weighting : bool
        Weigh by ln(1 + (max(A - f, 0) + 1/2) / (f + 1/2)) instead of ln(1 + A / f).
    reduce_frequent_words : bool
        Use the square root of tf.
    seed_words : list of str, or None
        Terms to favour: their weights are multiplied by `seed_multiplier`.
    seed_multiplier : float
    lowercase : bool
    token_pattern : str, or None
        Regular expression for a word. None: runs of two or more letters and digits that are not
        numbers.
    also : list of str, dict of str to dict, or None
        Further views of each topic, see `Views`.

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, weight)
        Best first; of equal weights, by the alphabet.
    views_ : dict of str to such lists
        The words of each of `also`.
    components_ : CSR matrix, float64 (n_topics, n_terms)
        W.
    idf_ : float64 array (n_terms,)
        The factor of W that does not depend on the topic.
    tokens_ : Tokens
        The words of the documents before stop words were left out.

    Raises
    ------
    ParameterError, MissingExtraError

    Notes
    -----
    BM25's factor as Robertson and Zaragoza (2009) have it counts documents, so that f <= A; with
    counts of terms ln(1 + (A - f + 1/2) / (f + 1/2)) falls below zero for f > A + 1/2, and the
    most frequent words of a topic would get the lowest weights. With max(A - f, 0) it is the same
    for f <= A, and beyond that goes on falling towards zero.
    """

    words_: list[list[tuple[str, float]]]
    views_: dict[str, list[list[tuple[str, float]]]]
    components_: Any
    idf_: NDArray[np.float64]

    def __init__(
        self,
        *,
        n_words: int = 10,
        language: Any = "auto",
        stop_words: Any = "auto",
        clean: bool = True,
        merge_variants: bool = True,
        pos: list[str] | None = None,
        noun_phrases: bool = False,
        lemmatize: bool = False,
        spacy_model: str = "en_core_web_sm",
        ngram_range: Sequence[int] = (1, 1),
        min_df: int = 1,
        max_df: float = 1.0,
        bm25_weighting: bool = False,
        reduce_frequent_words: bool = False,
        seed_words: list[str] | None = None,
        seed_multiplier: float = 2.0,
        lowercase: bool = True,
        token_pattern: str | None = None,
        also: list[str] | dict[str, Any] | None = None,
    ) -> None:
        self.n_words = n_words
        self.merge_variants = merge_variants
        self.min_df = min_df
        self.max_df = max_df
        self.bm25_weighting = bm25_weighting
        self.reduce_frequent_words = reduce_frequent_words
        self.seed_words = seed_words
        self.seed_multiplier = seed_multiplier
        self.lowercase = lowercase
        reading: dict[str, Any] = {
            "language": language,
            "stop_words": stop_words,
            "clean": clean,
            "lowercase": lowercase,
            "token_pattern": token_pattern,
            "ngram_range": ngram_range,
            "pos": pos,
            "noun_phrases": noun_phrases,
            "lemmatize": lemmatize,
            "spacy_model": spacy_model,
        }
        self.reader = Reader(**reading)
        self.views = Views(also, reading)
        if n_words < 1:
            raise ParameterError("n_words", n_words, "must be 1 or more.")
        if not 0 < max_df <= 1:
            raise ParameterError(
                "max_df", max_df, "must be a share of the documents, above 0 and at most 1."
            )
        if seed_multiplier <= 0:
            raise ParameterError("seed_multiplier", seed_multiplier, "must be above 0.")

    @property
    def needs_word_vectors(self) -> bool:
        """Whether `fit` needs `encode_words`."""
        return self.views.need_word_vectors

    def read(self, documents: Sequence[str]) -> Words:
        """The words of `documents`, for any number of calls of `fit`."""
        return self.views.read(documents, self.reader.read(documents))

    def fit(
        self,
        documents: Sequence[str],
        labels: Integers,
        *,
        words: Words | None = None,
        embeddings: Matrix | None = None,
        encode_words: EncodeWords | None = None,
    ) -> CTFIDF:
        """Find the words of each topic.

        Parameters
        ----------
        documents : sequence of str, length m
            Empty ones are allowed.
        labels : int array (m,)
            Topic of each document; -1 is none.
        words : Words, optional
            What `read` returned for these documents.
        embeddings, encode_words
            As for `KeyBERT`; used by the views that need them.
        """
        self.weigh(self.read(documents) if words is None else words, np.asarray(labels))
        self.views_ = self.views.fit(self, documents, labels, embeddings, encode_words)
        return self

    def weigh(self, words: Words, labels: Integers) -> CTFIDF:
        """Set `components_`, `idf_` and `words_`; what `fit` does but for the views."""
        from scipy import sparse

        self.source_ = words
        rows = np.flatnonzero(labels >= 0)
        n_topics = int(labels.max(initial=-1)) + 1
        self._columns = self._frequent_enough(words.counts, labels >= 0)
        self._terms = words.terms[self._columns]
        member = sparse.csr_matrix(
            (np.ones(len(rows), np.int64), (labels[rows], rows)), (n_topics, len(labels))
        )
        self._set_weights((member @ words.counts)[:, self._columns].astype(np.float64))
        self.words_ = self._best(self.components_, self.n_words)
        return self

    def words_of(self, members: Any, n_words: int) -> list[list[tuple[str, float]]]:
        """Words of any groups of the documents, as of a topic in one year.

        A term's weight is tf(t, g) times the factor `idf_` that it has in the topics: groups are
        compared on the topics' scale, and a group of all documents of a topic has that topic's
        words.

        Parameters
        ----------
        members : CSR matrix (n_groups, m)
            1 where a group holds a document; a document may be in several groups.
        n_words : int
            Words per group, at most.
        """
        counts = (members @ self.source_.counts)[:, self._columns].astype(np.float64)
        return self._best(self._weighted(counts), n_words)

    @property
    def tokens_(self) -> Tokens:
        return self.source_.tokens

    @property
    def counts_(self) -> Any:
        """CSR matrix, int32 (n_documents, n_terms): how often each document has each term."""
        return self.source_.counts[:, self._columns]

    def get_feature_names_out(self) -> NDArray[np.object_]:
        """The terms (n_terms,), in the order of the columns of `components_`."""
        return self._terms

    def _frequent_enough(self, counts: Any, has_topic: NDArray[np.bool_]) -> Integers:
        """Columns of `counts` (documents, terms) between min_df and max_df."""
        in_topic = np.repeat(has_topic, np.diff(counts.indptr))
        documents = np.bincount(counts.indices[in_topic], minlength=counts.shape[1])
        allowed = (documents > 0) & (documents <= self.max_df * has_topic.sum())
        kept = np.flatnonzero(allowed & (documents >= self.min_df))
        if len(kept) or not allowed.any():
            return kept
        log.warning("no word occurs in %d documents (min_df), so 1 is used.", self.min_df)
        return np.flatnonzero(allowed)

    def _set_weights(self, counts: Any) -> None:
        """Set `idf_` and `components_` from counts (n_topics, n_terms)."""
        sizes = np.asarray(counts.sum(axis=1)).ravel()
        frequency = np.asarray(counts.sum(axis=0)).ravel()
        mean_size = sizes.mean() if len(sizes) else 0.0
        if self.bm25_weighting:
            rarity = (np.maximum(mean_size - frequency, 0) + 0.5) / (frequency + 0.5)
        else:
            rarity = mean_size / frequency
        self.idf_ = np.log1p(rarity)
        if self.seed_words:
            seeds = {word.lower() if self.lowercase else word for word in self.seed_words}
            is_seed = np.fromiter((term in seeds for term in self._terms), bool, len(self._terms))
            self.idf_[is_seed] *= self.seed_multiplier
            if unknown := seeds.difference(self._terms[is_seed]):
                log.warning("seed words that no topic holds: %s", ", ".join(sorted(unknown)))
        self.components_ = self._weighted(counts)

    def _weighted(self, counts: Any) -> Any:
        """W from counts (n_groups, n_terms), in their place."""
        sizes = np.asarray(counts.sum(axis=1)).ravel()
        tf = counts.data / np.repeat(sizes, np.diff(counts.indptr))
        if self.reduce_frequent_words:
            tf = np.sqrt(tf)
        counts.data = tf * self.idf_[counts.indices]
        return counts

    def _best(self, weighted: Any, n_words: int) -> list[list[tuple[str, float]]]:
        """The heaviest words of each row of W."""
        rows = map(slice, weighted.indptr[:-1], weighted.indptr[1:])
        return [self._heaviest(weighted.data[r], weighted.indices[r], n_words) for r in rows]

    def _heaviest(
        self, weights: NDArray[np.float64], columns: Integers, n_words: int
    ) -> list[tuple[str, float]]:
        # Sort only what can be among the best, ties included. Forms of one word take places, so
        # that is three times as many as asked for, and all where even those do not suffice.
        for limit in (3 * n_words, len(weights)):
            near = weights >= (np.partition(weights, -limit)[-limit] if limit < len(weights) else 0)
            pairs = sorted(
                zip(self._terms[columns[near]], weights[near].tolist(), strict=True),
                key=lambda pair: (-pair[1], pair[0]),
            )
            if self.merge_variants:
                new = Distinct(self.source_.languages).add
                pairs = [pair for pair in pairs if new(pair[0])]
            if len(pairs) >= n_words:
                break
        return pairs[:n_words]
