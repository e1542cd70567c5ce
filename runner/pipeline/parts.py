"""What a run is made of: its parts, and what they have found before topics are described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.base import (
    Clusterer,
    Corpus,
    Dataset,
    Embedder,
    Integers,
    Labeler,
    Matrix,
    Metric,
    Outliers,
    Reducer,
    Report,
    Representation,
)
from components.knowledge import Knowledge
from components.labelers.words import WordLabels
from components.topics import Labels
from components.topics.outliers import KeepOutliers
from runner.cache.embeddings import Encoded
from runner.cluster import RayCluster
from runner.pipeline.guide import Guided


@dataclass(frozen=True)
class Parts:
    """The parts of a run, one for each role.

    reports : write the result's files, in this order; `run` itself writes none
    knowledge : what the user knows of the topics
    settings : the config nodes that the parts were built from, by role; they are a part of what
        identifies a part in the cache (see `runner.cache.fingerprint`). Parts that were built
        in Python have none
    cluster : computes vectors of documents that are not stored yet; None: this process
    """

    dataset: Dataset
    embedder: Embedder
    reducer: Reducer
    clusterer: Clusterer
    representation: Representation
    outliers: Outliers = field(default_factory=KeepOutliers)
    labels: Labeler = field(default_factory=WordLabels)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)
    knowledge: Knowledge = field(default_factory=Knowledge)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: RayCluster | None = None


@dataclass(frozen=True)
class Grouped:
    """Documents with vectors and topics that have neither words nor labels yet.

    rows : int64 (m,), of the corpus, those with a vector
    encoded, reduced : their vectors, m rows, as they were embedded and as they were clustered
    labels : their topics
    guided : what the user knew, and the fitted clusterer; None where topics come from a model
    words : what `components.topics.read_words` returned for them; None where it was not called
    """

    corpus: Corpus
    rows: Integers
    encoded: Encoded
    reduced: Matrix
    labels: Labels
    guided: Guided | None = None
    words: Any = None
