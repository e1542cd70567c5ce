"""Words as the documents write them: IBM, iPhone, Merkel, but workers though Workers begins a line.

Words are counted in lower case. How the few that are shown are written is seen in a sample of the
documents that hold them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

from components.base import Integers
from components.representations.clean import Cleaner
from components.representations.segment import UNSPACED
from components.representations.stopwords import stop_words
from components.representations.tokens import undotted
from components.text import lower

_DOCUMENTS = 60  # that are looked at for a word, at most
_SILENT = 30  # without a single vote for any form, after which no more are looked at
_LEAD = 5  # votes for or against capitals, and three times as many: no more are looked at
_MARGIN = 1.2  # votes for capitals to one for lower case: a wrong capital is worse than none
_SHOUTED = (0.25, 1.5)  # of its votes for capitals, a long or a short word is written otherwise
_LONG = 5  # letters from which on a word is long: few acronyms are
_PER_DOCUMENT = 2  # occurrences of a word that count, so that no document decides alone
_LONGEST = 10_000  # characters of a document that are looked at
_AROUND = 80  # characters before and after a word that show the style of its line
_ORDINARY = 0.25  # share of the words around in lower case, from which on a line is not a title

_WORDS = re.compile(r"[^\W\d_]{2,}")
_LAST = re.compile(rf"({_WORDS.pattern})\s+\Z")
_NEXT = re.compile(rf"\s+({_WORDS.pattern})")
_QUOTES = "\"'\u00ab\u00bb\u2018\u201a\u201c\u201d\u201e\u2039\u203a"
_OPENING = f" \t([{{*<>|\u00a1\u00bf{_QUOTES}"  # between two sentences
_ENDS = ".!?:;\u2026\u2022\u00b7\u2013\u2014-~=|"


class Written:
    """Gives the terms of a corpus the form in which it writes them most often.

    A form counts where neither the place nor the style of the line explains it: a capital at the
    beginning of a sentence or in a title tells nothing, nor do capitals among capitals, nor lower
    case where all is so. A word without other evidence stays in lower case. Capitals of a whole
    word are those of an acronym, or emphasis: an acronym is hardly ever written Nasa, not even at
    the beginning of a sentence, so the words that are have no capitals but the first.

    Parameters
    ----------
    documents : sequence of str, length n
    counts : CSR matrix (n, n_terms)
        How often each document holds each term.
    terms : object array (n_terms,) of str
        In lower case, except acronyms.
    languages : tuple of str
        Their stop words tell nothing about the style of a line.
    clean : bool
        Whether terms were counted in the text that `Cleaner` leaves.

    Notes
    -----
    At most 60 documents are looked at for a term, those whose beginnings have the lowest checksums:
    the order of the documents does not matter, nor what the topics are.
    """

    def __init__(
        self,
        documents: Sequence[str],
        counts: Any,
        terms: Any,
        languages: tuple[str, ...],
        clean: bool,
    ) -> None:
        self._documents = documents
        self._counts = counts
        self._terms = terms
        self._cleaner = Cleaner() if clean else None
        self._stop_words = stop_words(languages)
        self._known: dict[str, str] = {}

    def __call__(
        self, topics: Iterable[Sequence[tuple[str, float]]]
    ) -> list[list[tuple[str, float]]]:
        """The same words and weights, by topic, with the words as they are written."""
        topics = list(topics)
        self._look({word for words in topics for word, _ in words} - self._known.keys())
        return [[(self._known[word], weight) for word, weight in words] for words in topics]

    def _look(self, terms: set[str]) -> None:
        """Add the forms of `terms` to those known."""
        self._known |= {term: term for term in terms}
        cased = {term for term in terms if term.upper() != term}
        if not cased:
            return
        columns = [column for column, term in enumerate(self._terms) if term in cased]
        holding = self._counts[:, columns].tocsc()
        texts: dict[int, tuple[str, str]] = {}
        for place, column in enumerate(columns):
            rows = holding.indices[holding.indptr[place] : holding.indptr[place + 1]]
            self._known[self._terms[column]] = self._form(self._terms[column], rows, texts)

    def _form(self, term: str, rows: Any, texts: dict[int, tuple[str, str]]) -> str:
        own = term.split(" ")
        words = list(map(lower, own))
        find = _phrase(words)
        votes: list[Counter[str]] = [Counter() for _ in words]
        otherwise = [0] * len(words)  # written with small letters
        for looked, row in enumerate(self._sample(rows)):
            if row not in texts:
                texts[row] = self._text(row)
            text, lowered = texts[row]
            for number, spans in enumerate(find(lowered)):
                if number == _PER_DOCUMENT:
                    break
                for place, (start, end) in enumerate(spans):
                    form, tells = text[start:end], self._tells(text, start, end)
                    if tells:
                        votes[place][form] += 1
                    otherwise[place] += _is_title(form) or (tells and form.islower())
            silent = looked >= _SILENT and not any(votes)
            if silent or all(map(_decided, votes, words)):
                break
        for vote, number in zip(votes, otherwise, strict=True):
            _drop_shouted(vote, number)
        # A word that is counted in capitals is an acronym: that in "US troops".
        forms = map(_winner, votes, words)
        return " ".join(
            form if word == counted else counted
            for counted, word, form in zip(own, words, forms, strict=True)
        )

    def _sample(self, rows: Any) -> list[int]:
        ranks = self._ranks[rows]
        if len(ranks) > _DOCUMENTS:
            ranks = np.partition(ranks, _DOCUMENTS)[:_DOCUMENTS]
        sampled: list[int] = self._order[np.sort(ranks)].tolist()
        return sampled

    @cached_property
    def _order(self) -> Integers:
        """The documents by a checksum of their beginning, int64 (n,)."""
        sums = [crc32(text[:100].encode(errors="replace")) for text in self._documents]
        return np.argsort(np.array(sums, np.int64), kind="stable")

    @cached_property
    def _ranks(self) -> Integers:
        ranks = np.empty_like(self._order)
        ranks[self._order] = np.arange(len(ranks))
        return ranks

    def _text(self, row: int) -> tuple[str, str]:
        """A document as its words were read, and in lower case, of the same length."""
        text = self._documents[row][:_LONGEST]
        if self._cleaner is not None:
            text = self._cleaner(text)
        text = undotted(text.replace("\u2019", "'"))
        return text, lower(text)

    def _tells(self, text: str, start: int, end: int) -> bool:
        """Whether the form of the word there is one that place and style do not explain."""
        form = text[start:end]
        before, after = text[start - 1 : start], text[end : end + 1]
        if before == "_" or after == "_":
            return False
        is_lower, is_title = form.islower(), _is_title(form)
        if is_lower or is_title:
            # Within a host, java.util.List, or in a path: /usr/lib says how usr is written.
            marks = "." if is_lower else "./\\"
            if before and before in marks and text[start - 2 : start - 1].isalnum():
                return False
            if after and after in marks and text[end + 1 : end + 2].isalnum():
                return False
        elif not form.isupper():
            return True
        if is_title and _begins(text, start):
            return False
        head, tail = _line_around(text, start, end)
        if is_lower:
            return head != head.lower() or tail != tail.lower()
        if not is_title:
            return not among_capitals(text, start, end)
        words = _WORDS.findall(head) + _WORDS.findall(tail)
        around = [word for word in words if word.lower() not in self._stop_words]
        ordinary = sum(not word[0].isupper() for word in around)
        return ordinary > 0 and ordinary >= _ORDINARY * len(around)


def among_capitals(text: str, start: int, end: int) -> bool:
    """Whether the word at `text[start:end]` may be in capitals because its line is.

    True where a word beside it, with nothing but blanks between, is in capitals, or all words
    around it are, or there are none. In EU-US, or "the EU, US and UK", each is an acronym.
    """
    head, tail = _line_around(text, start, end)
    beside = filter(None, (_LAST.search(head), _NEXT.match(tail)))
    if any(_in_capitals(match[1]) for match in beside):
        return True
    return all(map(_in_capitals, _WORDS.findall(head) + _WORDS.findall(tail)))


def _in_capitals(word: str) -> bool:
    """Whether a word is; Chinese or Japanese with a Latin word in it is not."""
    return word.isupper() and not UNSPACED.search(word)


def _line_around(text: str, start: int, end: int) -> tuple[str, str]:
    """Up to `_AROUND` characters of the line before and after `text[start:end]`."""
    first = max(text.rfind("\n", 0, start) + 1, start - _AROUND)
    last = text.find("\n", end, end + _AROUND)
    return text[first:start], text[end : end + _AROUND if last < 0 else last]


def _phrase(words: list[str]) -> Callable[[str], Iterator[list[tuple[int, int]]]]:
    """A function from a text to the (start, end) of each word, for each occurrence of the words.

    Up to three other words may lie between two of them: the stop words that were left out.
    """
    if len(words) == 1:
        return lambda text: _occurrences(text, words[0])
    between = r"\W+(?:\w+\W+){0,3}?"
    pattern = re.compile(rf"\b{between.join(f'({re.escape(word)})' for word in words)}\b")
    groups = range(1, len(words) + 1)
    return lambda text: ([m.span(group) for group in groups] for m in pattern.finditer(text))


def _occurrences(text: str, word: str) -> Iterator[list[tuple[int, int]]]:
    end = 0
    while (start := text.find(word, end)) >= 0:
        end = start + len(word)
        if not (_joins(text[start - 1 : start]) or _joins(text[end : end + 1])):
            yield [(start, end)]


def _joins(character: str) -> bool:
    """Whether a word goes on with it; Chinese or Korean around a Latin word is another word."""
    return character.isalnum() and not UNSPACED.match(character)


def _begins(text: str, start: int) -> bool:
    """Whether a sentence, a line or a quotation may begin there."""
    before = text[max(start - 20, 0) : start]
    rest = before.rstrip(_OPENING)
    if not rest or rest[-1] in "\n\r":
        return True
    if before[-1] in _QUOTES:
        return not before[-2:-1].isalnum()  # as it is in l'Europe
    return rest[-1] in _ENDS and rest != before


def _is_title(form: str) -> bool:
    return form[0].isupper() and form[1:].islower()


def _decided(votes: Counter[str], word: str) -> bool:
    fewer, more = sorted((votes[word], votes.total() - votes[word]))
    if any(form.isupper() for form in votes):  # an acronym, or shouted
        return False
    return more - fewer >= _LEAD and more >= 3 * fewer


def _drop_shouted(votes: Counter[str], otherwise: int) -> None:
    """Remove the votes for a form in capitals that is emphasis, by what is written otherwise."""
    if any(not (form.isupper() or form.islower() or _is_title(form)) for form in votes):
        return  # SIMMs
    for form in [form for form in votes if form.isupper()]:
        is_short = len(form) < _LONG or not form.isalpha()
        if otherwise >= _SHOUTED[is_short] * votes[form]:
            del votes[form]


def _winner(votes: Counter[str], word: str) -> str:
    """Lower case, or the other form with most votes; of equals, that with more capitals."""
    capitals = {form: n for form, n in votes.items() if form != word}
    if sum(capitals.values()) <= _MARGIN * votes[word]:
        return word
    return max(capitals, key=lambda form: (capitals[form], form.swapcase()))
