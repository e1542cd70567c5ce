"""Output that nobody reads."""

from __future__ import annotations

import os
import sys

import pytest

from runner.terminal.console import keep_streams, say


def test_output_without_a_reader_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of `runner -m ... 2>&1 | tee log` after Ctrl-C, which ends tee first."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", None)  # closed by `>&-`
        monkeypatch.setattr(sys, "stderr", stream)
        keep_streams()
        for _ in range(2):
            say("a job has ended", error=True)
            say("the leaderboard")
        assert not sys.stdout.isatty()
