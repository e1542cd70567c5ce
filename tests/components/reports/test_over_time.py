"""Topics over time: bins, counts, shares and words, against small computations by hand."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.base import Corpus, ParameterError, Result, Topic
from components.reports.over_time import (
    _figure,
    topics_over_time,
    write_plot_over_time,
    write_topics_over_time,
)
from components.representations.ctfidf import CTFIDF

DOCUMENTS = [
    "red apple apple", "green apple", "red apple", "blue car", "fast car car", "rain", "", "car",
]  # fmt: skip
LABELS = np.array([0, 0, 0, 1, 1, -1, -1, 1])
TIMES = np.array(
    ["2019-12-30", "2020-01-05T23:59:59.999999", "2020-01-06", "2020-01-06T10:00", "NaT",
     "2020-01-12", "2020-01-12", "2020-01-27"],
    dtype="datetime64[us]",
)  # fmt: skip


def made(times: NDArray[np.datetime64] | None = TIMES) -> Result:
    rows = np.array([0, 1, 2, 3, 4, 5, 7])  # row 6 is empty
    texts = [DOCUMENTS[row] for row in rows]
    words = CTFIDF(stop_words=None, language="en").fit(texts, LABELS[rows])
    topics = [Topic(t, 3, tuple(words.words_[t]), int(np.argmax(t == LABELS))) for t in range(2)]
    X = np.ones((7, 2), np.float32)
    return Result(
        corpus=Corpus(DOCUMENTS, timestamps=times),
        rows=rows,
        embeddings=X,
        reduced=X,
        labels=LABELS,
        strengths=np.ones(8, np.float32),
        topics=topics,
        parts={"representation": words},
    )


def test_table_by_week(tmp_path: Path) -> None:
    """Weeks begin on Monday; rows without time or text count nowhere; empty weeks are left out."""
    path, _ = write_topics_over_time(made(), tmp_path, bins="week", n_words=2)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    first, second, third = (
        ("2019-12-30", "2020-01-06"), ("2020-01-06", "2020-01-13"), ("2020-01-27", "2020-02-03"),
    )  # fmt: skip
    # A is 12 terms in 2 topics. apple: f = 4; red: 2; green: 1. First week of topic 0: five terms,
    # apple 3/5 ln(1 + 6.5/4), red 1/5 ln(1 + 6.5/2), green 1/5 ln(1 + 6.5/1).
    assert rows == [
        ("0", *first, "2", "1.0", "apple, green"),
        ("0", *second, "1", "0.333333", "red, apple"),
        ("0", *third, "0", "0.0", ""),
        ("1", *first, "0", "0.0", ""),
        ("1", *second, "1", "0.333333", "blue, car"),
        ("1", *third, "1", "1.0", "car"),
    ]


def test_words_are_those_of_the_formula() -> None:
    result = made()
    members = np.array([[1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 1]])  # over rows
    from scipy import sparse

    words = result.parts["representation"].words_of(sparse.csr_matrix(members), 9)
    texts = [DOCUMENTS[row] for row in result.rows]
    in_topics = Counter(" ".join(t for t in texts if t != "rain").split())
    mean = sum(in_topics.values()) / 2
    for found, group in zip(words, members, strict=True):
        counts = Counter(
            " ".join(t for t, inside in zip(texts, group, strict=True) if inside).split()
        )
        expected = {
            w: c / sum(counts.values()) * np.log(1 + mean / in_topics[w]) for w, c in counts.items()
        }
        assert dict(found) == pytest.approx(expected)
        assert [w for w, _ in found] == sorted(expected, key=lambda w: (-expected[w], w))


@pytest.mark.parametrize(
    "unit", ["hour", "day", "week", "month", "quarter", "year", "decade"]
)  # fmt: skip
def test_bins_are_those_of_the_calendar(unit: str) -> None:
    """Against the standard library's dates, before 1970 too."""
    rng = np.random.default_rng(0)
    days = [date(1955, 1, 1) + timedelta(int(d)) for d in rng.integers(0, 30_000, 8)]
    table = topics_over_time(made(np.array(days, "datetime64[us]")), unit)
    assert table is not None
    for row, day in enumerate(days):
        if row == 6:
            assert table.bins[row] == -1
            continue
        start = {
            "hour": day,
            "day": day,
            "week": day - timedelta(day.weekday()),
            "month": day.replace(day=1),
            "quarter": day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
            "year": day.replace(day=1, month=1),
            "decade": date(day.year // 10 * 10, 1, 1),
        }[unit]
        place = table.bins[row]
        assert table.starts[place] == np.datetime64(start)
        assert table.starts[place] <= np.datetime64(day) < table.ends[place]


@pytest.mark.parametrize(
    ("last", "unit"),
    [("2020-01-02T12", "hour"), ("2020-01-20", "day"), ("2020-06-01", "week"),
     ("2022-06-01", "month"), ("2027-01-01", "quarter"), ("2045-01-01", "year"),
     ("2300-01-01", "decade")],
)  # fmt: skip
def test_unit_from_the_span(last: str, unit: str) -> None:
    first = np.datetime64("2020-01-01", "us")
    step = (np.datetime64(last, "us") - first) / 7
    table = topics_over_time(made(first + np.arange(8) * step))
    assert table is not None
    assert table.unit == unit


@pytest.mark.parametrize(
    ("times", "unit"),
    [(["2019", "2020", "2022"], "year"), (["2020-01", "2020-03", "2020-07"], "month"),
     (["2020-01-01", "2020-01-02", "2020-01-04"], "day"), (["2020", "2030", "2040"], "decade")],
)  # fmt: skip
def test_no_unit_is_shorter_than_the_times_tell(times: list[str], unit: str) -> None:
    """In bins of a month, all documents of a year would be of its January."""
    column = np.array([*times, *times, *times[:2]], dtype="datetime64[us]")
    table = topics_over_time(made(column))
    assert table is not None
    assert table.unit == unit


def test_a_few_wrong_dates_do_not_choose_the_unit() -> None:
    times = np.datetime64("2020-01-01", "us") + np.arange(600) * np.timedelta64(1, "D")
    times[5] = np.datetime64("1970-01-01")
    result = made()
    result.corpus = Corpus(["a"] * 600, timestamps=times)
    result.rows, result.labels = np.arange(600), np.arange(600) % 2
    table = topics_over_time(result)
    assert table is not None
    assert table.unit == "month"
    assert len(table.starts) == 21  # 20 months, and one of 1970; none in between
    assert table.counts.sum() == 600


def test_absent_or_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for times in (None, np.full(8, "NaT", "datetime64[us]"), np.full(8, "2020", "datetime64[us]")):
        assert write_topics_over_time(made(times), tmp_path) == []
        assert write_plot_over_time(made(times), tmp_path) == []
    assert "no document has a time" in caplog.text
    assert "all documents are of one hour" in caplog.text
    with pytest.raises(ParameterError, match="bins=minute: must be auto, hour, day"):
        write_topics_over_time(made(), tmp_path, bins="minute")
    many = made()
    many.corpus = Corpus(["a"] * 3000, timestamps=np.arange(3000).astype("datetime64[D]"))
    many.rows, many.labels = np.arange(3000), np.zeros(3000, np.int64)
    with pytest.raises(ParameterError, match=r"bins=day: gives 3,000 bins.* longer unit"):
        topics_over_time(many, "day")


def test_plot(tmp_path: Path) -> None:
    (path,) = write_plot_over_time(made(), tmp_path, bins="day")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_lowest_panel_of_each_column_has_dates() -> None:
    result = made()
    table = topics_over_time(result, "day")
    assert table is not None
    figure = _figure(table, result.topics * 3, 6, None)  # seven panels, four in a row
    dated = [
        any(label.get_visible() for label in axis.get_xticklabels()) for axis in figure.axes[:7]
    ]
    assert dated == [False] * 3 + [True] * 4


def test_a_document_in_pieces_counts_once(tmp_path: Path) -> None:
    """In the topic with the most of its text; the words are those of all pieces in the topic."""
    result = made()
    days = np.array(["2020-01-01", "2020-01-01", "2020-01-09"], "datetime64[us]")
    whole = Corpus(["", "", ""], timestamps=days)
    result.corpus = whole.cut(DOCUMENTS, np.array([0, 0, 1, 1, 1, 2, 2, 2]))
    table = topics_over_time(result, "week")
    assert table is not None
    assert table.totals.tolist() == [2, 1]
    assert table.counts.tolist() == [[1, 0], [1, 1]]
    path, _ = write_topics_over_time(result, tmp_path, bins="week", n_words=1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["words"] for row in csv.DictReader(file)] == ["apple", "", "car", "car"]
