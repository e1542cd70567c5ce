"""Two runs become one: documents, topics, labels, edits, model."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from components.base import UserError
from components.datasets.lee import LeeDataset
from runner import load, run
from runner.edit import main as edit
from runner.merge import main as merge
from runner.update import main as update
from tests_support import FAST
from tracking_support import runs_of

UNTRACKED = ["tracking=none", "cache=cached"]
# Vectors that do not depend on the other documents, and topics without a search for granularity.
SETTINGS = ["embedder=model2vec", "reports=fast", "metrics=fast", "map=false", "cache.dir=cached"]
SETTINGS += ["clusterer.n_topics=5", "seed=2"]


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with runs of documents 0 to 169 and 130 to 299, the first one tracked."""
    folder = tmp_path_factory.mktemp("parents")
    shutil.copy(empty_store, folder / "mlflow.db")
    texts = list(LeeDataset().load().documents)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(texts[:170], *SETTINGS, "tracking=mlflow", folder="one")
        run(texts[130:], *SETTINGS, "tracking=none", folder="two")
        run(texts[:80], *FAST, folder="tfidf")
        run(texts[80:160], *FAST, folder="other_tfidf")
        run(texts[:80], *SETTINGS, "clusterer.layers=[broad]", "tracking=none", folder="layers")
    return folder


@pytest.fixture
def here(parents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, which is the current one."""
    shutil.copytree(parents, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documents(folder: str) -> Any:
    return pq.read_table(Path(folder) / "documents.parquet").to_pandas()


def mapping(folder: str) -> list[dict[str, str]]:
    with (Path(folder) / "topic_mapping.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def edits(folder: str, target: str, **changes: Any) -> None:
    Path("edits.yaml").write_text(yaml.safe_dump(changes))
    assert edit([f"run={folder}", "edits=edits.yaml", f"folder={target}", *UNTRACKED]) == 0


def test_two_runs_become_one(here, capsys):
    uri = f"sqlite:///{here / 'mlflow.db'}"
    (first,) = runs_of(here / "mlflow.db")
    assert (
        merge([f"runs=[{first.info.run_id},two]", "folder=out", "cache=cached", f"uri={uri}"]) == 0
    )
    told = capsys.readouterr().out
    assert "5 and 5 topics: " in told
    assert "40 documents are in both runs." in told
    one, two, out = documents("one"), documents("two"), documents("out")
    assert out.document.tolist() == list(LeeDataset().load().documents)
    assert out.topic[:170].tolist() == one.topic.tolist(), "the first run's stay"

    rows = mapping("out")
    new = {int(row["topic"]): int(row["new_topic"]) for row in rows[5:]}
    assert out.topic[170:].tolist() == [new.get(topic, -1) for topic in two.topic[40:]]
    assert [row["new_topic"] for row in rows[:5]] == list("01234")
    shared = [row for row in rows[5:] if int(row["new_topic"]) < 5]
    assert shared, "halves of one corpus have topics in common"
    assert f"{len(shared)} are the same, {5 - len(shared)} of the second run are new." in told
    for row in shared:
        assert row["nearest_topic"] == row["new_topic"]
        assert float(row["similarity"]) + float(row["word_similarity"]) >= 1.2
    labels = [topic.label for topic in load("one").topics]
    model = load("out")
    assert [topic.label for topic in model.topics][:5] == labels
    assert len(model.topics) == 10 - len(shared)
    found = model.predict(out.document.tolist())
    assert np.mean(found.topic == out.topic) >= 0.98

    child = next(r for r in runs_of(here / "mlflow.db") if r.info.run_id != first.info.run_id)
    assert child.data.tags["made_by"] == "merge"
    assert child.data.tags["parent_run"] == f"{first.info.run_id} two"
    assert [parent["run"] for parent in model.about["parents"]] == [first.info.run_id, "two"]
    record = json.loads(Path("out", "run.json").read_text())
    assert "topic_mapping.csv" in record["files"]

    Path("new.jsonl").write_text(json.dumps({"text": "Fires burn near Sydney."}))
    arguments = ["dataset=jsonl", "dataset.path=new.jsonl", "folder=later", *UNTRACKED]
    assert update(["run=out", *arguments]) == 0
    assert len(documents("later")) == len(out) + 1


def test_a_run_and_a_part_of_it(here, capsys):
    """All documents of the second run are in the first: nothing is left to add."""
    run(documents("one").document.tolist()[:60], *SETTINGS, "tracking=none", folder="part")
    assert merge(["one", "part", "folder=out", *UNTRACKED]) == 0
    assert "60 documents are in both runs." in capsys.readouterr().out
    assert documents("out").topic.tolist() == documents("one").topic.tolist()
    rows = mapping("out")
    assert {row["new_topic"] for row in rows[5:]} <= {*"01234", ""}


def test_labels_of_a_user_win_and_what_was_dropped_in_one_is_asked_for_in_the_other(here):
    assert merge(["one", "two", "folder=plain", *UNTRACKED]) == 0
    pairs = {int(row["new_topic"]): int(row["topic"]) for row in mapping("plain")[5:]}
    shared, alone = min(pairs), max(pairs)
    edits("two", "renamed", rename={pairs[shared]: "mine", pairs[alone]: "new"})
    assert merge(["one", "renamed", "folder=out", *UNTRACKED]) == 0
    topics = load("out").topics
    assert (topics[shared].label, topics[alone].label) == ("mine", "new")
    assert load("out").about["edits"] == [{"rename": {shared: "mine", alone: "new"}}]
    edits("one", "both", rename={shared: "first"})
    assert merge(["both", "renamed", "folder=again", *UNTRACKED]) == 0
    assert load("again").topics[shared].label == "first"

    edits("one", "dropped", drop=[shared])
    with pytest.raises(UserError, match=r"dropped have dropped what two has: topics .*edits=edits"):
        merge(["dropped", "two", "folder=out", *UNTRACKED])
    with pytest.raises(UserError, match="have dropped what two has"):
        merge(["two", "dropped", "folder=out", *UNTRACKED])
    edits("two", "dropped_too", drop=[pairs[shared]])
    assert merge(["dropped", "dropped_too", "folder=without", *UNTRACKED]) == 0
    model = load("without")
    assert model.topic_model.arrays["dropped"].shape[0] == 2
    texts, topic = documents("one").document, documents("one").topic
    assert (model.predict(texts[topic == shared].tolist()).topic == -1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "two"], "folder=... is missing"),
        (["one", "folder=x"], r"name two runs: .*runner\.merge .* There are 1"),
        (["one", "one", "folder=x"], "Both are one"),
        (["one", "./one", "folder=x"], "are the same run"),
        (["one", "two", "folder=x", "similarity=2"], "similarity=2.0: must be from 0 to 1"),
        (["one", "two", "folder=x", "similarity=high"], "similarity=high: must be a number"),
        (["one", "two", "folder=x", "dataset=lee"], "there is no key 'dataset'"),
        (["one", "nowhere", "folder=x"], "nowhere"),
        (["one", "layers", "folder=x"], "the run layers has layers"),
        (
            ["one", "tfidf", "folder=x"],
            r"different embedders:\n  class: .*\nTheir vectors do not",
        ),
        (["tfidf", "other_tfidf", "folder=x"], r"has learnt from the documents.*run=tfidf"),
    ],
)
def test_runs_that_do_not_go_together(parents, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(parents)
    arguments = [a.replace("folder=x", f"folder={tmp_path / 'out'}") for a in arguments]
    store = [f"uri=sqlite:///{parents / 'mlflow.db'}"] if "nowhere" in arguments else []
    with pytest.raises(UserError, match=message):
        merge([*arguments, *store, "tracking=none"])
    assert not (tmp_path / "out" / "run.json").exists()
