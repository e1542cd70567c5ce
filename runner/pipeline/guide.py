"""What the user knows of the topics, brought to the clusterer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.base import (
    Clusterer,
    Corpus,
    Guidance,
    Integers,
    Matrix,
    NeighborGraph,
    Topic,
    UserError,
)
from components.knowledge import Knowledge
from components.topics.guidance import guide, with_names
from components.topics.zeroshot import AroundNames, near_names
from runner.pipeline.knowledge import NO_LABELS, config_keys, unusable


@dataclass(frozen=True)
class Guided:
    """The clusterer of a run, and what is known of the m clustered documents.

    near : int64 (m,), which of the names of `zeroshot.topics` a document is near to; -1: none
    """

    clusterer: Any
    guidance: Guidance | None
    near: Integers
    knowledge: Knowledge

    def label(self, topics: list[Topic], labels: Integers) -> list[Topic]:
        """The topics, with the names that the user gave."""
        if self.guidance is None and not self.knowledge.names:
            return topics
        return with_names(topics, labels, self.guidance, self.near, self.knowledge.names)


def known_labels(corpus: Corpus, clusterer: Clusterer) -> Any:
    """The labels that decide on the topics, n of them, or None."""
    uses_labels = getattr(clusterer, "uses_labels", False)
    return corpus.labels if uses_labels else corpus.known_labels


def check_guidable(corpus: Corpus, clusterer: Clusterer, knowledge: Knowledge) -> None:
    """Refuse a clusterer that could not use what is known, or has none of the labels it needs.

    Of a config this is checked before any part is built; here the parts and the documents may come
    from Python.

    Raises
    ------
    UserError
        With what to type instead.
    """
    uses_labels = getattr(clusterer, "uses_labels", False)
    refused = unusable(
        knowledge,
        type(clusterer).__name__,
        has_known_labels=corpus.known_labels is not None,
        takes_guidance="guidance" in inspect.signature(clusterer.fit_predict).parameters,
        uses_labels=uses_labels,
    )
    if refused:
        raise UserError(": ".join(refused))
    if uses_labels and corpus.labels is None:
        raise UserError(NO_LABELS)


def prepare(
    clusterer: Clusterer,
    knowledge: Knowledge,
    corpus: Corpus,
    rows: Integers,
    X: Matrix,
    texts: list[str],
    words: Any,
    encode_texts: Callable[[list[str]], Matrix],
    neighbors: Callable[..., NeighborGraph],
) -> Guided:
    """What is known of the documents `rows`, and the clusterer around it.

    Parameters
    ----------
    rows : int64 (m,), of the corpus, those that are clustered
    X : float32 ndarray or CSR (m, d), their vectors
    texts : m
    words : what `components.topics.read_words` returned for them; None where nothing was read
    encode_texts : from n texts to the embedder's vectors, (n, d)
    neighbors : ``(X, k, metric) -> NeighborGraph``

    Raises
    ------
    ParameterError
        When a seed is in no document; it is named by its key in the config.
    """
    near = np.full(len(rows), -1, np.int64)
    known = known_labels(corpus, clusterer)
    numbers = np.arange(len(corpus)) if corpus.rows is None else corpus.rows
    with config_keys():
        guidance = guide(
            knowledge,
            None if known is None else [known[row] for row in rows.tolist()],
            texts,
            numbers[rows],
            corpus.n_rows or len(corpus),
            X,
            words,
            neighbors,
            classify=not getattr(clusterer, "uses_labels", False),
        )
    if not knowledge.names:
        return Guided(clusterer, guidance, near, knowledge)
    threshold = None if knowledge.threshold == "auto" else float(knowledge.threshold)
    names = near_names(knowledge.names, X, encode_texts, neighbors, threshold)
    if guidance is not None:  # what is known for certain is not guessed
        names = replace(names, near=np.where(guidance.fixed >= 0, -1, names.near))
    return Guided(AroundNames(clusterer, names, threshold), guidance, names.near, knowledge)
