"""Runs that go on from a saved model: updates and edits, written and tracked as every run is."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from components.base import UserError
from components.datasets.lee import LeeDataset
from conftest import ROOT
from runner import load
from tests_support import FAST
from tracking_support import runs_of

UNTRACKED = ["tracking=none", "cache=null"]


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with a tracked run in `run`, whose model is registered, and new.jsonl."""
    folder = tmp_path_factory.mktemp("parent")
    shutil.copy(empty_store, folder / "mlflow.db")
    texts = list(LeeDataset().load().documents)
    for name, part in (("old", texts[:150]), ("new", texts[150:200])):
        lines = [json.dumps({"text": text}) for text in part]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    command = [
        sys.executable, "-m", "runner", *FAST, "tracking=mlflow",
        "clusterer.n_clusters=5", "reports=default", "dataset=jsonl", "dataset.path=old.jsonl",
        "hydra.run.dir=run", "tracking.uri=sqlite:///mlflow.db", "model.register_as=topics",
        "model.alias=champion",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def update(*arguments: str) -> int:
    from runner.update import main

    return main([*arguments])


def edit(*arguments: str) -> int:
    from runner.edit import main

    return main([*arguments])


def documents(folder: Path) -> Any:
    return pq.read_table(folder / "documents.parquet").to_pandas()


def changes(folder: Path) -> list[dict[str, str]]:
    with (folder / "changes.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_an_update_is_a_run_with_a_new_version_of_the_model(parent, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    (first,) = runs_of(tmp_path / "mlflow.db")
    arguments = ["dataset=jsonl", "dataset.path=new.jsonl", "folder=out", f"uri={uri}"]
    arguments.append("recluster=never")
    assert update("run=models:/topics@champion", "cache=null", *arguments) == 0
    before, after = documents(tmp_path / "run"), documents(tmp_path / "out")
    assert after.document[:150].tolist() == before.document.tolist()
    assert after.topic[:150].tolist() == before.topic.tolist()
    new = [json.loads(line)["text"] for line in Path("new.jsonl").read_text().splitlines()]
    predicted = load(tmp_path / "run").predict(new)
    joined = after.topic[150:].to_numpy()
    old = load(tmp_path / "run").topics
    assert joined[joined < len(old)].tolist() == predicted.topic[joined < len(old)].tolist()
    labels = {topic.id: topic.label for topic in load(tmp_path / "out").topics}
    assert [labels[topic.id] for topic in old] == [topic.label for topic in old]

    rows = changes(tmp_path / "out")
    assert sum(int(row["size_after"]) for row in rows) == (after.topic >= 0).sum()
    for row in rows[: len(old)]:
        grown = int(row["size_after"]) > int(row["size_before"])
        assert row["change"] == ("grown" if grown else "silent")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["metrics"]["n_documents"] == 200
    assert {"changes.csv", "documents.parquet", "topics.csv", "report.html"} <= {*record["files"]}

    child = next(r for r in runs_of(tmp_path / "mlflow.db") if r.info.run_id != first.info.run_id)
    model_id = first.outputs.model_outputs[0].model_id
    assert child.data.tags["made_by"] == "update"
    assert child.data.tags["parent_run"] == first.info.run_id
    assert child.data.tags["parent_model"] == model_id
    client = MlflowClient(uri)
    version = client.get_model_version_by_alias("topics", "champion")
    assert version.run_id == first.info.run_id, "nobody has seen the new topics yet"
    assert client.get_model_version("topics", "2").run_id == child.info.run_id
    about = load("models:/topics/2", uri=uri).about
    (parent_model,) = about["parents"]
    assert parent_model["run"] == first.info.run_id
    assert parent_model["model"] == model_id

    # What an update made can be updated.
    again = ["dataset=jsonl", "dataset.path=new.jsonl", "folder=again", *UNTRACKED]
    assert update("run=out", *again, "model.neighbours=0") == 0
    assert len(documents(tmp_path / "again")) == 250
    assert load(tmp_path / "again")._model.settings["n_neighbours"] == 0


def test_an_alias_moves_where_it_is_named(parent, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path("edits.yaml").write_text("rename: {1: one}")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    arguments = ["run=run", "edits=edits.yaml", "folder=edited", "cache=null", f"uri={uri}"]
    assert edit(*arguments, "model.alias=champion") == 0
    version = MlflowClient(uri).get_model_version_by_alias("topics", "champion")
    assert (version.name, str(version.version)) == ("topics", "2")


def test_pieces_of_documents_and_known_labels_are_refused(parent, tmp_path, monkeypatch):
    from runner import run

    monkeypatch.chdir(parent)
    arguments = [f"folder={tmp_path / 'out'}", "dataset=jsonl", "dataset.path=new.jsonl"]
    for setting, reason in (("split=sentences", "not in pieces"), ("known_labels=text", "labels")):
        with pytest.raises(UserError, match=rf"dataset\.{setting}: .*{reason}.* Leave dataset\."):
            update("run=run", *arguments, f"dataset.{setting}", *UNTRACKED)
    texts = [json.loads(line)["text"] for line in Path("new.jsonl").read_text().splitlines()]
    settings = [*FAST, "clusterer.n_clusters=3", "dataset.split=sentences"]
    run(texts, *settings, folder=tmp_path / "pieces")
    (tmp_path / "edits.yaml").write_text("drop: [0]")
    pieces = f"run={tmp_path / 'pieces'}"
    for call in (
        lambda: update(pieces, *arguments, *UNTRACKED),
        lambda: edit(pieces, f"edits={tmp_path / 'edits.yaml'}", arguments[0], *UNTRACKED),
    ):
        with pytest.raises(UserError, match=r"cut its documents into pieces .* Run over all"):
            call()
    assert not (tmp_path / "out").exists()


def test_labels_that_a_run_was_told_are_not_measured_after_it(tmp_path, monkeypatch):
    from runner import run

    monkeypatch.chdir(tmp_path)
    texts = list(LeeDataset().load().documents[:80])
    labels = ["even" if row % 2 == 0 else "odd" for row in range(60)]
    Path("new.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts[60:]))
    settings = [setting for setting in FAST if not setting.startswith(("clusterer", "reducer"))]
    told = [label if row < 40 else None for row, label in enumerate(labels)]
    run(texts[:60], *settings, label=labels, known_labels=told, folder="run")
    arguments = ["dataset=jsonl", "dataset.path=new.jsonl", *UNTRACKED]
    for parent, folder in (("run", "one"), ("one", "two")):
        assert update(f"run={parent}", f"folder={folder}", *arguments) == 0
        assert load(folder).about["labels_known"]
        assert documents(tmp_path / folder).label[:60].tolist() == labels
        assert "ami" not in json.loads(Path(folder, "run.json").read_text())["metrics"]


def test_an_edit_is_saved_with_the_model_and_holds_after_an_update(
    parent, tmp_path, monkeypatch, capsys
):
    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    edits = {"merge": [[1, 3]], "rename": {0: "first"}, "drop": [4], "split": [2]}
    Path("edits.yaml").write_text(yaml.safe_dump(edits))
    assert edit("run=run", "edits=edits.yaml", "folder=edited", *UNTRACKED) == 0
    before, after = documents(tmp_path / "run").topic, documents(tmp_path / "edited").topic
    assert set(after[before == 1]) == set(after[before == 3]) == {1}
    assert set(after[before == 4]) == {-1}
    assert len(set(after[before == 2])) >= 2
    assert (after[before == 0] == 0).all()
    model = load(tmp_path / "edited")
    assert model.topics[0].label == "first"
    words = [word for word, _ in model.topics[2].words[:3]]
    assert model.topics[2].label == ", ".join(words), "of the part, not of the topic it was"
    words = [word for word, _ in model.topics[1].words[:3]]
    assert model.topics[1].label == ", ".join(words), "of both topics, not of the first"
    assert model.about["edits"] == [edits]
    told = capsys.readouterr().out
    assert "dropped: 4 (" in told
    assert "merged: 1+3 (" in told
    rows = changes(tmp_path / "edited")
    assert rows[0]["change"] == "renamed"
    assert rows[1]["change"] == "merged"
    assert rows[1]["topics_before"] == "1 3"
    assert rows[-1]["change"] == "dropped"
    assert rows[-1]["topic"] == ""

    texts = documents(tmp_path / "run").document
    same = ["dataset=jsonl", "dataset.path=old.jsonl", "folder=updated", *UNTRACKED]
    assert update("run=edited", *same, "recluster=never") == 0
    again = documents(tmp_path / "updated").topic.to_numpy()
    assert again[: len(texts)].tolist() == after.tolist()
    assert again[len(texts) :].tolist() == after.tolist(), "seen documents are recognised"
    updated = load(tmp_path / "updated")
    assert updated.topics[0].label == "first"
    assert updated.about["edits"] == [edits]
    assert updated._model.arrays["dropped"].shape[0] == 1


def test_topics_found_again_are_the_old_ones_and_what_a_person_made_stays(
    parent, tmp_path, monkeypatch, capsys
):
    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    edits = {"merge": [[0, 3]], "rename": {1: "mine"}, "drop": [4]}
    Path("edits.yaml").write_text(yaml.safe_dump(edits))
    assert edit("run=run", "edits=edits.yaml", "folder=edited", *UNTRACKED) == 0
    new = Path("new.jsonl").read_text().splitlines()
    Path("few.jsonl").write_text("\n".join(new[:20]))
    arguments = ["dataset=jsonl", "dataset.path=few.jsonl", *UNTRACKED]
    assert update("run=edited", "folder=few", *arguments) == 0
    assert load("few").about["documents_clustered"] == 150, "170 documents are not 188"
    assert changes(tmp_path / "few")[0]["topics_before"] == "0"

    before = documents(tmp_path / "few").topic.to_numpy()
    arguments[1] = "dataset.path=old.jsonl"
    capsys.readouterr()
    assert update("run=few", "folder=all", *arguments) == 0
    said = capsys.readouterr().out
    assert "All 320 documents were clustered again" in said
    after = documents(tmp_path / "all").topic.to_numpy()
    model = load("all")
    assert model.about["documents_clustered"] == 320
    (merged,) = model.about["held"]
    card = Path("all/model/MODEL.md").read_text()
    assert "| made by | update from few |" in card
    assert "| topics found among | 320 documents |" in card
    assert (after[: len(before)][before == 0] == merged).all(), "a person has made this topic"
    assert (after[170:][documents(tmp_path / "run").topic == 4] == -1).mean() > 0.9
    labels = {topic.id: topic.label for topic in load("few").topics}
    assert labels[1] == "mine"
    rows = changes(tmp_path / "all")
    old = [int(row["topics_before"]) for row in rows if row["topics_before"]]
    assert sorted(old) == sorted(labels), "each old topic has a row"
    here = {topic.id: topic for topic in model.topics}
    for row in rows:
        if row["change"] in ("grown", "shrunk", "silent"):
            topic = here.pop(int(row["topic"]))
            assert topic.label == labels[int(row["topics_before"])]
            assert topic.size == int(row["size_after"]) == (after == topic.id).sum()
        else:
            assert row["change"] in ("new", "merged", "gone")
    counts = np.bincount(after[: len(before)][(before == 2) & (after[: len(before)] >= 0)])
    assert counts.max() > counts.sum() / 2
    texts = documents(tmp_path / "all").document
    first = ~texts.duplicated().to_numpy()  # a text that stands twice has the topic of the first
    predicted = load("all").predict(texts.tolist())
    assert (predicted.topic.to_numpy() == after)[first].all()


def test_documents_of_topics_that_are_merged_by_an_update_are_in_another_topic(
    parent, tmp_path, monkeypatch, capsys
):
    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace("n_clusters: 5", "n_clusters: 2"))
    arguments = ["dataset=jsonl", "dataset.path=new.jsonl", *UNTRACKED]
    assert update("run=run", "folder=all", "recluster=always", *arguments) == 0
    said = capsys.readouterr().out
    rows = changes(tmp_path / "all")
    kept = {
        row["topics_before"]: row["topic"]
        for row in rows
        if row["change"] in ("grown", "shrunk", "silent")
    }
    assert len(kept) == 2
    old, new = (documents(tmp_path / name).topic[:150] for name in ("run", "all"))
    n_moved = sum(kept.get(str(a)) != str(b) for a, b in zip(old, new, strict=True) if a >= 0)
    assert "Of 5 topics 2 remain and 3 do not; new topics: 0; " in said
    assert f"old documents in another topic: {n_moved} (" in said
    assert "To keep all topics: recluster=never." in said


def test_new_documents_are_cleaned_as_those_of_the_run_were(tmp_path, monkeypatch):
    from runner import predict, run

    monkeypatch.chdir(tmp_path)
    texts = list(LeeDataset().load().documents[:60])
    tagged = [f"<p>{text}</p>" for text in texts]
    Path("new.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in tagged[40:]))
    settings = [*FAST, "clusterer.n_clusters=3", "dataset.clean=html"]
    run(tagged[:40], *settings, folder="run")
    arguments = ["run=run", "dataset=jsonl", "dataset.path=new.jsonl"]
    assert update(*arguments, "folder=out", *UNTRACKED) == 0
    assert documents(tmp_path / "out").document.tolist() == [" ".join(t.split()) for t in texts]
    for given, cleaned in (([], True), (["dataset.clean=null"], False)):
        assert predict.main([*arguments, *given, "folder=new", "cache=null"]) == 0
        assert documents(tmp_path / "new").document[0].startswith("<p>") != cleaned


def test_what_cannot_be_clustered_again_is_said(tmp_path, monkeypatch, caplog):
    from runner import run

    monkeypatch.chdir(tmp_path)
    texts = list(LeeDataset().load().documents[:90])
    Path("new.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts[50:]))
    labels = ["even" if row % 2 == 0 else "odd" for row in range(50)]
    settings = [setting for setting in FAST if not setting.startswith(("clusterer", "reducer"))]
    settings += ["clusterer=given"]
    run(texts[:50], *settings, label=labels, folder="run")
    arguments = ["run=run", "dataset=jsonl", "dataset.path=new.jsonl", "folder=out", *UNTRACKED]
    with pytest.raises(UserError, match=r"recluster=always: .* labels of its data set"):
        update(*arguments, "recluster=always")
    assert update(*arguments) == 0
    assert "they are not found again: the run's topics are labels" in caplog.text
    assert update("run=out", *arguments[1:3], "folder=again", *UNTRACKED) == 0
    again = documents(tmp_path / "again")
    assert again.topic[:50].tolist() == documents(tmp_path / "run").topic.tolist()
    assert {*again.topic[50:]} <= {-1, 0, 1}, "no label is needed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folder=out"], "run=... is missing"),
        (["run=run"], "folder=... is missing"),
        (["run=run", "folder=out"], "name the new documents"),
        (["run=run", "folder=out", "dataset=jsonl", "dataset.path=no.jsonl"], "no.jsonl"),
        (["run=run", "folder=out", "dataset=jsnl", "dataset.path=new.jsonl"], "jsonl"),
        (["run=run", "folder=out", "dataset=csv", f"dataset.path={__file__}", "dataset.text=no"],
         r"^dataset\.text=no: "),
        (["run=run", "foldr=out"], "Did you mean 'folder'"),
        (["run=no_run", "folder=out", "dataset=lee"], "no_run"),
        (["run=run", "folder=out", "dataset=lee", "min_topic_size=many"], "whole number"),
        (["run=run", "folder=out", "dataset=lee", "min_topic_size=1"], "must be at least 2"),
        (["run=run", "folder=out", "dataset=lee", "recluster=alway"], "Did you mean 'always'"),
    ],
)  # fmt: skip
def test_mistakes_on_the_command_line(parent, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(parent)
    arguments = [a.replace("folder=out", f"folder={tmp_path / 'out'}") for a in arguments]
    uri = f"uri=sqlite:///{parent / 'mlflow.db'}"
    with pytest.raises(UserError, match=message):
        update(*arguments, "tracking=none", *([uri] if "run=no_run" in arguments else []))


def test_a_derived_run_is_not_replayed_and_edits_that_cannot_be_read(parent, tmp_path, monkeypatch):
    from runner.replay import main

    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path("edits.yaml").write_text("rename: {1: one}\n")
    assert edit("run=run", "edits=edits.yaml", "folder=edited", *UNTRACKED) == 0
    with pytest.raises(UserError, match=r"goes on from another one .*edits=edits\.yaml"):
        main(["run=edited"])
    Path("edits.yaml").write_text("rename: {1: one")
    with pytest.raises(UserError, match=r"edits\.yaml: cannot be read as YAML"):
        edit("run=run", "edits=edits.yaml", "folder=edited", *UNTRACKED)
    with pytest.raises(UserError, match="No such file"):
        edit("run=run", "edits=no.yaml", "folder=edited", *UNTRACKED)


def test_old_documents_are_served_from_the_cache(parent, tmp_path, monkeypatch):
    shutil.copytree(parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    arguments = ["run=run", "dataset=jsonl", "dataset.path=new.jsonl", "tracking=none"]
    distinct = len(set(LeeDataset().load().documents[:200]))
    for folder, computed in (("one", distinct), ("two", 0)):
        assert update(*arguments, f"folder={folder}", "cache=cached") == 0
        metrics = json.loads(Path(folder, "run.json").read_text())["metrics"]
        assert metrics["n_documents_embedded"] == computed
    one, two = documents(tmp_path / "one"), documents(tmp_path / "two")
    assert np.array_equal(one.topic, two.topic)
