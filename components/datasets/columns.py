"""From the columns of a table to a corpus: which column holds what, and what a cell may be."""

from __future__ import annotations

import datetime
import decimal
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.base import Corpus, UserError


def check_sample(limit: int | None, seed: int | None) -> None:
    if limit is not None and limit < 1:
        raise UserError(f"dataset.limit={limit}: type 1 or more, or null for all documents.")
    if seed is not None and seed < 0:
        raise UserError(f"dataset.seed={seed}: type 0 or more, or null.")


def wanted_columns(
    *, text: str | None, label: str | None, timestamp: str | None, image: str | None
) -> dict[str, str]:
    """What to read, as `{role: column}`, without the roles that nobody asked for."""
    roles = {"text": text, "label": label, "timestamp": timestamp, "image": image}
    wanted = {role: column for role, column in roles.items() if column is not None}
    if not wanted.keys() & {"text", "image"}:
        raise UserError("dataset.text is null. Name the column of texts, or set dataset.image.")
    return wanted


def check_columns(wanted: dict[str, str], present: Sequence[str], source: str) -> None:
    """Check that every wanted column is there, once.

    Raises
    ------
    UserError
        With the columns that there are, and the nearest name.
    """
    for role, column in wanted.items():
        found = list(present).count(column)
        if found == 1:
            continue
        if found:
            raise UserError(
                f"dataset.{role}={column}: {source} has {found} columns of that name. "
                "Rename all but one."
            )
        same = [name for name in present if name.strip().lower() == column.strip().lower()]
        near = same or difflib.get_close_matches(column, present, 1)
        shown = ", ".join(
            repr(name if len(name) < 40 else name[:40] + "…") for name in present[:20]
        )
        more = f" and {len(present) - 20} more" if len(present) > 20 else ""
        raise UserError(
            f"dataset.{role}={column}: {source} has no column '{column}'. It has {shown}{more}. "
            + (f"Did you mean dataset.{role}={near[0]}?" if near else "Type one of these.")
        )


def to_corpus(values: dict[str, list[Any]], source: str, folder: Path | None = None) -> Corpus:
    """A corpus from the cells of each role, all of one length.

    Parameters
    ----------
    values : dict of role ("text", "label", "timestamp", "image") to list, length n
        Texts stay what they are, for `Corpus` to judge. Labels and timestamps of any scalar type
        become `str`. Images are paths; an empty cell means that the document has none.
    source : str
        Where the table came from, for messages.
    folder : Path, optional
        Where relative image paths start.

    Raises
    ------
    UserError
        For a label or timestamp that is missing or no scalar, and an image that is not there;
        the message names the row, counted from 0.
    """
    n = len(next(iter(values.values())))
    if not n:
        raise UserError(f"{source} holds no documents. Point dataset.path at data that does.")
    return Corpus(
        documents=values["text"] if "text" in values else [""] * n,
        labels=scalars(values["label"], "label") if "label" in values else None,
        timestamps=scalars(values["timestamp"], "timestamp") if "timestamp" in values else None,
        images=image_paths(values["image"], folder or Path.cwd()) if "image" in values else None,
    )


def scalars(cells: list[Any], role: str) -> list[str]:
    texts = []
    for row, cell in enumerate(cells):
        if cell is None or cell != cell or (isinstance(cell, str) and not cell.strip()):
            raise UserError(
                f"row {row} of the data set has no {role} ({cell!r}). Fill it in, drop the row, "
                f"or leave this column out with dataset.{role}=null."
            )
        if isinstance(cell, str):
            texts.append(cell)
        elif isinstance(cell, datetime.date | datetime.time):
            texts.append(cell.isoformat())
        elif isinstance(cell, int | float | decimal.Decimal):
            texts.append(str(cell))
        else:
            raise UserError(
                f"row {row} of the data set: its {role} is not one value but "
                f"{type(cell).__name__} ({cell!r:.80}). Name another column in dataset.{role}."
            )
    return texts


def image_paths(cells: list[Any], folder: Path) -> list[str | None]:
    paths: list[str | None] = []
    for row, cell in enumerate(cells):
        if cell is None or cell == "":
            paths.append(None)
            continue
        if not isinstance(cell, str):
            raise UserError(
                f"row {row} of the data set: its image is not a path but {type(cell).__name__} "
                f"({cell!r:.80}). dataset.image names a column of paths to image files."
            )
        path = folder / cell
        if not path.is_file():
            raise UserError(
                f"row {row} of the data set: its image {path} does not exist. "
                f"Paths in the column are relative to {folder}."
            )
        paths.append(str(path))
    return paths
