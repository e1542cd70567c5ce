"""Acronyms that are spelt like a stop word: US and us, IT and it, WHO and who."""

from __future__ import annotations

import re
from collections.abc import Set

from components.representations.segment import UNSPACED
from components.representations.written import among_capitals

# A list, since no count distinguishes them from emphasis: in news up to 5 % of all "it" are IT, and
# on Usenet 3 % of all "not" are NOT. Writers seldom stress one of these by capitals.
_ACRONYMS = ("AI", "ID", "IE", "IT", "MR", "NATO", "ONU", "US", "USA", "WHO")


class Acronyms:
    """Puts text in lower case, except acronyms that would then be stop words.

    A word in capitals is an acronym where the words beside it are not in capitals too, see
    `among_capitals`.

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
        self._lowercase = lowercase
        # What is before a word is not part of the pattern, which would then look at every place of
        # the text. Chinese and Japanese put no space around a Latin word. IT'S is not an acronym.
        self._pattern = re.compile(
            rf"(?:{'|'.join(sorted(self.words))})"
            rf"(?!['\u2019][A-Z])(?:(?!\w)|(?={UNSPACED.pattern}))"
        )

    def __call__(self, text: str) -> str:
        lower = str.lower if self._lowercase else str
        if not self.words:
            return lower(text)
        parts, last = [], 0
        for match in self._pattern.finditer(text):
            start, end = match.span()
            if start and _continues(text[start - 1]):
                continue
            is_acronym = not among_capitals(text, start, end)
            if is_acronym == self._lowercase:  # else it goes with what is around it
                parts += [lower(text[last:start]), match[0] if is_acronym else match[0].lower()]
                last = end
        return "".join([*parts, lower(text[last:])])


def _continues(character: str) -> bool:
    """Whether a Latin letter after this character is in the same word."""
    return (character.isalnum() or character == "_") and not UNSPACED.match(character)
