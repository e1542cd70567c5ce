"""Runs compared in a table: best first by one metric, seeds folded into mean and spread.

python -m runner.leaderboard                          the newest sweep
python -m runner.leaderboard sort=ami                 by another metric
python -m runner.leaderboard sweep_id=... folder=out  one sweep; CSV and HTML go to a folder
python -m runner.leaderboard experiment=NAME          every run of an MLflow experiment
"""

from __future__ import annotations

import csv
import html
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from components.base import UserError
from runner.arguments import parse
from runner.check import nearest
from runner.record import GROUPED_BY, Record

CSV, HTML = "leaderboard.csv", "leaderboard.html"
DEFAULT_SORT = "npmi"
# Where less is better.
_ASCENDING = ("outlier_ratio", "seconds", "memory", "truncated", "empty", "tokens")
_FIRST = (
    "n_topics outlier_ratio npmi topic_diversity silhouette ari ami v_measure coverage "
    "embed_seconds total_seconds peak_memory_mb"
).split()


@dataclass(frozen=True)
class Cell:
    """Mean of a metric over seeds, and the standard deviation where there are several."""

    mean: float
    spread: float | None

    def __str__(self) -> str:
        size = abs(self.mean)
        digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 1000 else 0
        if self.mean.is_integer() and not self.spread:
            digits = 0
        mean = f"{self.mean:.{digits}f}"
        return mean if self.spread is None else f"{mean} ± {self.spread:.{digits}f}"


@dataclass(frozen=True)
class Row:
    settings: dict[str, str]
    metrics: dict[str, Cell]
    n_runs: int


@dataclass(frozen=True)
class Board:
    """rows: best first; failed: runs that have no result; sort: the metric it is sorted by."""

    rows: list[Row]
    failed: list[Record]
    sort: str
    metrics: list[str]
    settings: list[str]


def make(runs: list[Record], sort: str | None) -> Board:
    """Fold runs that differ only by seed, and put the best first.

    Parameters
    ----------
    runs : records of single runs
    sort : a metric; None takes NPMI

    Raises
    ------
    UserError
        When no run has that metric.
    """
    finished = [run for run in runs if run.status == "FINISHED"]
    failed = [run for run in runs if run.status in ("FAILED", "KILLED")]
    groups: dict[str, list[Record]] = {}
    for run in finished:
        groups.setdefault(run.tags.get("seedless_hash", str(run.run_id)), []).append(run)
    names = {name for run in finished for name in run.metrics}
    metrics = [m for m in _FIRST if m in names] + sorted(names - set(_FIRST))
    sort = sort or DEFAULT_SORT
    if finished and sort not in names:
        raise UserError(f"no run has a metric '{sort}'.{nearest(sort, names)}")
    settings = _varied([group[0] for group in groups.values()])
    rows = [
        Row(
            {name: str(group[0].params.get(name, "")) for name in settings},
            {name: cell for name in metrics if (cell := _cell(group, name))},
            len(group),
        )
        for group in groups.values()
    ]
    sign = 1 if any(word in sort for word in _ASCENDING) else -1
    rows.sort(key=lambda row: sign * row.metrics[sort].mean if sort in row.metrics else math.inf)
    return Board(rows, failed, sort, metrics, settings)


def _cell(group: list[Record], name: str) -> Cell | None:
    values = [run.metrics[name] for run in group if name in run.metrics]
    if not values:
        return None
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Cell(statistics.fmean(values), spread)


def _varied(runs: list[Record]) -> list[str]:
    """The options that differ between runs, and the parameters of parts that share an option."""
    options = [name for name in GROUPED_BY if len({run.params[name] for run in runs}) > 1]
    if not options:
        options = ["embedder"]
    varied: list[str] = []
    for name in sorted({name for run in runs for name in run.params} - set(GROUPED_BY)):
        role = name.partition(".")[0]
        by_option: dict[str, set[str]] = {}
        for run in runs:
            option = str(run.params.get(role, ""))
            by_option.setdefault(option, set()).add(str(run.params.get(name)))
        if any(len(values) > 1 for values in by_option.values()):
            varied.append(name)
    return options + varied


def show(board: Board, file: TextIO | None = None) -> None:
    """Print the board as a table."""
    from rich.console import Console
    from rich.table import Table

    file = file or sys.stdout
    console = Console(file=file, highlight=False, width=None if file.isatty() else 160)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    for name in board.settings:
        table.add_column(name)
    shown = [name for name in board.metrics if name in (*_FIRST, board.sort)]
    for name in shown:
        style = "bold" if name == board.sort else ""
        table.add_column(name.replace("_", " "), justify="right", style=style)
    for place, row in enumerate(board.rows, 1):
        cells = [str(row.metrics[name]) if name in row.metrics else "" for name in shown]
        table.add_row(str(place), *row.settings.values(), *cells)
    console.print()
    console.print(table)
    n_runs = sum(row.n_runs for row in board.rows)
    failed = f", {len(board.failed)} failed" if board.failed else ""
    console.print(f"\n{n_runs} runs{failed}, best first by {board.sort}.")


def write(board: Board, folder: Path, title: str) -> None:
    """Write `leaderboard.csv` and `leaderboard.html` to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CSV).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        pairs = [(name, f"{name}_std") for name in board.metrics]
        writer.writerow([*board.settings, "runs", *[name for pair in pairs for name in pair]])
        for row in board.rows:
            values: list[object] = []
            for name in board.metrics:
                cell = row.metrics.get(name)
                values += [cell.mean, cell.spread] if cell else [None, None]
            writer.writerow([*row.settings.values(), row.n_runs, *values])
    (folder / HTML).write_text(_page(board, title), encoding="utf-8")


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #1d2330; background: #fff }
h1 { font-size: 1.25rem; margin: 0 0 .25rem } p { color: #5a6275; margin: 0 0 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
th, td { padding: .35rem .7rem; text-align: right; white-space: nowrap }
th { cursor: pointer; border-bottom: 2px solid #1d2330; user-select: none }
td { border-bottom: 1px solid #e3e6ec; font-variant-numeric: tabular-nums }
th.name, td.name { text-align: left } tr:hover td { background: #f5f7fa }
td.best { font-weight: 700; color: #0b6e3b } th.sorted::after { content: " ▾" }
ul { padding-left: 1.2rem } li { margin: .3rem 0; color: #93250e }
"""
_SCRIPT = """
document.querySelectorAll("th").forEach((th, column) => th.addEventListener("click", () => {
  const body = document.querySelector("tbody");
  const value = row => { const text = row.cells[column].dataset.value ?? row.cells[column].innerText;
    const number = parseFloat(text); return isNaN(number) ? text : number };
  const up = th.classList.contains("sorted") ? -1 : 1;
  const sign = (th.dataset.less ? 1 : -1) * (th.classList.contains("name") ? -1 : 1) * up;
  document.querySelectorAll("th").forEach(other => other.classList.remove("sorted"));
  if (up === 1) th.classList.add("sorted");
  [...body.rows].sort((a, b) => value(a) > value(b) ? sign : value(a) < value(b) ? -sign : 0)
    .forEach(row => body.append(row));
}));
"""


def _page(board: Board, title: str) -> str:
    best = {name: _best(board, name) for name in board.metrics}
    head = "".join(f'<th class="name">{html.escape(name)}</th>' for name in board.settings)
    for name in board.metrics:
        marks = ' class="sorted"' if name == board.sort else ""
        less = ' data-less="1"' if any(word in name for word in _ASCENDING) else ""
        head += f"<th{marks}{less}>{html.escape(name.replace('_', ' '))}</th>"
    body = ""
    for row in board.rows:
        cells = "".join(
            f'<td class="name">{html.escape(value)}</td>' for value in row.settings.values()
        )
        for name in board.metrics:
            cell = row.metrics.get(name)
            mark = ' class="best"' if cell and cell.mean == best[name] else ""
            value = f' data-value="{cell.mean}"' if cell else ""
            cells += f"<td{mark}{value}>{cell or ''}</td>"
        body += f"<tr>{cells}</tr>\n"
    failures = "".join(
        f"<li>{html.escape(run.label)}: {html.escape(run.failure or run.status)}</li>"
        for run in board.failed
    )
    n_runs = sum(row.n_runs for row in board.rows)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>{_STYLE}</style>
<h1>{html.escape(title)}</h1>
<p>{n_runs} runs, best first by {html.escape(board.sort)}. Click a column to sort by it.</p>
<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>
{body}</tbody></table></div>
{f"<h2>Failed</h2><ul>{failures}</ul>" if failures else ""}
<script>{_SCRIPT}</script></html>
"""


def _best(board: Board, name: str) -> float | None:
    """The best value of a metric, where there is such a thing: not for counts."""
    if name.startswith("n_") or len(board.rows) < 2:
        return None
    means = [row.metrics[name].mean for row in board.rows if name in row.metrics]
    return (min if any(word in name for word in _ASCENDING) else max)(means)


def main(arguments: list[str]) -> None:
    """Read runs from MLflow, print the board, and store it on the sweep's parent run."""
    options = parse(arguments, __doc__ or "", ["sweep_id", "experiment", "sort", "uri", "folder"])
    from runner.tracking import SWEEP_TAG, Tracker

    tracker = Tracker(options.get("uri"), options.get("experiment", "runner"))
    query, title, parents = "", f"Experiment {options.get('experiment')}", []
    if "experiment" not in options or "sweep_id" in options:
        wanted = f" and tags.sweep_id = '{options['sweep_id']}'" if "sweep_id" in options else ""
        parents = tracker.runs(f"tags.{SWEEP_TAG} = 'true'{wanted}")
        if not parents:
            raise UserError(
                "there is no such sweep in this MLflow store. Start one: "
                "python -m runner -m embedder=minilm,tfidf"
            )
        sweep_id = parents[0].tags["sweep_id"]
        query, title = f"tags.sweep_id = '{sweep_id}'", f"Sweep {sweep_id}"
    runs = [run for run in tracker.runs(query) if SWEEP_TAG not in run.tags]
    board = make(runs, options.get("sort"))
    show(board)
    folder = Path(options.get("folder", "."))
    write(board, folder, title)
    print(f"Written: {folder / CSV}, {folder / HTML}")  # noqa: T201
    if parents:
        for name in (CSV, HTML):
            tracker.client.log_artifact(parents[0].run_id, str(folder / name))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201
        sys.exit(2)
