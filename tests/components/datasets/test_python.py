"""Documents from Python objects."""

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from components.base import Corpus, ParameterError, UserError
from components.datasets.python import corpus_from, documents_from

TEXTS = ["one", "two", "three"]
COLUMNS = {"text": TEXTS, "kind": ["a", None, "b"], "stars": [1, 2, 3]}


@pytest.mark.parametrize(
    "data",
    [
        TEXTS,
        tuple(TEXTS),
        (text for text in TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS, index=[7, 8, 9]),
        pd.Series(TEXTS, dtype="string"),
        pl.Series(TEXTS),
        pa.array(TEXTS),
        pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    ],
    ids=lambda data: f"{type(data).__module__}.{type(data).__name__}",
)
def test_documents(data):
    assert corpus_from(data).documents == TEXTS


@pytest.mark.parametrize(
    "table",
    [
        COLUMNS,
        [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
        pd.DataFrame(COLUMNS),
        pl.DataFrame(COLUMNS),
        pa.table(COLUMNS),
        datasets.Dataset.from_dict(COLUMNS),
    ],
    ids=lambda table: f"{type(table).__module__}.{type(table).__name__}",
)
def test_tables(table):
    corpus = corpus_from(table, label="kind", columns=["stars"])
    assert corpus.documents == TEXTS
    assert corpus.labels == ["a", None, "b"]
    assert corpus.columns == {"stars": ["1", "2", "3"]}
    assert corpus_from(table, text="kind").documents == ["a", "", "b"]
    with pytest.raises(
        ParameterError, match=r"^label=kid: the data has no such column. .*'kind'\?"
    ):
        corpus_from(table, label="kid")


def test_a_corpus_is_returned_as_it_is():
    corpus = Corpus(TEXTS)
    assert corpus_from(corpus) is corpus


def test_one_column_needs_no_name():
    assert corpus_from(pd.DataFrame({"review": TEXTS})).documents == TEXTS
    with pytest.raises(ParameterError, match=r"^text=text: .* It has 'review', 'nr'"):
        corpus_from(pd.DataFrame({"review": TEXTS, "nr": 1}))


def test_missing_values_of_pandas(caplog):
    series = pd.Series(["x", None, float("nan"), pd.NA])
    assert corpus_from(series).documents == ["x", "", "", ""]
    assert "the data: 3 of 4 rows have no text (rows 1, 2, 3)." in caplog.text
    with pytest.raises(ParameterError, match=r"^missing=error: in the data, 3 of 4 rows"):
        corpus_from(series, missing="error")


def test_labels_times_and_columns_beside_a_list():
    corpus = corpus_from(
        TEXTS,
        label=np.array([0, 1, 0]),
        timestamp=pd.Series(pd.to_datetime(["2020-01-02", None, "2020-01-04"])),
        columns={"source": pd.Series(["x", "y", None])},
    )
    assert corpus.labels == ["0", "1", "0"]
    expected = np.array(["2020-01-02", "NaT", "2020-01-04"], "datetime64[us]")
    np.testing.assert_array_equal(corpus.timestamps, expected)
    assert corpus.columns == {"source": ["x", "y", ""]}


@pytest.mark.parametrize(
    "times",
    [
        pd.Series(pd.to_datetime(["2020-01-02T03:00", "2020-01-02T04:00", None])),
        pd.Series(pd.to_datetime(["2020-01-02T05:00+02:00", "2020-01-02T04:00Z", None], utc=True)),
        pl.Series(["2020-01-02T03:00", "2020-01-02T04:00", None]).str.to_datetime(),
        np.array(["2020-01-02T03:00", "2020-01-02T04:00", "NaT"], "datetime64[m]"),
        ["2020-01-02 03:00", 1577937600, None],
    ],
)
def test_times_of_every_library(times):
    expected = np.array(["2020-01-02T03:00", "2020-01-02T04:00", "NaT"], "datetime64[us]")
    np.testing.assert_array_equal(corpus_from(TEXTS, timestamp=times).timestamps, expected)
    if hasattr(times, "dtype") and isinstance(times, pd.Series):
        table = pd.DataFrame({"text": TEXTS, "t": times})
        np.testing.assert_array_equal(corpus_from(table, timestamp="t").timestamps, expected)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a text",), "data is one text"),
        ((set(TEXTS),), "a set has no order"),
        ((3,), "not int"),
        (([],), "no documents"),
        (([1, 2],), r"^row 0 is not text but int \(1\)\. Each document must be a str"),
        ((TEXTS, "text"), "^text=text: names a column, and the data is not a table"),
        ((TEXTS, None, "label"), "^label=label: names a column, and the data is not a table"),
        ((TEXTS, None, ["a"]), "3 documents were given and 1 values for labels"),
        ((TEXTS, None, None, None, ["source"]), "^columns=.* not a table"),
        ((TEXTS, None, None, None, {"source": ["a"]}), "1 values for source"),
        ((TEXTS, None, None, None, {"documents": TEXTS}), "^columns=documents: is taken"),
        ((pd.DataFrame(COLUMNS), "text", ["a"] * 3), "^label=list: names a column"),
        ((pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"), "several columns of one name"),
    ],
)
def test_what_is_no_corpus(arguments, says):
    with pytest.raises(UserError, match=says):
        corpus_from(*arguments)


def test_class_numbers_of_hugging_face_become_names():
    features = {"text": datasets.Value("string"), "y": datasets.ClassLabel(names=["a", "b"])}
    rows = {"text": TEXTS, "y": [1, -1, 0]}
    table = datasets.Dataset.from_dict(rows, features=datasets.Features(features))
    assert corpus_from(table, label="y").labels == ["b", None, "a"]


def test_documents_alone():
    table = pd.DataFrame({"body": ["a", None], "n": [1, 2]})
    assert documents_from(table, "body") == ["a", ""]
    assert documents_from(table.body) == documents_from(iter(["a", float("nan")])) == ["a", ""]
    assert documents_from({"any name": ["a"]}) == documents_from(Corpus(["a"])) == ["a"]
    assert documents_from([]) == documents_from(table[:0], "body") == []
    for data, says in ((table, "text=text: .* It has 'body', 'n'"), ({"a"}, "set"), (3, "int")):
        with pytest.raises(UserError, match=says):
            documents_from(data)
