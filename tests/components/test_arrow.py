import numpy as np
import pytest

from components.arrow import numbers, strings, times, to_numpy


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["a", "", "zwei Wörter", "\U0001f600", "a\x00b\n"],
        ["a", None, "", *"bcdefgh", None],
    ],
)
def test_strings_come_back(values):
    array = strings(values)
    array.validate(full=True)
    assert array.to_pylist() == values


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32, np.float64])
def test_numbers_come_back(dtype):
    values = np.arange(12, dtype=dtype).reshape(6, 2)[:, 1]  # not contiguous
    array = numbers(values)
    array.validate(full=True)
    back = to_numpy(array)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, values)
    assert len(to_numpy(numbers(values[:0]))) == 0


def test_half_a_character_is_no_error():
    assert strings(["a\ud83d"]).to_pylist() == ["a?"]


@pytest.mark.parametrize(
    "cells", [[], ["2020-01-02T03:04:05.678901", "1969"], ["NaT", *["2020"] * 9]]
)
def test_times_come_back(cells):
    values = np.array(cells, dtype="datetime64[us]")
    array = times(values)
    array.validate(full=True)
    assert array.to_pylist() == values.tolist()
