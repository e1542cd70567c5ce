"""What a model says of documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.base import Corpus, Floats, Integers
from components.pieces import heaviest, mixture_of
from components.result import over_all


@dataclass(frozen=True)
class Prediction:
    """Topics of documents, in their order.

    topics : int64 (n,), -1 is "no topic"; strengths : float32 (n,) in [0, 1], 0 without a topic;
    memberships : float32 (n, topics), the share of each topic; layers : by name, int64 (n,);
    nearest, similarities : int64 (n,) and float32 (n,), the topic whose mean is nearest, also of a
    document in no topic, and the cosine to it; -1 and 0 where a document has no vector; novel,
    dropped : bool (n,), farther from the training documents than the model's limit, and nearest
    to a topic that an edit has dropped
    """

    topics: Integers
    strengths: Floats
    memberships: Floats
    layers: dict[str, Integers]
    nearest: Integers
    similarities: Floats
    novel: NDArray[np.bool_]
    dropped: NDArray[np.bool_]

    @classmethod
    def none(cls, n: int, n_topics: int, layers: Iterable[str]) -> Prediction:
        """Of `n` documents that are in no topic, and have no vector."""
        return cls(
            np.full(n, -1, np.int64),
            np.zeros(n, np.float32),
            np.zeros((n, n_topics), np.float32),
            {name: np.full(n, -1, np.int64) for name in layers},
            np.full(n, -1, np.int64),
            np.zeros(n, np.float32),
            np.zeros(n, bool),
            np.zeros(n, bool),
        )

    @classmethod
    def joined(cls, blocks: Sequence[Prediction]) -> Prediction:
        """Of one or more blocks of documents, one after the other."""
        return cls(
            np.concatenate([block.topics for block in blocks]),
            np.concatenate([block.strengths for block in blocks]),
            np.concatenate([block.memberships for block in blocks]),
            {
                name: np.concatenate([block.layers[name] for block in blocks])
                for name in blocks[0].layers
            },
            np.concatenate([block.nearest for block in blocks]),
            np.concatenate([block.similarities for block in blocks]),
            np.concatenate([block.novel for block in blocks]),
            np.concatenate([block.dropped for block in blocks]),
        )

    def over_all(self, rows: Integers, n: int) -> Prediction:
        """Of `n` documents, where this is the prediction for `rows`; the others are in no topic."""
        return Prediction(
            over_all(self.topics, rows, n, -1),
            over_all(self.strengths, rows, n, 0),
            over_all(self.memberships, rows, n, 0),
            {name: over_all(values, rows, n, -1) for name, values in self.layers.items()},
            over_all(self.nearest, rows, n, -1),
            over_all(self.similarities, rows, n, 0),
            over_all(self.novel, rows, n, False),
            over_all(self.dropped, rows, n, False),
        )

    def of_documents(self, pieces: Corpus) -> Prediction:
        """Of the documents that pieces, whose prediction this is, are parts of.

        Topics and memberships are as in `components.pieces.of_documents`; what is nearest, and
        why a document is in no topic, are those of the piece that is nearest to a topic.
        """
        assert pieces.whole is not None
        assert pieces.parents is not None
        mixture = mixture_of(self.topics, pieces)
        topics, strengths = heaviest(mixture)
        mixture.resize((mixture.shape[0], self.memberships.shape[1]))
        n = len(pieces.whole)
        order = np.argsort(self.similarities, kind="stable")
        order = order[self.nearest[order] >= 0]
        best = np.full(n, -1, np.int64)
        best[pieces.parents[order]] = order  # the last of equals stays
        rows = np.flatnonzero(best >= 0)
        chosen = best[rows]
        return Prediction(
            topics,
            strengths.astype(np.float32),
            mixture.toarray().astype(np.float32),
            {name: heaviest(mixture_of(of, pieces))[0] for name, of in self.layers.items()},
            over_all(self.nearest[chosen], rows, n, -1),
            over_all(self.similarities[chosen], rows, n, 0),
            over_all(self.novel[chosen], rows, n, False),
            over_all(self.dropped[chosen], rows, n, False),
        )
