"""Arrow arrays from strings and numbers, and back.

`pyarrow.array` and `pyarrow.Array.to_numpy` import pandas, where that is installed: 0.2 s of a
default run's few. These do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def strings(values: Sequence[str]) -> Any:
    """A `pyarrow.LargeStringArray` of `values`."""
    import pyarrow as pa

    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)


def numbers(values: NDArray[Any]) -> Any:
    """A `pyarrow.Array` of the numbers `values` (n,), with their type."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def to_numpy(array: Any) -> NDArray[Any]:
    """A view of a `pyarrow.Array` of numbers, none of them null; read-only."""
    return np.from_dlpack(array)
