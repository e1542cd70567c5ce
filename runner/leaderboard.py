"""Compares runs in a table: best first by one metric, seeds folded into mean and spread.

python -m runner.leaderboard                              the newest sweep
python -m runner.leaderboard sort=ami                     by another metric; sort=-NAME: least first
python -m runner.leaderboard sweep_id=ID                  one sweep, by its id or its folder
python -m runner.leaderboard experiment=NAME              every run of an MLflow experiment
python -m runner.leaderboard folder=out uri=http://...    CSV and HTML go there; another store
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from components.base import UserError
from runner.arguments import command, parse, say
from runner.board import FIRST, Board, make
from runner.board_page import page
from runner.check import nearest
from runner.record import IS_SWEEP, Record, load_jobs
from runner.secrets import mask

CSV, HTML = "leaderboard.csv", "leaderboard.html"
DEFAULT_SORT = "npmi"
_LONGEST = 28  # characters of a setting's value that the terminal shows


def main(arguments: list[str]) -> int:
    """Print the board of some runs; that of a sweep is stored on its parent run too."""
    options = parse(arguments, __doc__ or "", ["sweep_id", "experiment", "sort", "uri", "folder"])
    place = Path(options.get("sweep_id", ""))
    if "sweep_id" in options and (place / "sweep.json").is_file():
        sweep_id = json.loads((place / "sweep.json").read_text(encoding="utf-8"))["sweep_id"]
        return _report([*load_jobs(place, sweep_id).values()], f"Sweep {sweep_id}", options)
    from runner.tracking import connect, experiment_ids, find, log_file

    client = connect(options.get("uri"))
    experiments = experiment_ids(client, options.get("experiment"))
    if "experiment" in options and "sweep_id" not in options:
        runs = [run for run in find(client, "", experiments) if "config_hash" in run.tags]
        return _report(runs, f"Experiment {options['experiment']}", options)
    wanted = f" and tags.sweep_id = '{options['sweep_id']}'" if "sweep_id" in options else ""
    sweeps = find(client, f"tags.{IS_SWEEP} = 'true'{wanted}", experiments)
    if not sweeps:
        raise UserError(
            "there is no such sweep in this MLflow store. Start one: "
            "python -m runner -m embedder=minilm,tfidf"
        )
    sweep_id = sweeps[0].tags["sweep_id"]
    runs = find(client, f"tags.sweep_id = '{sweep_id}'", experiments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.setdefault("folder", scratch)
        code = _report(runs, f"Sweep {sweep_id}", options, says=folder != scratch)
        for name in (CSV, HTML):
            log_file(client, sweeps[0].run_id, Path(folder) / name)
    return code


def _report(runs: list[Record], title: str, options: dict[str, str], *, says: bool = True) -> int:
    board = make(runs, options.get("sort", DEFAULT_SORT))
    if "sort" in options and board.rows and board.sort not in board.metrics:
        raise UserError(f"no run has a metric '{board.sort}'.{nearest(board.sort, board.metrics)}")
    say(f"\n{title}")
    show(board)
    if "folder" in options:
        folder = Path(options["folder"])
        write(board, folder, title)
        if says:
            say(f"Written: {folder / CSV}, {folder / HTML}")
    return 0


def show(board: Board, file: TextIO | None = None) -> None:
    """Print the board as a table as wide as the terminal, the runs that failed, and a summary."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    file = file or sys.stdout
    console = Console(file=file, highlight=False, width=None if file.isatty() else 160)
    columns = _columns(board)
    names = _fitting(columns, board, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            Text("\n".join(_words(name))),
            justify="left" if name in board.settings else "right",
            style="bold" if name == board.sort else "",
            no_wrap=True,
        )
    for cells in zip(*(columns[name] for name in names), strict=True):
        table.add_row(*map(Text, cells))
    if board.rows:
        console.print()
        console.print(table)
    console.print()
    for run in board.failed:
        told = f"{run.status}: {run.label}: {run.failure}\n    {run.tags.get('folder', '')}"
        console.print(Text(mask(told)), soft_wrap=True)
    console.print(board.summary, soft_wrap=True)
    if board.note:
        console.print(board.note, style="dim", soft_wrap=True)


def _columns(board: Board) -> dict[str, list[str]]:
    """The cells of each column that may be shown, by its name."""
    columns = {"": [str(place) for place in range(1, len(board.rows) + 1)]}
    for name in board.settings:
        values = [row.settings[name] for row in board.rows]
        columns[name] = [v if len(v) <= _LONGEST else f"{v[: _LONGEST - 1]}…" for v in values]
    if any(len(row.runs) > 1 for row in board.rows):
        columns["runs"] = [str(len(row.runs)) for row in board.rows]
    for name in board.metrics:
        if name in FIRST or name == board.sort:
            columns[name] = [str(row.metrics.get(name, "")) for row in board.rows]
    return columns


def _fitting(columns: dict[str, list[str]], board: Board, width: int) -> list[str]:
    """The columns for which there is room, in their order: the sort's before other metrics."""
    wanted = sorted(columns, key=lambda name: (name in board.metrics, name != board.sort))
    chosen = set()
    for name in wanted:
        width -= max(map(len, [*_words(name), *columns[name]]), default=0) + 2
        if width < -2 and name in board.metrics and name != board.sort:
            break
        chosen.add(name)
    return [name for name in columns if name in chosen]


def _words(name: str) -> list[str]:
    """A column's head, a word a line."""
    return name.replace("_", " ").replace(".", " ").split() or [""]


def write(board: Board, folder: Path, title: str) -> None:
    """Write `leaderboard.csv` and `leaderboard.html` to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CSV).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        pairs = [name for metric in board.metrics for name in (metric, f"{metric}_std")]
        writer.writerow([*board.settings, "runs", *pairs, "run_ids"])
        for row in board.rows:
            values: list[object] = []
            for name in board.metrics:
                cell = row.metrics.get(name)
                values += [cell.mean, cell.spread] if cell else [None, None]
            ids = " ".join(run.run_id for run in row.runs if run.run_id)
            writer.writerow([*row.settings.values(), len(row.runs), *values, ids])
    (folder / HTML).write_text(page(board, title), encoding="utf-8")


if __name__ == "__main__":
    command(main)
