"""A small result of every kind of text, and what a page holds, for the tests of reports."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Corpus, Result, Topic
from components.reports.text import one_line

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!-- <script> -->",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "\u202eright to left\u2066 \u200f",
    "a\u2028b\u2029c \x00 \x1b[31m",
    "javascript:alert(1) https://example.org/x.js",
    "😀🎉👩‍👩‍👧 🏳️‍🌈",
    "x<y&z" * 200_000,
]
HARMLESS = ["a text of some words"] * len(HOSTILE)


def made(documents: list[str], n: int = 60) -> Result:
    """A result of `n` documents in three topics, with everything that a report may show."""
    rng = np.random.default_rng(0)
    texts = [documents[row % len(documents)] for row in range(n)]
    labels = np.arange(n) % 4 - 1
    rows = np.arange(n)[1:]  # the first is an outlier, and empty
    texts[0] = ""
    X = (np.eye(4, 6)[labels] + rng.normal(0, 0.1, (n, 6))).astype(np.float32)
    coordinates = (np.eye(4, 2)[labels] * 5 + rng.normal(size=(n, 2))).astype(np.float32)
    coordinates[0] = np.nan
    topics = [
        Topic(
            number,
            int(np.sum(labels == number)),
            tuple((one_line(documents[(number + i) % len(documents)], 200), 1 / (i + 1))
                  for i in range(5)),
            int(np.flatnonzero(labels == number)[0]),
            tuple(np.flatnonzero(labels == number)[:10].tolist()),
            label=one_line(documents[number % len(documents)], 200),
        )
        for number in range(3)
    ]  # fmt: skip
    return Result(
        corpus=Corpus(
            texts,
            labels=[text[:300] or None for text in texts],
            timestamps=np.datetime64("2020-01-01", "us") + np.arange(n) * np.timedelta64(1, "D"),
            columns={
                documents[0][:300]: [text[:300] for text in texts],
                f"class {documents[0][:300]}": [
                    f"{k % 2} {documents[-9 % len(documents)]}" for k in range(n)
                ],
            },
            classes=(f"class {documents[0][:300]}",),
        ),
        rows=rows,
        embeddings=X[1:],
        reduced=X[1:],
        labels=labels,
        strengths=np.where(labels >= 0, 0.5, 0).astype(np.float32),
        topics=topics,
        choice={"resolution": 1.0, "why": documents[-1][:300]},
        curve=[
            {"resolution": 0.5, "n_topics": 2.0, "score": 0.4, "ruled_out": True},
            {"resolution": 1.0, "n_topics": 3.0, "score": 0.5},
        ],
        coordinates=coordinates,
        metrics={"npmi": 0.25, "total_seconds": 1.5},
    )


class Page(HTMLParser):
    """The elements of a page, the text of its scripts, and all other text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, text: str) -> None:
        if self.cdata_elem == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + text)
        else:
            self.text += text

    def data(self, name: str) -> Any:
        (text,) = [text for attributes, text in self.scripts if attributes.get("id") == name]
        return json.loads(text)
