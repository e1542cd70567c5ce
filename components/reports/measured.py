"""Tables of what metrics measured on single topics."""

from __future__ import annotations

from pathlib import Path

from components.base import Result
from components.reports.tables import write_csv


def write_measured(result: Result, folder: Path, *, csv_safe: bool = True) -> list[Path]:
    """A CSV file for each of `Result.tables`, such as `llm_judge.csv`; nothing where there is none.

    Parameters
    ----------
    csv_safe : bool
        See `write_csv`.
    """
    return [
        write_csv(
            folder / f"{name}.csv",
            list(rows[0]),
            (list(row.values()) for row in rows),
            csv_safe=csv_safe,
        )
        for name, rows in result.tables.items()
        if rows
    ]
