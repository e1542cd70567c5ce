"""Documents in HTML to plain text."""

from __future__ import annotations

import logging
from dataclasses import replace

from components.base import Corpus
from components.markup import plain_text

log = logging.getLogger(__name__)


def without_markup(corpus: Corpus) -> Corpus:
    """The corpus with `plain_text` of its documents; what was removed is counted in the log."""
    documents, n_tags, n_entities, n_changed, n_emptied = [], 0, 0, 0, 0
    for document in corpus.documents:
        text, tags, entities = plain_text(document)
        documents.append(text)
        n_tags += tags
        n_entities += entities
        n_changed += text != document
        n_emptied += bool(document.strip()) and not text.strip()
    emptied = f", {n_emptied:,} of which hold nothing else" if n_emptied else ""
    log.info(
        "clean=html: %s tags and %s entities removed from %s of %s documents%s.",
        *(f"{n:,}" for n in (n_tags, n_entities, n_changed, len(corpus))),
        emptied,
    )
    return replace(corpus, documents=documents)
