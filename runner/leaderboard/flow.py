"""The flow of documents between the topics of the two best runs, for a leaderboard's page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from components.base import Topic
from components.reports.sankey import sankey
from runner.leaderboard.comparison import Comparison
from runner.leaderboard.figures import open_wide, places_of
from runner.leaderboard.ranking import Row
from runner.leaderboard.topic_rows import TopicRow


def flow(comparison: Comparison, rows: Sequence[Row]) -> str:
    """A heading, what it shows, and the picture; "" where two runs with topics are not there."""
    places = [
        (place, name) for place, name in places_of(comparison, rows) if comparison.described[place]
    ]
    if len(places) < 2:
        return ""
    (first, name), (second, other) = places[:2]
    topics, others = (_topics(comparison.described[place]) for place in (first, second))
    counts = np.zeros((len(topics) + 1, len(others) + 1), np.int64)
    labels = comparison.topics[first], comparison.topics[second]
    np.add.at(counts, labels, 1)  # -1, no topic, is the last row or column
    picture = sankey(topics, others, counts, (name, other))
    return (
        f"<h3>From the topics of {escape(name)} to those of {escape(other)}</h3>"
        f"<p>{counts.sum():,} documents; a flow under the pointer tells its number. "
        f"<code>runner compare</code> draws it for any two runs.</p>"
        f"{open_wide(f'Documents from topics of {name} to topics of {other}')}{picture}</div>"
    )


def _topics(described: Sequence[TopicRow]) -> list[Topic]:
    return [Topic(row.number, row.size, (), typical=-1, label=row.label) for row in described]
