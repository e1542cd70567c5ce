"""Acronyms that are spelt like a stop word: US and us, IT and it, WHO and who."""

from __future__ import annotations

import re
from collections.abc import Set

from components.representations.segment import UNSPACED
from components.representations.tokens import undotted
from components.representations.written import among_capitals

# A list, since no count distinguishes them from emphasis: in news up to 5 % of all "it" are IT, and
# on Usenet 3 % of all "not" are NOT. Writers seldom stress one of these by capitals.
_ACRONYMS = ("AI", "ID", "IE", "IT", "MR", "NATO", "ONU", "US", "USA", "WHO")
_CAPITALS = re.compile(r"\s+([A-Z]{2,})\b")


class Acronyms:
    """Puts text in lower case, except acronyms that would then be stop words.

    A word in capitals is an acronym where it has dots, as U.S., or the words beside it are not in
    capitals too, see `among_capitals`. After US they may be (US FDA, US DOLLARS), unless stop words
    are (IT WAS, WHO ARE). The dots of any abbreviation in capitals are left out.

    Parameters
    ----------
    stop_words : set of str
        In lower case. Only acronyms that are spelt like one of these are kept apart: any other
        word is one word, whatever its case.
    lowercase : bool
        False: put nothing in lower case but what looks like an acronym and is none.

    Attributes
    ----------
    words : frozenset of str
        The acronyms, in upper case.
    """

    def __init__(self, stop_words: Set[str], *, lowercase: bool = True) -> None:
        self.words = frozenset(word for word in _ACRONYMS if word.lower() in stop_words)
        self._stop_words = stop_words
        self._lowercase = lowercase
        # What is before a word is not part of the pattern, which would then look at every place of
        # the text. Chinese and Japanese put no space around a Latin word. IT'S is not an acronym,
        # nor is the MR. before a name.
        words = "|".join(r"\.?".join(word) for word in sorted(self.words))
        self._pattern = re.compile(
            rf"(?:{words})(?!['\u2019][A-Z])(?<!MR(?=\.))(?:(?!\w)|(?={UNSPACED.pattern}))"
        )

    def __call__(self, text: str) -> str:
        if not self.words:
            return self._lower(text)
        parts, last = [], 0
        for match in self._pattern.finditer(text):
            start, end = match.span()
            if start and _continues(text[start - 1]):
                continue
            word = match[0].replace(".", "")
            is_acronym = word != match[0] or self._stands_out(text, start, end)
            parts += [self._lower(text[last:start]), word if is_acronym else word.lower()]
            last = end
        return "".join([*parts, self._lower(text[last:])])

    def _lower(self, text: str) -> str:
        text = undotted(text)
        return text.lower() if self._lowercase else text

    def _stands_out(self, text: str, start: int, end: int) -> bool:
        after = _CAPITALS.match(text, end)
        if text[start:end] == "US" and after and after[1].lower() not in self._stop_words:
            end = after.end()
        return not among_capitals(text, start, end)


def _continues(character: str) -> bool:
    """Whether a Latin letter after this character is in the same word."""
    return (character.isalnum() or character == "_") and not UNSPACED.match(character)
