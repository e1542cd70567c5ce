"""Reports and a metric of a user's: those that fail, and a class that writes to a subfolder."""

from __future__ import annotations

from pathlib import Path

from components.base import Result


def broken(result: Result, folder: Path) -> list[Path]:
    raise ZeroDivisionError("no luck")


def broken_metric(result: Result) -> float:
    raise ZeroDivisionError("no luck")


class Nested:
    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, result: Result, folder: Path) -> list[Path]:
        path = folder / "notes" / f"{self.text}.txt"
        path.parent.mkdir()
        path.write_text(f"{len(result.corpus)} documents")
        return [path]


def stopped(result: Result, folder: Path) -> list[Path]:
    raise KeyboardInterrupt
