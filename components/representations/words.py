"""The words of a corpus, read once for all topics that are described by them."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import ParameterError, progress
from components.representations.acronyms import Acronyms
from components.representations.boilerplate import boilerplate
from components.representations.checks import check_words
from components.representations.clean import Cleaner
from components.representations.counts import count_terms
from components.representations.language import NAMES, code, detect
from components.representations.segment import (
    UNSPACED,
    Segmenters,
    require_segmenter,
    syllable_joiner,
)
from components.representations.stopwords import DEBRIS, stop_words
from components.representations.tagged import Tagger
from components.representations.tokens import Tokens, as_counted, tokenize
from components.representations.written import Written

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """What a representation needs of the documents, whatever their topics are.

    Parameters
    ----------
    tokens : Tokens
        All words, stop words included, in reading order.
    counts : CSR matrix, int32 (n_documents, n_terms)
        Terms are words, or runs of words, after the stop words were left out.
    terms : object array (n_terms,) of str
    languages : tuple of str
        ISO 639-1 codes; those asked for or detected.
    removed : Counter
        How much was left out by `clean`, by kind.
    tagged : Words, optional
        The words that were chosen by part of speech, for a view of the same topics.
    written : Written, optional
        Gives terms the form that the documents have; None: terms are shown as they are counted.
    """

    tokens: Tokens
    counts: Any
    terms: NDArray[np.object_]
    languages: tuple[str, ...]
    removed: Counter[str] = field(default_factory=Counter)
    tagged: Words | None = None
    written: Written | None = None


class Reader:
    """Reads the words of documents; the parameters are those of `CTFIDF`.

    Raises
    ------
    ParameterError, MissingExtraError
    """

    def __init__(
        self,
        *,
        language: Any,
        stop_words: Any,
        extra_stop_words: list[str] | None,
        clean: bool,
        lowercase: bool,
        case: str,
        token_pattern: str | None,
        ngram_range: Any,
        pos: Sequence[str] | None,
        noun_phrases: bool,
        lemmatize: bool,
        spacy_model: str,
    ) -> None:
        self.language = _languages(language)
        self.stop_words = _stop_words(stop_words)
        if extra_stop_words is not None:
            check_words("extra_stop_words", extra_stop_words)
        self.extra_stop_words = as_counted(extra_stop_words or ())
        self.clean = clean
        self.lowercase = lowercase
        self.case = _case(case)
        self.token_pattern = _pattern(token_pattern)
        self.ngram_range = _sizes(ngram_range)
        self.tagger: Tagger | None = None
        if pos is not None or noun_phrases or lemmatize:
            self.tagger = Tagger(
                pos=pos, noun_phrases=noun_phrases, lemmatize=lemmatize, spacy_model=spacy_model
            )
        for name in self.language or ():
            require_segmenter(name)

    def read(self, documents: Sequence[str]) -> Words:
        """The words of `documents`, and how often each document contains each."""
        cleaner = Cleaner() if self.clean else None
        languages = self._detected(documents) if self.language is None else self.language
        texts: Iterable[str] = documents if cleaner is None else map(cleaner, documents)
        if self.tagger is not None:
            texts = self.tagger(texts, len(documents))
        elif join := syllable_joiner(languages):
            texts = map(join, progress(texts, total=len(documents), label="words"))
        segmenters = Segmenters(languages)
        stop, acronyms = self._stop_words_and_acronyms(languages)
        tokens = tokenize(
            texts,
            lower=acronyms,
            token_pattern=self.token_pattern,
            segment=lambda run: segmenters(run) if UNSPACED.search(run) else [run],
        )
        stopped = np.fromiter(
            (word.lower() in stop and word not in acronyms.words for word in tokens.words),
            bool,
            len(tokens.words),
        )
        removed: Counter[str] = Counter()
        if cleaner is not None:
            common = boilerplate(tokens, stopped)
            removed = cleaner.removed + Counter({"words of boilerplate": int(common.sum())})
            tokens = tokens.only(~common)
            if removed:
                log.info("not counted as words: %s", ", ".join(map(_counted, removed.items())))
            if removed["HTML tags"] >= len(documents) > 0:
                log.info(
                    "the documents are HTML, and the embedder reads all of it: dataset.clean=html "
                    "takes it out, of tables and the report too."
                )
        counts, terms = count_terms(tokens.without(stopped), *self.ngram_range)
        of_terms = np.array(terms, dtype=object)
        written = None
        if self.case == "as_written" and self.lowercase:
            written = Written(documents, counts, of_terms, languages, self.clean)
        return Words(tokens, counts, of_terms, languages, removed, written=written)

    def _detected(self, documents: Sequence[str]) -> tuple[str, ...]:
        shares = detect(documents, Cleaner() if self.clean else None)
        if not shares:
            log.info("language: not detected; English stop words are used.")
            return ("en",)
        if [*shares] != ["en"]:
            shown = [f"{NAMES[name].title()} {share:.0%}" for name, share in shares.items()]
            log.info("language, from a sample of the documents: %s.", ", ".join(shown))
        return tuple(shares)

    def _stop_words_and_acronyms(
        self, languages: tuple[str, ...]
    ) -> tuple[frozenset[str], Acronyms]:
        """The stop words, and the acronyms to keep apart from them."""
        own = self.extra_stop_words
        if isinstance(self.stop_words, frozenset):
            own |= self.stop_words
            spelt_alike = stop = frozenset(map(str.lower, own))
        else:
            lists = self.stop_words or languages
            if without := [NAMES[name] for name in lists if not stop_words([name])]:
                log.warning("there is no list of stop words for %s.", ", ".join(without))
            spelt_alike = stop_words(lists)
            stop = spelt_alike | DEBRIS | set(map(str.lower, own))
        # Whoever lists US in capitals wants it left out too.
        spelt_alike = spelt_alike.difference(word.lower() for word in own if word.isupper())
        if self.lowercase and self.case == "lower":  # shown so, US would read as the stop word
            spelt_alike = frozenset()
        return stop, Acronyms(spelt_alike, lowercase=self.lowercase)


def _counted(item: tuple[str, int]) -> str:
    return f"{item[1]:,} {item[0]}"


def _languages(value: Any) -> tuple[str, ...] | None:
    """Codes of the languages; None: to be detected."""
    if value == "auto":
        return None
    names = value if isinstance(value, list | tuple) else [value]
    if not names:
        raise ParameterError("language", value, "is empty. Type auto, or a language such as de.")
    return tuple(dict.fromkeys(code(name, "language") for name in names))


def _stop_words(value: Any) -> tuple[str, ...] | frozenset[str] | None:
    """Languages whose lists are taken, or the words; None: as the language has them."""
    if value == "auto":
        return None
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return (code(value, "stop_words"),)
    if not isinstance(value, list | tuple):
        raise ParameterError(
            "stop_words", value, "must be auto, the name of a language, null, or a list of words."
        )
    check_words("stop_words", value)
    return as_counted(value)


def _sizes(value: Any) -> tuple[int, int]:
    """Shortest and longest term, in words."""
    match value:
        case (int(shortest), int(longest)) if 1 <= shortest <= longest:
            return shortest, longest
    raise ParameterError(
        "ngram_range", value, "must be the shortest and the longest term in words, as in [1,2]."
    )


def _case(value: str) -> str:
    if value not in ("as_written", "lower"):
        raise ParameterError("case", value, "must be as_written or lower.")
    return value


def _pattern(value: str | None) -> str | None:
    if value == "":
        raise ParameterError("token_pattern", value, "is empty. Type null for the usual words.")
    try:
        groups = re.compile(value or "").groups
    except re.error as error:
        raise ParameterError(
            "token_pattern", value, f"is not a regular expression: {error}."
        ) from error
    if groups > 1:
        raise ParameterError(
            "token_pattern",
            value,
            f"has {groups} groups: only one can be the word. Write the others as (?:...).",
        )
    return value
