"""What heads the page of a run in MLflow's UI, in Markdown."""

from __future__ import annotations

from components.base import Result, largest
from components.reports.text import one_line, smaller_topics

DESCRIPTION = "mlflow.note.content"  # the tag that the UI shows as "Description"
N_TOPICS = 20


def topics(result: Result) -> str:
    """The largest topics, a line each: number, documents, label."""
    width = max((len(f"{topic.size:,}") for topic in result.topics), default=1)
    lines = [
        f"{topic.id:>3}  {topic.size:>{width},}  {one_line(topic.label, 80)}"
        for topic in largest(result.topics)[:N_TOPICS]
    ]
    # Labels are other people's text: only a line that starts with it ends a fence.
    block = ["~~~", *lines, "~~~"] if lines else []
    smaller = len(result.topics) - N_TOPICS
    rest = [f"and {smaller_topics(smaller)}: Artifacts, topics.csv"] if smaller > 0 else []
    head = f"{len(result.topics)} topics: number, documents, label"
    return "\n".join([head, *block, *rest])


def verbatim(text: str) -> str:
    """Markdown that shows a text as it is, and breaks its lines where a block of code would not."""
    return "\n\n".join(f"`` {line} ``" for line in text.splitlines() if line.strip())
