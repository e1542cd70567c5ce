"""Compares the topics of two runs of the same documents: comparison.csv and comparison.html.

    python -m runner.compare runs=[ID,ID]                   two runs in MLflow
    python -m runner.compare runs=[outputs/A,outputs/B]     two output folders; or one of each
    python -m runner.compare A B                            the same
    python -m runner.compare A B folder=out                 writes to a folder, by default here
    python -m runner.compare A B uri=http://...             runs in another store

Documents are matched by their text. The table and the page tell which topics are the same, split,
merged, or only in one of the runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from components.base import Result
from runner.terminal.arguments import parse, two_runs
from runner.terminal.console import command, say
from runner.tracking import record
from runner.tracking.folder import check_writable
from runner.tracking.record import Record

KEYS = ["runs", "uri", "folder"]


def main(arguments: list[str]) -> int:
    """Compare two recorded runs."""
    options = parse(arguments, __doc__ or "", KEYS, words=True)
    runs = two_runs(options, "compare")
    from components.reports.comparison import compare, write_comparison, write_comparison_page

    (first, one), (second, two) = (load_run(run, options.get("uri")) for run in runs)
    comparison = compare(first, second)
    folder = Path(options.get("folder", "."))
    check_writable(folder, "folder")
    names = _name(runs[0], one), _name(runs[1], two)
    table = write_comparison(comparison, folder)
    page = write_comparison_page(comparison, folder, names, _differing(one, two))
    say(_summary(comparison))
    say(f"Written: {table}, {page}")
    return 0


def load_run(run: str, uri: str | None = None) -> tuple[Result, Record]:
    """The result of a run that has ended, and its record.

    Parameters
    ----------
    run : an output folder, or the id of a run in MLflow
    uri : the store, see `runner.tracking.uri.absolute_uri`

    Raises
    ------
    UserError
        When there is no such run, or it has no result.
    """
    if Path(run).is_dir():
        return _read(Path(run), run)
    from runner.tracking import connect_to_find, fetch_result

    with tempfile.TemporaryDirectory() as scratch:
        fetch_result(connect_to_find(run, uri), run, Path(scratch))
        return _read(Path(scratch), run)


def _read(folder: Path, run: str) -> tuple[Result, Record]:
    from components.reports.read import read_result

    about = record.load(folder)
    about.require_result(run)
    return read_result(folder), about


def _name(run: str, about: Record) -> str:
    return f"{about.name} ({run})" if about.name else run


def _differing(one: Record, two: Record) -> dict[str, tuple[Any, Any]]:
    """Settings in which the runs differ, but for those of their reports and their tracking."""
    keys = sorted({*one.params, *two.params})
    return {
        key: (one.params.get(key, ""), two.params.get(key, ""))
        for key in keys
        if one.params.get(key) != two.params.get(key)
        and not key.startswith(("reports", "tracking", "cache", "leaderboard"))
    }


def _summary(comparison: Any) -> str:
    from components.reports.comparison import RELATIONS

    counts = {relation: comparison.n_topics(relation) for relation in RELATIONS}
    texts = {
        "same": "{0} the same", "split": "{0} split into {1}", "merged": "{0} merged into {1}",
        "part": "{0} and {1} in part", "only_a": "{0} only in the first",
        "only_b": "{1} only in the second",
    }  # fmt: skip
    phrases = ", ".join(texts[name].format(*n) for name, n in counts.items() if any(n))
    ami = "" if comparison.ami != comparison.ami else f" AMI {comparison.ami:.3f}."
    n, of = comparison.n_compared, (comparison.n_first, comparison.n_second)
    parts = f" (of {of[0]:,} and {of[1]:,})" if n < max(of) else ""
    return f"{n:,} documents in both runs{parts}.{ami} Topics: {phrases or 'none'}."


if __name__ == "__main__":
    command(main)
