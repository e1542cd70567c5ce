"""What a cell of a table may be, and how columns are found."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from components.base import Corpus, ParameterError, UserError
from components.datasets.cells import is_missing
from components.datasets.python import PythonDataset
from components.datasets.table import find_column, to_corpus


def test_a_wrong_column_shows_what_there_is_and_the_nearest_name():
    with pytest.raises(ParameterError) as error:
        find_column("label", "categroy", ["id", "category", "body"], "a.csv")
    assert str(error.value) == (
        "label=categroy: a.csv has no such column. It has 'id', 'category', 'body'. "
        "Did you mean 'category'?"
    )


def test_a_column_with_a_space_is_shown_as_it_is_typed():
    present = ["id", "Review text"]
    with pytest.raises(ParameterError, match=r"""Did.* Type "dataset.text='Review text'"$"""):
        find_column("text", "review_text", present, "a.csv")
    with pytest.raises(ParameterError, match=r"""as in "dataset.columns=\['Review text'\]"\.$"""):
        find_column("columns", "stars", present, "a.csv")
    with pytest.raises(ParameterError, match=r"'Review text'\?$"):
        find_column("text", "review_text", present, "the data", typed=False)


@pytest.mark.parametrize("column", [" Text ", "Text", "  Text"])
def test_blanks_do_not_count(column):
    assert find_column("text", column, ["id", "Text "], "a.csv") == "Text "


def test_accents_may_be_composed_or_not():
    assert find_column("text", "Größe", ["id", "Gro\u0308ße"], "a.csv") == "Gro\u0308ße"


def test_an_exact_name_goes_before_one_with_blanks():
    assert find_column("text", "a", ["a ", "a"], "a.csv") == "a"


def test_capitals_do_not_hide_the_nearest_name():
    with pytest.raises(UserError, match=r"Did you mean 'Text'\?"):
        find_column("text", "text", ["id", " Text "], "a.csv")


@pytest.mark.parametrize("present", [["a", "b", "a"], [" a", "a ", "b"]])
def test_a_column_that_is_there_twice_is_an_error(present):
    with pytest.raises(UserError, match=r"2 columns of that name"):
        find_column("text", "a", present, "a.csv")


def test_very_many_columns_are_not_all_shown():
    with pytest.raises(UserError, match=r"and 80 more") as error:
        find_column("text", "text", [f"x{i}" * 90 for i in range(100)], "a.csv")
    assert len(str(error.value)) < 1500


def test_scalars_become_text():
    cells = ["a", 1, 2.5, True, Decimal("1.10"), datetime.date(2020, 1, 2), np.int64(3)]
    corpus = to_corpus({"t": ["x"] * 7, "l": cells}, "a.csv", text="t", label="l", columns=["l"])
    assert corpus.labels == ["a", "1", "2.5", "True", "1.10", "2020-01-02", "3"]
    assert corpus.columns == {"l": corpus.labels}


MISSING = [None, float("nan"), np.float64("nan"), Decimal("nan"), pd.NA, pd.NaT, "", " \t"]


@pytest.mark.parametrize("cell", MISSING, ids=repr)
def test_missing_values_are_kept_and_counted(cell, caplog):
    cells = {"t": ["x", cell], "l": [cell, "b"], "d": [cell, "2020"], "c": ["u", cell]}
    roles = {"text": "t", "label": "l", "timestamp": "d", "columns": ["c"]}
    corpus = to_corpus(cells, "a.csv", **roles)
    assert corpus.documents == ["x", cell if isinstance(cell, str) else ""]
    assert corpus.labels == [None, "b"]
    assert np.isnat(corpus.timestamps).tolist() == [True, False]
    assert corpus.columns["c"] == ["u", ""]
    assert [record.message for record in caplog.records] == [
        "a.csv: 1 of 2 rows have no text (row 1).",
        "a.csv: 1 of 2 rows have no label (row 0).",
        "a.csv: 1 of 2 rows have no timestamp (row 0).",
        "a.csv: 1 of 2 rows have no value in column 'c' (row 1).",
    ]


@pytest.mark.parametrize("role", ["label", "known_labels"])
def test_labels_that_may_mean_none_are_told_of(role, caplog):
    cells = {"t": ["x"] * 5, "l": ["NA", "n/a", "a", "", "NA"]}
    corpus = to_corpus(cells, "a.csv", text="t", **{role: "l"})
    assert (corpus.labels or corpus.known_labels) == ["NA", "n/a", "a", None, "NA"]
    assert (
        "a.csv: 'NA' and 'n/a' in column 'l' count as classes (3 rows). Where they mean that there "
        "is no label, leave the cells empty."
    ) in caplog.messages


@pytest.mark.parametrize("cell", ["x", 0, 0.0, False, [], {}, b"", np.zeros(3), "nan"], ids=repr)
def test_not_missing(cell):
    assert not is_missing(cell)


def test_strict_names_how_many_and_the_first_five():
    texts = [None if i % 2 else "x" for i in range(20)]
    with pytest.raises(ParameterError) as error:
        to_corpus({"t": texts}, "a.csv", text="t", missing="error")
    assert str(error.value) == (
        "missing=error: in a.csv, 10 of 20 rows have no text (rows 1, 3, 5, 7, 9, ...). "
        "Fill them in or drop these rows, or set missing=keep."
    )
    assert to_corpus({"t": ["x"]}, "a.csv", text="t", missing="error").documents == ["x"]


@pytest.mark.parametrize("cell", [["a"], {"a": 1}, b"a"])
@pytest.mark.parametrize("roles", [{"label": "l"}, {"columns": ["l"]}])
def test_a_label_that_is_not_one_value_names_the_row(cell, roles):
    name = next(iter(roles))
    with pytest.raises(ParameterError, match=rf"{name}=l: row 1 is not one value but"):
        to_corpus({"t": ["x", "y"], "l": ["a", cell]}, "a.csv", text="t", **roles)


@pytest.mark.parametrize("cell", [3, 2.5, True, ["a"], b"a", {"a": "word " * 999}])
def test_not_text_names_the_row_and_quotes_little(cell):
    with pytest.raises(ParameterError, match=r"text=t: row 1 is not text but") as error:
        to_corpus({"t": ["x", cell]}, "a.csv", text="t")
    assert len(str(error.value)) < 300


def test_duplicates_are_kept_and_one_document_is_enough():
    assert to_corpus({"t": ["x", "x", "x"]}, "a.csv", text="t").documents == ["x", "x", "x"]
    assert len(to_corpus({"t": ["x"]}, "a.csv", text="t")) == 1
    with pytest.raises(UserError, match=r"a\.csv holds no documents"):
        to_corpus({"t": []}, "a.csv", text="t")


def test_images_are_relative_to_the_folder_and_some_may_be_missing(tmp_path, caplog):
    (tmp_path / "a.png").write_bytes(b"")
    absolute = str(tmp_path / "a.png")
    cells = {"t": ["x", "y", "", "z"], "i": ["a.png", None, absolute, ""]}
    corpus = to_corpus(cells, "a.csv", text="t", image="i", folder=tmp_path)
    assert corpus.images == [absolute, None, absolute, None]
    assert not corpus.blank.any()
    assert not caplog.records  # an image is enough
    with pytest.raises(UserError, match=r"image=i: the image of row 0, .*b\.png', does not exist"):
        to_corpus({"t": ["x"], "i": ["b.png"]}, "a.csv", text="t", image="i", folder=tmp_path)
    with pytest.raises(UserError, match=r"row 0 is not a path but int"):
        to_corpus({"i": [3]}, "a.csv", image="i", folder=tmp_path)


def test_images_alone_are_documents_without_text(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    corpus = to_corpus({"i": ["a.png"]}, "a.csv", image="i", folder=tmp_path)
    assert corpus.documents == [""]
    assert not corpus.blank.any()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", None] * 10, "all 10 labels are 'a': topics are not compared with them."),
        ([None, *"abcdefghijk"], "each of the 11 labels is another: topics are not compared"),
        ([*"abcdefghijka"], None),
        ([*"aaaaaaaaa"], None),
    ],
)
def test_labels_that_group_nothing_are_told_of(labels, said, caplog, monkeypatch):
    monkeypatch.setattr(PythonDataset, "corpus", Corpus(["x"] * len(labels), labels))
    PythonDataset().load()
    messages = [r.message for r in caplog.records if "topics are not compared" in r.message]
    assert [message.startswith(said) for message in messages] == [True] * (said is not None)
