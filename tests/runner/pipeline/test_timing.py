from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.pipeline.timing import StageProfiler

ROOT = Path(__file__).parents[3]


def test_seconds_by_stage() -> None:
    clock = StageProfiler()
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
    # In a process of its own: a large one's memory may be taken back by the system meanwhile.
    code = """
from runner.pipeline.timing import StageProfiler
clock = StageProfiler()
print(clock.metrics()["peak_memory_mb"])
large = b"1" * (200 * 2**20)
print(clock.metrics()["peak_memory_mb"])
del large
print(StageProfiler().metrics()["peak_memory_mb"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    before, during, after = map(float, done.stdout.split())
    assert during > before + 150
    assert after < before + 100
