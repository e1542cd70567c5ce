"""Bins of time: calendar units, or a number of bins of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from components.base import Integers, ParameterError, Times

WANTED_BINS = 25  # of the units, the one whose number of bins comes closest to it is chosen
MOST_BINS = 2000

# Number of the bin that a time lies in, and the start of a bin, counted from 1970.
_IN_HOURS = {"hour": 1, "day": 24}
_IN_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120}
Unit = Literal["hour", "day", "week", "month", "quarter", "year", "decade"]
UNITS: tuple[str, ...] = get_args(Unit)

_MINUTE, _DAY = 60, 86_400  # seconds


@dataclass(frozen=True)
class Bins:
    """The bins in which some times lie; those without any are left out.

    Parameters
    ----------
    unit : str
        What a bin is: one of `UNITS`, or a length such as "3 days".
    places : int64 array (n_bins,)
        Numbers of the bins in order; where two differ by more than one, there are empty ones
        between.
    starts, ends : datetime64 arrays (n_bins,)
        A bin holds the times from its start up to, and not including, its end.
    of : int64 array (m,)
        Index of the bin of each time.
    """

    unit: str
    places: Integers
    starts: Times
    ends: Times
    of: Integers


def in_bins(times: Times, bins: str | int) -> Bins:
    """Put times into bins.

    Parameters
    ----------
    times : datetime64 array (m,), m at least 1, without NaT
    bins : str or int
        One of `UNITS`; "auto": the unit with which the span of the times, less the first and the
        last hundredth of them, has nearest to 25 bins (by their ratio), so that a few wrong dates
        do not decide, and no shorter one than the times tell: years have no months; or a number,
        at least 2: as many bins of equal length from the first time to the last. Their length is
        rounded up to whole days, minutes or seconds, so there may be fewer.

    Raises
    ------
    ParameterError
        When the unit is unknown, the number is too small, or there are more than 2,000 bins.
    """
    check_bins(bins)
    if isinstance(bins, int):
        return _equal(times, bins)
    unit = _unit_for(times) if bins == "auto" else bins
    used, of = np.unique(_number(times, unit), return_inverse=True)
    if len(used) > MOST_BINS:
        reason = f"gives {len(used):,} bins, more than {MOST_BINS:,}. Choose a longer unit."
        raise ParameterError("bins", bins, reason)
    return Bins(unit, used, _start(used, unit), _start(used + 1, unit), of)


def check_bins(bins: str | int) -> None:
    """Raise `ParameterError` where these are no bins."""
    if bins == "auto" or bins in UNITS:
        return
    if isinstance(bins, str):
        units = ", ".join(UNITS[:-1])
        raise ParameterError("bins", bins, f"must be auto, {units}, {UNITS[-1]} or a number.")
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= MOST_BINS:
        raise ParameterError("bins", bins, f"must be a whole number from 2 to {MOST_BINS:,}.")


def _equal(times: Times, n: int) -> Bins:
    seconds = times.astype("datetime64[s]").astype(np.int64)
    first, last = int(seconds.min()), int(seconds.max())
    length = -(-(last - first + 1) // n)
    grain = _DAY if length >= 2 * _DAY else _MINUTE if length >= 2 * _MINUTE else 1
    first -= first % grain
    length = -(-(last - first + 1) // n)
    length += -length % grain
    used, of = np.unique((seconds - first) // length, return_inverse=True)
    unit = "D" if grain == _DAY else "m" if grain == _MINUTE else "s"
    starts, ends = (
        (first + edges * length).astype("datetime64[s]").astype(f"datetime64[{unit}]")
        for edges in (used, used + 1)
    )
    number = length // grain
    noun = {"D": "day", "m": "minute", "s": "second"}[unit]
    return Bins(noun if number == 1 else f"{number:,} {noun}s", used, starts, ends, of)


def _unit_for(times: Times) -> str:
    ordered = np.sort(times)
    cut = len(ordered) // 100
    ends = ordered[[cut, len(ordered) - 1 - cut]]

    def misfit(unit: str) -> float:
        first, last = _number(ends, unit)
        return float(abs(np.log((last - first + 1) / WANTED_BINS)))

    return min(UNITS[_told(times) :], key=misfit)


def _told(times: Times) -> int:
    """Place in `UNITS` of the longest unit at whose beginnings nearly all times lie."""
    if times.min() == times.max():
        return 0
    for place in reversed(range(1, len(UNITS))):
        starts = _start(_number(times, UNITS[place]), UNITS[place])
        if np.mean(times == starts) > 0.98:
            return place
    return 0


def _number(times: Times, unit: str) -> Integers:
    """Number of the bin of each time."""
    if unit in _IN_MONTHS:
        months = times.astype("datetime64[M]").astype(np.int64)
        # Decades begin with years that end in 0, as 1970 does.
        return np.asarray(months // _IN_MONTHS[unit])
    hours = times.astype("datetime64[h]").astype(np.int64)
    if unit == "week":  # from Monday; 1970 began on a Thursday
        return np.asarray((hours // 24 + 3) // 7)
    return np.asarray(hours // _IN_HOURS[unit])


def _start(numbers: Integers, unit: str) -> Times:
    if unit in _IN_MONTHS:
        return (numbers * _IN_MONTHS[unit]).astype("datetime64[M]").astype("datetime64[D]")
    if unit == "week":
        return (numbers * 7 - 3).astype("datetime64[D]")
    if unit == "day":
        return numbers.astype("datetime64[D]")
    return numbers.astype("datetime64[h]").astype("datetime64[m]")
