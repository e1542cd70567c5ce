"""Times in every common form."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from components.base import ParameterError
from components.datasets.timestamps import parse_times

CASES = {
    # ISO 8601
    "2020-12-31": "2020-12-31",
    "2020-12-31T23:59:58": "2020-12-31T23:59:58",
    "2020-12-31 23:59": "2020-12-31T23:59",
    "2020-12-31T23:59:58.123456Z": "2020-12-31T23:59:58.123456",
    "2020-12-31T23:59:58.123456789Z": "2020-12-31T23:59:58.123456",
    "2020-12-31T23:59:58+02:00": "2020-12-31T21:59:58",
    "2020-12-31T23:59:58-0530": "2021-01-01T05:29:58",
    "2020-12-31 23:59:58 UTC": "2020-12-31T23:59:58",
    "2020-W53-4": "2020-12-31",
    "20201231": "2020-12-31",
    "20201231T235958": "2020-12-31T23:59:58",
    "2020-12": "2020-12-01",
    "2020": "2020-01-01",
    "2020/12/31 5:07:09": "2020-12-31T05:07:09",
    "2020.12.31": "2020-12-31",
    "1815-06-18": "1815-06-18",
    # Unix time
    "1609459198": "2020-12-31T23:59:58",
    "1609459198.25": "2020-12-31T23:59:58.25",
    "1609459198123": "2020-12-31T23:59:58.123",
    "1609459198123456": "2020-12-31T23:59:58.123456",
    "1609459198123456789": "2020-12-31T23:59:58.123457",
    "-1609459198": "1919-01-01T00:00:02",
    # Mail, Twitter, C
    "Thu, 31 Dec 2020 23:59:58 +0100": "2020-12-31T22:59:58",
    "31 Dec 2020 23:59:58 GMT": "2020-12-31T23:59:58",
    "Thu, 31 Dec 2020 18:59:58 EST": "2020-12-31T23:59:58",
    "Thu Dec 31 23:59:58 +0000 2020": "2020-12-31T23:59:58",
    "Thu Dec 31 23:59:58 2020": "2020-12-31T23:59:58",
    # People
    "December 31, 2020": "2020-12-31",
    "31st of December 2020": "2020-12-31",
    "Dec 2020": "2020-12-01",
    "31-Dec-20": "2020-12-31",
    "Sept. 3, 1999": "1999-09-03",
    "31.12.2020": "2020-12-31",
    "31.12.20 23:59": "2020-12-31T23:59",
    "12/31/2020 11:59 PM": "2020-12-31T23:59",
    "31/12/2020 12:05:06 a.m.": "2020-12-31T00:05:06",
    "12/31/69": "1969-12-31",
    "31/12/68": "2068-12-31",
    "12/2020": "2020-12-01",
    "  2020-12-31  ": "2020-12-31",
}


@pytest.mark.parametrize("text", CASES)
def test_common_forms(text):
    assert parse_times([text], "date")[0] == np.datetime64(CASES[text], "us")


UTC, PLUS2 = datetime.UTC, datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (datetime.date(2020, 12, 31), "2020-12-31"),
        (datetime.datetime(2020, 12, 31, 1, 2, 3, 4), "2020-12-31T01:02:03.000004"),
        (datetime.datetime(2020, 12, 31, 1, tzinfo=PLUS2), "2020-12-30T23"),
        (pd.Timestamp("2020-12-31T01:00:00.123456789"), "2020-12-31T01:00:00.123456"),
        (pd.Timestamp("2020-12-31T01", tz="US/Pacific"), "2020-12-31T09"),
        (np.datetime64("2020-12-31T01:00:00.123456789"), "2020-12-31T01:00:00.123456"),
        (2020, "2020-01-01"),
        (2020.0, "2020-01-01"),
        (20201231, "2020-12-31"),
        (np.int64(1609459198), "2020-12-31T23:59:58"),
        (1609459198.25, "2020-12-31T23:59:58.25"),
        (Decimal("1609459198123"), "2020-12-31T23:59:58.123"),
    ],
)
def test_objects(cell, expected):
    assert parse_times([cell], "date")[0] == np.datetime64(expected, "us")


def test_an_array_of_times_is_converted_whole():
    times = parse_times(np.array(["2020-12-31", "NaT"], "datetime64[D]"), "date")
    assert times.dtype == "datetime64[us]"
    assert np.isnat(times).tolist() == [False, True]


@pytest.mark.parametrize("cell", [None, float("nan"), "", " ", pd.NaT, pd.NA, "NaT", "NULL", "n/a"])
def test_missing(cell):
    assert np.isnat(parse_times(["2020", cell], "date")).tolist() == [False, True]


@pytest.mark.parametrize(
    "cell",
    [
        "soon", "2020-13-01", "2020-02-30", "31/31/2020", "25:00", "12:00", "3", "12345", 7, -1,
        True, [2020], b"2020", "20201350", "market 5, 2020", "5 6 7 8", "2020-12-31 99:00",
        "13:30 PM 2020-12-31", "10/11/123", "1e400", "9" * 30, float("inf"), "2020-12-31\x00;",
        "99999-01-01", "Dec 32, 2020", "1, 2",
    ],
)  # fmt: skip
def test_no_time_names_row_and_value(cell):
    with pytest.raises(ParameterError, match=r"^timestamp=date: 1 of 2 rows hold no time: row 1"):
        parse_times(["2020-01-01", cell], "date")


def test_the_first_five_that_are_no_time():
    with pytest.raises(ParameterError) as error:
        parse_times(["2020", *["soon, " * 99] * 7], "date")
    assert "7 of 8 rows hold no time: row 1 'soon, soon, " in str(error.value)
    assert "row 5" in str(error.value)
    assert "and 2 more" in str(error.value)
    assert len(str(error.value)) < 600


def test_the_column_tells_the_order_of_day_and_month():
    assert (
        parse_times(["3/4/2020", "13/4/2020"], "d").astype(str)[0] == "2020-04-03T00:00:00.000000"
    )
    assert (
        parse_times(["3/4/2020", "4/13/2020"], "d").astype(str)[0] == "2020-03-04T00:00:00.000000"
    )
    assert parse_times(["3.4.2020"], "d").astype(str)[0] == "2020-04-03T00:00:00.000000"
    assert parse_times(["3/3/2020"], "d").astype(str)[0] == "2020-03-03T00:00:00.000000"


@pytest.mark.parametrize(
    "cells", [["5/5/2020", "3/4/2020"], ["13/4/2020", "4/13/2020", "3/4/2020"]]
)
def test_an_order_that_cannot_be_told_asks(cells):
    with pytest.raises(ParameterError, match=r"day or the month first in .* timestamp_format"):
        parse_times(cells, "date")
    times = parse_times(["3/4/2020"], "date", "%d/%m/%Y")
    assert times.astype(str).tolist() == ["2020-04-03T00:00:00.000000"]


def test_a_format_is_kept_to():
    with pytest.raises(
        ParameterError, match=r"row 0 '2020-01-01'\. It must have the form %d/%m/%Y"
    ):
        parse_times(["2020-01-01"], "date", "%d/%m/%Y")
    assert parse_times([20200131, None], "date", "%Y%m%d")[0] == np.datetime64("2020-01-31")


@pytest.mark.parametrize("clock", ["10:00:00.500", "10:00 a.m."])
def test_a_full_stop_in_the_time_says_nothing_of_the_date(clock):
    first, second = parse_times([f"12/31/2020 {clock}", "01/02/2020 10:00"], "date")
    assert str(first).startswith("2020-12-31T10:00")
    assert str(second).startswith("2020-01-02T10:00")
    with pytest.raises(ParameterError, match="is the day or the month first"):
        parse_times([f"03/04/2020 {clock}"], "date")
