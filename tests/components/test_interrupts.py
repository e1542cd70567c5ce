"""A closed terminal."""

import signal

import pytest

from components.interrupts import put_off_interrupts, stop_as_by_ctrl_c


@pytest.fixture
def handlers():
    """The signals' handlers are put back afterwards."""
    before = {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_terminal_that_closes_is_heard_once():
    """It sends SIGHUP, and so does the shell that ends with it."""
    stop_as_by_ctrl_c()
    done = []

    def work():
        with put_off_interrupts("stopping"):
            for _ in range(2):
                signal.raise_signal(signal.SIGHUP)
                done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True, True]
    signal.raise_signal(signal.SIGHUP)


@pytest.mark.usefixtures("handlers")
def test_nohup_is_obeyed():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop_as_by_ctrl_c()
    with put_off_interrupts("stopping"):
        signal.raise_signal(signal.SIGHUP)
