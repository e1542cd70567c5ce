"""Topics are labelled with their words."""

from __future__ import annotations

from collections.abc import Sequence

from components.base import Topic


class WordLabels:
    """Leaves each topic its default label: its first three words."""

    def label(self, topics: Sequence[Topic]) -> list[Topic]:
        """The topics as they are."""
        return list(topics)
