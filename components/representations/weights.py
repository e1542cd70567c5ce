"""The weight of each term in each topic."""

from __future__ import annotations

import logging
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, ParameterError, UserError, at_least
from components.representations.checks import check_words
from components.representations.selection import WordLists
from components.representations.tokens import Tokens, as_counted
from components.representations.variants import Distinct, without_parts
from components.representations.words import Words

log = logging.getLogger(__name__)


class TermWeights:
    """Class-based TF-IDF of words that were read; parameters and attributes as for `CTFIDF`.

    Raises
    ------
    ParameterError
    """

    best_: WordLists  # the words as they are counted; `words_` has them as they are written
    components_: Any
    idf_: NDArray[np.float64]
    _words: WordLists | None

    def __init__(
        self,
        *,
        n_words: int,
        merge_variants: bool,
        min_df: int,
        max_df: float,
        bm25_weighting: bool,
        reduce_frequent_words: bool,
        seed_words: list[str] | None,
        seed_multiplier: float,
        lowercase: bool,
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
        at_least(1, n_words=n_words, min_df=min_df)
        if seed_words is not None:
            check_words("seed_words", seed_words)
        if not 0 < max_df <= 1:
            raise ParameterError(
                "max_df", max_df, "must be a share of the documents, above 0 and at most 1."
            )
        if seed_multiplier <= 0:
            raise ParameterError("seed_multiplier", seed_multiplier, "must be above 0.")

    def weigh(self, words: Words, labels: Integers) -> Self:
        """Set `components_`, `idf_` and `best_`.

        Parameters
        ----------
        words : Words
            Of m documents.
        labels : int array (m,)
            Topic of each document; -1 is none.

        Raises
        ------
        UserError
            When there is not one label for each document.
        """
        from scipy import sparse

        if words.counts.shape[0] != len(labels):
            raise UserError(
                f"there are {words.counts.shape[0]} documents and {len(labels)} labels: give one "
                "label for each document, -1 where it has no topic."
            )
        self.source_ = words
        rows = np.flatnonzero(labels >= 0)
        n_topics = int(labels.max(initial=-1)) + 1
        self._columns = self._frequent_enough(words.counts, labels >= 0)
        self._terms = words.terms[self._columns]
        member = sparse.csr_matrix(
            (np.ones(len(rows), np.int64), (labels[rows], rows)), (n_topics, len(labels))
        )
        self._set_weights((member @ words.counts)[:, self._columns].astype(np.float64))
        self.best_ = self._best(self.components_, self.n_words)
        self._words = None
        return self

    @property
    def words_(self) -> WordLists:
        if self._words is None:
            self._words = self.as_written(self.best_)
        return self._words

    def as_written(self, words: WordLists) -> WordLists:
        """Words as the documents write them, from words as they are counted."""
        written = self.source_.written
        return words if written is None else written(words)

    def words_of(self, members: Any, n_words: int) -> WordLists:
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
        return self.as_written(self._best(self._weighted(counts), n_words))

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
        frequent = np.flatnonzero(allowed & (documents >= self.min_df))
        if len(frequent) or not allowed.any():
            return frequent
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
            seeds = self._counted(self.seed_words)
            is_seed = np.fromiter((term in seeds for term in self._terms), bool, len(self._terms))
            self.idf_[is_seed] *= self.seed_multiplier
            if unknown := seeds.difference(self._terms[is_seed]):
                log.warning("seed words that no topic holds: %s", ", ".join(sorted(unknown)))
        self.components_ = self._weighted(counts)

    def _counted(self, seed_words: list[str]) -> set[str]:
        """Seed words as the terms have them: in lower case, unless they are acronyms."""
        words = set(as_counted(seed_words))
        if not self.lowercase:
            return words
        terms = set(self._terms)
        return {word if word in terms else word.lower() for word in words}

    def _weighted(self, counts: Any) -> Any:
        """W from counts, CSR (n_groups, n_terms), which it overwrites."""
        sizes = np.asarray(counts.sum(axis=1)).ravel()
        tf = counts.data / np.repeat(sizes, np.diff(counts.indptr))
        if self.reduce_frequent_words:
            tf = np.sqrt(tf)
        counts.data = tf * self.idf_[counts.indices]
        return counts

    def _best(self, weighted: Any, n_words: int) -> WordLists:
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
                pairs = without_parts([pair for pair in pairs if new(pair[0])])
            if len(pairs) >= n_words:
                break
        return pairs[:n_words]
