"""A prediction as the columns of a table, with the reason why a document is in no topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.model import Prediction, SavedTopic

EMPTY = "empty"
UNKNOWN = "without a word that the embedder knows"
UNLIKE = "unlike the training documents"
DROPPED = "nearest to a dropped topic"
OUTLIER = "left out by the run's rule"
NO_TOPICS = "in a model without topics"
REASONS = (EMPTY, UNKNOWN, UNLIKE, DROPPED, OUTLIER, NO_TOPICS)


def columns(
    topics: Sequence[SavedTopic],
    prediction: Prediction,
    blank: NDArray[np.bool_],
    memberships: bool = False,
) -> dict[str, Any]:
    """Columns by name, see `runner.model.Model.predict`, for n documents.

    Parameters
    ----------
    topics : of the model
    blank : bool (n,), the documents without a text
    memberships : whether these are a column too
    """
    labels = [topic.label for topic in topics] + [""]
    table: dict[str, Any] = {
        "topic": prediction.topics,
        "label": [labels[topic] for topic in prediction.topics.tolist()],
        "strength": prediction.strengths,
    }
    table |= {f"topic_{name}": values for name, values in prediction.layers.items()}
    table |= {
        "nearest_topic": prediction.nearest,
        "nearest_label": [labels[topic] for topic in prediction.nearest.tolist()],
        "similarity": prediction.similarities,
    }
    has_topic, has_vector = prediction.topics >= 0, prediction.nearest >= 0
    reasons = {
        EMPTY: blank,
        NO_TOPICS: np.full(len(blank), not topics),
        UNKNOWN: ~has_vector,
        "": has_topic,
        UNLIKE: prediction.novel,
        DROPPED: prediction.dropped,
    }
    table["reason"] = np.select([*reasons.values()], [*reasons], OUTLIER).tolist()
    if memberships:
        table["memberships"] = list(prediction.memberships)
    return table
