"""How many tokens a text has, without the vocabulary that would have to be downloaded."""

from __future__ import annotations

import re

# Pieces of text, by how many characters a token of a byte-pair vocabulary holds at the least.
_PIECES = re.compile(
    r"(?P<word>[A-Z]?[a-z]{1,40})|(?P<dense>[A-Z]{1,40}|[0-9]{1,40})|(?P<space> )"
    r"|(?P<gap>\s{1,40})|(?P<foreign>[^\x00-\x7f])|.",
    re.DOTALL,
)


def _piece_tokens(piece: re.Match[str]) -> int:
    length = piece.end() - piece.start()
    match piece.lastgroup:
        case "word":
            return -(-length // (4 if length <= 12 else 3))
        case "dense":
            return -(-length // 2)
        case "space":
            return 0
        case "gap":
            return -(-length // 4)
        case "foreign":
            return len(piece.group().encode("utf-8", "surrogatepass")) - length
    return 1


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has, rather too many than too few, without a vocabulary.

    Against cl100k_base it counts 1.4 times the tokens of English news, 1.0 to 1.9 times those
    of other languages and of source code, and too few only for some very short texts and for
    data that is no language at all (0.85 for base64).
    """
    return max(1, sum(map(_piece_tokens, _PIECES.finditer(text))))


def truncate_by_estimate(text: str, most: int) -> str:
    """The longest beginning of `text`, in whole pieces, that is estimated at `most` tokens."""
    total = 0
    for piece in _PIECES.finditer(text):
        total += _piece_tokens(piece)
        if total > most:
            return text[: piece.start()] or text[:most]
    return text
