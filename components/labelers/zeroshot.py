"""Topics are labelled with the nearest of the user's own names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from components.base import Integers, Matrix, ParameterError, Topic
from components.neighbors import unit_rows
from components.result import dense
from components.topics.outliers import topic_centres

log = logging.getLogger(__name__)


class ZeroShotLabels:
    """Gives each topic the candidate whose vector is nearest to the topic's mean.

    The nearness is the cosine of the embedder's vector of the candidate to the mean of the unit
    vectors of the topic's documents. Several topics may get the same candidate.

    Parameters
    ----------
    candidates : list of str
        Names that topics may have, or a phrase for each.
    threshold : float
        A topic without a candidate of at least this cosine keeps its words as label.
    """

    needs_text_vectors = True

    def __init__(self, *, candidates: list[str], threshold: float = 0.25) -> None:
        self.candidates = [str(candidate).strip() for candidate in candidates]
        self.threshold = threshold
        if not self.candidates or not all(self.candidates):
            raise ParameterError(
                "candidates", candidates, "must be one or more names, such as [sport,politics]."
            )
        if len(set(self.candidates)) < len(self.candidates):
            raise ParameterError("candidates", candidates, "must not name the same twice.")
        if not -1 <= threshold <= 1:
            raise ParameterError("threshold", threshold, "must be a cosine, from -1 to 1.")

    def label(
        self,
        topics: Sequence[Topic],
        *,
        embeddings: Matrix,
        labels: Integers,
        encode_texts: Callable[[list[str]], Matrix],
    ) -> list[Topic]:
        """The topics with their labels.

        Parameters
        ----------
        topics : sequence of Topic
            Some or all of those in `labels`.
        embeddings : float32 ndarray or CSR (m, d)
            The embedder's vectors.
        labels : int64 (m,)
            Topic of each row; -1 is none.
        encode_texts : callable
            The embedder's vectors, (n, d), of a list of n texts.
        """
        if not topics:
            return []
        vectors = unit_rows(encode_texts(self.candidates))
        centres = topic_centres(embeddings, labels)[[topic.id for topic in topics]]
        cosines = dense(centres @ vectors.T).astype(np.float64)
        is_unknown = ~dense(abs(vectors).sum(axis=1)).ravel().astype(bool)
        if is_unknown.any():
            log.warning(
                "labels.candidates: the embedder knows no word of %s, so no topic is given that "
                "name.",
                ", ".join(c for c, no in zip(self.candidates, is_unknown, strict=True) if no),
            )
            cosines[:, is_unknown] = -np.inf
        nearest = cosines.argmax(axis=1)  # of equals, the first
        highest = cosines.max(axis=1)
        near = highest >= self.threshold
        log.info(
            "labels: %d of %d topics have a candidate with a cosine of at least %g; the highest "
            "cosines are %.2f to %.2f",
            near.sum(),
            len(topics),
            self.threshold,
            highest.min(),
            highest.max(),
        )
        return [
            replace(topic, label=self.candidates[best]) if is_near else topic
            for topic, best, is_near in zip(topics, nearest.tolist(), near.tolist(), strict=True)
        ]
