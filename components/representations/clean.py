"""Text without what is not language: markup, web and e-mail addresses, names of accounts."""

from __future__ import annotations

import html
import re
import string
from collections import Counter

# To the end of the text where the end tag is missing, as browsers do; that also keeps the search
# linear in the length of a hostile document.
_SKIPPED = re.compile(r"<(style|script)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.I | re.S)

_ELEMENTS = """
a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br
button canvas caption center cite code col colgroup dd del details dfn dialog dir div dl dt em embed
fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr
html i iframe img input ins kbd label legend li link main map mark marquee menu meta meter nav nobr
noscript object ol optgroup option output p param picture pre progress q rp rt ruby s samp script
section select small source span strike strong style sub summary sup svg table tbody td template
textarea tfoot th thead time title tr track tt u ul var video wbr
""".split()

# An element of HTML, a name with a namespace (`<o:p>`), anything with attributes, a declaration.
# "a < b and c > d" and "<john>" are none of these.
_TAG = re.compile(
    rf"</?(?:{'|'.join(_ELEMENTS)})(?:\s[^<>]*|/)?>|</?[a-z]\w*:\w+(?:\s[^<>]*|/)?>"
    r"|<[a-z][\w.-]*(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))+\s*/?>"
    r"|<!doctype\b[^<>]*>|<\?xml\b[^<>]*>",
    re.I,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.I)

# Only ASCII belongs to an address: in Chinese or Thai, text follows it without a space.
_TLDS = ("com", "org", "net", "co", "ly", "gov", "edu", "io", "me", "be", "gl")
_URL = re.compile(
    r"(?:https?|ftp|file)://[!#-;=?-~]+|\bwww\.[!#-;=?-~]+"
    rf"|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{'|'.join(_TLDS)})/[!#-;=?-~]*",
    re.I,
)
_PATH = re.compile(rf"\.(?:{'|'.join(_TLDS)})/")

_LOCAL_PART = string.ascii_letters + string.digits + "._%+-"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_ACCOUNT = re.compile(r"\w+")


class Cleaner:
    """Takes markup, addresses and account names out of texts, and counts them.

    HTML entities become their characters, since "Gr&uuml;&szlig;e" is a word. Hashtags stay.

    Attributes
    ----------
    removed : Counter
        Number of "HTML tags", "web addresses", "e-mail addresses" and "@names" so far.
    """

    def __init__(self) -> None:
        self.removed: Counter[str] = Counter()

    def __call__(self, text: str) -> str:
        """`text` with a space in place of each thing removed."""
        # Each search runs only where its sign occurs, so that plain text costs next to nothing.
        if "&" in text:
            text = _unescaped(text)
        if "<" in text:
            text, n_blocks = _SKIPPED.subn(" ", text)
            text, n_tags = _TAG.subn(" ", text)
            self.removed["HTML tags"] += n_blocks + n_tags
        if "://" in text or "www." in text or _PATH.search(text):
            text, n_urls = _URL.subn(" ", text)
            self.removed["web addresses"] += n_urls
        if "@" in text:
            text = self._without_names(text)
        return text

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


def _unescaped(text: str) -> str:
    """`text` with HTML entities replaced, also those that were escaped twice."""
    for _ in range(2):
        text, n = _ENTITY.subn(lambda match: html.unescape(match[0]), text)
        if not n:
            break
    return text
