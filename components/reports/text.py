"""Text of others, made fit to be shown: on a terminal, in a picture, on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from components.markup import TERMINAL_COMMAND

# Control characters (C0, C1), and those that set the direction of text (Unicode, UAX #9).
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text without what would steer a terminal, or turn around the rest of its line."""
    return _CONTROLS.sub("", TERMINAL_COMMAND.sub("", text) if "\x1b" in text else text)


def one_line(text: str, limit: int) -> str:
    """At most `limit` characters of a text, on one line, cut with an ellipsis."""
    start = text[: 4 * limit + 1000]  # a document may have megabytes
    line = plain(" ".join(start.split()))
    if len(line) <= limit:
        return line
    return f"{line[: limit - 1].rstrip()}…"


def safe_json(data: Any) -> str:
    """JSON that is safe inside a script element: it holds no `</script` and no `<!--`."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def views_of(result: Any) -> dict[str, list[list[tuple[str, float]]]]:
    """Further words of the topics, by name: the representation's `views_`, where it has them."""
    representation = result.parts.get("representation")
    views: dict[str, list[list[tuple[str, float]]]] = getattr(representation, "views_", None) or {}
    return {name: words for name, words in views.items() if len(words) == len(result.topics)}


def listed_words(words: Iterable[tuple[str, float]]) -> str:
    """Words without their weights, separated by commas."""
    return ", ".join(word for word, _ in words)


def words_or_label(topic: Any, n: int | None = None) -> str:
    """The first `n` words of a topic, or all; its label where no word of it counts as one."""
    return listed_words(topic.words[:n]) or str(topic.label)


def smaller_topics(n: int) -> str:
    """How many topics a list or a picture leaves out: those smaller than the ones it shows."""
    return f"{n:,} smaller topic{'s' if n != 1 else ''}"
