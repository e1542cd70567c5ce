"""Times of every common form to datetime64."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from components.base import ParameterError, Times
from components.datasets.cells import is_missing
from components.text import shorten

NAIVE, AWARE = datetime.datetime(1970, 1, 1), datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
NAT = np.iinfo(np.int64).min  # numpy's own mark for "not a time"
# How databases and pandas write "no time" in a text file.
NONE = {"nat", "nan", "none", "null", "na", "n/a", "-", "\\n", "0000-00-00", "0000-00-00 00:00:00"}
MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        "january february march april may june july august september october november "
        "december".split(),
        1,
    )
    for length in (3, len(name))
} | {"sept": 9}
IGNORED = {"t", "of", "at", "st", "nd", "rd", "th"} | {
    day[:length]
    for day in "monday tuesday wednesday thursday friday saturday sunday".split()
    for length in (3, len(day))
}
ZONES = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
CLOCK = re.compile(
    r"(?<!\d)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<half>[ap]\.?m\b\.?)?"
    r"\s*(?P<zone>z\b|utc\b|gmt\b|[ecmp][sd]t\b|[+-]\d\d(?::?\d\d)?(?!\d))?",
    re.IGNORECASE,
)
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
TOKEN = re.compile(r"\d+|[^\W\d_]+")

# A date such as 3/4/2020, of which the other rows tell whether the day or the month comes first:
# its row, the two numbers, and the microseconds and year that are known.
Undecided = tuple[int, int, int, int, int]


def parse_times(cells: Sequence[Any], column: str, pattern: str | None = None) -> Times:
    """Times of a column, as datetime64[us] (n,), NaT where a cell is missing.

    Read are datetimes and dates of Python, numpy and pandas; ISO 8601; a year or a year and
    month; Unix time in seconds, milli-, micro- or nanoseconds, told apart by magnitude (from
    1973 on); RFC 2822 and Twitter's form; dates with English names of months; and 31/12/2020,
    12/31/2020 or 31.12.20, where the column itself must show which number is the day.
    Times with a zone are converted to UTC, others stay as they are.

    Parameters
    ----------
    cells : sequence, length n
    column : str
        Its name, for messages.
    pattern : str, optional
        Format of the texts, as for `datetime.strptime`; None accepts the forms above.

    Raises
    ------
    ParameterError
        When a cell is no time (the message names up to five rows with their values), or the order
        of day and month cannot be told.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        return cells.astype("datetime64[us]")
    out = np.full(len(cells), NAT, np.int64)
    bad: list[int] = []
    undecided: list[Undecided] = []
    day_first = False
    for row, cell in enumerate(cells):
        if is_missing(cell) or (isinstance(cell, str) and cell.strip().lower() in NONE):
            continue
        try:
            value = _microseconds(cell, pattern)
        except (ValueError, OverflowError, ArithmeticError):
            bad.append(row)
            continue
        if isinstance(value, int):
            out[row] = value
        else:
            undecided.append((row, *value))
            # 31.12.2020 is never written with the month first; 10:00:00.5 or p.m. tell nothing.
            day_first |= "." in CLOCK.sub("", cell)
    if undecided:
        _decide(undecided, day_first, out, bad, column, cells)
    if bad:
        shown = ", ".join(f"row {row} {shorten(cells[row], 40)}" for row in bad[:5])
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        accepted = (
            f"It must have the form {pattern} (timestamp_format)."
            if pattern
            else "Type such as 2020-12-31, 2020-12-31T23:59:00Z or Unix time are read; for others "
            "set timestamp_format, as in '%d.%m.%Y %H:%M'."
        )
        raise ParameterError(
            "timestamp",
            column,
            f"{len(bad)} of {len(cells)} rows hold no time: {shown}{more}. {accepted} "
            "Or set timestamp to null.",
        )
    return out.view("datetime64[us]")


def _microseconds(cell: Any, pattern: str | None) -> int | tuple[int, int, int, int]:
    """Microseconds since 1970, or what `Undecided` holds after the row."""
    if isinstance(cell, np.generic):
        if isinstance(cell, np.datetime64):
            return int(cell.astype("datetime64[us]").astype(np.int64))
        cell = cell.item()
    if isinstance(cell, bool):
        raise ValueError
    if isinstance(cell, datetime.datetime):
        return _since_1970(cell)
    if isinstance(cell, datetime.date):
        return _since_1970(datetime.datetime(cell.year, cell.month, cell.day))
    if pattern is not None:
        return _since_1970(datetime.datetime.strptime(str(cell).strip(), pattern))
    if isinstance(cell, int | float | Decimal):
        return _from_number(Decimal(str(cell)))
    if not isinstance(cell, str):
        raise ValueError
    text = cell.strip()
    if NUMBER.fullmatch(text):
        return _from_number(Decimal(text))
    try:
        return _since_1970(datetime.datetime.fromisoformat(text))
    except ValueError:
        return _from_words(text)


def _since_1970(time: datetime.datetime) -> int:
    return int((time - (NAIVE if time.tzinfo is None else AWARE)) // MICROSECOND)


def _from_number(value: Decimal) -> int:
    """A year, a date as 20201231, or Unix time."""
    if value == int(value) and 1000 <= value < 3000:
        return _since_1970(datetime.datetime(int(value), 1, 1))
    if value == int(value) and 10**7 <= value < 10**8:
        return _since_1970(datetime.datetime.strptime(str(int(value)), "%Y%m%d"))
    size = abs(value)
    if not 10**8 <= size < 10**20:
        raise ValueError
    for limit, factor in ((10**11, 10**6), (10**14, 10**3), (10**17, 1)):
        if size < limit:
            microseconds = round(value * factor)
            break
    else:
        microseconds = round(value / 1000)
    _ = NAIVE + microseconds * MICROSECOND  # OverflowError beyond the year 9999
    return microseconds


def _from_words(text: str) -> int | tuple[int, int, int, int]:
    clock = CLOCK.search(text)
    time = 0 if clock is None else _of_day(clock)
    remainder = text if clock is None else f"{text[: clock.start()]} {text[clock.end() :]}"
    if TOKEN.sub("", remainder).strip(" ,./-\t()"):
        raise ValueError
    tokens = [token.lower() for token in TOKEN.findall(remainder)]
    numbers = [token for token in tokens if token.isdecimal()]
    names = [token for token in tokens if not token.isdecimal() and token not in IGNORED]
    if len(names) == 1 and names[0] in MONTHS:
        month = MONTHS[names[0]]
        if len(numbers) == 1 and len(numbers[0]) == 4:
            return _date(int(numbers[0]), month, 1) + time
        if len(numbers) == 2:
            year, day = numbers if len(numbers[0]) == 4 else numbers[::-1]
            return _date(_year(year), month, int(day)) + time
    if names or not 2 <= len(numbers) <= 3:
        raise ValueError
    if len(numbers[0]) == 4:
        return _date(int(numbers[0]), int(numbers[1]), int([*numbers, "1"][2])) + time
    if len(numbers) == 2:
        if len(numbers[1]) != 4:
            raise ValueError
        return _date(int(numbers[1]), int(numbers[0]), 1) + time
    return int(numbers[0]), int(numbers[1]), _year(numbers[2]), time


def _of_day(clock: re.Match[str]) -> int:
    """Microseconds since midnight UTC of a match of `CLOCK`."""
    hour, half = int(clock["hour"]), (clock["half"] or "").lower()[:1]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + 12 * (half == "p")
    fraction = int(f"{clock['fraction'] or ''}000000"[:6])
    of_day = datetime.time(hour, int(clock["minute"]), int(clock["second"] or 0), fraction)
    zone, offset = (clock["zone"] or "").lower().replace(":", ""), 0
    if zone in ZONES:
        offset = 60 * ZONES[zone]
    elif zone[:1] in ("+", "-"):
        offset = int(zone[0] + "1") * (60 * int(zone[1:3]) + int(zone[3:5] or 0))
    seconds = 3600 * of_day.hour + 60 * (of_day.minute - offset) + of_day.second
    return seconds * 10**6 + of_day.microsecond


def _year(digits: str) -> int:
    """The year; of two digits that from 1969 to 2068, as in POSIX."""
    if len(digits) == 4:
        return int(digits)
    if len(digits) != 2:
        raise ValueError
    return int(digits) + (1900 if int(digits) >= 69 else 2000)


def _date(year: int, month: int, day: int) -> int:
    return _since_1970(datetime.datetime(year, month, day))


def _decide(
    undecided: list[Undecided],
    day_first: bool,
    out: Any,
    bad: list[int],
    column: str,
    cells: Sequence[Any],
) -> None:
    """Whether the day or the month comes first in this column, and what follows for each date."""
    first_over = any(first > 12 for _, first, *_ in undecided)
    second_over = any(second > 12 for _, _, second, *_ in undecided)
    if not day_first and first_over == second_over and any(u[1] != u[2] for u in undecided):
        row = next(u[0] for u in undecided if u[1] != u[2])
        why = "some rows only fit one, some only the other" if first_over else "no row tells"
        raise ParameterError(
            "timestamp",
            column,
            f"is the day or the month first in {shorten(cells[row], 40)} (row {row})? {why}. Set "
            "timestamp_format, as in '%d/%m/%Y' or '%m/%d/%Y'.",
        )
    for row, first, second, year, time in undecided:
        day, month = (first, second) if day_first or first_over else (second, first)
        try:
            out[row] = _date(year, month, day) + time
        except ValueError:
            bad.append(row)
    bad.sort()
