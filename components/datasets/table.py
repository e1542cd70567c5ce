"""From the columns of a table to a corpus."""

from __future__ import annotations

import difflib
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Corpus, ParameterError, Times, UserError
from components.datasets.cells import image_paths, scalars, texts
from components.datasets.timestamps import parse_times
from components.text import normalize, shorten

log = logging.getLogger(__name__)

# What people write where there is no label; much of it pandas.read_csv takes for missing.
_PLACEHOLDERS = frozenset("- -- ? . #n/a <na> n/a na nan nil none null".split())


def find_column(
    name: str, column: str, present: Iterable[str], source: str, *, typed: bool = True
) -> str:
    """The column of a table that the parameter `name` asks for.

    White space around a name and the Unicode form of its accents do not count.

    Parameters
    ----------
    typed : bool
        The name was typed on a command line, so the error shows a name in the quotes it needs.

    Raises
    ------
    ParameterError
        When it is not there, with the columns that are and the nearest name, or is there twice.
    """
    present = list(present)
    matches = [other for other in present if other == column]
    if not matches:
        matches = [other for other in present if _plain(other) == _plain(column)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ParameterError(
            name, column, f"{source} has {len(matches)} columns of that name. Rename all but one."
        )
    same = [other for other in present if _plain(other).lower() == _plain(column).lower()]
    near = same or difflib.get_close_matches(column, present, 1)
    shown = ", ".join(shorten(other, 40) for other in present[:20])
    more = f" and {len(present) - 20} more" if len(present) > 20 else ""
    hint = f"Did you mean {near[0].strip()!r}?" if near else "Name one of these."
    example = next(filter(None, (_in_quotes(name, other) for other in near or present)), "")
    if typed and example:
        hint = f"{hint} Type {example}" if near else f"Name one of these, as in {example}."
    raise ParameterError(name, column, f"{source} has no such column. It has {shown}{more}. {hint}")


def _in_quotes(name: str, column: str) -> str:
    """How a name with a space is typed, in the quotes of Hydra and of a shell; else empty."""
    column = column.strip()
    if re.fullmatch(r"[\w.-]*", column, re.ASCII) or re.search(r"""['"$`!\\]""", column):
        return ""
    value = f"['{column}']" if name in ("columns", "classes") else f"'{column}'"
    return f'"dataset.{name}={value}"'


def _plain(name: str) -> str:
    return normalize(name).strip()


def to_corpus(
    cells: Mapping[str, Sequence[Any]],
    source: str,
    *,
    text: str | None = None,
    label: str | None = None,
    timestamp: str | None = None,
    image: str | None = None,
    columns: Iterable[str] = (),
    classes: Iterable[str] = (),
    known_labels: str | None = None,
    timestamp_format: str | None = None,
    missing: str = "keep",
    folder: Path | None = None,
    first: int = 0,
) -> Corpus:
    """A corpus from columns of cells, all of length n.

    Parameters
    ----------
    cells : mapping of column to sequence, length n
        A missing text (None, NaN) is an empty document, a missing label is None, a missing time
        NaT, and all of them are counted in the log. Other texts must be `str`; labels and further
        columns of any scalar type become `str`.
    source : str
        Where the table came from, for messages.
    text, label, timestamp, image : str, optional
        The columns in `cells` that hold these.
    columns : iterable of str
        Further columns to keep.
    classes : iterable of str
        Columns to keep that hold classes.
    known_labels : str, optional
        The column with labels for semi-supervised runs; an empty cell is no label.
    timestamp_format : str, optional
        See `parse_times`.
    missing : {"keep", "error"}
        Whether missing texts, labels, times and values of columns are an error.
    folder : Path, optional
        Where relative image paths start.
    first : int
        Row of the first cell in the source, for messages, where these are a part of it.

    Raises
    ------
    ParameterError
        For a cell that is not what its column should hold; the message names rows, counted from 0.
    """
    n = len(next(iter(cells.values())))
    if not n:
        raise UserError(f"{source} holds no documents.")
    images = (
        None if image is None else image_paths(cells[image], image, folder or Path.cwd(), first)
    )
    documents = [""] * n if text is None else texts(cells[text], text, first)
    labels = None if label is None else scalars(cells[label], "label", label, first)
    if labels is not None:
        _warn_of_placeholders(labels, source, str(label))
    times = (
        None if timestamp is None else parse_times(cells[timestamp], timestamp, timestamp_format)
    )
    classes = tuple(dict.fromkeys(classes))
    further = {name: scalars(cells[name], "columns", name, first) for name in columns}
    further |= {
        name: scalars(cells[name], "classes", name, first)
        for name in classes
        if name not in further
    }
    absent = _absent(None if text is None else documents, images, labels, times, further)
    _report_missing(absent, n, source, missing, first)
    return Corpus(
        documents,
        labels,
        times,
        images,
        columns={name: [value or "" for value in values] for name, values in further.items()},
        classes=classes,
        known_labels=None if known_labels is None else _known(cells, known_labels, source),
    )


def warn_of_useless_labels(labels: Iterable[str | None]) -> None:
    """Tell of labels that group no documents, so that nothing can be measured by them."""
    present = [label for label in labels if label is not None]
    n_classes = len(set(present))
    if len(present) < 10:  # a few may be alike, or differ, by chance
        return
    if n_classes == 1:
        log.warning(
            "all %d labels are %.200r: topics are not compared with them.", len(present), present[0]
        )
    elif n_classes == len(present):
        log.warning(
            "each of the %d labels is another: topics are not compared with them. Is dataset.label "
            "the column of classes?",
            len(present),
        )


def _known(cells: Mapping[str, Sequence[Any]], column: str, source: str) -> list[str | None]:
    """The labels that guide a run; None where nothing is known."""
    labels = scalars(cells[column], "known_labels", column)
    n_known = len(labels) - labels.count(None)
    log.info("%s: the label of %d of %d rows is known (%s).", source, n_known, len(labels), column)
    if not n_known:
        raise ParameterError("known_labels", column, f"{source}: the column is empty.")
    _warn_of_placeholders(labels, source, column)
    return labels


def _warn_of_placeholders(labels: Iterable[str | None], source: str, column: str) -> None:
    """Tell of labels that may mean "no label", and are classes like any other all the same."""
    found = Counter(label for label in labels if label and label.strip().lower() in _PLACEHOLDERS)
    if found:
        log.warning(
            "%s: %s in column %r count as classes (%d rows). Where they mean that there is no "
            "label, leave the cells empty.",
            source,
            " and ".join(map(repr, sorted(found))),
            column,
            found.total(),
        )


def _absent(
    documents: Sequence[str] | None,
    images: Sequence[str | None] | None,
    labels: Sequence[str | None] | None,
    times: Times | None,
    further: Mapping[str, Sequence[str | None]],
) -> dict[str, list[int]]:
    """The rows that lack a value, by what they lack; an image stands for a text."""
    absent = {}
    if documents is not None:
        pairs = zip(documents, images or [None] * len(documents), strict=True)
        absent["text"] = [
            row for row, (text, image) in enumerate(pairs) if not (text.strip() or image)
        ]
    if labels is not None:
        absent["label"] = [row for row, value in enumerate(labels) if value is None]
    if times is not None:
        absent["timestamp"] = np.flatnonzero(np.isnat(times)).tolist()
    for name, values in further.items():
        absent[f"value in column {name!r}"] = [r for r, value in enumerate(values) if value is None]
    return absent


def _report_missing(
    absent: Mapping[str, list[int]], n: int, source: str, missing: str, first: int
) -> None:
    lines = []
    for what, rows in absent.items():
        if rows:
            shown = ", ".join(str(first + row) for row in rows[:5])
            shown += ", ..." if len(rows) > 5 else ""
            which = "row" if len(rows) == 1 else "rows"
            lines.append(f"{len(rows)} of {n} rows have no {what} ({which} {shown})")
    if lines and missing == "error":
        raise ParameterError(
            "missing",
            missing,
            f"in {source}, {'; '.join(lines)}. Fill them in or drop these rows, or set "
            "missing=keep.",
        )
    for line in lines:
        log.warning("%s: %s.", source, line)
