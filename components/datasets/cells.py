"""What a cell of a table may be: text, one value, or the path of an image."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from components.base import ParameterError, UserError
from components.text import shorten


def is_missing(cell: Any) -> bool:
    """None, NaN, NaT, pandas' NA, or a text of white space."""
    if isinstance(cell, str):
        return not cell or cell.isspace()
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float | Decimal | np.generic) and bool(cell != cell)


def texts(cells: Sequence[Any], column: str | None, first: int = 0) -> list[str]:
    """The documents of a column, or of a list (None); a missing cell is an empty document.

    `first` is the row of the first cell, for messages, here and below.
    """
    texts = []
    for row, cell in enumerate(cells, first):
        if isinstance(cell, str):
            texts.append(cell)
        elif is_missing(cell):
            texts.append("")
        else:
            fault = f"row {row} is not text but {type(cell).__name__} ({shorten(cell, 80)})."
            if column is None:
                raise UserError(
                    f"{fault} Each document must be a str: convert it, or leave it out."
                )
            advice = "Name the column that holds the documents, or convert it to text."
            raise ParameterError("text", column, f"{fault} {advice}")
    return texts


def scalars(cells: Sequence[Any], name: str, column: str, first: int = 0) -> list[str | None]:
    """The values of a column as text; None where a cell is missing or blank."""
    values: list[str | None] = []
    for row, cell in enumerate(cells, first):
        if isinstance(cell, str):
            values.append(cell if cell.strip() else None)
        elif is_missing(cell):
            values.append(None)
        elif isinstance(cell, datetime.date | datetime.time):
            values.append(cell.isoformat())
        elif isinstance(cell, int | float | Decimal | np.generic):
            values.append(str(cell))
        else:
            raise ParameterError(
                name,
                column,
                f"row {row} is not one value but {type(cell).__name__} ({shorten(cell, 80)}). "
                "Name another column.",
            )
    return values


def image_paths(
    cells: Sequence[Any], column: str, folder: Path, first: int = 0
) -> list[str | None]:
    """The image paths of a column, relative ones in `folder`; None where a cell is missing."""
    paths: list[str | None] = []
    for row, cell in enumerate(cells, first):
        if is_missing(cell):
            paths.append(None)
            continue
        if not isinstance(cell, str):
            raise ParameterError(
                "image",
                column,
                f"row {row} is not a path but {type(cell).__name__} ({shorten(cell, 80)}). "
                "Name a column of paths to image files.",
            )
        path = folder / cell
        if not path.is_file():
            raise ParameterError(
                "image",
                column,
                f"the image of row {row}, {shorten(str(path))}, does not exist. Paths are relative "
                f"to {folder}.",
            )
        paths.append(str(path))
    return paths
