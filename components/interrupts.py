"""Ctrl-C, SIGTERM and SIGHUP, put off until what must not be left half done is done."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

HANGUP: int | None = getattr(signal, "SIGHUP", None)  # a closed terminal; Windows has none
_ASKS_TO_STOP = [signal.SIGINT, signal.SIGTERM, *([] if HANGUP is None else [HANGUP])]


def stop_as_by_ctrl_c() -> None:
    """Let SIGTERM, and SIGHUP unless it is ignored as after `nohup`, raise KeyboardInterrupt."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
        signal.signal(HANGUP, _hang_up)


def _hang_up(number: int, frame: FrameType | None) -> None:
    """Stop, and hear no second SIGHUP: the kernel sends one, and the shell that ends another."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def put_off_interrupts(notice: str, tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within this block, a first SIGINT, SIGTERM or SIGHUP calls `tell`, and stops after the block.

    A second one takes effect at once, but for SIGHUP, which comes twice by itself. Signals reach
    the main thread only; in others this does nothing.

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
        if number != HANGUP:
            restore()  # the next one takes effect at once
        elif len(came) > 1:
            return
        tell()
        log.warning("%s", notice)

    for number in _ASKS_TO_STOP:
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
