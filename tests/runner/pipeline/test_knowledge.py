"""What a user knows of the topics is checked with the rest of a config, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.base import ParameterError, UserError
from runner.config.command_line import preflight
from runner.pipeline.knowledge import config_keys, knowledge_of
from suggestions_support import follow

KNOWN = "dataset=csv dataset.path=a.csv dataset.known_labels=queue"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("text,queue\nthe invoice,billing\nthe parcel,\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["guided.topics=[billing]"], "guided.topics=['billing']: must name topics, as in {"),
        (["guided.topics=billing"], "guided.topics=billing: must name topics"),
        (["guided.topics={a: invoice}"], "guided.topics.a=invoice: must be a list of words"),
        (["guided.topics={a: [x], b: [X]}"], "guided.topics.b=X: is a seed of 'a' too"),
        (["guided.weight=0"], "guided.weight=0.0: must be a number above 0."),
        (["guided.weight=nan"], "guided.weight=nan: must be a number above 0."),
        (["zeroshot.topics=[Sport,sport]"], "'Sport' and 'sport' are one name"),
        (["zeroshot.threshold=high"], "zeroshot.threshold=high: must be auto, or a cosine"),
        (
            ["clusterer=kmeans", "guided.topics={a: [x]}"],
            "guided.topics: KMeansClusterer cannot be guided. Type clusterer=leiden",
        ),
        (
            ["clusterer=given", "zeroshot.topics=[a]"],
            "zeroshot.topics: with clusterer=given the topics are the labels",
        ),
        (
            ["clusterer=hdbscan", *KNOWN.split()],
            "dataset.known_labels: HDBSCANClusterer cannot be guided",
        ),
        (["clusterer=given", *KNOWN.split()], "leave dataset.known_labels out"),
        (
            ["clusterer=given", "dataset=csv", "dataset.path=a.csv"],
            "dataset.label: clusterer=given takes the data set's labels",
        ),
        (
            ["-m", "clusterer=leiden,agglomerative", "guided.topics={a: [x]}"],
            "guided.topics: AgglomerativeClusterer cannot be guided",
        ),
    ],
    ids=str,
)
def test_it_is_refused_with_its_key(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as refused:
        preflight(arguments)
    assert str(refused.value).startswith("A mistake in the config; nothing was run.\n")
    assert message in str(refused.value)
    follow(arguments, str(refused.value))


@pytest.mark.parametrize(
    "arguments",
    [
        ["guided.topics={billing: [invoice, 3]}", "guided.weight=2"],
        ["guided.topics={2024: [election]}", *KNOWN.split()],
        ["guided.topics='{Größe: [groß, klein], \"ABBR:exp\": [abbreviation]}'"],
        ["clusterer=given", "dataset=newsgroups"],
        ["clusterer=given", "dataset=csv", "dataset.path=a.csv", "dataset.label=queue"],
        ["clusterer=kmeans", "zeroshot.topics=[billing]", "zeroshot.threshold=0.5"],
    ],
    ids=str,
)
def test_what_makes_sense_is_accepted(arguments: list[str]) -> None:
    assert preflight(arguments) == arguments


def test_a_mistake_is_reported_with_all_others() -> None:
    with pytest.raises(UserError, match=r"2 mistakes(?s:.*)seed=x(?s:.*)guided.weight=-1"):
        preflight(["guided.weight=-1", "seed=x"])


def test_parameters_have_the_names_of_their_keys() -> None:
    guided = {"topics": {1: ["x"]}, "weight": 2.0}
    known = knowledge_of({"guided": guided, "zeroshot": {"topics": [], "threshold": "auto"}})
    assert known.seeds == {"1": ["x"]}
    with pytest.raises(ParameterError) as error, config_keys():
        raise ParameterError("seeds.a.b", 3, "there is no such row.")
    assert error.value.name == "guided.topics.a.b"
