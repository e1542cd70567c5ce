from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from runner.clock import Clock


def test_seconds_by_stage() -> None:
    clock = Clock()
    for _ in range(2):
        with clock("embed"):
            time.sleep(0.02)
    with pytest.raises(ValueError, match="stop"), clock("reduce"):
        raise ValueError("stop")
    found = clock.metrics()
    assert found.keys() == {"embed_seconds", "reduce_seconds", "total_seconds", "peak_memory_mb"}
    assert 0.04 <= found["embed_seconds"] <= found["total_seconds"]


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak is reset on Linux alone"
)
def test_the_peak_of_memory_is_that_of_this_run() -> None:
    clock = Clock()
    before = clock.metrics()["peak_memory_mb"]
    large = np.ones(200 * 2**20, np.uint8)
    assert clock.metrics()["peak_memory_mb"] > before + 150
    del large
    assert Clock().metrics()["peak_memory_mb"] < before + 150
