"""Fonts inside a page, for readers whose system has none for a script."""

from __future__ import annotations

import io
from base64 import b64encode
from collections import Counter
from unicodedata import category

from components.base import Result
from components.reports.fonts import code_points, cut, package_fonts

_FIRST = 0x590  # Latin, Greek, Cyrillic and Armenian, which end here, are everywhere
_IDEOGRAPHS = 0x2E80
_N_CHARACTERS = 3000  # the most frequent; about a megabyte of Chinese
_N_DOCUMENTS = 5000  # of whose characters are counted


def font_faces(result: Result) -> str:
    """CSS that embeds what the words and documents need of the fonts of the extra `fonts`.

    The family is called `embedded`. Empty where the extra is not installed, or nothing needs it.
    """
    paths = package_fonts()
    if not paths:
        return ""
    counts: Counter[str] = Counter()
    for document in result.corpus.documents[:: max(1, len(result.corpus) // _N_DOCUMENTS)]:
        if not document.isascii():
            counts.update(document)
    for topic in result.topics:
        for text in (topic.label, topic.description, *(word for word, _ in topic.words)):
            counts.update(dict.fromkeys(text, len(result.corpus.documents)))
    foreign = [(n, char) for char, n in counts.items() if _is_foreign(char)]
    missing = {ord(char) for _, char in sorted(foreign, reverse=True)[:_N_CHARACTERS]}
    # Of alphabets the whole block of 128: marks belong to letters, and letters are decomposed.
    for block in {point // 128 for point in missing if point < _IDEOGRAPHS}:
        missing |= set(range(block * 128, block * 128 + 128))
    faces = []
    for path in paths:
        if missing and (common := missing & code_points(path)):
            missing -= common
            faces.append(_face(path, frozenset(common)))
    return "\n".join(faces)


def _is_foreign(char: str) -> bool:
    """Whether it is a letter, a digit, or a mark such as 。 that fonts for Latin lack."""
    if ord(char) < _IDEOGRAPHS:
        return ord(char) > _FIRST and char.isalnum()
    return char.isalnum() or category(char)[0] == "P"


def _face(path: str, points: frozenset[int]) -> str:
    with cut(path, points) as font:
        if font is None:
            return ""
        font.flavor = "woff"
        file = io.BytesIO()
        font.save(file)
    source = f"url(data:font/woff;base64,{b64encode(file.getvalue()).decode()})"
    covered = ",".join(f"U+{point:X}" for point in sorted(points))
    return f"@font-face{{font-family:embedded;src:{source};unicode-range:{covered}}}"
