"""Output that nobody reads, or whose encoding lacks letters."""

from __future__ import annotations

import io
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
        with keep_streams():
            for _ in range(2):
                say("a job has ended", error=True)
                say("the leaderboard")
            assert not sys.stdout.isatty()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
@pytest.mark.parametrize("full", ["stdout", "stderr"])
def test_a_log_on_a_full_disk_stops_no_work(
    full: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a sweep over night: its jobs go on, and its status says that the log lacks some."""
    with open("/dev/full", "w") as stream:
        monkeypatch.setattr(sys, full, stream)
        with pytest.raises(SystemExit) as stop:
            _talk()
        monkeypatch.undo()
    assert stop.value.code == 1
    assert "Not all output could be written: No space left" in "".join(capsys.readouterr())


def _talk() -> None:
    with keep_streams():
        for _ in range(1000):
            say("a job has ended", error=True)
            say("the leaderboard")
        sys.exit(0)


def test_letters_that_the_output_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with LC_ALL=C, or a pipe on Windows: a run that is done does not fail for its topics."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", None)
    with keep_streams():
        say("K\u00f6ln \u00b7 1")
    assert written.getvalue().split() == [b"K?ln", b"?", b"1"]
