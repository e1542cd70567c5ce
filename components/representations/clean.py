"""Text without what is not language: markup, addresses, names of accounts, encoded files."""

from __future__ import annotations

import re
import string
from collections import Counter

from components.markup import TERMINAL_COMMAND, unescape, without_tags

# Only ASCII belongs to an address: in Chinese or Thai, text follows it without a space.
_TLDS = ("com", "org", "net", "co", "ly", "gov", "edu", "io", "me", "be", "gl")
# Three expressions, since the search for one that begins with a letter of its own is far faster
# than for one that begins with a word's border.
_URLS = (
    re.compile(r"(?:https?|ftp|file)://[!#-;=?-~]+", re.I),
    re.compile(r"www\.(?<=\bwww\.)[!#-;=?-~]+", re.I),
)
_BARE_URL = re.compile(rf"\b[a-z0-9-]++(?:\.[a-z0-9-]++)*\.(?:{'|'.join(_TLDS)})/[!#-;=?-~]*", re.I)
_PATH = re.compile(rf"\.(?:{'|'.join(_TLDS)})/")

# Lines of uuencode, base64 and the like, keys, hashes: long, and their letters in short runs, where
# a list without blanks, a path or a compound has whole words.
_LONG = re.compile(r"[!-~]{40,}+")
_LETTERS = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_ENCODED = 2.5  # letters that such a run has on average, at most; random base64 has about 2

_LOCAL_PART = string.ascii_letters + string.digits + "._%+-"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_ACCOUNT = re.compile(r"\w+")


class Cleaner:
    """Takes markup, addresses, account names and encoded data out of texts, and counts them.

    HTML entities become their characters, since "Gr&uuml;&szlig;e" is a word. Hashtags stay.

    Attributes
    ----------
    removed : Counter
        Number of "HTML tags", "web addresses", "e-mail addresses", "@names", "lines of
        encoded data" and "terminal codes" so far.
    """

    def __init__(self) -> None:
        self.removed: Counter[str] = Counter()

    def __call__(self, text: str) -> str:
        """`text` with a space in place of each thing removed."""
        # Each search runs only where its sign occurs, so that plain text costs next to nothing.
        if "\x1b" in text:
            text, n_codes = TERMINAL_COMMAND.subn(" ", text)
            self.removed["terminal codes"] += n_codes
        if "&" in text:
            text, _ = unescape(text)
        if "<" in text:
            text, n_tags = without_tags(text)
            self.removed["HTML tags"] += n_tags
        has_path = "/" in text and _PATH.search(text)
        if has_path or "://" in text or "www." in text:
            for url in (*_URLS, _BARE_URL) if has_path else _URLS:
                text, n_urls = url.subn(" ", text)
                self.removed["web addresses"] += n_urls
        # After tags and addresses, which have keys within, and before @ cuts encoded data short.
        text = _LONG.sub(self._unless_encoded, text)
        if "@" in text:
            text = self._without_names(text)
        return text

    def _unless_encoded(self, match: re.Match[str]) -> str:
        runs = _LETTERS.findall(match[0])
        if not runs or sum(map(len, runs)) > _ENCODED * len(runs):
            return match[0]
        self.removed["lines of encoded data"] += 1
        return " "

    def _without_names(self, text: str) -> str:
        """`text` less e-mail addresses and @names."""
        head, *tails = text.split("@")
        pieces = [head]
        for tail in tails:
            before = pieces[-1].rstrip(_LOCAL_PART)
            is_address = any(map(str.isalnum, pieces[-1][len(before) :]))
            name = (_HOST if is_address else _ACCOUNT).match(tail)
            if name is None:  # an @ that stands alone, as in "3 @ 5 dollars"
                pieces.append(tail)
                continue
            self.removed["e-mail addresses" if is_address else "@names"] += 1
            if is_address:
                pieces[-1] = before
            pieces.append(tail[name.end() :])
        return " ".join(pieces)
