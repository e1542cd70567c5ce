"""Flair's sentences, and their vectors by any of its embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from components.base import Floats
from components.embedders.batching import memory_errors


def use_device(device: str) -> Any:
    """Make `device` Flair's one device for everything, and return it as torch knows it."""
    import flair
    import torch

    flair.device = torch.device(device)
    return flair.device


def sentences_of(documents: Sequence[str], device: Any) -> list[Any]:
    """Flair's sentences of the documents, made on a device."""
    from flair.data import Sentence

    use_device(device)  # another embedder in this process may have changed it
    return [Sentence(document) for document in documents]


def embedded(
    embedding: Any,
    sentences: list[Any],
    batch_size: int,
    after: Callable[[list[int]], None] = lambda batch: None,
) -> Floats:
    """Embed the sentences that have a word; the others, and unknown words, stay zero.

    `after` is called with the rows of each batch when it has been embedded.
    """
    import torch

    rows = np.zeros((len(sentences), embedding.embedding_length), np.float32)
    with memory_errors(batch_size):
        for batch in _batches(sentences, batch_size):
            members = [sentences[row] for row in batch]
            embedding.embed(members)
            after(batch)
            vectors = torch.stack([sentence.get_embedding() for sentence in members])
            rows[batch] = vectors.detach().float().cpu().numpy()
            for sentence in members:
                sentence.clear_embeddings()
    return rows


def _batches(sentences: list[Any], size: int) -> Iterator[list[int]]:
    """Rows of the sentences that are not empty, longest first, `size` at a time."""
    order = sorted(
        (row for row, s in enumerate(sentences) if len(s)), key=lambda r: -len(sentences[r])
    )
    for start in range(0, len(order), size):
        yield order[start : start + size]
