"""Compares runs in a table: best first by one metric, seeds folded into mean and spread.

python -m runner.leaderboard                              the newest sweep
python -m runner.leaderboard sort=ami                     by another metric; sort=-NAME: least first
python -m runner.leaderboard sweep_id=ID                  one sweep, by its id or its folder
python -m runner.leaderboard experiment=NAME              every run of an MLflow experiment
python -m runner.leaderboard folder=out uri=http://...    CSV and HTML go there; another store
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from components.base import UserError
from runner.leaderboard.comparison import SCORES, compare, set_scores
from runner.leaderboard.ranking import on_last_sample, rank_runs
from runner.leaderboard.recommendation import recommend
from runner.leaderboard.table import CSV, HTML, show, write
from runner.terminal.arguments import parse
from runner.terminal.console import command, say
from runner.terminal.suggestions import nearest, shell_line
from runner.tracking.record import IS_SWEEP, SWEEP_FILE, Record, load_jobs, load_sweep


def main(arguments: list[str]) -> int:
    """Print the board of some runs; that of a sweep whose folders are there goes to MLflow too."""
    options = parse(arguments, __doc__ or "", ["sweep_id", "experiment", "sort", "uri", "folder"])
    place = Path(options.get("sweep_id", ""))
    if "sweep_id" in options and (place / SWEEP_FILE).is_file():
        about = load_sweep(place)
        jobs = load_jobs(place, about["sweep_id"])
        for path, run in jobs.items():
            run.tags["folder"] = str(path)  # the sweep may have been moved
        runs = [run for run in jobs.values() if on_last_sample(run, about)]
        return _report(runs, f"Sweep {about['sweep_id']}", options)
    if place.is_dir() and "sweep_id" in options:
        raise UserError(f"{place} is not the folder of a sweep: it holds no {SWEEP_FILE}.")
    from runner.tracking import connect, connect_to_find, experiment_ids, find, log_file

    uri = options.get("uri")
    named = options.get("sweep_id")
    client = connect_to_find(named, uri, "sweep") if named else connect(uri)
    experiments = experiment_ids(client, options.get("experiment"))
    if "experiment" in options and "sweep_id" not in options:
        runs = [run for run in find(client, "", experiments) if "config_hash" in run.tags]
        for run in runs:  # what they have is from sweeps of their own
            run.metrics = {name: v for name, v in run.metrics.items() if name not in SCORES}
        set_scores(compare(_folders(runs)))
        return _report(runs, f"Experiment {options['experiment']}", options)
    sweeps = find(client, f"tags.{IS_SWEEP} = 'true'", experiments)
    if not sweeps:
        raise UserError(
            "there is no sweep in this MLflow store. Start one: "
            + shell_line("", "-m", "embedder=minilm,tfidf")
        )
    sweep_id = options.get("sweep_id", sweeps[0].tags["sweep_id"])
    sweep = next((run for run in sweeps if run.tags["sweep_id"] == sweep_id), None)
    if sweep is None:
        raise UserError(
            f"sweep_id={sweep_id}: there is no such folder, and no such sweep in this MLflow "
            f"store.{nearest(sweep_id, [run.tags['sweep_id'] for run in sweeps])}"
        )
    every = find(client, f"tags.sweep_id = '{sweep_id}'", experiments)
    runs = [run for run in every if on_last_sample(run, sweep.tags)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.setdefault("folder", scratch)
        code = _report(runs, f"Sweep {sweep_id}", options, says=folder != scratch)
        children = [run for run in runs if IS_SWEEP not in run.tags]
        if gone := [run for run in children if not _has_folder(run)]:
            say(
                f"The board in MLflow stays as it is: {len(gone)} of {len(children)} output "
                f"folders are not here ({gone[0].tags.get('folder', 'none is recorded')}), and "
                "without them the runs cannot be compared document by document."
            )
            return code
        for name in (CSV, HTML):
            log_file(client, sweep.run_id, Path(folder) / name)
    return code


def _has_folder(run: Record) -> bool:
    return "folder" in run.tags and Path(run.tags["folder"]).is_dir()


def _folders(runs: list[Record]) -> dict[Path, Record]:
    """The runs by their output folders, which may be gone."""
    return {Path(run.tags["folder"]): run for run in runs if run.tags.get("folder")}


def _report(runs: list[Record], title: str, options: dict[str, str], *, says: bool = True) -> int:
    ranking = rank_runs(runs, options.get("sort"))
    if options.get("sort") and ranking.rows and ranking.sort not in ranking.metrics:
        raise UserError(
            f"no run has a metric '{ranking.sort}'.{nearest(ranking.sort, ranking.metrics)}"
        )
    say(f"\n{title}")
    show(ranking)
    comparison = next(iter(compare(_folders(runs))), None)
    if advice := recommend(ranking, comparison):
        say(advice.text)
    if "folder" in options:
        folder = Path(options["folder"])
        write(ranking, folder, title, comparison, advice)
        if says:
            say(f"Written: {folder / CSV}, {folder / HTML}")
    return 0


if __name__ == "__main__":
    command(main)
