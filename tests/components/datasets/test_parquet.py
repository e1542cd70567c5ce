"""dataset=parquet."""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.base import UserError
from components.datasets.parquet import ParquetDataset


@pytest.fixture
def table(tmp_path):
    def write(columns, name="a.parquet"):
        pq.write_table(pa.table(columns), tmp_path / name)
        return str(tmp_path / name)

    return write


def test_texts_labels_and_timestamps(table):
    path = table(
        {
            "text": ["a", "", "c"],
            "label": pa.array(["x", "y", "x"]).dictionary_encode(),
            "stars": [1, 2, 3],
            "time": pa.array([datetime.datetime(2020, 1, 2, 3)] * 3, pa.timestamp("ns", tz="UTC")),
        }
    )
    corpus = ParquetDataset(path=path, label="label", timestamp="time").load()
    assert corpus.documents == ["a", "", "c"]
    assert corpus.labels == ["x", "y", "x"]
    assert (corpus.timestamps == np.datetime64("2020-01-02T03:00")).all()
    assert ParquetDataset(path=path, label="stars").load().labels == ["1", "2", "3"]


def test_a_folder_is_read_in_order(table, tmp_path):
    table({"text": ["c"]}, "part-2.parquet")
    table({"text": ["a", "b"]}, "part-1.parquet")
    assert ParquetDataset(path=str(tmp_path)).load().documents == ["a", "b", "c"]
    table({"body": ["c"]}, "part-3.parquet")
    with pytest.raises(UserError, match=r"part-3\.parquet has no such column. It has 'body'"):
        ParquetDataset(path=str(tmp_path)).load()


@pytest.mark.parametrize("values", [["a", b"b"], [["a"], ["b"]], [1, 2]])
def test_not_text_names_the_row(table, values):
    column = pa.array(values, pa.binary()) if values[-1] == b"b" else values
    with pytest.raises(UserError, match=r"row [01] .* not text"):
        ParquetDataset(path=table({"text": column})).load()


def test_missing_column_missing_label_and_nothing(table):
    path = table({"text": ["a", "b"], "label": ["x", None]})
    with pytest.raises(UserError, match=r"Did you mean 'label'\?"):
        ParquetDataset(path=path, label="labels").load()
    assert ParquetDataset(path=path, label="label").load().labels == ["x", None]
    with pytest.raises(UserError, match=r"holds no documents"):
        ParquetDataset(path=table({"text": pa.array([], pa.string())})).load()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "For CSV type dataset=csv"),
        (b"text,label\na,b\n", "For CSV type dataset=csv, for JSON Lines dataset=jsonl"),
        (b"PAR1" + bytes(100), "not copied to the end"),
        (b"ARROW1\0\0" + bytes(100), "an Arrow .Feather. file: write the table as Parquet"),
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
    ],
)
def test_another_format_is_an_error(tmp_path, data, says):
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"cannot be read as Parquet: .*{says}"):
        ParquetDataset(path=str(path)).load()


def test_images_and_limit(table, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    path = table({"text": ["a", "b"], "image": ["a.png", None]})
    assert ParquetDataset(path=path, image="image").load().images == [str(tmp_path / "a.png"), None]
    assert len(ParquetDataset(path=path, limit=1, seed=0).load()) == 1


def test_fields_of_a_struct(table):
    rows = [{"body": "a", "by": {"name": "x"}}, None, {"body": "c", "by": None}]
    path = table({"review": rows, "nr": [1, 2, 3]})
    corpus = ParquetDataset(path=path, text="review.body", label="review.by.name").load()
    assert (corpus.documents, corpus.labels) == (["a", "", "c"], ["x", None, None])
    with pytest.raises(UserError, match=r"Did you mean 'review\.body'"):
        ParquetDataset(path=path, text="review.bdy").load()


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_nulls_and_repeats_of_every_kind_of_text(table, kind):
    texts = ["a", None, "b", "a", "", None]
    corpus = ParquetDataset(path=table({"text": pa.array(texts, kind)})).load()
    assert corpus.documents == ["a", "", "b", "a", "", ""]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2020-01-02T03:00:00+02:00", None], pa.string()),
        ([datetime.datetime(2020, 1, 2, 1), None], pa.timestamp("ms")),
        ([datetime.datetime(2020, 1, 2, 1), None], pa.timestamp("ns", tz="America/New_York")),
        ([1577926800, None], pa.int64()),
        ([1577926800.0, float("nan")], pa.float64()),
    ],
)
def test_times_of_every_type(table, values, kind):
    path = table({"text": ["a", "b"], "t": pa.array(values, kind)})
    times = ParquetDataset(path=path, timestamp="t").load().timestamps
    expected = np.array(["2020-01-02T01:00", "NaT"], "datetime64[us]")
    np.testing.assert_array_equal(times, expected)
