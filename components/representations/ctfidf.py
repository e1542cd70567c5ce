"""Words that are frequent in one topic and rare in the others: class-based TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.base import Integers, Matrix
from components.representations.selection import EncodeWords
from components.representations.views import Views
from components.representations.weights import TermWeights
from components.representations.words import Reader, Words


class CTFIDF(TermWeights):
    """Class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794, section 3.3).

    The weight of term t in topic c is

        W(t, c) = tf(t, c) * ln(1 + A / f(t))

    with tf the count of t in c divided by the number of terms in c, A the mean number of terms
    per topic, and f the count of t over all topics. Documents without a topic are not counted, nor
    are terms that the options below leave out.

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
        language. A list: these words. None: none. Compared without regard to case, except
        acronyms, see `Acronyms`: us does not stop US, which only a list with US does.
    extra_stop_words : list of str, or None
        Words to leave out beside those of `stop_words`.
    clean : bool
        Leave out HTML, web and e-mail addresses, @names, encoded data, terminal codes, and
        boilerplate: what occurs in nearly every document. What was left out is logged.
    merge_variants : bool
        Of the forms of a word (game, games; colour, color) only the heaviest is among a topic's
        words, and of the parts of a phrase among them none that occurs mostly in it.
    pos : list of str, or None
        Count only words with these universal part-of-speech tags, as in [NOUN, PROPN, ADJ].
    noun_phrases : bool
        Count noun phrases of two to four words as terms, beside single words.
    lemmatize : bool
        Count dictionary forms instead of the forms in the text.
    spacy_model : str
        The spaCy pipeline for the three options above: a name or a folder.
    ngram_range : list of two int
        Shortest and longest n-gram that is a term, in words. Stop words are taken out first.
    min_df : int
        A term must occur in at least this many of the documents that have a topic. Where none
        does, 1 is used.
    max_df : float
        A term must occur in at most this share of them, in (0, 1].
    bm25_weighting : bool
        Weigh by ln(1 + (max(A - f, 0) + 1/2) / (f + 1/2)) instead of ln(1 + A / f).
    reduce_frequent_words : bool
        Use the square root of tf.
    seed_words : list of str, or None
        Terms to favour: their weights are multiplied by `seed_multiplier`.
    seed_multiplier : float
        Above 0.
    lowercase : bool
        Count a word as one whatever its case, as IBM and ibm.
    case : str
        How such a word is shown. "as_written": as the documents mostly write it, see `Written`.
        "lower": in lower case, and then acronyms that are spelt like a stop word are dropped.
        Without `lowercase`, words are shown as they are counted.
    token_pattern : str, or None
        Regular expression for a word. None: runs of two or more letters and digits that are not
        numbers.
    also : list of str, dict of str to dict, or None
        Further views of each topic, see `Views`.

    Attributes
    ----------
    words_ : list, by topic, of lists of (word, weight)
        Best first; equal weights in alphabetical order.
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
    ParameterError
        When an option has a value that it cannot take.
    MissingExtraError
        When spaCy, or what cuts the words of a `language` without spaces, is not installed.

    Notes
    -----
    BM25's factor as Robertson and Zaragoza (2009) have it counts documents, so that f <= A; with
    counts of terms ln(1 + (A - f + 1/2) / (f + 1/2)) falls below zero for f > A + 1/2, and the
    most frequent words of a topic would get the lowest weights. With max(A - f, 0) it is the same
    for f <= A, and beyond that goes on falling towards zero.
    """

    views_: dict[str, list[list[tuple[str, float]]]]

    def __init__(
        self,
        *,
        n_words: int = 10,
        language: Any = "auto",
        stop_words: Any = "auto",
        extra_stop_words: list[str] | None = None,
        clean: bool = True,
        merge_variants: bool = True,
        pos: list[str] | None = None,
        noun_phrases: bool = False,
        lemmatize: bool = False,
        spacy_model: str = "en_core_web_sm",
        ngram_range: Any = (1, 1),
        min_df: int = 1,
        max_df: float = 1.0,
        bm25_weighting: bool = False,
        reduce_frequent_words: bool = False,
        seed_words: list[str] | None = None,
        seed_multiplier: float = 2.0,
        lowercase: bool = True,
        case: str = "as_written",
        token_pattern: str | None = None,
        also: list[str] | dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            n_words=n_words,
            merge_variants=merge_variants,
            min_df=min_df,
            max_df=max_df,
            bm25_weighting=bm25_weighting,
            reduce_frequent_words=reduce_frequent_words,
            seed_words=seed_words,
            seed_multiplier=seed_multiplier,
            lowercase=lowercase,
        )
        reading: dict[str, Any] = {
            "language": language,
            "stop_words": stop_words,
            "extra_stop_words": extra_stop_words,
            "clean": clean,
            "lowercase": lowercase,
            "case": case,
            "token_pattern": token_pattern,
            "ngram_range": ngram_range,
            "pos": pos,
            "noun_phrases": noun_phrases,
            "lemmatize": lemmatize,
            "spacy_model": spacy_model,
        }
        self.reader = Reader(**reading)
        self.views = Views(also, reading)

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

        Raises
        ------
        UserError
            When there is not one label for each document, or a view needs vectors that are not
            given.
        """
        self.weigh(self.read(documents) if words is None else words, np.asarray(labels))
        self.views_ = self.views.fit(self, documents, labels, embeddings, encode_words)
        return self
