"""One policy for characters that look like nothing and break things."""

from __future__ import annotations

import re
import unicodedata

# Invisible and without meaning: hints for line breaks (soft hyphen, word joiner) and byte order
# marks that were left inside a text when files were joined.
_INVISIBLE = re.compile("[\u00ad\u2060\ufeff]")
_ODD = re.compile("[\0\u00ad\u2060\ufeff\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def normalize(text: str) -> str:
    """`text` as every component sees it.

    - Unicode normalization form C: letters with accents are the same whether they came composed
      (NFC) or decomposed (NFD, as macOS writes file names).
    - A lone surrogate, such as half an emoji in a truncated tweet, becomes U+FFFD: no UTF-8 file
      can hold it. Two halves that belong together become their character.
    - NUL becomes a space: libraries written in C end a text there.
    - Soft hyphens, word joiners and byte order marks are removed, since they split words.

    Zero-width joiners and non-joiners stay: they are part of words in Persian and Indic scripts,
    and of emoji.
    """
    if text.isascii():
        return text.replace("\0", " ") if "\0" in text else text
    if _ODD.search(text):
        if _SURROGATES.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = _INVISIBLE.sub("", text.replace("\0", " "))
    return unicodedata.normalize("NFC", text)


def lower(text: str) -> str:
    """`text` in lower case, each letter in its place: the capital \u0130 alone would become two."""
    return text.replace("\u0130", "i").lower()


def shorten(value: object, limit: int = 200) -> str:
    """The representation of a value for an error message, at most `limit` characters of it."""
    try:
        shown = repr(value[: limit + 1] if isinstance(value, str | bytes) else value)
    except RecursionError:  # lists in lists in lists
        shown = f"a deeply nested {type(value).__name__}"
    return shown if len(shown) <= limit + 2 else f"{shown[:limit]}..."
