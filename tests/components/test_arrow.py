import numpy as np
import pytest

from components.arrow import numbers, strings, to_numpy


@pytest.mark.parametrize("values", [[], [""], ["a", "", "zwei Wörter", "\U0001f600", "a\x00b\n"]])
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
