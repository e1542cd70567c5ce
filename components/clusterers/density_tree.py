"""The tree of HDBSCAN, built once and cut at any size, and what can be read from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Integers
from components.labels import count_topics


def single_linkage_tree(X: NDArray[Any], min_samples: int, metric: str) -> NDArray[np.float64]:
    """The single-linkage tree of the mutual reachability distances of `X` (n, d): (n - 1, 4)."""
    from hdbscan import HDBSCAN

    model = HDBSCAN(
        min_cluster_size=max(2, min_samples),
        min_samples=min_samples,
        metric=metric,
        core_dist_n_jobs=1,  # more start processes, which take longer than they save
    ).fit(X.astype(np.float64))
    tree: NDArray[np.float64] = model.single_linkage_tree_.to_numpy()
    return tree


def cut(
    tree: NDArray[np.float64], min_cluster_size: int, method: str, epsilon: float
) -> tuple[Integers, Floats, Any]:
    """Topics of at least `min_cluster_size` documents.

    Parameters
    ----------
    tree : float64 (n - 1, 4), see `single_linkage_tree`
    method, epsilon : hdbscan's `cluster_selection_method` and `cluster_selection_epsilon`

    Returns
    -------
    labels : int64 (n,), -1 an outlier
    strengths : float32 (n,), in [0, 1]
    condensed : the condensed tree (Campello et al. 2013), for `lifetimes`
    """
    from hdbscan.hdbscan_ import _tree_to_labels

    labels, strengths, _, condensed, _ = _tree_to_labels(
        None,
        tree,
        min_cluster_size=min_cluster_size,
        cluster_selection_method=method,
        cluster_selection_epsilon=epsilon,
    )
    strengths = np.asarray(strengths, dtype=np.float32)
    return np.asarray(labels, dtype=np.int64), strengths, condensed


def memberships(X: NDArray[Any], cut_labels: Integers, labels: Integers, **settings: Any) -> Any:
    """Memberships of each document in each topic: float32 CSR (n, topics).

    hdbscan's own, of the topics in `cut_labels`, summed over those that `labels` merges.

    Parameters
    ----------
    cut_labels, labels : int64 (n,), before and after topics were merged
    **settings : of `hdbscan.HDBSCAN`, which is fitted once more
    """
    from hdbscan import HDBSCAN, all_points_membership_vectors
    from scipy import sparse

    n_topics = count_topics(labels)
    if count_topics(cut_labels) < 2:  # hdbscan has none for one topic
        return sparse.csr_matrix((labels[:, None] == np.arange(n_topics)).astype(np.float32))
    model = HDBSCAN(prediction_data=True, core_dist_n_jobs=1, **settings).fit(X.astype(np.float64))
    shares = np.asarray(all_points_membership_vectors(model))
    inside = (cut_labels >= 0) & (model.labels_ >= 0)
    into = np.zeros((shares.shape[1], n_topics))
    into[model.labels_[inside], labels[inside]] = 1
    return sparse.csr_matrix((shares @ into).astype(np.float32))


def lifetimes(condensed: Any, labels: Integers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The densities at which the topic of each row begins and ends; (inf, 0) without a topic.

    Parameters
    ----------
    condensed : record array of parent, child, lambda_val, child_size
        Numbers of nodes grow from a parent to its children; the rows come first.
    """
    births, deaths = np.full(len(labels), np.inf), np.zeros(len(labels))
    node = condensed["child"] >= len(labels)
    above = dict(
        zip(condensed["child"][node].tolist(), condensed["parent"][node].tolist(), strict=True)
    )
    begins = dict(
        zip(condensed["child"][node].tolist(), condensed["lambda_val"][node].tolist(), strict=True)
    )
    parent, ends = np.zeros(len(labels), np.int64), np.zeros(len(labels))
    parent[condensed["child"][~node]] = condensed["parent"][~node]
    ends[condensed["child"][~node]] = condensed["lambda_val"][~node]
    for topic in range(count_topics(labels)):
        rows = np.flatnonzero(labels == topic)
        nodes = set(parent[rows].tolist())
        while len(nodes) > 1:  # up to the node that holds all of the topic's rows
            lowest = max(nodes)
            nodes.remove(lowest)
            nodes.add(above[lowest])
        births[rows] = begins.get(nodes.pop(), 0.0)
        deaths[rows] = ends[rows].max()
    return births, deaths
