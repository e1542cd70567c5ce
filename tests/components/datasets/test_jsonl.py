"""dataset=jsonl."""

import gzip
import io
import json

import pandas as pd
import pytest

from components.base import UserError
from components.datasets.csv import CsvDataset
from components.datasets.jsonl import JsonlDataset
from components.datasets.parquet import ParquetDataset
from components.datasets.python import corpus_from


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


@pytest.mark.parametrize("text", ["text,label\na,x\n", "A document.\n", "\ntext"])
def test_a_file_that_is_not_json_is_told_the_data_sets_that_read_it(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=r"holds no JSON: line \d is '.*type dataset=csv"):
        JsonlDataset(path=str(tmp_path / "a.csv")).load()


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


FRAME = pd.DataFrame({"text": ["a", "b", None], "label": ["x", "y", "z"], "stars": [1, 2, 3]})


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_what_pandas_writes_is_a_table(tmp_path, orient, indent):
    path = tmp_path / "a.json"
    FRAME.to_json(path, orient=orient, indent=indent)
    corpus = JsonlDataset(path=str(path), label="label", columns=["stars"]).load()
    assert corpus.documents == ["a", "b", ""]
    assert corpus.labels == ["x", "y", "z"]
    assert corpus.columns == {"stars": ["1", "2", "3"]}


@pytest.mark.parametrize(
    "value",
    [
        ["a", "b"],
        {"text": ["a", "b"], "nr": [1, 2], "source": "a note"},
        {"count": 2, "reviews": [{"text": "a"}, {"text": "b"}]},
        {"text": {"7": "a", "3": "b"}, "nr": {"3": 1, "7": 2}},
    ],
)
def test_other_tables_in_one_value(lines, value):
    assert JsonlDataset(path=lines(value)).load().documents == ["a", "b"]


def test_objects_over_several_lines(lines):
    text = json.dumps({"text": "a"}, indent=2) + "\n" + json.dumps({"text": "b"}, indent=2)
    assert JsonlDataset(path=lines(text)).load().documents == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"text": "a"}, 3]', "element 1 holds a int"),
        ("[[1, 2], [3, 4]]", "element 0 holds a list"),
        ('{"text": ["a", "b"], "nr": [1]}', "columns differ in length"),
        ('{"text": {"0": 1}}', "row 0 is not text but int"),
        ('[\n{"text": "a"},\n{"text": }\n]', "line 3 is not JSON"),
        ('{"text": "a"\n{"text": "b"}', "line 1 is not JSON"),
        ('{"text": "a"', "line 1 is not JSON"),
        ("3", "line 1 holds a int"),
        ("[{}, {}]", "no such column"),
        (
            '{"columns": ["text"], "data": [["a"], null]}',
            "row 1 of its data is not a list of 1 cells",
        ),
        ('{"columns": ["text"], "data": [["a"], ["b", 1]]}', "row 1 of its data"),
        ('{"body": {"0": "a"}, "nr": {"0": 1}}', "no such column. It has '0'"),
    ],
)
def test_a_broken_table_is_named_in_few_words(lines, text, says):
    with pytest.raises(UserError, match=says) as error:
        JsonlDataset(path=lines(text + " " * 9999)).load()
    assert len(str(error.value)) < 400


def test_an_error_never_holds_the_corpus(tmp_path):
    path = tmp_path / "a.json"
    pd.DataFrame({"body": ["word " * 99] * 99}).to_json(path)
    with pytest.raises(UserError) as error:
        JsonlDataset(path=str(path)).load()
    assert len(str(error.value)) < 700


def test_nested_fields(lines):
    rows = [
        {"review": {"body": "a", "by": {"name": "x"}}, "a.b": 1},
        {"review": None, "a.b": 2},
        {"review": {"body": "c"}},
    ]
    path = lines(*rows)
    settings = {"text": "review.body", "label": "review.by.name", "columns": ["a.b"]}
    corpus = JsonlDataset(path=path, **settings).load()
    assert corpus.documents == ["a", "", "c"]
    assert corpus.labels == ["x", None, None]
    assert corpus.columns == {"a.b": ["1", "2", ""]}
    with pytest.raises(UserError, match=r"has 'review\.body', .*Did you mean 'review\.body'"):
        JsonlDataset(path=path, text="review.bdy").load()


def test_the_same_data_from_every_format(lines, tmp_path):
    frame = FRAME.assign(date=["2020-01-02", None, "2020-03-04"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    buffer = io.StringIO()
    frame.to_json(buffer, orient="records", lines=True)
    names = {"label": "label", "timestamp": "date", "columns": ["stars"]}
    corpora = [
        CsvDataset(path=str(tmp_path / "a.csv"), **names).load(),
        ParquetDataset(path=str(tmp_path / "a.parquet"), **names).load(),
        JsonlDataset(path=lines(buffer.getvalue()), **names).load(),
        corpus_from(frame, **names),
    ]
    assert len({corpus.hash for corpus in corpora}) == 1
    assert corpora[0].documents == ["a", "b", ""]


def test_blanks_around_keys_do_not_count(lines):
    dataset = JsonlDataset(path=lines({" text": "a"}, {" text": "b"}))
    assert dataset.load().documents == ["a", "b"]
    assert [corpus.documents for corpus in dataset.blocks(1)] == [["a"], ["b"]]


def test_a_block_names_the_rows_of_the_file(lines, caplog):
    dataset = JsonlDataset(path=lines({"text": "a"}, {"text": ""}, {"text": 3}))
    with pytest.raises(UserError, match=r"^text=text: row 2 is not text but int"):
        list(dataset.blocks(1))
    assert "1 of 1 rows have no text (row 1)" in caplog.text


def test_a_column_may_begin_in_a_later_block(lines):
    dataset = JsonlDataset(path=lines({"text": "a"}, {"text": "b", "y": "x"}), label="y")
    assert dataset.load().labels == [None, "x"]
    assert [corpus.labels for corpus in dataset.blocks(1)] == [[None], ["x"]]


@pytest.mark.parametrize("depth", [100, 600, 900, 960, 990])
def test_deep_nesting_is_an_error_in_words(lines, depth):
    inner = "[" * depth + "]" * depth
    nested = '{"a": ' * depth + "1" + "}" * depth
    for text in (f'{{"text": {inner}}}', f'{{"body": {inner}}}', nested, inner):
        with pytest.raises(UserError) as error:
            JsonlDataset(path=lines(text)).load()
        assert len(str(error.value)) < 600
