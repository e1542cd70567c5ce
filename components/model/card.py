"""MODEL.md: what a person wants to know of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.model import TopicModel
from components.reports.text import words_or_label

MOST_TOPICS = 50
RULES = {
    "vote": "vote of the nearest training documents",
    "centre": "nearest topic centre",
    "density": "HDBSCAN's rule: the nearest training document, where its topic is dense enough",
    "centroid": "nearest topic centroid (no training vectors are saved)",
}


def card(model: TopicModel, about: Mapping[str, Any]) -> str:
    """Markdown: what the model was made from, its measures, its topics, how to load it."""
    config, settings = about["config"], model.settings
    facts = {
        "data set": _target(config["dataset"]),
        "documents": f"{settings['n_documents']} ({settings['n_clustered']} with content)",
        **_pieces(config["dataset"]),
        "embedder": _target(config["embedder"]),
        "reducer": _target(config["reducer"]),
        "clusterer": _target(config["clusterer"]),
        "topics": str(len(model.topics)),
        **_origin(about),
        "new documents": _rule(model),
        "training vectors saved": str(settings["n_neighbours"]),
        "no topic beyond": _limit(settings),
    }
    lines = [f"# {about['name']}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in facts.items()]
    lines += ["", "## Topics", "", "| topic | label | documents | words |", "|---:|---|---:|---|"]
    for topic in model.topics[:MOST_TOPICS]:
        cells = topic.id, _cell(topic.label), topic.size, _cell(words_or_label(topic))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if len(model.topics) > MOST_TOPICS:
        lines.append(f"\n{len(model.topics) - MOST_TOPICS} more are in `topics.parquet`.")
    lines += ["", "## Measures", "", "| measure | value |", "|---|---:|"]
    lines += [f"| {_cell(name)} | {value:.4g} |" for name, value in about["metrics"].items()]
    lines += [
        "",
        "## Use",
        "",
        "```python",
        "from runner import load",
        "",
        'model = load("FOLDER")  # this folder, or the run that it belongs to',
        'model.predict(["a new document"])',
        'model.search("a phrase")',
        "```",
        "",
        "```",
        "python -m runner.predict run=FOLDER dataset=csv dataset.path=new.csv folder=out",
        "```",
        "",
        "The embedder's weights are not part of this folder; the model refuses any but those that",
        "it was made with. Versions are in `model.yaml`.",
        "",
    ]
    return "\n".join(lines)


def _rule(model: TopicModel) -> str:
    rule = RULES[model.settings["rule"]["name"]]
    return f"what is near a name that was given: its topic; else {rule}" if model.by_name else rule


def _origin(about: Mapping[str, Any]) -> dict[str, str]:
    """The runs that the model goes on from, and what has become of their topics."""
    origin: dict[str, str] = {}
    if parents := about.get("parents"):
        origin["made by"] = f"{about['made_by']} from {', '.join(p['run'] for p in parents)}"
    if "documents_clustered" in about:
        origin["topics found among"] = f"{about['documents_clustered']} documents"
    if edits := about.get("edits"):
        done = (
            f"{name} {', '.join(map(str, value))}" for edit in edits for name, value in edit.items()
        )
        origin["edits, in the numbers of their time"] = "; ".join(done)
    return origin


def _pieces(dataset: Mapping[str, Any]) -> dict[str, str]:
    """How documents are cut; nothing where they stay whole."""
    by = dataset.get("pieces" if "pieces" in dataset else "split")
    return {"documents are cut into": f"{by}; counts are of pieces"} if by else {}


def _limit(settings: Mapping[str, Any]) -> str:
    if settings["limit"] is None:
        return "no limit"
    share = 100 * settings["outliers"]
    return (
        f"{settings['metric']} distance {settings['limit']:.4g}, which {share:g} % of the training "
        "documents exceed"
    )


def _target(node: Mapping[str, Any]) -> str:
    name = str(node.get("_target_", "")).rpartition(".")[2]
    parts = [str(node[key]) for key in ("path", "model") if node.get(key)]
    if isinstance(members := node.get("of"), Mapping):
        parts.append(f"of {', '.join(members)}")
    return " ".join([name, *parts])


def _cell(value: Any) -> str:
    """Text that does not break a table."""
    text = " ".join(str(value).split())
    for char in "\\`*_<>[]|":
        text = text.replace(char, f"\\{char}")
    return text
