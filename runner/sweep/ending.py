"""The end of a sweep: its runs compared, its leaderboard, its recommendation, and MLflow."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from components.base import UserError
from runner.config.recorded import TRUST
from runner.leaderboard.comparison import SCORES, Comparison, compare, score
from runner.leaderboard.ranking import on_last_sample, rank_runs
from runner.leaderboard.recommendation import recommend
from runner.leaderboard.table import HTML, show, write
from runner.sweep.choose import sample_of
from runner.sweep.progress import Progress
from runner.terminal.console import say
from runner.terminal.suggestions import shell_line
from runner.tracking import record
from runner.tracking.description import DESCRIPTION, verbatim
from runner.tracking.record import Record

log = logging.getLogger(__name__)


def end_sweep(progress: Progress, *, stopped: bool) -> int:
    """Write and print the leaderboard, log what is not logged; the exit status.

    Parameters
    ----------
    progress : of the sweep, whose launcher is done
    stopped : it was interrupted
    """
    folder, about = progress.folder, progress.about
    jobs = progress.end(stopped=stopped)
    n_missing = max(0, (about["n_jobs"] or 0) - len(jobs) - progress.skipped)
    is_complete = not n_missing and all(job.status == "FINISHED" for job in jobs.values())
    last = {path: job for path, job in jobs.items() if on_last_sample(job, about)}
    comparisons = _compare(last)
    scored = score(last, comparisons)
    ranking = rank_runs(last.values(), about["sort"])
    largest = comparisons[0] if comparisons else None
    advice = recommend(ranking, largest)
    if advice and (sample := sample_of(ranking, about)):
        advice = advice.on(sample)
    write(ranking, folder, f"Sweep {about['sweep_id']}", largest, advice)
    show(ranking)
    if advice:
        say(advice.text)
    say(f"Leaderboard: {folder / HTML}")
    if n_missing:
        say(f"{n_missing} of {about['n_jobs']} jobs never started.")
    parent = record.load(folder)
    parent.end("KILLED" if stopped else "FINISHED" if is_complete else "FAILED")
    if "limit" in about:
        parent.tags["limit"] = str(about["limit"])
    if advice:
        parent.tags |= {"recommendation": advice.sentence}
        # As a tag alone, the UI cuts it off after a few words.
        parent.tags[DESCRIPTION] = f"{verbatim(advice.text)}\n\n{parent.tags[DESCRIPTION]}"
        about["recommendation"] = advice.sentence
        if advice.embedder:
            parent.tags["recommended_embedder"] = about["recommended_embedder"] = advice.embedder
        progress.save()
    parent.save(folder)
    tracked = about["tracking"]["kind"] == "none" or _track(parent, jobs, scored, folder, about)
    return 0 if is_complete and tracked else 1


def _compare(jobs: dict[Path, Record]) -> list[Comparison]:
    """The jobs side by side; empty where their files cannot be read, which fails nothing."""
    try:
        return compare(jobs)
    except Exception:
        log.exception("the runs cannot be compared")
        return []


def _track(
    parent: Record,
    jobs: dict[Path, Record],
    scored: list[Path],
    folder: Path,
    about: dict[str, Any],
) -> bool:
    """Log the sweep as a whole, and what of its jobs is not logged; whether all is logged now.

    `scored` are the folders of jobs that got metrics after they were logged.
    """
    from runner.job import track
    from runner.tracking import Tracker
    from runner.tracking.uri import ui_command

    settings = about["tracking"]
    try:
        tracker = Tracker(settings["uri"], settings["experiment"])
        say(ui_command(tracker.uri, parent.experiment_id))
    except UserError as error:
        say(str(error).partition("\n")[0])
        tracker = None
    ended = {path: job for path, job in jobs.items() if job.status != "RUNNING"}
    to_log = {path: job for path, job in ended.items() if not job.tracked} | {folder: parent}
    if tracker:
        for path, job in to_log.items():
            track(settings, job, path, tracker)
        for path in scored:
            if path not in to_log:
                _add_scores(tracker, jobs[path], path)
    not_logged = [job.label for job in ended.values() if not job.tracked]
    for label in not_logged:
        say(f"not in MLflow: {label}")
    if not_logged or not parent.tracked:
        store = [f"uri={settings['uri']}"] if settings["uri"] else []
        registers = any(job.params.get("model.register_as") for job in jobs.values())
        later = shell_line("upload", folder, *store, *([TRUST] if registers else []))
        say(f"The results are in the output folder. To log them later: {later}")
    return parent.tracked and not not_logged


def _add_scores(tracker: Any, job: Record, folder: Path) -> None:
    try:
        tracker.add_metrics(job, SCORES)
    except UserError as error:
        job.tracked, job.lost = False, str(error).partition("\n")[0]
        job.save(folder)
