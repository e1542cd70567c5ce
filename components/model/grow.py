"""New documents join the topics of a model; what fits nowhere may become new topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers, Matrix, at_least
from components.clusterers.communities import Communities
from components.clusterers.graph import weighted
from components.labels import by_size
from components.model import TopicModel
from components.model.names import continued_names
from components.neighbors import neighbors
from components.representations.typical import cosine_to_topic

MIN_TOPIC_SIZE = 10  # documents that a new topic has at least
N_NEIGHBORS = 15  # links of each document that fits nowhere
N_ITERATIONS = 4  # rounds of Leiden among these


@dataclass(frozen=True)
class Growth:
    """Topics of m documents after an update.

    labels : int64 (m,); strengths : float32 (m,); layers : by name, int64 (m,); sources : for each
    topic, the topics of the model that it was made of; none for a new one
    """

    labels: Integers
    strengths: Floats
    layers: dict[str, Integers]
    sources: list[tuple[int, ...]]


class Continued:
    """Stands for the clusterer where topics come from a model: it says how they go on.

    prediction_ : see `components.model.fit.fit`
    """

    def __init__(self, prediction: Mapping[str, Any]) -> None:
        self.prediction_ = dict(prediction)

    def fit_predict(self, X: Matrix) -> Integers:
        raise NotImplementedError("the topics come from a saved model")


class Placed:
    """Stands for the reducer where documents get their places from a model.

    projection_ : the axes of a linear reducer by name, or None
    """

    def __init__(self, model: TopicModel) -> None:
        self._model = model
        linear = model.settings["reducer"] == "linear"
        names = ("components", "mean") if linear else ()
        self.projection_ = {n: model.arrays[n] for n in names if n in model.arrays} or None

    def fit_transform(self, X: Matrix) -> Matrix:
        """Rows as the model's topics see them; `X` itself where there is no reduction."""
        return self._model.place(X)


def grow(
    model: TopicModel,
    X: Matrix,
    before: Growth,
    is_new: NDArray[np.bool_],
    *,
    min_topic_size: int = MIN_TOPIC_SIZE,
    seed: int | None = None,
) -> Growth:
    """Topics of old and new documents.

    A new document gets the topic that the model predicts. A document fits nowhere where it is
    farther from every training document that has a topic than `model.settings["limit"]`; those,
    new ones and old ones without a topic, are linked to their nearest such neighbours within that
    limit. The communities of that graph with `min_topic_size` documents are new topics.

    Parameters
    ----------
    X : float32 (m, d) or CSR (m, d), none of the rows all zero
    before : what the old documents have; the values of new ones do not count
    is_new : bool (m,)
    min_topic_size : int
        At least 2.

    Raises
    ------
    ParameterError
        When `min_topic_size` is too small.

    Notes
    -----
    Leiden's resolution weighs a topic's share of all links. Among the documents that fit nowhere,
    a share is larger by (all documents) / (these): the resolution of the model is divided by it,
    so that a new topic has the granularity of the others.
    """
    at_least(2, min_topic_size=min_topic_size)
    new = np.flatnonzero(is_new)
    predicted = model.predict(X[new])
    labels, strengths = before.labels.copy(), before.strengths.copy()
    labels[new], strengths[new] = predicted.topics, predicted.strengths
    layers = {name: values.copy() for name, values in before.layers.items()}
    for name, values in predicted.layers.items():
        layers[name][new] = values
    candidates = np.flatnonzero(is_new | (labels < 0))
    outside = candidates[model.fits_nowhere(X[candidates])]
    labels[outside] = -1
    strengths[outside] = 0
    for values in layers.values():
        values[outside] = -1
    n_topics = len(model.topics)
    clusters = _clustered(model, X[outside], len(labels), min_topic_size, seed)
    has = clusters >= 0
    n_new = int(clusters.max(initial=-1)) + 1
    labels[outside[has]] = n_topics + clusters[has]
    for name, values in layers.items():
        values[outside[has]] = len(model.layers[name]) + clusters[has]
    if n_new:
        cosines = np.clip(cosine_to_topic(X, labels), 0, 1)
        strengths[outside[has]] = cosines[outside[has]]
    sources: list[tuple[int, ...]] = [(topic,) for topic in range(n_topics)]
    return Growth(labels, strengths.astype(np.float32), layers, sources + [()] * n_new)


def _clustered(
    model: TopicModel, X: Matrix, n_documents: int, least: int, seed: int | None
) -> Integers:
    """Topics from 0 on among documents that fit nowhere; -1 for those that are too few."""
    from scipy import sparse

    n, limit = X.shape[0], model.settings["limit"]
    if n < least or limit is None:
        return np.full(n, -1, np.int64)
    metric = model.settings["metric"]
    graph = neighbors(X, min(N_NEIGHBORS, n - 1), metric)
    near = graph.distances <= limit
    starts = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
    allowed = sparse.csr_matrix(
        (np.ones(int(near.sum())), graph.indices[near], starts), shape=(n, n)
    )
    links = weighted(graph, "fuzzy").multiply(allowed.maximum(allowed.T)).tocsr()
    links.eliminate_zeros()
    whole = float(np.sum(model.arrays.get("pull", 0.0))) or 1.0
    labels = Communities(links).find(whole * n / n_documents, N_ITERATIONS, seed)
    sizes = np.bincount(labels, minlength=n)
    return by_size(np.where(sizes[labels] >= least, labels, -1))


def prediction(model: TopicModel, grown: Growth) -> dict[str, Any]:
    """How topics that come from a model's are continued: `prediction_`, as a clusterer gives it.

    What Leiden's modularity takes off for a topic is its share of all link weight. That share
    follows the topic's size, at the link weight a document that the topic had in the model; a new
    topic has that of the mean. The densities between which HDBSCAN's topics exist are those of
    the topics that they were made of, the widest.
    """
    rule = dict(model.settings["rule"])
    name = rule.pop("name")
    continued: dict[str, Any] = {"rule": name, **rule}
    if name == "centroid":
        continued = {"rule": "vote"}
    if names := continued_names(model.arrays, grown.sources):
        continued["names"] = names, model.settings["names_threshold"]
    labels, sources = grown.labels, grown.sources
    if name == "vote":
        sizes = np.bincount(labels[labels >= 0], minlength=len(sources)).astype(np.float64)
        pull = np.asarray(model.arrays["pull"], np.float64)
        old = np.array([topic.size for topic in model.topics], np.float64)
        mean = pull.sum() / max(old.sum(), 1)
        each = [pull[[*s]].sum() / max(old[[*s]].sum(), 1) if s else mean for s in sources]
        held = np.array(each) * sizes
        continued["pull"] = held * pull.sum() / held.sum() if held.sum() > 0 else held
    if name == "density":
        saved, rows = model.settings["n_neighbours"], model.arrays["labels"]
        continued["min_samples"] = max(
            1, round(rule["min_samples"] * model.settings["n_clustered"] / max(saved, 1))
        )
        for key, nothing, widest in (("births", np.inf, np.min), ("deaths", 0.0, np.max)):
            of_topic = [
                float(widest(model.arrays[key][np.isin(rows, s)])) if s else np.nan for s in sources
            ]
            continued[key] = np.array([*of_topic, nothing])[labels]
    return continued
