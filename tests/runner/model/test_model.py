"""A run saves its model; loaded, in this process or another, it gives documents its topics."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from components.base import Corpus, MissingExtraError, UserError
from components.datasets.split import split_corpus
from components.model import Prediction
from components.model import folder as model_folder
from conftest import ROOT
from runner import load
from runner.predict import predict_file
from tests_support import FAST

NEW = [
    "The bank raised its interest rate as the market fell.",
    "Firefighters fought bush fires near Sydney.",
    "The Australian cricket team won the test match in the morning.",
    "",
    "qqqzzz xxyyzz",
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run."""
    folder = tmp_path_factory.mktemp("run")
    command = [
        sys.executable, "-m", "runner", *FAST, "dataset.limit=120",
        "clusterer.layers=[broad]", "hydra.run.dir=out", "model.neighbours=all",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "out"


def _documents(folder: Path) -> Any:
    return pq.read_table(folder / "documents.parquet").to_pandas()


def test_a_run_saves_its_model_and_says_how_large_it_is(saved):
    assert {path.name for path in (saved / "model").iterdir()} == set(model_folder.FILES)
    size = sum(path.stat().st_size for path in (saved / "model").iterdir()) / 1e6
    metrics = json.loads((saved / "run.json").read_text())["metrics"]
    assert metrics["model_mb"] == pytest.approx(size)
    card = (saved / "model" / "MODEL.md").read_text()
    for topic in load(saved).topics:
        assert f"| {topic.id} |" in card


def test_training_documents_get_their_topics(saved):
    before = _documents(saved)
    found = load(saved).predict(list(before.document))
    names = ["topic", "label", "strength", "topic_broad"]
    assert list(found.columns) == [
        *names, "nearest_topic", "nearest_label", "similarity", "reason",
    ]  # fmt: skip
    assert np.mean(found.topic == before.topic) >= 0.98
    assert np.mean(found.topic_broad == before.topic_broad) >= 0.98


def test_new_documents_memberships_and_documents_without_a_word(saved):
    model = load(saved)
    found = model.predict(NEW, memberships=True)
    assert (found.topic[:3] >= 0).any()
    assert found.topic[3:].tolist() == [-1, -1]
    assert found.strength[3:].tolist() == [0, 0]
    assert found.label[3:].tolist() == ["", ""]
    labels = [topic.label for topic in model.topics] + [""]
    assert found.label.tolist() == [labels[topic] for topic in found.topic]
    assert all(len(row) == len(model.topics) for row in found.memberships)
    assert sum(found.memberships[0]) == pytest.approx(1, abs=1e-5)
    assert len(model.predict([])) == 0


def test_a_document_in_no_topic_has_the_nearest_one_and_the_reason(saved):
    model = load(saved)
    best = model.search(NEW[0], 1).iloc[0]
    model.topic_model.settings["limit"] = 0.0  # of whatever it has not seen, all is unlike that
    found = model.predict([NEW[0], *NEW[3:]])
    assert found.topic.tolist() == [-1, -1, -1]
    assert (found.nearest_topic[0], found.nearest_label[0]) == (best.topic, best.label)
    assert found.similarity[0] == pytest.approx(best.similarity, abs=1e-6)
    assert sorted(found.reason) == [
        "empty", "unlike the training documents", "without a word that the embedder knows",
    ]  # fmt: skip
    assert set(model.predict(["", *_documents(saved).document[:3]]).reason[1:]) == {""}


def test_the_reason_tells_what_is_unlike_from_noise_and_from_what_was_dropped(saved, tmp_path):
    model = load(saved)
    model.topic_model.arrays["dropped"] = model.embed(NEW[:1])
    assert model.predict(NEW[:1]).reason[0] == "nearest to a dropped topic"
    model = load(saved)
    model.topic_model.arrays["labels"][:] = -1  # as HDBSCAN's noise
    trained = model.predict(_documents(saved).document[:3])
    assert set(trained.reason) == {"left out by the run's rule"}
    model.topic_model.topics.clear()
    assert set(model.predict(NEW[:1]).reason) == {"in a model without topics"}


def test_an_image_without_text_is_no_empty_text(saved, monkeypatch, tmp_path):
    model, embedded = load(saved), []
    embed = model.embed
    monkeypatch.setattr(
        model, "embed", lambda texts, *a: embedded.extend(texts) or embed(texts, *a)
    )
    images = Corpus([NEW[0], ""], images=["a.png", "b.png"])
    assert model.predict_corpus(images).topics[1] == -1
    assert embedded == NEW[:1]
    images_only = SimpleNamespace(load=lambda: images)
    assert predict_file(model, images_only, tmp_path / "a.csv").reasons["empty"] == 1


def test_search(saved):
    model = load(saved)
    wanted = model.topics[1]
    found = model.search(" ".join(word for word, _ in wanted.words[:6]), n=2)
    assert len(found) == 2
    assert found.topic[0] == wanted.id
    assert found.similarity.is_monotonic_decreasing
    assert found.document[0] in wanted.documents
    assert model.search("qqqzzz").empty
    assert model.search("").empty


def test_what_was_predicted_before_is_not_embedded_again(saved, tmp_path, monkeypatch):
    first = load(saved, cache=tmp_path).predict(NEW)
    model = load(saved, cache=tmp_path)
    monkeypatch.setattr(type(model._embedder), "encode", lambda self, documents: 1 / 0)
    assert model.predict(NEW).equals(first)


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (["fine", 3], "row 1 .* not text but int"),
        ({"a text"}, "a set has no order"),
        (5, "a list of documents is needed, not int"),
        ("a text", r"write model\.predict\(\[text\]\)"),
    ],
)
def test_what_is_no_list_of_texts(saved, documents, message):
    with pytest.raises(UserError, match=message):
        load(saved).predict(documents)


def test_vectors_of_another_length_and_another_kind_of_batch(saved):
    model = load(saved)
    with pytest.raises(UserError, match="have 3 dimensions, and the model was made from vectors"):
        model.predict_vectors(np.ones((1, 3), np.float32))
    with pytest.raises(UserError, match=r"\(documents, dimensions\).* has \(3,\).*X\[None\]"):
        model.predict_vectors(np.ones(3, np.float32))
    with pytest.raises(UserError, match="must be exact or fast"):
        model.predict(NEW, batch="quick")
    assert model.predict(NEW, batch="fast").topic.tolist() == model.predict(NEW).topic.tolist()


def test_a_document_is_embedded_alone_unless_batches_are_asked_for(saved):
    class SeesItsBatch:
        def encode(self, documents):
            return np.full((len(documents), 2), len(documents), np.float32)

    model = load(saved)
    model._embedder = SeesItsBatch()
    model._identity = None
    assert model.embed(["a", "b"]).tolist() == [[1, 1], [1, 1]]
    assert model.embed(["a", "b"], batch="fast").tolist() == [[2, 2], [2, 2]]


def test_the_nearest_topic_of_a_document_in_pieces_is_that_of_its_nearest_piece():
    pieces = split_corpus(Corpus(["One one. Two two.", " ", "Three."]), "sentences", 1)
    found = replace(
        Prediction.none(4, 3, ()),
        nearest=np.array([2, 1, -1, 0]),
        similarities=np.array([0.2, 0.9, 0, 0.1], np.float32),
        novel=np.array([False, True, False, False]),
    ).of_documents(pieces)
    assert found.nearest.tolist() == [1, -1, 0]
    assert found.similarities.tolist() == pytest.approx([0.9, 0, 0.1])
    assert found.novel.tolist() == [True, False, False]


def test_a_column_keeps_its_index_and_vectors_alone_give_the_same_table(saved):
    model = load(saved)
    expected = model.predict(NEW)
    column = pd.Series([*NEW[:3], None, NEW[4]], [7, 5, 3, 1, 0])
    assert model.predict(column).equals(expected.set_axis(column.index))
    assert model.predict(column.to_frame("review")).reset_index(drop=True).equals(expected)
    table = column.to_frame("review").assign(stars=1)
    assert model.predict(table, text="review").index.equals(column.index)
    assert model.predict(text for text in NEW).equals(expected)
    with pytest.raises(UserError, match=r"text=text: .* It has 'review', 'stars'"):
        model.predict(table)
    vectors = model.embed(NEW[:3])
    assert model.predict_vectors(vectors).equals(expected[:3])
    assert model.predict_vectors(vectors.toarray().tolist()).equals(expected[:3])
    assert model.predict_vectors(np.zeros((1, vectors.shape[1]))).topic.tolist() == [-1]
    vectors.data[0] = np.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        model.predict_vectors(vectors)


def test_a_notebook_shows_a_model_in_a_line(saved):
    model = load(saved)
    assert repr(model) == f"<Model: {len(model.topics)} topics of 120 documents>"
    assert model.topics[0].documents[0] not in repr(model.topics)


def _edited(saved: Path, target: Path, edit: Any) -> Path:
    """A copy of a model with other settings, as somebody else could hand it over."""
    shutil.copytree(saved / "model", target)
    about = yaml.safe_load((target / "model.yaml").read_text())
    edit(about)
    (target / "model.yaml").write_text(yaml.safe_dump(about))
    lines = (target / "SHA256SUMS").read_text().splitlines()
    digest = model_folder._sha256(target / "model.yaml")
    lines = [f"{digest}  model.yaml" if "model.yaml" in line else line for line in lines]
    (target / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    return target


def _with_other_weights(about: dict[str, Any]) -> None:
    about["fingerprint"]["steps"][0]["min_df"] = 7


def _with_remote_code(about: dict[str, Any]) -> None:
    about["config"]["embedder"]["trust_remote_code"] = True


def _with_another_server(about: dict[str, Any]) -> None:
    about["config"]["embedder"]["base_url"] = "https://me:pass@elsewhere.example/v1"


def _with_a_foreign_class(about: dict[str, Any]) -> None:
    about["config"]["embedder"] = {"_target_": "subprocess.Popen", "args": ["true"]}


def _of_the_future(about: dict[str, Any]) -> None:
    about["format"] = 99


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_with_other_weights, r"another embedder .*\n.*min_df: 7 then, 1 now"),
        (_with_remote_code, r"embedder\.trust_remote_code=true.* trust=true"),
        (_with_another_server, r"base_url=https://[^@]*\*+@?elsewhere\.example\S* .*trust=true"),
        (_with_a_foreign_class, "not a trusted package|no such|trusted"),
        (_of_the_future, "has format 99"),
    ],
)
def test_a_model_that_is_not_what_it_was_or_not_to_be_trusted(saved, tmp_path, edit, message):
    with pytest.raises(UserError, match=message):
        load(_edited(saved, tmp_path / "model", edit))


def test_a_damaged_model(saved, tmp_path):
    copied = Path(shutil.copytree(saved / "model", tmp_path / "model"))
    content = bytearray((copied / "arrays.safetensors").read_bytes())
    content[-1] ^= 1
    (copied / "arrays.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"damaged: arrays\.safetensors is not as it was written"):
        load(copied)


def test_a_backend_that_is_missing(saved, tmp_path):
    def ask_for_it(about: dict[str, Any]) -> None:
        about["config"]["embedder"] = {
            "_target_": "components.embedders.gensim.GensimEmbedder",
            "model": "pkg://no_such_package/data",
        }

    with pytest.raises(MissingExtraError, match="pip install"):
        load(_edited(saved, tmp_path / "model", ask_for_it))


def test_folders_without_a_model(saved, tmp_path):
    with pytest.raises(UserError, match=r"is not the output folder of a run\. Give the folder"):
        load(tmp_path)
    run = tmp_path / "2026-01-01" / "12-00-00"
    (run / "model").mkdir(parents=True)
    with pytest.raises(UserError, match=f"Give the run's own, such as {run}"):
        load(tmp_path)
    (run / "run.json").touch()
    with pytest.raises(UserError, match="holds no model: it was run with model=false"):
        load(run)


def test_predict_from_file_to_file(saved, tmp_path, process):
    lines = [json.dumps({"body": text}) for text in NEW[:3]]
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    outcome = process(
        f"run={saved}", "dataset=jsonl", "dataset.path=new.jsonl", "dataset.text=body",
        "folder=predicted", "memberships=true", module="runner.predict",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    table = pq.read_table(tmp_path / "predicted" / "documents.parquet")
    assert table.column_names[:5] == ["row", "document", "topic", "label", "strength"]
    expected = load(saved).predict(NEW[:3], memberships=True)
    assert table["topic"].to_pylist() == expected.topic.tolist()
    assert table["strength"].to_numpy().tobytes() == expected.strength.to_numpy().tobytes()
    memberships = np.array(table["memberships"].to_pylist(), np.float32)
    assert memberships.tobytes() == np.stack(expected.memberships).tobytes()
    assert [path.name for path in (tmp_path / "predicted").iterdir()] == ["documents.parquet"]


def test_predict_to_csv_for_a_spreadsheet_and_to_json_lines(saved, tmp_path, capsys):
    from runner.predict import main

    rows = [("a1", NEW[0]), ("a2", " "), ("=b3", "=zzxq vvrw"), ("a4", NEW[1])]
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "body"), *rows])
    data = ["dataset=csv", f"dataset.path={tmp_path}/new.csv", "dataset.text=body",
            "dataset.columns=[id]", "cache=null", f"run={saved}", "memberships=true"]  # fmt: skip
    assert main([*data, f"out={tmp_path}/deep/topics.csv"]) == 0
    assert "2 of them in no topic (1 empty, 1 without a word that the embedder knows)" in (
        capsys.readouterr().out
    )
    assert (tmp_path / "deep" / "topics.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "deep" / "topics.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["id"] for row in table] == ["a1", "a2", "'=b3", "a4"]
    assert table[2]["document"] == "'=zzxq vvrw"
    model = load(saved)
    expected = model.predict([text for _, text in rows])
    assert [int(row["topic"]) for row in table] == expected.topic.tolist()
    assert table[1]["nearest_topic"] == table[2]["nearest_topic"] == "-1"
    best = model.search(NEW[0], 1).iloc[0]
    assert int(table[0]["nearest_topic"]) == best.topic
    assert table[0]["nearest_label"] == best.label
    assert float(table[0]["similarity"]) == pytest.approx(best.similarity, abs=1e-4)
    assert float(table[0]["memberships_0"]) >= 0
    assert main([*data, f"out={tmp_path}/topics.jsonl"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "topics.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a1", "a2", "=b3", "a4"]
    assert len(lines[0]["memberships"]) == len(model.topics)
    assert [line["topic"] for line in lines] == expected.topic.tolist()


@pytest.mark.parametrize("limit", ["null", "99"])
def test_topics_of_new_documents_are_measured_against_their_labels(saved, tmp_path, capsys, limit):
    from runner.predict import main

    known = _documents(saved)[["document", "topic_label"]].rename(columns={"document": "text"})
    known.loc[len(known)] = ["", known.topic_label[0]]  # without a vector
    known.loc[0, "topic_label"] = None
    data = ["dataset=jsonl", f"dataset.path={tmp_path}/new.jsonl", f"dataset.limit={limit}"]
    known.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    ask = [f"run={saved}", "cache=null", f"out={tmp_path}/topics.csv", *data]
    assert main([*ask, "dataset.label=topic_label"]) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"with the labels of (119|9[789]) documents: ari 1\.000 .* accuracy 1\.000", said
    )
    assert main(ask) == 0
    assert "labels" not in capsys.readouterr().out


def test_predictions_do_not_replace_the_documents(saved, tmp_path):
    from runner.predict import main

    path = tmp_path / "documents.parquet"
    pq.write_table(pa.table({"text": NEW}), path)
    data = ["run=x", "dataset=parquet", f"dataset.path={path}"]
    for target in (f"out={tmp_path}/../{tmp_path.name}/{path.name}", f"folder={tmp_path}"):
        with pytest.raises(UserError, match="is the file that the documents are read from"):
            main([*data, target])
    with pytest.raises(UserError, match="is the folder of a run"):
        main([*data, f"folder={saved}"])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_memberships_where_there_are_no_topics(tmp_path, suffix):
    from runner.prediction_files import writing

    path = tmp_path / f"a{suffix}"
    with writing(path) as write:
        write({"row": np.arange(3), "memberships": np.zeros((3, 0), np.float32)})
    if suffix == ".parquet":
        assert pq.read_table(path)["memberships"].to_pylist() == [[], [], []]


def test_files_are_read_in_blocks(tmp_path):
    from components.base import ParameterError
    from components.datasets.csv import CsvDataset
    from components.datasets.jsonl import JsonlDataset
    from components.datasets.parquet import ParquetDataset
    from runner.predict import _blocks

    texts = [f"text {n}" for n in range(25)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    lines = "\n".join(f'{n},"{text}"' for n, text in enumerate(texts))
    (tmp_path / "a.csv").write_text(f"n,text\n{lines}\n")
    for dataset in (
        CsvDataset(path=str(tmp_path / "a.csv")),
        JsonlDataset(path=str(tmp_path / "a.jsonl")),
        ParquetDataset(path=str(tmp_path / "a.parquet")),
    ):
        blocks = list(dataset.blocks(10))
        assert [len(block) for block in blocks] == [10, 10, 5]
        assert [text for block in blocks for text in block.documents] == texts
        assert np.concatenate([block.rows for block in blocks]).tolist() == list(range(25))
        with pytest.raises(ParameterError, match=r"^dataset\.text=body: "):
            list(_blocks(type(dataset)(path=dataset.path, text="body")))


def test_dates_that_a_block_alone_cannot_read_do_not_matter(tmp_path):
    from runner.config.build import build_dataset
    from runner.predict import BLOCK, _blocks, _dataset_config

    rows = [*["text,3/4/2020"] * BLOCK, "text,3/25/2020"]
    (tmp_path / "a.csv").write_text("\n".join(["text,date", *rows]))
    data = ["dataset=csv", f"dataset.path={tmp_path / 'a.csv'}", "dataset.timestamp=date"]
    blocks = _blocks(build_dataset(_dataset_config(data, [])))
    assert [len(block) for block in blocks] == [BLOCK, 1]


def test_blocks_of_csv_are_the_rows_of_the_whole(tmp_path):
    from components.datasets.csv import CsvDataset, MalformedRowError

    path = tmp_path / "a.csv"
    rows = [r'1,"a \"quoted\" text, and more"', '2,"two\nlines"', "3,plain"]
    path.write_text("\n".join(["n,text", *rows]))
    dataset = CsvDataset(path=str(path), columns=["n", "text"])
    whole = dataset.load()
    blocks = list(dataset.blocks(2))
    assert [text for block in blocks for text in block.documents] == list(whole.documents)
    assert [n for block in blocks for n in block.columns["n"]] == ["1", "2", "3"]
    path.write_text("n,text\n1,a\n2,b,c\n")
    with pytest.raises(MalformedRowError, match="line 3: the row has 3 cells"):
        list(CsvDataset(path=str(path)).blocks(1))
    path.write_text("n,text\n")
    with pytest.raises(UserError, match="holds no documents"):
        list(CsvDataset(path=str(path)).blocks(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folder=out"], "run=... is missing"),
        (["run=x", "dataset=csv"], "out=... is missing"),
        (["run=x", "dataset=csv", "out=topics.xlsx"], "must end in .csv, .parquet or .jsonl"),
        (["run=x", "dataset=csv", "folder=topics.csv"], "type out=topics.csv"),
        (["run=x", "dataset=csv", "folder=a", "out=a.csv"], "type one of them"),
        (["run=x", "folder=out"], "name the documents"),
        (["run=x", "folder=out", "dataset=csvv", "dataset.path=a.csv"], "csvv"),
        (["run=x", "folder=out", "dataset=csv", "dataset.path=a.csv", "batch=fats"], "fast"),
        (["run=x", "folder=out", "dataset=csv", "dataset.path=a.csv"], "a.csv does not exist"),
        (["run=x", "foldr=out"], "Did you mean 'folder'"),
        (["run=x", "folder=out", "dataset=csv", "dataset.split=sentences"], "Leave dataset.split"),
        (["run=x", "folder=out", "dataset=csv", "dataset.known_labels=y"], "type dataset.label=y"),
    ],
)
def test_mistakes_on_the_command_line(arguments, message, tmp_path, monkeypatch):
    from runner.predict import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        main(arguments)


def test_blocks_are_written_as_they_come(saved, tmp_path, monkeypatch):
    from components.base import Corpus
    from runner import predict

    monkeypatch.setattr(predict, "BLOCK", 7)
    texts = list(_documents(saved).document[:30])

    class Texts:
        def load(self) -> Corpus:
            return Corpus(texts)

    model = load(saved)
    sizes = predict_file(model, Texts(), tmp_path / "a.parquet")
    assert sizes.topics.total() == 30
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 5
    table = pq.read_table(tmp_path / "a.parquet")
    expected = model.predict(texts)
    assert table["row"].to_pylist() == list(range(30))
    assert table["topic"].to_pylist() == expected.topic.tolist()
    assert sizes.topics == Counter(expected.topic.tolist())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file that is always full")
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predictions_on_a_full_disk(suffix, tmp_path):
    from runner.prediction_files import writing

    path = tmp_path / f"a{suffix}"
    draft = tmp_path / f".{path.name}.{os.getpid()}"
    draft.symlink_to("/dev/full")
    block = {"document": ["x" * 100_000], "topic": np.array([1])}
    reason = rf"a{suffix} cannot be written: No space left.*Make room"
    with pytest.raises(UserError, match=reason), writing(path) as write:
        write(block)
    assert not list(tmp_path.iterdir())
    with writing(path) as write:
        write(block)
    assert list(tmp_path.iterdir()) == [path]


def test_predictions_where_no_folder_can_be(tmp_path):
    from runner.prediction_files import writing

    (tmp_path / "file").touch()
    reason = r"a\.csv cannot be written: (Not a directory|File exists)"
    with pytest.raises(UserError, match=reason), writing(tmp_path / "file" / "a.csv"):
        pass


def test_a_disk_that_is_full_before_the_model_is_said(saved, tmp_path, caplog, monkeypatch):
    from runner.model import saving

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving, "save", full)
    with caplog.at_level("WARNING"):
        saving.save_beside(None, {}, None, tmp_path, "a run")
    expected = (
        f"no model was saved: {tmp_path} cannot be written to (No space left on device). Make"
    )
    assert expected in caplog.text


def test_a_part_that_cannot_be_saved_costs_the_model_not_the_run(saved, tmp_path, caplog):
    from omegaconf import OmegaConf
    from sklearn.ensemble import RandomTreesEmbedding
    from sklearn.feature_extraction.text import TfidfVectorizer

    from components.clusterers.kmeans import KMeansClusterer
    from components.datasets.lee import LeeDataset
    from components.embedders.sklearn import SklearnEmbedder
    from components.reducers.identity import Identity
    from components.representations.ctfidf import CTFIDF
    from runner.model.saving import save_beside
    from runner.pipeline import Parts, run

    steps = {"tfidf": TfidfVectorizer(), "trees": RandomTreesEmbedding(3, random_state=0)}
    embedder = SklearnEmbedder(pipeline=steps)
    clusterer = KMeansClusterer(n_clusters=2, random_state=0)
    parts = Parts(LeeDataset(limit=40, seed=0), embedder, Identity(), clusterer, CTFIDF())
    result = run(parts, draw_map=False)
    config = OmegaConf.load(saved / "config.yaml")
    with caplog.at_level("WARNING"):
        save_beside(result, {}, config, tmp_path, "a run")
    assert "no model was saved: state.1" in caplog.text
    assert "model_mb" not in result.metrics
    assert not (tmp_path / "model").exists()


def test_no_model_where_none_is_wanted(runner):
    outcome = runner(*FAST, "dataset.limit=60", "model=false")
    assert outcome.code == 0, outcome.err
    assert not (outcome.output / "model").exists()
    assert "model_mb" not in json.loads((outcome.output / "run.json").read_text())["metrics"]


def test_settings_of_the_model_are_checked(runner):
    outcome = runner(*FAST, "dataset.limit=60", "model.neighbours=some")
    assert outcome.code == 2
    assert "model.neighbours=some: must be all, 0, or a number" in outcome.err
