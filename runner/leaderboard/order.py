"""By what a sweep is ranked where nobody has said: what its runs differ in decides.

How much each loses to the best is measured in experiments/which_measure_to_trust.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

COMPARED = "choice_score"  # says how runs compare, and so nothing of one alone
COVERED = "covered_silhouette"
WHY = {
    "ami": "the agreement with the labels",
    "npmi": "which judges the words: the runs differ in nothing else",
    COVERED: "silhouette where a document in no topic counts 0",
}


def order_of(settings: Iterable[str], metrics: Collection[str], whole: Collection[str]) -> str:
    """The metric to sort by.

    Parameters
    ----------
    settings : names of what the runs differ in
    metrics : those that any run has
    whole : those that every run has
    """
    roles = {name.partition(".")[0] for name in settings}
    if roles == {"representation"} and "npmi" in metrics:
        return "npmi"
    if "ami" in whole:
        return "ami"
    # Vectors of one embedder are one space, in which silhouettes compare.
    if COVERED in metrics and not roles & {"embedder", "dataset"}:
        return COVERED
    return COMPARED


def why(settings: Iterable[str], sort: str, metrics: Collection[str]) -> str:
    """What to say of an order that nobody has asked for; empty where embedders alone differ."""
    roles = {name.partition(".")[0] for name in settings}
    if sort != COMPARED:
        return WHY.get(sort, "")
    if "dataset" in roles and COMPARED not in metrics:
        return "the runs are of different documents"
    if roles - {"dataset", "embedder"}:
        return "which is known to compare embedders only"
    return "each data set by itself" if "dataset" in roles else ""


def covered_silhouette(metrics: Mapping[str, Any]) -> float | None:
    """Mean silhouette over all documents, 0 for one in no topic; None where it was not measured.

    Silhouette alone is of the documents in topics, and is best where only the clearest are in any.
    """
    if "silhouette" not in metrics or "outlier_ratio" not in metrics:
        return None
    return float(metrics["silhouette"] * (1 - metrics["outlier_ratio"]))


def from_cache(metrics: Mapping[str, Any]) -> bool | None:
    """Whether a run's vectors came from the cache; None: not known."""
    names = ("n_documents", "n_documents_empty", "n_documents_embedded")
    if not all(name in metrics for name in names):
        return None
    documents, empty, embedded = (metrics[name] for name in names)
    # Documents that occur twice are embedded once; of a sample that has grown, half at least.
    return bool(embedded < 0.45 * (documents - empty))
