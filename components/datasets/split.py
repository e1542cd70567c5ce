"""Long documents cut into pieces: sentences, paragraphs, or runs of so many words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from components.base import Corpus, ParameterError, at_least

T = TypeVar("T")

WAYS = ("sentences", "paragraphs", "tokens")
LENGTHS = {"sentences": 400, "paragraphs": 1000, "tokens": 200}  # characters; for tokens, words

# A sentence ends after a terminator of any script (Unicode's Sentence_Terminal, the common ones),
# with what closes it, before white space; one of Chinese, Japanese or Thai-like scripts needs none.
_CLOSING = r"[\"'\u2019\u201d\u00bb\u203a)\]\u300d\u300f\uff09\u3011\u300b]*"
_END = re.compile(
    rf"(?:(?<![.!?\u2026\u203c-\u2049])[.!?\u2026\u203c-\u2049]++{_CLOSING}+(?=\s)"
    rf"|[\u3002\uff01\uff1f\uff61\uff0e]+{_CLOSING}"
    rf"|[\u061f\u06d4\u0964\u0965\u104a\u104b\u1362\u1367\u17d4\u17d5]+{_CLOSING}"
    r"|\n\s*\n)\s*"
)
# After these a full stop ends no sentence; nor does it after one letter, as in J. Smith.
_SHORT = {
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "e.g", "i.e", "cf", "fig",
    "no", "vol", "a.m", "p.m", "pp", "inc", "ltd", "co", "gen", "sen", "rep", "gov", "approx",
    "dept", "est", "z.b", "bzw", "usw", "ca", "nr", "str",
}  # fmt: skip
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
# A run of other characters than space, or one character of a script that puts no spaces.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f]"
    r"|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1780-\u17ff"
    r"\u1000-\u109f]+"
)


def check_split(split: str | None, length: int | None) -> None:
    """Raise a `ParameterError` for an unknown way to split, or a length below 1."""
    if split not in (None, *WAYS):
        raise ParameterError("split", split, f"must be one of {', '.join(WAYS)}, or null.")
    at_least(1, "or null", split_length=length)


def split_corpus(corpus: Corpus, split: str | None, length: int | None = None) -> Corpus:
    """A corpus of the documents' pieces; itself where `split` is None.

    Parameters
    ----------
    split : {"sentences", "paragraphs", "tokens"}, optional
        Sentences and paragraphs that are shorter than `length` are joined with those that follow
        them, so that a piece says enough to be embedded; longer ones stay whole.
    length : int, optional
        Of a piece: for sentences and paragraphs the characters that it is filled up to, by
        default 400 and 1000; for tokens the number of words, by default 200. In scripts without
        spaces each character counts as a word.

    Returns
    -------
    Corpus
        See `Corpus.cut`. An empty document is one empty piece.
    """
    if split is None:
        return corpus
    length = length or LENGTHS[split]
    parents: list[int] = []
    pieces: list[str] = []
    for row, document in enumerate(corpus.documents):
        parts = list(cut(document, split, length)) or [document]
        pieces += parts
        parents += [row] * len(parts)
    return corpus.cut(pieces, np.array(parents, np.int64))


def cut(text: str, split: str, length: int) -> Iterator[str]:
    """The pieces of one text, in order, without the white space around them; none is blank."""
    if split == "tokens":
        tokens = [match.span() for match in _TOKEN.finditer(text)]
        parts = [
            (tokens[start][0], tokens[min(start + length, len(tokens)) - 1][1])
            for start in range(0, len(tokens), length)
        ]
        spans: Iterator[tuple[int, int]] = iter(parts)
    else:
        ends = _sentence_ends(text) if split == "sentences" else _paragraph_ends(text)
        spans = _filled(ends, length)
    for start, end in spans:
        if piece := text[start:end].strip():
            yield piece


def _filled(ends: Iterator[int], length: int) -> Iterator[tuple[int, int]]:
    """Parts between ends, joined as long as they stay within `length` characters."""
    start = end = 0
    for following in ends:
        if end > start and following - start > length:
            yield start, end
            start = end
        end = following
    yield start, end


def _paragraph_ends(text: str) -> Iterator[int]:
    for match in _PARAGRAPH.finditer(text):
        yield match.end()
    yield len(text)


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        if match.group().startswith("."):
            before = text[max(0, match.start() - 10) : match.start()].split()
            word = before[-1].lower().lstrip("(\"'\u201c\u2018[") if before else ""
            if word in _SHORT or (len(word) == 1 and word.isalpha()):
                continue
        yield match.end()
    yield len(text)
