"""Runs a job in a process forked for it, so that its death is one job's failure.

A launcher's worker that dies takes its launcher with it: joblib gives up on every other job, and
submitit's later batches never start. A process for each job also keeps what one job held, memory
of a GPU included, from the next.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable

from runner.console import say


def run_in_subprocess(task: Callable[[], None]) -> str | None:
    """Run a task in a forked process; returns how that process died, None if it did not.

    To be called before this process has started threads or touched a GPU.
    """
    process = multiprocessing.get_context("fork").Process(target=_run, args=(task,))
    process.start()
    try:
        process.join()
    except BaseException:  # Ctrl-C, or told to end
        process.terminate()
        process.join()
        raise
    code = process.exitcode or 0
    if code == 0:
        return None
    if code > 0:
        return f"its process ended with the exit code {code}"
    death = f"its process was killed by the signal {signal.Signals(-code).name}"
    return f"{death}; was there enough memory?" if -code == signal.SIGKILL else death


def _run(task: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for other in (signal.SIGUSR1, signal.SIGUSR2):  # Slurm's, for submitit in the parent
        signal.signal(other, signal.SIG_IGN)
    try:
        task()
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException:
        say(traceback.format_exc(), error=True)
        sys.exit(1)
