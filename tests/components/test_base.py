"""How far a piece of work has come: in a log, and in a notebook."""

from __future__ import annotations

import io
import logging
import sys
import time

import pytest

from components import base


def test_without_a_terminal_progress_goes_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(base, "LOGGED_EVERY", 0)
    caplog.set_level(logging.INFO)
    assert list(base.progress("abc", total=3, label="letters")) == ["a", "b", "c"]
    assert list(base.progress("ab", label="more")) == ["a", "b"]
    assert [line.split(", ")[0] for line in caplog.messages] == [
        "letters: 1 of 3", "letters: 2 of 3", "letters: 3 of 3", "more: 1 in 0 s", "more: 2 in 0 s",
    ]  # fmt: skip


def test_a_notebook_shows_a_bar(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(base, "LOGGED_EVERY", 0)
    with base.Progress(9, "letters") as shown:
        shown.bar.delay = 0  # at once
        shown.bar.mininterval = 0
        shown.to(3)
        assert "3/9" in stream.getvalue()
    assert "letters" not in caplog.text


def test_work_without_progress_is_heard_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(base, "LOGGED_EVERY", 0.05)
    caplog.set_level(logging.INFO)
    with base.goes_on("layout"):
        time.sleep(0.4)
    assert caplog.messages[0] == "layout: 0 s so far"
    seen = base.Progress.last
    for _ in base.progress(range(10), label="rows"):
        time.sleep(0.01)
    assert base.Progress.last > seen
    monkeypatch.setattr(base.Progress, "last", time.monotonic() + 60)
    with base.goes_on("search"):  # a progress was seen just now
        time.sleep(0.2)
    assert not any(line.startswith("search") for line in caplog.messages)
