"""A result as its artifacts tell it: `documents.parquet`, `topics.csv` and what there is beside."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from components.base import Corpus, Integers, Layer, Result, Topic, UserError
from components.datasets.csv import long_fields
from components.reports.tables import COLUMNS, DATA_PREFIX, LABEL, VIEW_PREFIX, is_formula
from components.reports.tree import SavedTree, TopicTree

N_EXAMPLES = 10  # documents that stand for a topic, by their strength
# What a result is read from; the first two are there after every run.
TABLES = (
    "documents.parquet", "topics.csv", "memberships.parquet", "layers.csv", "topics_by_class.csv",
    "hierarchy.csv", "granularity.csv", "pieces.parquet",
)  # fmt: skip


def read_result(folder: Path, *, pieces: bool = False) -> Result:
    """The result that a run has left in a folder.

    The files hold no vectors, and no weights of words: `embeddings` and `reduced` have no
    columns, and weights are NaN. The tree of hierarchy.csv, where it is there, is
    `parts["tree"]`; granularity.csv gives `curve`. Examples of a topic are its typical document and
    the documents of the greatest strength.

    Parameters
    ----------
    pieces : bool
        Of a run that has cut its documents (`dataset.split`), give the result on their pieces, as
        the run itself had it; by default it is on whole documents.

    Raises
    ------
    UserError
        When a file is missing or is not one of a run.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(folder / "documents.parquet")
        cut = folder / "pieces.parquet"
        return _result(table, folder, pq.read_table(cut) if pieces and cut.is_file() else None)
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} does not hold the tables of a run: {error.filename or error} is missing. "
            "Copy the whole folder, or, after a run with reports=none, run again with reports=fast."
        ) from error
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{folder} does not hold the tables of a run: {error}.") from error


def _result(table: Any, folder: Path, pieces: Any | None) -> Result:
    columns = {name: table[name] for name in table.column_names}
    # Where the data set has no labels, the column repeats those of the topics.
    whose = (table.schema.metadata or {}).get(LABEL.encode())
    repeats = columns["label"].equals(columns.get("topic_label")) if "label" in columns else True
    corpus = _corpus(columns, has_labels=whose == b"dataset" if whose else not repeats)
    rows = list(table_rows(folder / "topics.csv"))
    if pieces is None:
        memberships = _memberships(folder / "memberships.parquet", corpus, len(rows))
    else:
        memberships = None  # those in the file are of whole documents
        columns = {name: pieces[name] for name in pieces.column_names}
        parents = _places(corpus, columns["row"].to_numpy())
        corpus = corpus.cut(columns["piece"].to_pylist(), parents)
    labels = columns["topic"].to_numpy().astype(np.int64)
    strengths = columns["strength"].to_numpy().astype(np.float32)
    coordinates = None
    if {"x", "y"} <= columns.keys():
        coordinates = np.column_stack([columns[axis].to_numpy() for axis in "xy"])
        with_vector = np.flatnonzero(np.isfinite(coordinates).all(axis=1))
    else:
        with_vector = np.flatnonzero(~corpus.blank)
    no_vectors = np.zeros((len(with_vector), 0), dtype=np.float32)
    return Result(
        corpus=replace(corpus, classes=_classes(folder / "topics_by_class.csv")),
        rows=with_vector,
        embeddings=no_vectors,
        reduced=no_vectors,
        labels=labels,
        strengths=strengths,
        topics=_topics(rows, labels, strengths, corpus, memberships),
        memberships=memberships,
        layers=_layers(columns, strengths, corpus, folder / "layers.csv"),
        coordinates=coordinates,
        curve=_curve(folder / "granularity.csv"),
        parts={"representation": SimpleNamespace(views_=_views(rows))}
        | _tree(folder / "hierarchy.csv"),
    )


def _corpus(columns: Mapping[str, Any], has_labels: bool) -> Corpus:
    image = columns.get("image")
    times = columns.get("timestamp")
    if times is not None:
        times = np.array(times.to_pylist(), dtype="datetime64[us]")
    return Corpus(
        columns["document"].to_pylist(),
        labels=columns["label"].to_pylist() if has_labels else None,
        timestamps=times,
        images=None if image is None else image.to_pylist(),
        rows=columns["row"].to_numpy().astype(np.int64),
        columns={
            name.removeprefix(DATA_PREFIX): ["" if c is None else str(c) for c in cells.to_pylist()]
            for name, cells in columns.items()
            if name not in COLUMNS and not name.startswith("topic_")
        },
    )


def _memberships(path: Path, corpus: Corpus, n_topics: int) -> Any | None:
    """How far each document belongs to each topic, CSR (n, topics); None without the table."""
    if not path.is_file():
        return None
    import pyarrow.parquet as pq
    from scipy import sparse

    table = pq.read_table(path)
    rows, topics, weights = (table[name].to_numpy() for name in ("row", "topic", "weight"))
    places = _places(corpus, rows)
    return sparse.csr_matrix((weights, (places, topics)), (len(corpus), n_topics))


def _places(corpus: Corpus, rows: Integers) -> Integers:
    """Places in a corpus of the documents with these rows in the source."""
    assert corpus.rows is not None
    order = np.argsort(corpus.rows)
    places: Integers = order[np.searchsorted(corpus.rows[order], rows)]
    return places


def _tree(path: Path) -> dict[str, Any]:
    """The tree of topics and the words of its nodes."""
    if not path.is_file():
        return {}
    rows = list(table_rows(path))
    merges = [row for row in rows if row["left"]]
    tree = TopicTree(
        np.array([[int(row["left"]), int(row["right"])] for row in merges], np.int64),
        np.array([float(row["distance"]) for row in merges]),
    )
    return {"tree": SavedTree(tree, [row["words"] for row in rows])}


def _curve(path: Path) -> list[dict[str, Any]]:
    """What the choice of the granularity saw; see `Result.curve`."""
    if not path.is_file():
        return []
    return [
        {key: cell == "True" if key == "ruled_out" else float(cell) for key, cell in row.items()
         if cell}
        for row in table_rows(path)
    ]  # fmt: skip


def _classes(path: Path) -> tuple[str, ...]:
    """The columns by whose classes the run's topics were compared."""
    return tuple({row["column"]: None for row in table_rows(path)}) if path.is_file() else ()


def table_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table of a run, without the marks that protect spreadsheets."""
    with long_fields(), path.open(encoding="utf-8", newline="") as file:
        protected = file.read(1) == "\ufeff"
        file.seek(3 if protected else 0)
        for row in csv.DictReader(file):
            yield {
                k: cell[1:] if protected and is_formula(cell) else cell for k, cell in row.items()
            }


def _topics(
    rows: list[dict[str, str]],
    labels: Integers,
    strengths: Any,
    corpus: Corpus,
    memberships: Any | None = None,
) -> list[Topic]:
    topics = []
    for row in rows:
        number = int(row["topic"])
        members = np.flatnonzero(labels == number)
        best = members[np.argsort(-strengths[members], kind="stable")].tolist()
        if not best and memberships is not None:  # where documents were split
            shares = memberships[:, number].toarray().ravel()
            best = [m for m in np.argsort(-shares, kind="stable").tolist() if shares[m] > 0]
        same = (m for m in best if corpus.documents[m] == row["typical_document"])
        typical = next(same, best[0] if best else -1)
        examples = tuple(dict.fromkeys([typical, *best[:N_EXAMPLES]])) if best else ()
        topics.append(
            Topic(number, int(row["size"]), _words(row["words"]), typical, examples,
                  label=row.get("label", ""), description=row.get("description", ""))
        )  # fmt: skip
    return topics


def _words(cell: str) -> tuple[tuple[str, float], ...]:
    return tuple((word, float("nan")) for word in cell.split(", ") if word)


def _views(rows: list[dict[str, str]]) -> dict[str, list[list[tuple[str, float]]]]:
    names = [name for name in (rows[0] if rows else {}) if name.startswith(VIEW_PREFIX)]
    return {
        name.removeprefix(VIEW_PREFIX): [[*_words(row[name])] for row in rows] for name in names
    }


def _layers(
    columns: Mapping[str, Any], strengths: Any, corpus: Corpus, path: Path
) -> dict[str, Layer]:
    if not path.is_file():
        return {}
    by_layer: dict[str, list[dict[str, str]]] = {}
    for row in table_rows(path):
        by_layer.setdefault(row["layer"], []).append(row)
    layers = {}
    for name, rows in by_layer.items():
        labels = columns[f"topic_{name}"].to_numpy().astype(np.int64)
        layers[name] = Layer(labels, _topics(rows, labels, strengths, corpus))
    return layers
