from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.base import Corpus, Layer, Report, Result, Topic
from components.reports import plots, sections, tables
from components.reports.terminal import print_topics

DOCUMENTS = ["cats, and\nmore cats", "dogs", "", "dogs cost $5 or $6", "cats", "nothing"]
TIMES = np.array(["2020-01-02T03:04:05.678901", *["2020"] * 4, "NaT"], dtype="datetime64[us]")


@pytest.fixture
def result() -> Result:
    labels = np.array([1, 0, -1, 0, 1, -1])
    rng = np.random.default_rng(0)
    rows = np.array([0, 1, 3, 4, 5])
    places = np.full((6, 2), np.nan, dtype=np.float32)
    places[rows] = rng.normal(size=(5, 2))
    words = ((("dogs", 0.9), ("$money$", 0.2)), (("cats", 0.5), ("more", -0.1)))
    topics = [Topic(0, 2, words[0], 1), Topic(1, 2, words[1], 0)]
    return Result(
        corpus=Corpus(DOCUMENTS, labels=[*"aabba", None], timestamps=TIMES),
        rows=rows,
        embeddings=rng.normal(size=(5, 3)).astype(np.float32),
        reduced=rng.normal(size=(5, 2)).astype(np.float32),
        labels=labels,
        strengths=np.where(labels >= 0, 0.5, 0).astype(np.float32),
        topics=topics,
        layers={
            "broad": Layer(np.array([0, 0, -1, 0, 0, -1]), [Topic(0, 4, words[0], 1)]),
            "fine": Layer(labels, topics),
        },
        choice={"resolution": 1.0},
        curve=[
            {"resolution": 0.5, "n_topics": 2.0, "score": 0.4, "ruled_out": True},
            {"resolution": 1.0, "n_topics": 3.0, "score": 0.5},
        ],
        coordinates=places,
        metrics={"npmi": 0.25, "total_seconds": 1.5},
    )


def test_topics_csv(result: Result, tmp_path: Path) -> None:
    assert tables.write_topics(result, tmp_path) == [tmp_path / "topics.csv"]
    rows = read_csv(tmp_path / "topics.csv")
    assert [row["topic"] for row in rows] == ["0", "1"]
    assert rows[1] == {
        "topic": "1",
        "label": "cats, more",
        "size": "2",
        "words": "cats, more",
        "typical_document": DOCUMENTS[0],
    }


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_spreadsheet_takes_a_cell_for_a_formula(
    formula: str, result: Result, tmp_path: Path
) -> None:
    result.corpus = Corpus([formula] * 6)
    result.topics = [Topic(0, 2, ((formula, 1.0),), 0)]
    result.layers = {"broad": Layer(result.labels, result.topics)}
    for write in (tables.write_topics, tables.write_layers):
        (path,) = write(result, tmp_path)
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        (row,) = read_csv(path)
        assert (row["label"], row["words"], row["typical_document"]) == (f"'{formula}",) * 3
        (path,) = write(result, tmp_path, csv_safe=False)
        assert not path.read_bytes().startswith(b"\xef\xbb\xbf")
        (row,) = read_csv(path)
        assert (row["label"], row["words"], row["typical_document"]) == (formula,) * 3


def test_numbers_are_not_escaped(result: Result, tmp_path: Path) -> None:
    result.layers["broad"] = Layer(np.full(6, -1), [])
    tables.write_layers(result, tmp_path)
    assert [row["parent"] for row in read_csv(tmp_path / "layers.csv")] == ["-1", "-1"]


def test_documents_parquet_has_a_row_a_document(result: Result, tmp_path: Path) -> None:
    assert tables.write_documents(result, tmp_path) == [tmp_path / "documents.parquet"]
    table = pq.read_table(tmp_path / "documents.parquet").to_pydict()
    assert table["document"] == DOCUMENTS
    assert table["row"] == list(range(6))
    assert table["topic"] == [1, 0, -1, 0, 1, -1]
    assert table["topic_broad"] == [0, 0, -1, 0, 0, -1]
    assert table["label"] == [*"aabba", None]
    dogs, cats = "dogs, $money$", "cats, more"
    assert table["topic_label"] == [cats, dogs, None, dogs, cats, None]
    assert table["timestamp"] == TIMES.tolist()
    assert np.isnan(table["x"][2])
    assert np.isfinite(table["y"][5])


def test_no_label_on_the_map_hides_another(result: Result) -> None:
    from components.reports.plots import _map_figure

    assert result.coordinates is not None
    for topic in result.topics:
        result.coordinates[result.labels == topic.id] = 0, 0
    result.coordinates[5] = 9, 9
    figure = _map_figure(result, 25)
    figure.draw_without_rendering()
    one, other = (text.get_window_extent() for text in figure.axes[0].texts[:2])
    assert not one.overlaps(other)


def test_without_labels_of_the_data_set_label_is_the_topic_s(
    result: Result, tmp_path: Path
) -> None:
    result.corpus = Corpus(DOCUMENTS)
    result.topics = [replace(result.topics[0], label="Pets"), result.topics[1]]
    tables.write_documents(result, tmp_path)
    table = pq.read_table(tmp_path / "documents.parquet").to_pydict()
    assert table["label"] == ["cats, more", "Pets", None, "Pets", "cats, more", None]
    assert table["topic_label"] == table["label"]


def test_a_sample_keeps_the_rows_of_its_source(result: Result, tmp_path: Path) -> None:
    result.corpus = Corpus(DOCUMENTS, rows=np.array([3, 5, 8, 9, 11, 40]), n_rows=50)
    tables.write_documents(result, tmp_path)
    assert pq.read_table(tmp_path / "documents.parquet")["row"].to_pylist() == [3, 5, 8, 9, 11, 40]


def test_layers_csv_names_the_topic_above(result: Result, tmp_path: Path) -> None:
    tables.write_layers(result, tmp_path)
    rows = [(r["layer"], r["topic"], r["parent"]) for r in read_csv(tmp_path / "layers.csv")]
    assert rows == [("broad", "0", ""), ("fine", "0", "0"), ("fine", "1", "0")]


@pytest.mark.parametrize("write", [plots.write_topics_plot, plots.write_map, plots.write_curve])
def test_pictures_are_drawn(write: Report, result: Result, tmp_path: Path) -> None:
    from matplotlib.image import imread

    path = write(result, tmp_path)[-1]
    pixels = imread(path)[..., :3]
    assert pixels.shape[0] > 200
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10  # more than an empty frame


def test_the_map_counts_the_documents_that_it_shows(result: Result) -> None:
    figure = plots._map_figure(result, 25)
    title = figure.axes[0].get_title(loc="left")
    assert title == "5 of 6 documents, 2 topics, 20 % in no topic (grey)"


def test_pictures_without_a_topic(result: Result, tmp_path: Path) -> None:
    result.labels, result.topics = np.full(6, -1), []
    for write in (plots.write_topics_plot, plots.write_map):
        (path,) = write(result, tmp_path)
        assert path.stat().st_size > 1000


def test_what_does_not_apply_is_not_written(result: Result, tmp_path: Path) -> None:
    result.layers, result.curve, result.coordinates = {}, [], None
    for write in (tables.write_layers, plots.write_map, plots.write_curve):
        assert write(result, tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_the_terminal_shows_topics_and_what_was_measured(result: Result) -> None:
    out = io.StringIO()
    print_topics(result, out)
    lines = out.getvalue().splitlines()
    assert any(line.split()[:4] == ["1", "2", "cats,", "more"] for line in lines)
    assert "cats, and more cats" in out.getvalue()
    assert "2 documents in no topic" in out.getvalue()
    assert "npmi 0.250" in out.getvalue()
    assert max(map(len, lines)) <= 120
    assert "label" not in lines[1]  # it would repeat the words


def test_the_terminal_shows_labels_that_say_more_than_the_words(result: Result) -> None:
    result.topics = [replace(result.topics[0], label="Pets that bark"), result.topics[1]]
    out = io.StringIO()
    print_topics(result, out)
    lines = out.getvalue().splitlines()
    assert lines[1].split()[:3] == ["topic", "label", "size"]
    assert lines[2].split()[:5] == ["0", "Pets", "that", "bark", "2"]
    assert max(map(len, lines)) <= 120


def test_the_largest_topics_are_shown_whatever_their_numbers(result: Result) -> None:
    """Those of an updated run keep their numbers, and new ones come last."""
    result.topics = [Topic(t, size, (("tea", 1.0),), 0) for t, size in enumerate([5, 1, 9])]
    out = io.StringIO()
    print_topics(result, out, n_topics=2)
    lines = out.getvalue().splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [["2", "9"], ["0", "5"]]
    assert "and 1 smaller topic with 1 document: topics.csv" in out.getvalue()
    listed = sections.topics(result, None, 1).values["topics"]
    assert [topic["id"] for topic in listed] == [2, 0, 1]
    assert [topic["bar"] for topic in listed] == [1, 5 / 9, 1 / 9]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("label", ["", "Pets that bark and run"])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_numbers_and_sizes_stay_whole_on_a_narrow_terminal(
    result: Result, width: int, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    words = tuple((word + str(i), 1.0) for i, word in enumerate(["telephone", "customers"] * 5))
    result.corpus = Corpus(["a long document " * 20] * 6)
    result.topics = [Topic(0, 123_456, words, 1, label=label), Topic(1, 2, words, 0)]
    out = Terminal()
    print_topics(result, out)
    _, head, first, *_ = re.sub(r"\x1b\[\d*m", "", out.getvalue()).splitlines()
    shown = ("topic", "label", "size", "words") if label else ("topic", "size", "words")
    assert tuple(head.split()[: len(shown)]) == shown
    assert first.split()[0] == "0"
    assert " 123,456  teleph" in first
    assert len(first) <= width


def test_the_label_of_a_topic_without_words_stands_in_their_place(
    result: Result, tmp_path: Path
) -> None:
    result.topics = [result.topics[0], replace(result.topics[1], words=(), label="“cats”")]
    out = io.StringIO()
    print_topics(result, out)
    lines = out.getvalue().splitlines()
    assert lines[1].split()[:2] == ["topic", "size"]
    assert lines[3].split()[2] == "“cats”"
    (path,) = tables.write_topics(result, tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file))[1]["words"] == "“cats”"


def test_no_document_steers_the_terminal(result: Result) -> None:
    hostile = "\x1b[31mred\x07 \u202eturned\u2066 \x9b1m"
    result.corpus = Corpus([hostile] * 6)
    result.topics = [Topic(0, 2, ((hostile, 1.0),), 0, label=hostile)]
    out = io.StringIO()
    print_topics(result, out)
    assert "red turned" in out.getvalue()  # nor is a rest of the command shown
    assert "[31m" not in out.getvalue()
    assert not set(out.getvalue()) & set("\x1b\x07\u202e\u2066\x9b")
