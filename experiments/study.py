"""What the studies share: the command line, corpora, tables of results, processes, revisions.

Nothing heavy is imported with it: the peak memory of a process counts what its parent held when it
forked.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def command_line(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help shows the docstring of a script as it is written."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def name_of(corpus: Path) -> str:
    """`bbc_news` of `DATA/bbc_news.jsonl.gz`."""
    return corpus.name.partition(".")[0]


def read_corpus(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a JSONL file with the keys "text" and "label", gzipped or not."""
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row["text"] for row in rows], [str(row.get("label", "")) for row in rows]


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add_rows(path: Path, keys: Sequence[str], *rows: Mapping[str, Any]) -> None:
    """Append to a CSV file, numbers to four decimals; a new file gets the header first."""
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, keys, restval="", lineterminator="\n")
        if is_new:
            writer.writeheader()
        for row in rows:
            writer.writerow({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})


def build_parts(overrides: Sequence[str]) -> Any:
    """The parts of a run, from the project's own config."""
    from omegaconf import open_dict

    from runner.config.build import build
    from runner.config.command_line import compose

    config = compose(overrides)
    with open_dict(config):
        del config["hydra"]
    return build(config)


def measured(
    command: Sequence[str], cwd: Path = ROOT, **environment: str
) -> tuple[dict[str, float], str]:
    """Seconds, CPU seconds and peak memory of a process and its children, and what it printed."""
    load, start = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **environment}, stdout=out, stderr=errors
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0), errors.seek(0)
        if status:
            raise SystemExit(f"failed: {' '.join(command)}\n{errors.read().decode()[-3000:]}")
        text = out.read().decode()
    figures = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "load": round(load, 2),
    }
    return figures, text


@contextmanager
def at_revision(revision: str) -> Iterator[Path]:
    """A folder that holds the project as it was at a revision."""
    git = ["git", "-C", ROOT, "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "project"
        subprocess.run([*git, "add", "--detach", tree, revision], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)
