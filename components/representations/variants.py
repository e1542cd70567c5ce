"""Forms and spellings of one word: game and games, colour and color, Rechnung and Rechnungen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import TypeAlias

from components.representations.language import NAMES

Key: TypeAlias = tuple[str, str]  # language, what the forms of a word have in common


class Distinct:
    """Tells whether a word is a form of one seen before.

    Forms are told by the Snowball stemmer of each language (Porter 2001), and in English by
    plurals, -ed and -ing alone, since Porter's stemmer takes "police" for "policy" and "universe"
    for "university". Accents do not count.

    Parameters
    ----------
    languages : iterable of str
        ISO 639-1 codes. Of a language without a stemmer only accents and equal words are seen.
    """

    def __init__(self, languages: Iterable[str]) -> None:
        self._languages = tuple(languages)
        self._seen: set[Key] = set()

    def add(self, term: str) -> bool:
        """Whether `term` is new; from then on neither it nor its forms are."""
        keys = _keys(term, self._languages)
        new = self._seen.isdisjoint(keys)
        self._seen.update(keys)
        return new


def distinct(terms: Sequence[str], languages: Iterable[str]) -> list[bool]:
    """For each term, whether none before it is a form of the same words."""
    seen = Distinct(languages)
    return [seen.add(term) for term in terms]


@lru_cache(maxsize=100_000)
def _keys(term: str, languages: tuple[str, ...]) -> tuple[Key, ...]:
    words = term.lower().split()
    return tuple(
        (language, " ".join(_folded(_stemmer(language)(word)) for word in words))
        for language in languages or ("",)
    )


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    import snowballstemmer

    if language == "en":
        return _english
    name = NAMES.get(language, "")
    if name not in snowballstemmer.algorithms():
        return lambda word: word
    stem: Callable[[str], str] = snowballstemmer.stemmer(name).stemWord
    return stem


# British and American spellings, both to one that is neither's.
_SPELLINGS = [(re.compile(pattern), to) for pattern, to in (
    ("our", "or"), ("is(?=[aei])", "iz"), ("[ao]e", "e"), ("tre$", "ter"), ("ence$", "ense"),
    ("gramme", "gram"), ("ogue$", "og"), (r"(.)\1", r"\1"),
)]  # fmt: skip


def _english(word: str) -> str:
    """What the plural, -ed and -ing forms of an English word have in common."""
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif re.search("(?:ss|sh|ch|x|z)es$", word):
        word = word[:-2]
    elif re.search("[^siu]s$", word) and len(word) > 3:
        word = word[:-1]
    # What is left must look like a word of its own: "string" is no form of "str".
    match = re.fullmatch(r"(\w*[aeiouy]\w+?)(?:ed|ing)", word)
    if match and len(match[1]) >= 3:
        word = match[1]
    for pattern, to in _SPELLINGS:
        word = pattern.sub(to, word)
    return word.removesuffix("e")


def _folded(word: str) -> str:
    """Latin and Greek letters without accents; the signs of other scripts are letters."""
    decomposed = unicodedata.normalize("NFD", word)
    return re.sub("(?<=[a-z\u0370-\u03ff])[\u0300-\u036f]+", "", decomposed)
