"""Arrow arrays from strings, numbers and times, and back.

`pyarrow.array` and `pyarrow.Array.to_numpy` import pandas, where that is installed: 0.2 s of a
default run's few. These do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Times


def strings(values: Sequence[str | None]) -> Any:
    """A `pyarrow.LargeStringArray` of `values`, null where one is None.

    A lone surrogate, which UTF-8 cannot express (a file name may hold one), becomes "?".
    """
    import pyarrow as pa

    encoded = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    valid = _validity(np.fromiter((value is not None for value in values), bool, len(encoded)))
    buffers = [valid, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)


def times(values: Times) -> Any:
    """A `pyarrow.TimestampArray` of datetime64[us] (n,), null for NaT."""
    import pyarrow as pa

    buffers = [_validity(~np.isnat(values)), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.timestamp("us"), len(values), buffers)


def _validity(valid: NDArray[np.bool_]) -> Any:
    """Arrow's bitmap of the values that are not null; None where all are there."""
    import pyarrow as pa

    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def numbers(values: NDArray[Any]) -> Any:
    """A `pyarrow.Array` of the numbers `values` (n,), with their type."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def to_numpy(array: Any) -> NDArray[Any]:
    """A view of a `pyarrow.Array` of numbers, none of them null; read-only."""
    return np.from_dlpack(array)
