"""Zero-shot topics: documents near a name that the user gives go to it, the rest is clustered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.base import Guidance, Integers, Matrix, NeighborGraph, call
from components.labels import count_topics
from components.neighbors import metric_for, unit_rows
from components.result import dense

log = logging.getLogger(__name__)

N_NEIGHBORS = 15
Z = 1.5  # in robust standard deviations; this and the next three: see experiments/guided
SHARE = 0.7  # of the score that a name's best documents have
BEST = 99  # the percentile of scores that is theirs
AGREEING = 0.5  # share of a document's neighbours that must be as near to the same name
TOGETHER = 0.5  # share of the neighbours with the same name, below which a warning is given
ALIKE = 0.9  # cosine of two names above which they mean about the same to the embedder


@dataclass(frozen=True)
class NearNames:
    """Which documents are near to names, and what says so of other documents.

    near : int64 (m,), the name that each document is near to, -1 for none
    vectors : of the names, unit rows, float32 (k, d) or CSR
    centres, spreads, least : float64 (k,), of each name the median of the similarities, their
        robust standard deviation, and the score above which a document is near; None where a
        cosine decides
    likely : int64 (m,), the name before a document's neighbours are asked, -1 for none
    """

    near: Integers
    vectors: Matrix
    centres: Any = None
    spreads: Any = None
    least: Any = None
    likely: Any = None


def name_cosines(X: Matrix, vectors: Matrix) -> Any:
    """Cosines of documents (m, d) and names, unit rows (k, d): float64 (m, k)."""
    return dense(unit_rows(X) @ vectors.T).astype(np.float64)


def smoothed(cosines: Any, near: Any) -> Any:
    """The mean of each document's cosines (m, k) and those of its neighbours, rows int (m, n)."""
    around = np.zeros_like(cosines)
    for column in near.T:
        around += cosines[column]
    return (cosines + around / near.shape[1]) / 2


def name_scores(similarities: Any, centres: Any, spreads: Any) -> Any:
    """Similarities to names, float64 (m, k), standardised; 0 where all documents have the same."""
    scores = (similarities - centres) / np.where(spreads > 0, spreads, 1)
    return np.where(spreads > 0, scores, 0)


def likely_names(scores: Any, least: Any) -> Integers:
    """The best name of each document, int64 (m,); -1 where its score is not above the least."""
    best = scores.argmax(axis=1)
    return np.where(scores.max(axis=1) > least[best], best, -1)


def near_names(
    names: Sequence[str],
    X: Matrix,
    encode_texts: Callable[[list[str]], Matrix],
    neighbors: Callable[..., NeighborGraph],
    threshold: float | None = None,
) -> NearNames:
    """The name that each document is near to.

    Without a threshold, what counts as near follows from the corpus, since cosines of one
    embedder say nothing about those of another. A document's similarity to a name is the mean of
    its own cosine and that of its neighbours; of each name it is standardised by the median and
    the median absolute deviation over all documents. A document goes to its best name where that
    is more than 1.5, and more than 0.7 of what the best hundredth of all documents have for the
    name, and half of its neighbours are, by the same rule, near to the same name: what is only
    akin to a name, as baseball is to hockey, is less near to it than what it names.

    Parameters
    ----------
    names : sequence of str
    X : float32 ndarray or CSR (m, d), the embedder's vectors
    encode_texts : the embedder's vectors (n, d) of a list of texts
    neighbors : ``(X, k, metric) -> NeighborGraph``
    threshold : least cosine of a document to its best name; None for the rule above
    """
    vectors = unit_rows(encode_texts(list(names)))
    _warn_of_synonyms(names, dense(vectors @ vectors.T))
    cosines = name_cosines(X, vectors)
    if threshold is not None:
        best = cosines.argmax(axis=1)
        return NearNames(np.where(cosines.max(axis=1) >= threshold, best, -1), vectors)
    near = neighbors(X, min(N_NEIGHBORS, len(cosines) - 1), metric_for(X, "auto")).indices
    smooth = smoothed(cosines, near)
    centres = np.median(smooth, axis=0)
    spreads = 1.4826 * np.median(np.abs(smooth - centres), axis=0)  # that of a normal distribution
    scores = name_scores(smooth, centres, spreads)
    least = np.maximum(Z, SHARE * np.percentile(scores, BEST, axis=0))
    likely = likely_names(scores, least)
    agreeing = (likely[near] == likely[:, None]).mean(axis=1)
    named = np.where(agreeing > AGREEING, likely, -1)
    _warn_of_scattered(names, named, near)
    return NearNames(named, vectors, centres, spreads, least, likely)


def _warn_of_synonyms(names: Sequence[str], cosines: Any) -> None:
    for first, second in np.argwhere(np.triu(cosines, 1) > ALIKE).tolist():
        log.warning(
            "zeroshot.topics: %r and %r mean about the same to the embedder (cosine %.2f): their "
            "documents are divided by chance. Leave one out.",
            names[first], names[second], cosines[first, second],
        )  # fmt: skip


def _warn_of_scattered(names: Sequence[str], named: Integers, near: Any) -> None:
    """Warn of names whose documents are mostly not each other's neighbours: they are no group."""
    together = (named[near] == named[:, None]).mean(axis=1)
    scattered = [
        str(name)
        for place, name in enumerate(names)
        if (named == place).any() and together[named == place].mean() < TOGETHER
    ]
    if scattered:
        log.warning(
            "zeroshot.topics: the documents near to %s lie scattered among others, so the names "
            "may say little of what tells these documents apart. Read some of them before you "
            "rely on their topics.",
            ", ".join(map(repr, scattered)),
        )


class AroundNames:
    """A clusterer for the documents that are near no name; a topic of its own for each name.

    The clusterer's attributes are extended to all documents: a document near a name belongs to it
    wholly.

    Parameters
    ----------
    clusterer : Clusterer
        Any; it never sees the documents that are near a name.
    names : from `near_names`
    threshold : as for `near_names`
    """

    def __init__(self, clusterer: Any, names: NearNames, threshold: float | None = None) -> None:
        self.clusterer = clusterer
        self._names, self._near = names, names.near
        self._threshold = threshold

    def fit_predict(
        self,
        X: Matrix,
        *,
        neighbors: Callable[..., NeighborGraph],
        members: Sequence[Matrix] = (),
        guidance: Guidance | None = None,
    ) -> Integers:
        """Topics of the rows of `X`, int64 (m,): the clusterer's, then those of the names."""
        others = np.flatnonzero(self._near < 0)
        n = len(self._near)
        offers: dict[str, Any] = {"neighbors": neighbors}
        offers["members"] = [part[others] for part in members]
        if guidance is not None:
            offers["guidance"] = replace(
                guidance, fixed=guidance.fixed[others], seeds=guidance.seeds[others]
            )
        if len(others) > 1:
            clustered = np.asarray(call(self.clusterer.fit_predict, X[others], **offers))
        else:
            clustered = np.full(len(others), -1, np.int64)
        n_clustered = int(clustered.max(initial=-1)) + 1
        # In the order of the names; a name without documents leaves no gap.
        named = np.unique(self._near, return_inverse=True)[1] - (len(others) > 0)
        labels = n_clustered + named
        labels[others] = clustered
        self._extend(others, n, named, n_clustered)
        self.choice_: dict[str, Any] = dict(getattr(self.clusterer, "choice_", {}))
        if "n_topics" in self.choice_:
            self.choice_["n_topics"] = count_topics(labels)
        return labels.astype(np.int64)

    def _extend(self, others: Integers, n: int, named: Integers, n_clustered: int) -> None:
        from scipy import sparse

        inner = self.clusterer
        self.curve_ = getattr(inner, "curve_", [])
        if (values := getattr(inner, "probabilities_", None)) is not None:
            self.probabilities_ = np.ones(n, np.float32)
            self.probabilities_[others] = values
        self.layers_ = {}
        for name, layer in getattr(inner, "layers_", {}).items():
            self.layers_[name] = count_topics(layer) + named
            self.layers_[name][others] = layer
        near = np.flatnonzero(self._near >= 0)
        if (values := getattr(inner, "memberships_", None)) is not None:
            values = sparse.coo_matrix(values)
            rows = np.concatenate([others[values.row], near])
            columns = np.concatenate([values.col, n_clustered + named[near]])
            data = np.concatenate([values.data, np.ones(len(near), values.dtype)])
            shape = (n, n_clustered + int(named.max(initial=-1)) + 1)
            self.memberships_ = sparse.csr_matrix((data, (rows, columns)), shape)
        self.prediction_ = dict(getattr(inner, "prediction_", {}))
        self.prediction_["names"] = self._names, self._threshold
        # Topics of names are as large, for new documents, as they would be with mean degrees, and
        # exist at every density.
        for name, missing in (("degrees", np.mean), ("births", np.min), ("deaths", np.max)):
            if name in self.prediction_:
                values = np.asarray(self.prediction_[name], dtype=np.float64)
                finite = values[np.isfinite(values)]
                over_all = np.full(n, missing(finite) if len(finite) else 0.0)
                over_all[others] = values
                self.prediction_[name] = over_all
