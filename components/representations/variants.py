"""Forms and spellings of one word: game and games, colour and color, Rechnung and Rechnungen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import combinations, product
from math import inf
from typing import TypeAlias

from components.representations.language import NAMES

Key: TypeAlias = tuple[str, str]  # language, what forms of one word have in common


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


def without_parts(terms: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Terms with weights, less the parts of phrases among them that occur mostly in the phrase.

    Beside "royal commission", "royal" says nothing more, unless it is far heavier: a part is left
    out where the phrase has at least two thirds of its weight.
    """
    weights = dict(terms)
    parts: set[str] = set()
    for phrase, weight in terms:
        words = phrase.split()
        for first, end in combinations(range(len(words) + 1), 2):
            part = " ".join(words[first:end])
            if part != phrase and weight >= weights.get(part, inf) * 2 / 3:
                parts.add(part)
    return [term for term in terms if term[0] not in parts]


@lru_cache(maxsize=100_000)
def _keys(term: str, languages: tuple[str, ...]) -> frozenset[Key]:
    words = term.lower().split()
    return frozenset(
        (language, " ".join(choice))
        for language in languages or ("",)
        for choice in product(*(_stems(language)(word) for word in words))
    )


@cache
def _stems(language: str) -> Callable[[str], set[str]]:
    """What a word of `language` may be a form of."""
    import snowballstemmer

    if language == "en":
        return _english
    if language == "vi":  # without its accents a word is another one
        return lambda word: {word}
    name = NAMES.get(language, "")
    if name not in snowballstemmer.algorithms():
        return lambda word: {_folded(word)}
    stem = snowballstemmer.stemmer(name).stemWord
    if language == "ar":  # its stemmer cuts a word with an article less than one without
        return lambda word: {stem(word), _ARTICLE.sub("", word)}
    return lambda word: {_folded(stem(word))}


# "The", with "and", "so", "with", "as" or "for" before it.
_ARTICLE = re.compile("^(?:[\u0648\u0641\u0628\u0643]?\u0627\u0644|\u0644\u0644)(?=\\w{3})")


def _english(word: str) -> set[str]:
    """The word, and the words whose plural, -ed or -ing form it may be."""
    word = _folded(word)
    forms = {word}
    if word.endswith("ies") and len(word) > 4:
        forms.add(word[:-3] + "y")
    elif len(word) > 3 and word[-1] == "s" and word[-2] not in "siu" and word != "news":
        forms.add(word[:-1])
        if re.search("(?:s|sh|ch|x|z)es$", word):
            forms.add(word[:-2])
    # What is left must look like a word of its own: "string" is not a form of "str".
    match = re.fullmatch(r"(\w*[aeiouy]\w+?)(?:ed|ing)", word)
    if match and len(match[1]) >= 3:
        stem = match[1]
        forms |= {stem, stem + "e"}
        if stem[-1] == stem[-2]:  # planned
            forms.add(stem[:-1])
    return {_american(form) for form in forms}


_SPELLINGS = (("our", "or"), ("is(?=[aei])", "iz"), ("[ao]e", "e"), ("tre$", "ter"),
              ("ence$", "ense"), ("ogue$", "og"))  # fmt: skip


def _american(word: str) -> str:
    """The same for British and American spellings of a word, and not always either of them."""
    for pattern, to in _SPELLINGS:
        word = re.sub(pattern, to, word)
    return word


def _folded(word: str) -> str:
    """Latin and Greek letters without accents; the signs of other scripts are letters."""
    decomposed = unicodedata.normalize("NFD", word)
    return re.sub("(?<=[a-z\u0370-\u03ff])[\u0300-\u036f]+", "", decomposed)
