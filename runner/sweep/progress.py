"""How far a sweep is: a line for each job that ends."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from runner.terminal.console import say
from runner.terminal.secrets import MaskingFormatter, mask_config
from runner.tracking import record
from runner.tracking.record import Record

PAUSE = 0.5  # seconds between looks


class OncePerSweep(logging.Filter):
    """Shows a message on the documents once in a sweep; the log file of each job has them all."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def watch(self) -> None:
        """Filter what the job that begins now writes to the terminal."""
        for handler in logging.getLogger().handlers:
            is_ours = isinstance(handler.formatter, MaskingFormatter)
            if is_ours and not isinstance(handler, logging.FileHandler):
                handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is not on the documents, or its message has not been shown yet."""
        of_documents = ("components.datasets", "components.representations", "runner.embed")
        if not record.name.startswith(of_documents):
            return True
        is_new = record.getMessage() not in self._seen
        self._seen.add(record.getMessage())
        return is_new


class Progress:
    """Follows a sweep by what its jobs leave in its folder, whatever process they run in.

    Parameters
    ----------
    folder : the sweep's folder
    about : the contents of `sweep.json`
    polls : look by itself; otherwise only when told to
    """

    def __init__(self, folder: Path, about: dict[str, Any], *, polls: bool) -> None:
        self.folder = folder
        self.about = about
        self.log_filter = OncePerSweep()
        self.skipped = 0  # jobs that were not started: no time, or no documents
        self.shown = time.monotonic()  # when there was a table, or the start
        self._jobs: dict[Path, Record] = {}
        self._start = time.monotonic()
        self._polls = polls
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        if polls:
            self._thread.start()

    def save(self) -> None:
        """Write `sweep.json`, without secrets."""
        text = json.dumps(mask_config(self.about), indent=2)
        (self.folder / record.SWEEP_FILE).write_text(text, encoding="utf-8")

    def _look_on(self) -> None:
        while not self._ending.wait(PAUSE):
            self.look()

    def look(self) -> None:
        """Say what has ended since the last look."""
        for path in sorted(record.job_folders(self.folder)):
            before = self._jobs.get(path)
            if before is not None and before.status != "RUNNING":
                continue
            job = record.load(path)
            if job.tags.get("sweep_id") != self.about["sweep_id"]:
                continue  # of an older sweep in the same folder
            self._jobs[path] = job
            if job.status != "RUNNING":
                say(self._line(job), error=True)

    @property
    def failed_for_documents(self) -> bool:
        """Whether two jobs or more failed, all for the documents, which the others have too."""
        swept = any(key.partition(".")[0] == "dataset" for key in self.about["swept"])
        failures = {(job.tags.get("failed_part"), job.failure) for job in self._jobs.values()}
        same = len(self._jobs) > 1 and len(failures) == 1
        return same and not swept and next(iter(failures))[0] == "dataset"

    def end(self, *, stopped: bool) -> dict[Path, Record]:
        """Stop looking; returns the jobs by their folders.

        Called when the launcher is done with every job, or broke. Jobs that are alive all the
        same are waited for, though not for long where they were told to stop; the records of dead
        ones are ended here.
        """
        if self._thread.is_alive():
            self._ending.set()
            self._thread.join()
        give_up = time.monotonic() + (10 if stopped else math.inf)
        reason = "it was interrupted" if stopped else "its process was killed"
        while True:
            self.look()
            running = {f: job for f, job in self._jobs.items() if job.status == "RUNNING"}
            alive = {folder: job.is_alive for folder, job in running.items()}
            self.look()  # a job may have ended properly before its process did
            for folder, job in running.items():
                if alive[folder] is False and self._jobs[folder].status == "RUNNING":
                    job.end("KILLED", reason)
                    job.save(folder)
            if True not in alive.values() or time.monotonic() > give_up:
                break
            time.sleep(PAUSE)
        self.look()
        # What tracking had to say of a job came after its end.
        return {folder: record.load(folder) for folder in self._jobs}

    @property
    def n_left(self) -> int:
        """Jobs that have not ended; 0 where nobody knows how many there are."""
        ended = sum(job.status != "RUNNING" for job in self._jobs.values())
        return max(0, (self.about["n_jobs"] or 0) - ended)

    def _line(self, job: Record) -> str:
        count = Counter(each.status for each in self._jobs.values())
        n_jobs = self.about["n_jobs"]
        ended = len(self._jobs) - count["RUNNING"]
        remaining = "" if n_jobs is None else f", {n_jobs - ended} left"
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        outcome = job.status
        if job.failure and (self._polls or job.status != "FAILED"):  # else it was just logged here
            outcome = f"{job.status}, {job.failure.partition(chr(10))[0]}"
        if job.status == "FINISHED":
            sort = (self.about["sort"] or "").removeprefix("-")
            facts = [f"{job.metrics['n_topics']:.0f} topics"] if "n_topics" in job.metrics else []
            facts += [f"{sort} {job.metrics[sort]:.3g}"] if sort in job.metrics else []
            outcome = f"{', '.join(facts) or 'done'} in {job.metrics['total_seconds']:.1f} s"
        failed = count["FAILED"] + count["KILLED"]
        return (
            f"{job.label}: {outcome}   "
            f"[{count['FINISHED']} done, {failed} failed{remaining}, {minutes}:{seconds:02d}]"
        )
