"""Documents to words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.arrow import strings, to_numpy
from components.base import Integers

_BLOCK = 16_000_000  # characters that are held as separate words at a time

Split = Callable[[str], list[str]]


@dataclass(frozen=True)
class Tokens:
    """The words of documents, as numbers, in reading order.

    Parameters
    ----------
    ids : int32 array (number of tokens,)
        Which of `words` each token is.
    starts : int64 array (n + 1,)
        The tokens of document i are `ids[starts[i] : starts[i + 1]]`.
    words : list of str
        By first appearance. A word that was dropped keeps its number.
    """

    ids: NDArray[np.int32]
    starts: Integers
    words: list[str]

    def without(self, dropped: NDArray[np.bool_]) -> Tokens:
        """The same tokens less the words for which `dropped` (number of words,) is true."""
        return self.only(~dropped[self.ids])

    def only(self, chosen: NDArray[np.bool_]) -> Tokens:
        """The tokens for which `chosen` (number of tokens,) is true."""
        if chosen.all():
            return self
        places = np.flatnonzero(chosen)
        return Tokens(self.ids[places], np.searchsorted(places, self.starts), self.words)


APOSTROPHES = "'\u2019\u02bc\uff07"
PHRASE = "\uf8f0"
"""Joins the words of a phrase that is to be one token; a space once it is."""

# Marks of the layout in the middle of a word: soft hyphen, word joiner, zero-width no-break space,
# and the marks of direction. A zero-width space is the border between two words, in Khmer or Thai.
_INVISIBLE = {0xAD, 0x2060, 0xFEFF, 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F),
              *range(0x2066, 0x206A), 0x640}  # fmt: skip
_JOINERS = "\u200c\u200d"  # inside Persian and Indic words
_INSIDE = APOSTROPHES + _JOINERS + PHRASE


class _Separators(dict[int, int | None]):
    """A table for `str.translate` that leaves words and turns all else into spaces.

    Accents and vowel signs that are characters of their own belong to the word, or Hindi, Thai
    and decomposed Latin fall apart; variation selectors, which follow emoji, do not. Apostrophes
    and joiners stay, and `words_in` decides on them.
    """

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        mark = unicodedata.category(character) in ("Mn", "Mc")
        selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
        if code in _INVISIBLE:
            self[code] = None
        elif character.isalnum() or (mark and not selector) or character in _INSIDE:
            self[code] = code
        else:
            self[code] = ord(" ")
        return self[code]


_SEPARATORS = _Separators()

# Latin letters: in Russian most such dots are those of initials.
_DOTTED = re.compile(r"\.(?<=\b[A-Z]\.)(?=[A-Z]\b)")


def undotted(text: str) -> str:
    """`text` with each abbreviation in capitals as one word: U.K. is UK. Its last dot stays."""
    return _DOTTED.sub("", text)


def as_counted(words: Iterable[str]) -> frozenset[str]:
    """Words that somebody typed, U.S. among them as US."""
    pairs = ((word, undotted(word)) for word in words)
    return frozenset(word if plain == word else plain.rstrip(".") for word, plain in pairs)


def tokenize(
    documents: Iterable[str],
    *,
    lower: Callable[[str], str] = str.lower,
    token_pattern: str | None = None,
    segment: Split | None = None,
) -> Tokens:
    """Cut documents into words.

    Without a `token_pattern`, a word is a run of two or more letters, marks and digits that is
    not a number, see `words_in`. With one, it is whatever `re.findall` finds, if not empty.

    Parameters
    ----------
    lower : callable
        Puts a document in lower case, or a part of it.
    segment : callable, optional
        Gives the words of a run of letters whose script puts no spaces between them.

    Notes
    -----
    Blocks of some million characters are split at a time, and only the numbers of their words are
    kept. Arrow splits strings and numbers words about twice as fast as Python's `split` and
    `dict`; all that is done to single words is done once for each different word of a block.
    """
    number: dict[str, int] = {}
    ids, sizes = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for block in _blocks(documents):
        starts, encoded = _split(list(map(lower, block)), token_pattern)
        words, lengths = [], []  # of each different run of characters
        for run in encoded.dictionary.to_pylist():
            if token_pattern is not None:
                pieces = [run] if run else []
            elif run.isascii() and run.isalnum():  # nearly all, so without a call or a list
                if len(run) > 1 and not run.isdecimal():
                    words.append(number.setdefault(run, len(number)))
                    lengths.append(1)
                else:
                    lengths.append(0)
                continue
            else:
                pieces = words_in(run, segment)
            lengths.append(len(pieces))
            for word in pieces:
                words.append(number.setdefault(word, len(number)))
        block_ids, block_sizes = _expand(
            to_numpy(encoded.indices),
            starts,
            np.array(words, np.int32),
            np.array(lengths, np.int64),
        )
        ids.append(block_ids)
        sizes.append(block_sizes)
    return Tokens(np.concatenate(ids), np.cumsum(np.concatenate(sizes)), list(number))


def words_in(run: str, segment: Split | None = None) -> list[str]:
    """The words of a run of letters, marks, digits, apostrophes and joiners; often one, or none.

    Composed (NFC). A negation ("don't") and a Cyrillic word with an apostrophe are one word;
    any other apostrophe ends one: l'homme, Bob's. A number is not a word, nor is a single letter,
    but a single Chinese character or Korean syllable is.
    """
    if not run.isascii():
        run = unicodedata.normalize("NFC", run).replace("i\u0307", "i").strip(_JOINERS)
        for apostrophe in APOSTROPHES[1:]:
            run = run.replace(apostrophe, "'")
    if PHRASE in run:
        pieces = [" ".join(filter(None, run.split(PHRASE)))]
    elif "'" in run:
        run = run.strip("'")
        whole = run.endswith("n't") or _CYRILLIC.search(run)
        pieces = [run] if whole else run.split("'")
    else:
        pieces = [run]
    if segment is not None and not run.isascii():
        pieces = [word for piece in pieces for word in segment(piece)]
    return [piece for piece in pieces if _is_word(piece)]


_CYRILLIC = re.compile("[\u0400-\u052f]'[\u0400-\u052f]")
_WHOLE_CHARACTERS = re.compile("[\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")


def _is_word(text: str) -> bool:
    if len(text) < 2 and not _WHOLE_CHARACTERS.match(text):
        return False
    return not text.isnumeric() and any(map(str.isalpha, text))


def _blocks(documents: Iterable[str]) -> Iterator[list[str]]:
    """Documents in blocks of about `_BLOCK` characters."""
    block: list[str] = []
    size = 0
    for document in documents:
        block.append(document)
        size += len(document)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _split(block: list[str], token_pattern: str | None) -> tuple[NDArray[np.int64], Any]:
    """Where each document starts among the runs of a block (n + 1,), and the runs, encoded."""
    import pyarrow.compute as pc

    if token_pattern is None:
        split = pc.ascii_split_whitespace(
            strings(list(map(str.translate, block, repeat(_SEPARATORS))))
        )
        return to_numpy(split.offsets).astype(np.int64), split.flatten().dictionary_encode()
    find = re.compile(token_pattern).findall
    lists = [find(document) for document in block]
    starts = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    return starts, strings([word for words in lists for word in words]).dictionary_encode()


def _expand(
    runs: NDArray[np.int32],
    starts: NDArray[np.int64],
    words: NDArray[np.int32],
    lengths: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Words for runs: their numbers, and how many each document has.

    Parameters
    ----------
    runs : int32 array (number of runs,)
        Which of the different runs each is.
    starts : int64 array (n + 1,)
        Where each document starts in `runs`.
    words, lengths : arrays
        The words of all different runs, one after the other, and how many each has.
    """
    offsets = np.cumsum(lengths) - lengths
    first = np.full(len(lengths), -1, np.int32)
    first[lengths > 0] = words[offsets[lengths > 0]]
    ids, of_run = first[runs], lengths[runs]
    per_document = np.diff(np.concatenate([[0], np.cumsum(of_run)])[starts])
    several = np.flatnonzero(of_run > 1)
    if len(several):
        more = of_run[several] - 1
        inside = np.arange(more.sum()) - np.repeat(np.cumsum(more) - more, more)
        following = words[np.repeat(offsets[runs[several]] + 1, more) + inside]
        ids = np.insert(ids, np.repeat(several + 1, more), following)
    return ids[ids >= 0], per_document
