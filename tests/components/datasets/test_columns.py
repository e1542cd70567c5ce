"""What a cell of a table may be."""

import datetime
from decimal import Decimal

import pytest

from components.base import UserError
from components.datasets.columns import check_columns, check_sample, to_corpus, wanted_columns


def test_a_wrong_column_shows_what_there_is_and_the_nearest_name():
    with pytest.raises(UserError) as error:
        check_columns({"label": "categroy"}, ["id", "category", "body"], "a.csv")
    message = str(error.value)
    assert "dataset.label=categroy: a.csv has no column" in message
    assert "'id', 'category', 'body'" in message
    assert "Did you mean dataset.label=category?" in message


def test_capitals_and_blanks_do_not_hide_the_nearest_name():
    with pytest.raises(UserError, match=r"Did you mean dataset.text= Text ?"):
        check_columns({"text": "text"}, ["id", " Text "], "a.csv")


def test_a_column_that_is_there_twice_is_an_error():
    with pytest.raises(UserError, match=r"2 columns of that name"):
        check_columns({"text": "a"}, ["a", "b", "a"], "a.csv")


def test_very_many_columns_are_not_all_shown():
    with pytest.raises(UserError, match=r"and 80 more"):
        check_columns({"text": "text"}, [f"x{i}" for i in range(100)], "a.csv")


def test_scalars_become_text():
    cells = ["a", 1, 2.5, True, Decimal("1.10"), datetime.date(2020, 1, 2)]
    corpus = to_corpus({"text": ["x"] * 6, "label": cells}, "a.csv")
    assert corpus.labels == ["a", "1", "2.5", "True", "1.10", "2020-01-02"]


@pytest.mark.parametrize("missing", [None, float("nan"), "", "  "])
@pytest.mark.parametrize("role", ["label", "timestamp"])
def test_a_missing_label_names_the_row_and_the_way_out(missing, role):
    with pytest.raises(UserError, match=rf"row 1 .* no {role} .*dataset\.{role}=null"):
        to_corpus({"text": ["x", "y"], role: ["a", missing]}, "a.csv")


@pytest.mark.parametrize("cell", [["a"], {"a": 1}, b"a"])
def test_a_label_that_is_not_one_value_names_the_row(cell):
    with pytest.raises(UserError, match=r"row 1 .* label is not one value"):
        to_corpus({"text": ["x", "y"], "label": ["a", cell]}, "a.csv")


@pytest.mark.parametrize("cell", [None, 3, float("nan"), ["a"], b"a"])
def test_not_text_names_the_row(cell):
    with pytest.raises(UserError, match=r"row 1 .* not text"):
        to_corpus({"text": ["x", cell]}, "a.csv")


def test_duplicates_are_kept_and_one_document_is_enough():
    assert to_corpus({"text": ["x", "x", "x"]}, "a.csv").documents == ["x", "x", "x"]
    assert len(to_corpus({"text": ["x"]}, "a.csv")) == 1


def test_images_are_relative_to_the_folder_and_some_may_be_missing(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    absolute = str(tmp_path / "a.png")
    values = {"text": ["x", "y", "", "z"], "image": ["a.png", None, absolute, ""]}
    corpus = to_corpus(values, "a.csv", tmp_path)
    assert corpus.images == [absolute, None, absolute, None]
    assert not corpus.blank.any()
    with pytest.raises(UserError, match=r"row 0 .* image .*b\.png does not exist"):
        to_corpus({"text": ["x"], "image": ["b.png"]}, "a.csv", tmp_path)
    with pytest.raises(UserError, match=r"row 0 .* not a path but int"):
        to_corpus({"text": ["x"], "image": [3]}, "a.csv", tmp_path)


def test_images_alone_are_documents_without_text(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    corpus = to_corpus({"image": ["a.png"]}, "a.csv", tmp_path)
    assert corpus.documents == [""]
    assert not corpus.blank.any()


def test_neither_text_nor_image_is_an_error():
    with pytest.raises(UserError, match=r"dataset.text is null"):
        wanted_columns(text=None, label="a", timestamp=None, image=None)


@pytest.mark.parametrize(("limit", "seed"), [(0, 1), (-5, 1), (5, -1)])
def test_a_sample_of_nothing_is_an_error(limit, seed):
    with pytest.raises(UserError, match=r"dataset\.(limit|seed)="):
        check_sample(limit, seed)
