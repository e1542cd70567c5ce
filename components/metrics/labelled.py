"""How far topics agree with given labels. All or some of the documents may have one.

Every measure sees only the documents with a vector and a label, less those whose label the run was
given (`dataset.known_labels`, `clusterer=given`). It is None where these all have the same label,
or each another: such labels group nothing, and all topics agree with them equally.
Outliers count as one class of their own; with `covered` they are left out, which a run can profit
from by leaving out hard documents: read it with `coverage`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from components import agreement
from components.base import Bounds, Integers, Result
from components.pieces import of_documents


def coverage(result: Result) -> float | None:
    """Share of the documents with a label, blank ones included, that are in a topic, in [0, 1].

    Higher is better. None without labels.
    """
    result = of_documents(result)
    if result.corpus.labels is None:
        return None
    labelled = [row for row, label in enumerate(result.corpus.labels) if label is not None]
    return float(np.mean(result.labels[labelled] >= 0)) if labelled else None


def ari(result: Result, *, covered: bool = False) -> float | None:
    """Adjusted Rand index of topics and labels (Hubert and Arabie 1985); at most 1, 0 by chance.

    Higher is better. Dominated by the largest topics.
    """
    pair = _labels_and_topics(result, covered)
    return pair and agreement.adjusted_rand_index(*pair)


def ami(result: Result, *, covered: bool = False) -> float | None:
    """Adjusted mutual information of topics and labels (Vinh, Epps and Bailey 2010).

    (MI - E) / (mean of the two entropies - E), with E the mutual information expected by chance;
    at most 1, 0 by chance. Higher is better.
    """
    pair = _labels_and_topics(result, covered)
    return pair and agreement.adjusted_mutual_information(*pair)


def ami_interval(
    result: Result, *, n_documents: Annotated[int, Bounds(1)] = 5000
) -> dict[str, float] | None:
    """Between which values `ami` would lie for all documents of the kind: `ami_low`, `ami_high`.

    An approximate 95 % interval, from the jackknife over 20 groups of documents; see
    `components.agreement.jackknife_error`. For a sample of documents that were labelled by hand:
    None where more than `n_documents` have a label, or fewer than 40.
    """
    pair = _labels_and_topics(result, False)
    if pair is None or not 40 <= len(pair[0]) <= n_documents:
        return None
    value = agreement.adjusted_mutual_information(*pair)
    values = agreement.jackknife_values(pair[0], [pair[1]])[:, 0]
    reach = agreement.T_QUANTILE * agreement.jackknife_error(values)
    return {"ami_low": value - reach, "ami_high": min(value + reach, 1.0)}


def v_measure(result: Result, *, covered: bool = False) -> float | None:
    """Harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg 2007), in [0, 1].

    Higher is better. Not adjusted for chance: it rises with the number of topics.
    """
    pair = _labels_and_topics(result, covered)
    return pair and agreement.v_measure(*pair)


def homogeneity(result: Result, *, covered: bool = False) -> float | None:
    """MI / H(labels), in [0, 1]: 1 where each topic holds documents of one label only.

    Higher is better, but many small topics are always homogeneous (Rosenberg and Hirschberg 2007).
    """
    pair = _labels_and_topics(result, covered)
    return pair and agreement.homogeneity_and_completeness(*pair)[0]


def completeness(result: Result, *, covered: bool = False) -> float | None:
    """MI / H(topics), in [0, 1]: 1 where all documents of a label are in the same topic.

    Higher is better, but few large topics are always complete (Rosenberg and Hirschberg 2007).
    """
    pair = _labels_and_topics(result, covered)
    return pair and agreement.homogeneity_and_completeness(*pair)[1]


def purity(result: Result, *, covered: bool = False) -> float | None:
    """Share of documents that have the most frequent label of their topic, in (0, 1].

    Higher is better. Not adjusted for chance: it rises with the number of topics
    (Manning, Raghavan and Schütze 2008, section 16.3).
    """
    pair = _labels_and_topics(result, covered)
    return pair and agreement.purity(*pair)


def _labels_and_topics(result: Result, covered: bool) -> tuple[Integers, Integers] | None:
    """Label and topic of the documents that count, as numbers; None where labels group nothing."""
    result = of_documents(result)
    labels = result.corpus.labels
    if labels is None:
        return None
    rows = np.array([row for row in result.rows.tolist() if labels[row] is not None], np.int64)
    if result.has_known_label is not None:
        rows = rows[~result.has_known_label[rows]]
    topics = result.labels[rows]
    if covered:
        rows, topics = rows[topics >= 0], topics[topics >= 0]
    found, numbers = np.unique([str(labels[row]) for row in rows], return_inverse=True)
    return (numbers, topics) if 2 <= len(found) < len(rows) else None
