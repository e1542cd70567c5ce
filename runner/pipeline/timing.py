"""Seconds by stage, and the peak of memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.base import goes_on

DOES = {
    "load": "reading documents",
    "embed": "embedding",
    "reduce": "reducing vectors",
    "cluster": "clustering",
    "represent": "words of topics",
    "label": "labels of topics",
    "measure": "measures",
    "map": "map of the documents",
}


class StageProfiler:
    """Measures stages by wall time, in seconds, and the process's peak of resident memory.

    On Linux the peak is that during this run, also where a sweep runs many in one process: the
    kernel's high-water mark is reset at the start (proc(5), `clear_refs`). What earlier runs have
    loaded and the process still holds is in it. Elsewhere it is the peak since the process began.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self._status: Path | None = Path("/proc/self/status")
        except OSError:
            self._status = None

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            with goes_on(DOES.get(stage, stage)):
                yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def metrics(self) -> dict[str, float]:
        """`<stage>_seconds` for each stage, `total_seconds` and `peak_memory_mb` (MiB)."""
        named = {f"{stage}_seconds": spent for stage, spent in self.seconds.items()}
        return {
            **named,
            "total_seconds": time.perf_counter() - self._start,
            "peak_memory_mb": self._peak_memory(),
        }

    def _peak_memory(self) -> float:
        if self._status is not None:
            for line in self._status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
