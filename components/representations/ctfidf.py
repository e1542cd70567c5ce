"""Words that are frequent in one topic and rare in the others."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, UserError
from components.representations.stopwords import english
from components.representations.tokens import Tokens, count_terms, tokenize

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
    ngram_range : list of two int
        Shortest and longest term, in words. Stop words are taken out first.
    stop_words : "english", list of str, or None
        Compared without regard to case.
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

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, weight)
        Best first; of equal weights, by the alphabet.
    components_ : CSR matrix, float64 (n_topics, n_terms)
        W.
    idf_ : float64 array (n_terms,)
        The factor of W that does not depend on the topic.
    counts_ : CSR matrix, int32 (n_documents, n_terms)
    tokens_ : Tokens
        The words of the documents before any was left out.

    Notes
    -----
    BM25's factor as Robertson and Zaragoza (2009) have it counts documents, so that f <= A; with
    counts of terms ln(1 + (A - f + 1/2) / (f + 1/2)) falls below zero for f > A + 1/2, and the
    most frequent words of a topic would get the lowest weights. With max(A - f, 0) it is the same
    for f <= A, and beyond that goes on falling towards zero.
    """

    words_: list[list[tuple[str, float]]]
    components_: Any
    idf_: NDArray[np.float64]
    counts_: Any
    tokens_: Tokens

    def __init__(
        self,
        *,
        n_words: int = 10,
        ngram_range: Sequence[int] = (1, 1),
        stop_words: Literal["english"] | list[str] | None = "english",
        min_df: int = 1,
        max_df: float = 1.0,
        bm25_weighting: bool = False,
        reduce_frequent_words: bool = False,
        seed_words: list[str] | None = None,
        seed_multiplier: float = 2.0,
        lowercase: bool = True,
        token_pattern: str | None = None,
    ) -> None:
        self.n_words = n_words
        self.ngram_range = ngram_range
        self.stop_words = stop_words
        self.min_df = min_df
        self.max_df = max_df
        self.bm25_weighting = bm25_weighting
        self.reduce_frequent_words = reduce_frequent_words
        self.seed_words = seed_words
        self.seed_multiplier = seed_multiplier
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self._check()

    def fit(self, documents: Sequence[str], labels: Integers) -> CTFIDF:
        """Find the words of each topic.

        Parameters
        ----------
        documents : sequence of str, length m
            Empty ones are allowed.
        labels : int array (m,)
            Topic of each document; -1 is none.
        """
        from scipy import sparse

        labels = np.asarray(labels)
        rows = np.flatnonzero(labels >= 0)
        n_topics = int(labels.max(initial=-1)) + 1
        self.tokens_ = tokenize(
            documents, lowercase=self.lowercase, token_pattern=self.token_pattern
        )
        first, last = self.ngram_range
        counts, terms = count_terms(self.tokens_.without(self._stopped()), first, last)
        kept = self._frequent_enough(counts[rows])
        self._terms = np.array(terms, dtype=object)[kept]
        self.counts_ = counts[:, kept]
        member = sparse.csr_matrix(
            (np.ones(len(rows), np.int64), (labels[rows], rows)), (n_topics, len(labels))
        )
        self._weigh((member @ self.counts_).astype(np.float64))
        self.words_ = [self._best(topic) for topic in range(n_topics)]
        return self

    def get_feature_names_out(self) -> NDArray[np.object_]:
        """The terms (n_terms,), in the order of the columns of `components_`."""
        return self._terms

    def _stopped(self) -> NDArray[np.bool_]:
        """Which of the words are stop words."""
        given = english() if self.stop_words == "english" else self.stop_words or ()
        stop = {word.lower() for word in given}
        words = self.tokens_.words
        return np.fromiter((word.lower() in stop for word in words), bool, len(words))

    def _frequent_enough(self, counts: Any) -> Integers:
        """Columns of `counts` (documents with a topic, terms) between min_df and max_df."""
        documents = np.bincount(counts.indices, minlength=counts.shape[1])
        allowed = (documents > 0) & (documents <= self.max_df * counts.shape[0])
        kept = np.flatnonzero(allowed & (documents >= self.min_df))
        if len(kept) or not allowed.any():
            return kept
        log.warning(
            "no word occurs in representation.min_df=%d documents, so 1 is used.", self.min_df
        )
        return np.flatnonzero(allowed)

    def _weigh(self, counts: Any) -> None:
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
        tf = counts.data / np.repeat(sizes, np.diff(counts.indptr))
        if self.reduce_frequent_words:
            tf = np.sqrt(tf)
        counts.data = tf * self.idf_[counts.indices]
        self.components_ = counts

    def _best(self, topic: int) -> list[tuple[str, float]]:
        row = slice(*self.components_.indptr[topic : topic + 2])
        weights, columns = self.components_.data[row], self.components_.indices[row]
        if len(weights) > self.n_words:  # sort only what can be among the best, ties included
            bound = np.partition(weights, -self.n_words)[-self.n_words]
            weights, columns = weights[weights >= bound], columns[weights >= bound]
        pairs = zip(self._terms[columns], weights.tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[: self.n_words]

    def _check(self) -> None:
        if self.n_words < 1:
            raise UserError(f"representation.n_words is {self.n_words}: type 1 or more.")
        sizes = list(self.ngram_range)
        if len(sizes) != 2 or not 1 <= sizes[0] <= sizes[1]:
            raise UserError(
                f"representation.ngram_range is {sizes}: type the shortest and the longest term "
                "in words, as in 'representation.ngram_range=[1,2]'."
            )
        if isinstance(self.stop_words, str) and self.stop_words != "english":
            raise UserError(
                f"representation.stop_words is '{self.stop_words}': type english, null, or a list "
                "of words, as in 'representation.stop_words=[der,die,das]'."
            )
        if not 0 < self.max_df <= 1:
            raise UserError(
                f"representation.max_df is {self.max_df}: type a share of the documents, above 0 "
                "and at most 1."
            )
        if self.seed_multiplier <= 0:
            raise UserError(
                f"representation.seed_multiplier is {self.seed_multiplier}: type a number above 0."
            )
        try:
            groups = re.compile(self.token_pattern or "").groups
        except re.error as error:
            raise UserError(
                f"representation.token_pattern '{self.token_pattern}' is no regular expression: "
                f"{error}."
            ) from error
        if groups > 1:
            raise UserError(
                f"representation.token_pattern '{self.token_pattern}' has {groups} groups: only "
                "one can be the word. Write the others as (?:...)."
            )
