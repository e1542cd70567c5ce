"""From the result of a run to its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.base import Integers, Layer, Matrix, ParameterError, Result, Topic
from components.clusterers.copies import find_originals
from components.labels import one_hot
from components.model import SAME, SavedTopic, TopicModel, rules
from components.model.index import NearestIndex
from components.model.names import names_arrays, renewed_names
from components.model.seen import seen_arrays
from components.neighbors import metric_for, unit_rows
from components.representations.typical import typical_rows
from components.result import dense
from components.topics.zeroshot import NearNames

PROBED = 2000  # training documents whose distance to their neighbours sets the limit
FEWEST = 20  # training vectors that a sample holds of each topic, if it has so many
N_TYPICAL = 5
N_NEIGHBORS = 30  # for a clusterer that does not say how its topics are continued
LINEAR = ("PCA", "IncrementalPCA", "TruncatedSVD")  # what is a projection, and nothing more
HALF_MAX = 6e4  # larger numbers do not fit in float16


def fit(result: Result, *, neighbours: int | str = 20_000, outliers: float = 0.01) -> TopicModel:
    """The model of a run.

    Parameters
    ----------
    result : Result
        Its `parts` hold the fitted clusterer and reducer, and what decided on outliers. A
        clusterer says how its topics are continued by `prediction_`, a dict with a `rule` (see
        `TopicModel`) and what that needs; for any other clusterer it is a vote of neighbours.
        Topics that come from another model are continued as `components.model.grow.prediction`
        says: with `pull` itself, and NaN in `births` and `deaths` where a topic has none yet.
    neighbours : "all", or int
        Training vectors to save, at most; where there are more, a random sample of each topic in
        proportion to its size, with 20 of each at least, and a hash of each document, by which
        `components.model.seen` recognises it. 0: centroids only. Where neighbours vote, equal
        vectors of one topic are saved once.
    outliers : float
        Share, in [0, 1), of the training documents that lie farther from their nearest neighbour
        than the limit beyond which a new document gets no topic; 0: there is no limit.

    Raises
    ------
    ParameterError
        When a parameter is out of its range.
    """
    if neighbours != "all" and (not isinstance(neighbours, int) or neighbours < 0):
        raise ParameterError("neighbours", neighbours, "must be all, 0, or a number of documents.")
    if not 0 <= outliers < 1:
        raise ParameterError("outliers", outliers, "must be at least 0 and below 1.")
    X, labels = result.embeddings, result.labels[result.rows]
    continued = dict(getattr(result.parts["clusterer"], "prediction_", {}))
    identity = result.reduced is X
    arrays: dict[str, Any] = {"centroids": unit_means(X, labels, len(result.topics))}
    linear = None if identity else _linear(_fitted(result.parts["reducer"], X))
    rule = _rule(continued, result, labels, linear is not None or identity, neighbours)
    metric = rule["metric"] if identity and rule["name"] == "vote" else metric_for(X, "auto")
    settings: dict[str, Any] = {
        "rule": rule,
        "metric": metric,
        "reducer": "none" if identity else "linear" if linear else "neighbours",
        "assign_outliers": getattr(result.parts.get("outliers"), "threshold", None),
        "n_documents": len(result.corpus.whole or result.corpus),
        "n_clustered": len(result.rows),
    }
    if rule["name"] == "centroid":
        settings["reducer"] = "none"
    elif linear:
        arrays |= linear
    if rule["name"] == "centre":
        Z = rules.unit(result.reduced) if rule["normalise"] else result.reduced
        arrays["centres"] = dense(_means(Z, labels, len(result.topics)))
    kept = np.arange(len(labels))
    if rule["name"] == "vote":  # copies would be all the neighbours of a new document
        kept = find_originals([result.reduced, labels[:, None]]).rows
    sample = kept[_sample(labels[kept], len(kept) if neighbours == "all" else int(neighbours))]
    if len(sample):
        arrays |= _rows(result, sample, continued, rule, labels, identity, linear is not None)
        if len(sample) < len(kept):
            arrays |= seen_arrays(result)
    settings["n_neighbours"] = len(sample)
    if "names" in continued:
        names, settings["names_threshold"] = continued["names"]
        is_new = isinstance(names, NearNames)
        arrays |= names_arrays(names, labels, sample) if is_new else renewed_names(names, X, sample)
    layers = {}
    for name, layer in result.layers.items():
        arrays |= _layer(name, layer, labels, len(result.topics), result.rows, X, sample)
        layers[name] = _topics(layer.topics, layer.labels[result.rows], result)
    settings["limit"] = _limit(X, arrays, sample, metric, outliers)
    settings["outliers"] = outliers
    return TopicModel(settings, arrays, _topics(result.topics, labels, result), layers)


def _rule(
    continued: Mapping[str, Any],
    result: Result,
    labels: Integers,
    placed: bool,
    neighbours: int | str,
) -> dict[str, Any]:
    """The rule and its plain settings."""
    name = str(continued.get("rule", "vote"))
    if neighbours == 0 and not (name == "centre" and placed):
        return {"name": "centroid"}
    normalise = bool(continued.get("normalise"))
    if name == "centre":
        return {"name": name, "normalise": normalise}
    metric = str(continued.get("metric") or metric_for(result.reduced, "auto"))
    if name == "density":
        n = len(labels)
        n_saved = n if neighbours == "all" else min(n, int(neighbours))
        samples = max(1, round(int(continued["min_samples"]) * n_saved / n))
        return {"name": name, "metric": metric, "normalise": normalise, "min_samples": samples}
    return {
        "name": name,
        "metric": metric,
        "n_neighbors": int(continued.get("n_neighbors", N_NEIGHBORS)),
        "outlier_threshold": continued.get("outlier_threshold"),
    }


def _rows(
    result: Result,
    sample: Integers,
    continued: Mapping[str, Any],
    rule: Mapping[str, Any],
    labels: Integers,
    identity: bool,
    linear: bool,
) -> dict[str, Any]:
    """The training vectors that are saved, and what is known of each."""
    arrays: dict[str, Any] = {
        "rows": _half(result.embeddings[sample]),
        "labels": labels[sample].astype(np.int32),
        "strengths": result.strengths[result.rows][sample],
    }
    if not identity and (rule["name"] != "centre" or not linear):
        arrays["reduced"] = np.asarray(result.reduced[sample], dtype=np.float32)
    if rule["name"] == "vote":
        pull: Any = continued.get("pull", np.zeros(len(result.topics)))
        if "degrees" in continued:
            degrees = np.asarray(continued["degrees"], dtype=np.float64)
            has = labels >= 0
            held = np.bincount(labels[has], degrees[has], len(result.topics))
            pull = float(continued["resolution"]) * held / max(float(degrees.sum()), 1e-300)
        arrays["pull"] = pull
    if rule["name"] == "density":
        from scipy.spatial import cKDTree

        Z = arrays.get("reduced", arrays["rows"])
        Z = rules.unit(Z) if rule["normalise"] else np.asarray(Z, np.float64)
        k = min(rule["min_samples"] + 1, len(sample))
        norm = {"euclidean": 2, "manhattan": 1, "chebyshev": np.inf}[rule["metric"]]
        arrays["core"] = cKDTree(Z).query(Z, k=[k], p=norm)[0][:, 0]
        for name, extreme in (("births", np.max), ("deaths", np.min)):
            values = np.asarray(continued[name], dtype=np.float64)[sample]
            for topic in np.unique(labels[sample][np.isnan(values)]).tolist():
                # No tree has this topic: it exists from where its rows have their neighbours.
                inside = labels[sample] == topic
                values[inside] = 1 / max(float(extreme(arrays["core"][inside])), 1e-300)
            arrays[name] = values
    return arrays


def _fitted(reducer: Any, X: Matrix) -> Any:
    """The reducer, fitted: one whose reduction was cached is not."""
    model = getattr(reducer, "model_", reducer)
    unfitted = type(model).__name__ in (*LINEAR, "LinearReducer")
    if unfitted and not hasattr(model, "components_"):
        reducer.fit_transform(X)
    return reducer


def _linear(reducer: Any) -> dict[str, Any] | None:
    """A projection's axes and, for PCA, the mean; None where the reducer is no projection."""
    if hasattr(reducer, "projection_"):  # of a model
        return dict(reducer.projection_) if reducer.projection_ else None
    model = getattr(reducer, "model_", reducer)
    is_fitted = hasattr(model, "components_") and not getattr(model, "whiten", False)
    if type(model).__name__ not in LINEAR or not is_fitted:
        return None
    arrays = {"components": np.asarray(model.components_, dtype=np.float64)}
    if getattr(model, "mean_", None) is not None:
        arrays["mean"] = np.asarray(model.mean_, dtype=np.float64).ravel()
    return arrays


def _sample(labels: Integers, most: int) -> Integers:
    """Rows to save, ascending: all, or of each topic at random, in proportion to its size."""
    if most >= len(labels):
        return np.arange(len(labels))
    if most == 0:
        return np.zeros(0, np.int64)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    quotas = np.minimum(sizes, np.maximum(FEWEST, np.floor(sizes * most / len(labels)))).astype(int)
    rows = [order[start : start + n] for start, n in zip(starts, quotas, strict=True)]
    return np.sort(np.concatenate(rows))


def _limit(
    X: Matrix, arrays: Mapping[str, Any], sample: Integers, metric: str, share: float
) -> float | None:
    """The distance to the nearest training vector beyond which a document is new."""
    n = int(X.shape[0])
    if share == 0 or n < 3 or not arrays["centroids"].shape[0]:
        return None
    probed = np.sort(np.random.default_rng(0).permutation(n)[:PROBED])
    if not len(sample):
        distances = NearestIndex(arrays["centroids"], "cosine").query(X[probed], 1)[1][:, 0]
    else:
        nearest, away = NearestIndex(arrays["rows"], metric).query(X[probed], 2)
        is_self = sample[nearest[:, 0]] == probed  # of equal documents, either is as far
        distances = np.where(is_self, away[:, -1], away[:, 0])
        scale = rules.lengths(X[probed]) if metric == "euclidean" else 1
        if np.mean(distances > SAME[metric] * scale) < share:
            return None  # nearly all documents are copies: how far they are says nothing
    return float(np.quantile(distances, 1 - share, method="higher"))


def unit_means(X: Matrix, labels: Integers, n_topics: int) -> Matrix:
    """Unit mean of each topic's unit vectors: float32 (topics, d), or CSR."""
    return unit_rows(_means(unit_rows(X), labels, n_topics)).astype(np.float32)


def _means(X: Matrix, labels: Integers, n_topics: int) -> Any:
    """Mean of each topic's rows: float64 (topics, d), dense unless `X` is sparse."""
    if not n_topics:
        return np.zeros((0, X.shape[1]))
    member = one_hot(labels)
    sizes = np.maximum(np.asarray(member.sum(axis=0)).ravel(), 1)
    member.data /= sizes[member.indices]
    means = member.T.tocsr() @ X.astype(np.float64)
    return means.tocsr() if hasattr(means, "tocsr") else np.asarray(means)


def _half(X: Matrix) -> Matrix:
    """Rows in half precision, where their numbers fit; else as they are."""
    values = X.data if hasattr(X, "indptr") else X
    if np.abs(values).max(initial=0) > HALF_MAX:
        return X
    if hasattr(X, "indptr"):
        # scipy knows no half precision: these are the numbers that are left after a rounding.
        rows = X.copy()
        rows.data = rows.data.astype(np.float16).astype(np.float32)
        return rows
    return X.astype(np.float16)


def _layer(
    name: str,
    layer: Layer,
    labels: Integers,
    n_topics: int,
    rows: Integers,
    X: Matrix,
    sample: Integers,
) -> dict[str, Any]:
    """How a layer lies to the main topics: around them, or inside."""
    in_layer = layer.labels[rows]
    n = len(layer.topics)
    both = (labels >= 0) & (in_layer >= 0)
    counts = np.zeros((n_topics, n), np.int64)
    np.add.at(counts, (labels[both], in_layer[both]), 1)
    arrays: dict[str, Any] = {}
    if len(sample):
        arrays[f"labels_{name}"] = in_layer[sample].astype(np.int32)
    if n <= n_topics:
        around = counts.argmax(axis=1) if n else np.zeros(n_topics, np.int64)
        arrays[f"around_{name}"] = np.where(counts.any(axis=1), around, -1).astype(np.int32)
        return arrays
    arrays[f"inside_{name}"] = counts.argmax(axis=0).astype(np.int32)
    arrays[f"centroids_{name}"] = unit_means(X, in_layer, n)
    return arrays


def _topics(topics: list[Topic], labels: Integers, result: Result) -> list[SavedTopic]:
    typical = typical_rows(result.embeddings, labels, N_TYPICAL) if topics else []
    texts = result.corpus.documents
    return [
        SavedTopic(
            topic.id,
            topic.label,
            topic.size,
            tuple((word, float(weight)) for word, weight in topic.words),
            tuple(dict.fromkeys(texts[row] for row in result.rows[typical[topic.id]].tolist())),
        )
        for topic in topics
    ]
