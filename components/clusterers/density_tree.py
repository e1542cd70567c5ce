"""HDBSCAN's tree, built once and cut at any minimum cluster size."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers
from components.labels import count_topics

log = logging.getLogger(__name__)

MANY = 20_000  # rows above which the time is tried on a few, so many:
TRIED = (2500, 5000)
LONG = 120  # seconds that are worth a warning


def single_linkage_tree(X: NDArray[Any], min_samples: int, metric: str) -> NDArray[np.float64]:
    """The single-linkage tree of the mutual reachability distances of `X` (n, d).

    Returns
    -------
    float64 (n - 1, 4)
        Merges in SciPy's format: two nodes, their distance, the rows below them.
    """
    if len(X) > MANY:
        _warn_of_duration(X, min_samples, metric)
    return _tree(X, min_samples, metric)


def _warn_of_duration(X: NDArray[Any], min_samples: int, metric: str) -> None:
    """Say how long the tree will take, where that is long: hdbscan itself cannot be stopped."""
    rows = np.random.default_rng(0).permutation(len(X))
    spent = []
    for few in TRIED:
        start = time.process_time()
        _tree(X[rows[:few]], min(min_samples, few - 1), metric)
        spent.append(time.process_time() - start)
    power = np.log(spent[1] / spent[0]) / np.log(TRIED[1] / TRIED[0])
    seconds = spent[1] * (len(X) / TRIED[1]) ** max(1.0, power)
    if seconds > LONG:
        log.warning(
            "HDBSCAN of %s vectors of %d numbers takes about %.0f min, by a trial on %s. Meanwhile "
            "nothing is shown, and Ctrl-C is not heard. Faster: reducer=umap, which leaves few "
            "numbers, or clusterer=leiden.",
            f"{len(X):,}", X.shape[1], seconds / 60, f"{TRIED[1]:,}",
        )  # fmt: skip


def _tree(X: NDArray[Any], min_samples: int, metric: str) -> NDArray[np.float64]:
    from hdbscan import HDBSCAN

    model = HDBSCAN(
        min_cluster_size=max(2, min_samples),
        min_samples=min_samples,
        metric=metric,
        core_dist_n_jobs=1,  # starting further processes takes longer than they save
    ).fit(X.astype(np.float64))
    tree: NDArray[np.float64] = model.single_linkage_tree_.to_numpy()
    return tree


def cut(
    tree: NDArray[np.float64], min_cluster_size: int, method: str, epsilon: float
) -> tuple[Integers, Floats, Any]:
    """Topics of at least `min_cluster_size` documents.

    Parameters
    ----------
    tree : float64 (n - 1, 4)
        See `single_linkage_tree`.
    method, epsilon
        hdbscan's `cluster_selection_method` and `cluster_selection_epsilon`.

    Returns
    -------
    labels : int64 (n,)
        -1 is an outlier.
    strengths : float32 (n,)
        In [0, 1]: a document's density (lambda) as a share of the highest in its topic.
    condensed : record array
        The condensed tree (Campello, Moulavi and Sander 2013), for `lifetimes`.
    """
    from hdbscan.hdbscan_ import _tree_to_labels

    labels, strengths, _, condensed, _ = _tree_to_labels(
        None,  # the vectors: not used
        tree,
        min_cluster_size=min_cluster_size,
        cluster_selection_method=method,
        cluster_selection_epsilon=epsilon,
    )
    strengths = np.asarray(strengths, dtype=np.float32)
    return np.asarray(labels, dtype=np.int64), strengths, condensed


def memberships(X: NDArray[Any], cut_labels: Integers, labels: Integers, **settings: Any) -> Any:
    """Membership of each document in each topic, in [0, 1]: float32 CSR (n, topics).

    `hdbscan.all_points_membership_vectors` for the topics of `cut_labels`, summed over those that
    are one topic in `labels`.

    Parameters
    ----------
    cut_labels, labels : int64 (n,)
        Before and after topics were merged.
    **settings
        Of `hdbscan.HDBSCAN`, which is fitted once more: the tree alone does not give memberships.
    """
    from hdbscan import HDBSCAN, all_points_membership_vectors
    from scipy import sparse

    n_topics = count_topics(labels)
    if count_topics(cut_labels) < 2:  # hdbscan computes none for one topic
        return sparse.csr_matrix((labels[:, None] == np.arange(n_topics)).astype(np.float32))
    model = HDBSCAN(prediction_data=True, core_dist_n_jobs=1, **settings).fit(X.astype(np.float64))
    shares = np.asarray(all_points_membership_vectors(model))
    inside = (cut_labels >= 0) & (model.labels_ >= 0)
    into = np.zeros((shares.shape[1], n_topics))
    into[model.labels_[inside], labels[inside]] = 1
    return sparse.csr_matrix((shares @ into).astype(np.float32))


def lifetimes(condensed: Any, labels: Integers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Densities (lambda = 1 / distance) at which the topic of each row is born and dies.

    Parameters
    ----------
    condensed : record array of parent, child, lambda_val, child_size
        Nodes 0 to n - 1 are the rows; a child has a higher number than its parent.
    labels : int64 (n,)

    Returns
    -------
    births, deaths : float64 (n,)
        Infinite and 0 for a row without a topic.
    """
    births, deaths = np.full(len(labels), np.inf), np.zeros(len(labels))
    is_row = condensed["child"] < len(labels)
    inner, leaves = condensed[~is_row], condensed[is_row]
    parent_of = dict(zip(inner["child"].tolist(), inner["parent"].tolist(), strict=True))
    born = dict(zip(inner["child"].tolist(), inner["lambda_val"].tolist(), strict=True))
    parent, died = np.zeros(len(labels), np.int64), np.zeros(len(labels))
    parent[leaves["child"]] = leaves["parent"]
    died[leaves["child"]] = leaves["lambda_val"]
    for topic in range(count_topics(labels)):
        rows = np.flatnonzero(labels == topic)
        nodes = set(parent[rows].tolist())
        while len(nodes) > 1:  # up to the lowest common ancestor of the topic's rows
            lowest = max(nodes)
            nodes.remove(lowest)
            nodes.add(parent_of[lowest])
        births[rows] = born.get(nodes.pop(), 0.0)
        deaths[rows] = died[rows].max()
    return births, deaths
