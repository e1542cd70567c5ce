"""dataset=huggingface, on local folders: the Hub is not needed."""

import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import datasets
import pytest
from PIL import Image

from components.base import UserError
from components.datasets.huggingface import HuggingfaceDataset, check_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    features = datasets.Features(
        {
            "body": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["sport", "tech"]),
            "stars": datasets.Value("int64"),
        }
    )
    for split, labels in {"train": [1, 0, 1], "test": [0, -1]}.items():
        rows = {"body": [f"{split} {i}" for i in range(len(labels))], "label": labels}
        rows["stars"] = list(range(len(labels)))
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(tmp_path / "data" / f"{split}.parquet")
    return tmp_path / "data"


@pytest.fixture
def load(tmp_path):
    def load(path, **settings):
        dataset = HuggingfaceDataset(path=str(path), cache_dir=str(tmp_path / "cache"), **settings)
        return dataset.load()

    return load


def test_class_numbers_become_names(folder, load):
    corpus = load(folder, text="body", label="label", columns=["stars"])
    assert corpus.documents == ["train 0", "train 1", "train 2"]
    assert corpus.labels == ["tech", "sport", "tech"]
    assert corpus.columns == {"stars": ["0", "1", "2"]}


def test_split_limit_and_an_unlabelled_row(folder, load):
    assert load(folder, text="body", split="test").documents == ["test 0", "test 1"]
    assert len(load(folder, text="body", limit=2, seed=0)) == 2
    assert load(folder, text="body", label="label", split="test").labels == ["sport", None]
    with pytest.raises(UserError, match=r"1 of 2 rows have no label \(row 1\)"):
        load(folder, text="body", label="label", split="test", missing="error")


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("a.xlsx", b"PK\x03\x04...", "or an Excel workbook: unpack it, or save it as CSV."),
        ("a.csv", b"id;text\n1;one, two\n2;a,b,c,d\n", "Type dataset=csv."),
    ],
)
def test_a_file_that_the_library_cannot_read_names_what_does(load, tmp_path, name, content, hint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"the library `datasets` cannot read .* {hint}$"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_single_file(tmp_path, load, name):
    rows = [{"text": "one"}, {"text": "two"}]
    csv = "text\none\ntwo\n"
    (tmp_path / name).write_text(
        csv if name == "a.csv" else "".join(json.dumps(row) + "\n" for row in rows)
    )
    (tmp_path / "other.txt").write_text("not this one")
    assert load(tmp_path / name).documents == ["one", "two"]


def test_fields_of_a_struct(tmp_path, load):
    (tmp_path / "nested").mkdir()
    rows = [{"review": {"body": "a", "stars": 1}}, {"review": {"body": None, "stars": 2}}]
    file = tmp_path / "nested" / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = load(file, text="review.body", label="review.stars")
    assert (corpus.documents, corpus.labels) == (["a", ""], ["1", "2"])
    rows = [{"review": {"by": {"name": "x"}}}, {"review": {"by": None}}, {"review": None}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert load(file, text="review.by.name").documents == ["x", "", ""]


def test_images_in_files(tmp_path, load):
    folder = tmp_path / "photos"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(folder / label / "1.png")
    corpus = load(folder, text=None, image="image", label="label")
    assert corpus.images == [str(folder / "cat" / "1.png"), str(folder / "dog" / "1.png")]
    assert corpus.labels == ["cat", "dog"]


def test_wrong_column_split_and_folder(folder, load, tmp_path):
    with pytest.raises(UserError, match=r"no such column. It has 'body', 'label', 'stars'"):
        load(folder)
    with pytest.raises(UserError, match=r"Unknown split.*config, split"):
        load(folder, text="body", split="dev")
    with pytest.raises(UserError, match=r"does not exist"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"cannot be loaded"):
        load(tmp_path / "empty")


def test_not_text_names_the_row(folder, load):
    with pytest.raises(UserError, match=r"text=stars: row 0 is not text but int"):
        load(folder, text="stars")


def test_a_hub_that_cannot_be_reached_is_no_traceback(tmp_path):
    code = (
        "from components.base import UserError\n"
        "from components.datasets.huggingface import HuggingfaceDataset\n"
        "try: HuggingfaceDataset(path='someone/reviews').load()\n"
        "except UserError as error: print(error)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert "path=someone/reviews" in done.stdout, done.stderr
    assert "cannot be reached" in done.stdout


def test_a_reader_of_the_library_is_no_data_set(tmp_path, load, monkeypatch):
    """`pandas` would load every pickle of the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.pkl").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match=r"path=pandas: is a reader.*\./pandas"):
        load("pandas")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["{}/secret.csv", "../secret.csv", "zip://a.csv::{}/a.zip"])
def test_files_outside_the_folder_are_not_read(name, tmp_path, load):
    (tmp_path / "secret.csv").write_text("text\nmine\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a.csv", "text\nmine\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("text\ntheirs\n")
    card = "---\nconfigs:\n- config_name: default\n  data_files: {}\n---\n"
    (tmp_path / "data" / "README.md").write_text(card.format(name.format(tmp_path)))
    with pytest.raises(UserError, match=r"names a file outside it, .*remove it from data_files"):
        load(tmp_path / "data")
    (tmp_path / "data" / "README.md").write_text(card.format("'*.csv'"))
    assert load(tmp_path / "data").documents == ["theirs"]


def test_a_data_set_of_the_hub_names_no_file_of_this_machine(tmp_path):
    of_hub = {"train": ["hf://datasets/a/b@c/d.csv", "https://somewhere.example/d.csv"]}
    check_files("a/b", of_hub, None)
    with pytest.raises(UserError, match=r"path=a/b: this data set names a file outside it"):
        check_files("a/b", {"train": ["/etc/passwd"]}, None)


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)
