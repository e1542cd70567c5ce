"""A ranking as a table: on the terminal, and as the files of a sweep."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TextIO

from components.reports.text import one_line
from runner.leaderboard.comparison import Comparison
from runner.leaderboard.html import page
from runner.leaderboard.ranking import FIRST, Ranking
from runner.leaderboard.recommendation import Recommendation
from runner.terminal.secrets import mask

CSV, HTML = "leaderboard.csv", "leaderboard.html"
_LONGEST = 28  # characters of a setting's value that the terminal shows


def show(ranking: Ranking, file: TextIO | None = None) -> None:
    """Print the board as a table as wide as the terminal, the runs that failed, and a summary."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    file = file or sys.stdout
    console = Console(file=file, highlight=False, width=None if file.isatty() else 160)
    columns = _columns(ranking)
    names = _fitting(columns, ranking, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            Text("\n".join(_words(name))),
            justify="left" if name in ranking.settings else "right",
            style="bold" if name == ranking.sort else "",
            no_wrap=name not in ranking.settings,  # where there is no room, numbers stay whole
        )
    for cells in zip(*(columns[name] for name in names), strict=True):
        table.add_row(*map(Text, cells))
    if ranking.rows:
        console.print()
        console.print(table)
    console.print()
    for run, reason in ranking.failures:
        failure = f"{run.status}: {run.label}: {reason}\n    {run.tags.get('folder', '')}"
        console.print(Text(mask(failure)), soft_wrap=True)
    console.print(ranking.summary, soft_wrap=True)
    if ranking.note:
        console.print(ranking.note, style="dim", soft_wrap=True)


def _columns(ranking: Ranking) -> dict[str, list[str]]:
    """The cells of each column that may be shown, by its name."""
    columns = {"": [str(place) for place in range(1, len(ranking.rows) + 1)]}
    for name in ranking.settings:
        values = [row.settings[name] for row in ranking.rows]
        columns[name] = [one_line(value, _LONGEST) for value in values]
    if any(len(row.runs) > 1 for row in ranking.rows):
        columns["runs"] = [str(len(row.runs)) for row in ranking.rows]
    if ranking.folder:
        columns["folder"] = [one_line(" ".join(row.folders), _LONGEST) for row in ranking.rows]
    for name in ranking.metrics:
        if name in FIRST or name == ranking.sort:
            columns[name] = [str(row.metrics.get(name, "")) for row in ranking.rows]
    return columns


def _fitting(columns: dict[str, list[str]], ranking: Ranking, width: int) -> list[str]:
    """The columns for which there is room, in their order: the sort's before other metrics."""
    by_priority = sorted(columns, key=lambda name: (name in ranking.metrics, name != ranking.sort))
    chosen = set()
    for name in by_priority:
        width -= max(map(len, [*_words(name), *columns[name]]), default=0) + 2
        if width < -2 and name in ranking.metrics and name != ranking.sort:
            break
        chosen.add(name)
    return [name for name in columns if name in chosen]


def _words(name: str) -> list[str]:
    """A column's head, one word per line."""
    return name.replace("_", " ").replace(".", " ").split() or [""]


def write(
    ranking: Ranking,
    folder: Path,
    title: str,
    comparison: Comparison | None = None,
    advice: Recommendation | None = None,
) -> None:
    """Write `leaderboard.csv` and `leaderboard.html` to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    in_one_folder = ranking.folder is not None
    with (folder / CSV).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        pairs = [name for metric in ranking.metrics for name in (metric, f"{metric}_std")]
        writer.writerow([*ranking.settings, "runs", *pairs, "run_ids", "folders"])
        for row in ranking.rows:
            values: list[object] = []
            for name in ranking.metrics:
                cell = row.metrics.get(name)
                values += [cell.mean, cell.spread] if cell else [None, None]
            ids = " ".join(run.run_id for run in row.runs if run.run_id)
            folders = " ".join(row.folders) if in_one_folder else ""
            writer.writerow([*row.settings.values(), len(row.runs), *values, ids, folders])
    html = page(ranking, title, comparison, advice, folder)
    (folder / HTML).write_text(html, encoding="utf-8")
