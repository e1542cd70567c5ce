"""Ctrl-C and SIGTERM, put off until what must not be left half done is done."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)


@contextmanager
def put_off_interrupts(notice: str, tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within this block, a first SIGINT or SIGTERM calls `tell`, and takes effect after the block.

    A second one takes effect at once. Signals reach the main thread only; in others this does
    nothing.

    Parameters
    ----------
    notice : str
        Logged when the first signal comes.
    tell : callable, optional
        Called in the signal handler: it may set a flag, and little else.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    came: list[int] = []

    def restore() -> None:
        while before:
            number, handler = before.popitem()
            signal.signal(number, handler)

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(number)
        restore()  # the next one takes effect at once
        tell()
        log.warning("%s", notice)

    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if handler not in (None, signal.SIG_IGN):
            before[number] = handler
            signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
        if came:
            signal.raise_signal(came[0])
