"""Runs a job in a process forked for it, so that its death is one job's failure.

A launcher's worker that dies takes its launcher with it: joblib gives up on every other job, and
submitit's later batches never start. A process for each job also keeps what one job held, memory
of a GPU included, from the next. In the other direction, a worker whose launcher was killed ends
itself and its job, or the jobs of a dead sweep would go on unseen.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess

from components.interrupts import stop_as_by_ctrl_c
from runner.terminal.console import say

PAUSE = 1.0  # seconds between two looks at whether the launcher is alive
PATIENCE = 10  # seconds that a job has to end by itself

_running: list[BaseProcess] = []  # the job of this worker, where one runs


def run_in_subprocess(task: Callable[[], None]) -> str | None:
    """Run a task in a forked process; returns how that process died, None if it did not.

    To be called before this process has started threads or touched a GPU.
    """
    end_with(os.getppid())
    process = multiprocessing.get_context("fork").Process(target=_run, args=(task,))
    process.start()
    _running.append(process)
    try:
        process.join()
    except BaseException:  # Ctrl-C, or told to end
        process.terminate()
        process.join()
        raise
    finally:
        _running.remove(process)
    code = process.exitcode or 0
    if code == 0:
        return None
    if code > 0:
        return f"its process ended with the exit code {code}"
    death = f"its process was killed by the signal {signal.Signals(-code).name}"
    return f"{death}; was there enough memory?" if -code == signal.SIGKILL else death


def watch_joblib_workers() -> None:
    """Let the workers that joblib starts from now on end with this process.

    From their start on: one that waits for its first job would stay for minutes.
    """
    import joblib  # type: ignore[import-untyped]
    from joblib._parallel_backends import LokyBackend  # type: ignore[import-untyped]

    watched = partial(LokyBackend, initializer=end_with, initargs=(os.getpid(),))
    joblib.register_parallel_backend("loky", watched)


def end_with(launcher: int) -> None:
    """From now on end this worker and its job once its parent process, `launcher`, is gone.

    By a timer, as a thread could not be there when a job is forked; the job does not inherit it.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(
        signal.ITIMER_REAL
    ) != (0.0, 0.0):
        return

    def look(*_: object) -> None:
        if os.getppid() == launcher:
            return
        for process in _running:
            process.terminate()
            process.join(PATIENCE)
            process.kill()
        os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, PAUSE, PAUSE)


def _run(task: Callable[[], None]) -> None:
    stop_as_by_ctrl_c()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for other in (signal.SIGUSR1, signal.SIGUSR2):  # Slurm's, for submitit in the parent
        signal.signal(other, signal.SIG_IGN)
    try:
        task()
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException:
        say(traceback.format_exc(), error=True)
        sys.exit(1)
