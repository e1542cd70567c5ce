"""dataset=jsonl."""

import gzip
import json

import pytest

from components.base import UserError
from components.datasets.jsonl import JsonlDataset


@pytest.fixture
def lines(tmp_path):
    def write(*records, name="a.jsonl"):
        text = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in records)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def test_texts_labels_and_timestamps(lines):
    path = lines({"text": "a\u2028b", "y": 1, "t": "2020"}, "", {"text": "", "y": 2, "t": 2021})
    corpus = JsonlDataset(path=path, label="y", timestamp="t").load()
    assert corpus.documents == ["a\u2028b", ""]
    assert corpus.labels == ["1", "2"]
    assert corpus.timestamps.astype(str).tolist() == [
        "2020-01-01T00:00:00.000000",
        "2021-01-01T00:00:00.000000",
    ]


def test_gz_and_byte_order_mark(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress('\ufeff{"text": "é"}\r\n{"text": "b"}\r\n'.encode()))
    assert JsonlDataset(path=str(path)).load().documents == ["é", "b"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"text": "a"', "line 3 is not JSON"),
        ('{"text": "a"} {"text": "b"}', "line 3 is not JSON"),
        ("[" * 100_000, "line 3 is not JSON"),
        ('["a"]', "line 3 holds a list"),
        ('"a"', "line 3 holds a str"),
        ("null", "line 3 holds a NoneType"),
    ],
)
def test_a_broken_line_is_named(lines, line, says):
    with pytest.raises(UserError, match=says):
        JsonlDataset(path=lines({"text": "a"}, "", line, {"text": "c"})).load()


@pytest.mark.parametrize("value", [3, 1.5, True, ["a"], {"a": "b"}])
def test_not_text_names_the_row(lines, value):
    with pytest.raises(UserError, match=r"row 1 .* not text"):
        JsonlDataset(path=lines({"text": "a"}, {"text": value})).load()


def test_a_key_missing_in_one_line_is_a_missing_value(lines):
    path = lines({"text": "a", "y": "b"}, {"y": "c"}, {"text": "d"})
    corpus = JsonlDataset(path=path, label="y").load()
    assert (corpus.documents, corpus.labels) == (["a", "", "d"], ["b", "c", None])
    with pytest.raises(UserError, match=r"no text \(row 1\); 1 of 3 rows have no label \(row 2\)"):
        JsonlDataset(path=path, label="y", missing="error").load()


def test_a_key_missing_in_every_line_shows_those_there_are(lines):
    path = lines({"body": "a"}, {"body": "b", "labels": "c"})
    with pytest.raises(UserError, match=r"no such column. It has 'body', 'labels'"):
        JsonlDataset(path=path).load()
    with pytest.raises(UserError, match=r"Did you mean 'labels'\?"):
        JsonlDataset(path=path, text="body", label="label").load()


@pytest.mark.parametrize("text", ["", "\n", "\n  \n"])
def test_nothing_to_read_is_an_error(lines, text):
    with pytest.raises(UserError, match=r"holds no documents"):
        JsonlDataset(path=lines(text)).load()


def test_not_utf8_is_an_error_and_the_encoding_mends_it(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "a"}\n{"text": "é"}\n'.encode("cp1252"))
    with pytest.raises(UserError, match=r"byte 24 \(0xe9\), line 2\. .*cp1252"):
        JsonlDataset(path=str(path)).load()
    assert JsonlDataset(path=str(path), encoding="cp1252").load().documents == ["a", "é"]


def test_half_a_character_is_replaced(lines):
    path = lines(r'{"text": "cut \ud83d", "y": "k"}', r'{"text": "whole \ud83d\ude00", "y": "k"}')
    corpus = JsonlDataset(path=path, label="y").load()
    assert corpus.documents == ["cut \ufffd", "whole 😀"]


def test_images_and_texts_may_each_be_missing(lines, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    path = lines({"text": "", "image": "a.png"}, {"text": "x"}, {"text": "y", "image": None})
    corpus = JsonlDataset(path=path, image="image").load()
    assert corpus.images == [str(tmp_path / "a.png"), None, None]


def test_one_document_duplicates_and_limit(lines):
    assert JsonlDataset(path=lines({"text": "x"})).load().documents == ["x"]
    path = lines(*[{"text": "x"}] * 20)
    assert JsonlDataset(path=path).load().documents == ["x"] * 20
    corpus = JsonlDataset(path=path, limit=3, seed=7).load()
    assert (len(corpus), corpus.n_rows) == (3, 20)
