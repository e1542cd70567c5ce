"""The words of documents, for tests of how they are counted and shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.representations.ctfidf import CTFIDF


def shown(documents: list[str], **options: Any) -> set[str]:
    """The words of one topic that holds all documents."""
    options = {"n_words": 100, "language": "en", **options}
    part = CTFIDF(**options).fit(documents, np.zeros(len(documents), int))
    return {word for word, _ in part.words_[0]}
