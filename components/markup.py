"""HTML in documents: its tags and entities, and plain text in place of it."""

from __future__ import annotations

import html
import re

# To the end of the text where the end tag is missing, as browsers do; that also keeps the search
# linear in the length of a hostile document.
_SKIPPED = re.compile(r"<(style|script)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.I | re.S)

# What stands within a line; all other elements begin a new one.
_INLINE = """
a abbr acronym b bdi bdo big blink cite code del dfn em embed font i img ins kbd label map mark nobr
q rp rt ruby s samp small source span strike strong sub sup time track tt u var wbr
""".split()
_BLOCKS = """
address applet area article aside audio base blockquote body br button canvas caption center col
colgroup dd details dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2
h3 h4 h5 h6 head header hgroup hr html iframe input legend li link main marquee menu meta meter nav
noscript object ol optgroup option output p param picture pre progress section select summary svg
table tbody td template textarea tfoot th thead title tr ul video
""".split()

# An element of HTML, a name with a namespace (`<o:p>`), anything with attributes, a declaration.
# "a < b and c > d" and "<john>" are none of these.
_TAG = re.compile(
    rf"</?(?:{'|'.join(_BLOCKS)}|(?P<inline>{'|'.join(_INLINE)}))(?:\s[^<>]*|/)?>"
    r"|</?[a-z]\w*:\w+(?:\s[^<>]*|/)?>"
    r"|<[a-z][\w.-]*(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))+\s*/?>"
    r"|<!doctype\b[^<>]*>|<\?xml\b[^<>]*>",
    re.I,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.I)
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")

# A whole command to a terminal, as in its logs: colours, window titles (ECMA-48).
TERMINAL_COMMAND = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")


def unescape(text: str) -> tuple[str, int]:
    """`text` with characters in place of HTML entities, and how many there were.

    Also those that were escaped twice.
    """
    total = 0
    for _ in range(2):
        text, n = _ENTITY.subn(lambda match: html.unescape(match[0]), text)
        total += n
        if not n:
            break
    return text, total


def without_tags(text: str) -> tuple[str, int]:
    """`text` with a space in place of each tag, comment, style and script; how many there were."""
    text, n_blocks = _SKIPPED.subn(" ", text)
    text, n_tags = _TAG.subn(" ", text)
    return text, n_blocks + n_tags


def plain_text(document: str) -> tuple[str, int, int]:
    """What a browser would show of a document in HTML, and the numbers of tags and entities.

    Tags within a line leave no trace ("H<sub>2</sub>O"), each other one ends a paragraph. Text
    without any tag or entity stays as it is, white space included.
    """
    text, n_entities = unescape(document) if "&" in document else (document, 0)
    if "<" not in text:
        return text, 0, n_entities
    text, n_blocks = _SKIPPED.subn(" ", text)
    text, n_tags = _TAG.subn(lambda match: "" if match["inline"] else "\n", text)
    if n_blocks + n_tags == 0:
        return text, 0, n_entities
    lines = _LINES.sub("\n\n", _BLANKS.sub(" ", text)).strip()
    return lines, n_blocks + n_tags, n_entities
