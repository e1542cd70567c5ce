"""The documents as points of the page's map: sampled, cut and packed to a number of bytes."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Layer, Result
from components.reports.text import one_line, plain, safe_json

SHORTEST, LONGEST = 60, 500  # bytes of a text, where there are many points, and where few
N_CATEGORIES = 200  # of a column; rarer values are one category more
_OTHER = "(other)"
_BASE64 = 4 / 3


def points(result: Result, budget: int) -> dict[str, Any]:
    """What the map needs, as JSON: coordinates, colours and texts of the documents.

    Parameters
    ----------
    result : Result
        With coordinates.
    budget : int
        Bytes that it may take. Texts are cut to between 60 and 500 bytes, and where that is not
        enough, points are sampled without replacement.

    Returns
    -------
    dict
        ``n``, points; ``of``, documents with coordinates; ``x`` and ``y``, base64 of uint16 (n,),
        the larger extent over the whole range; ``row``, base64 of uint32 (n,), rows in the
        corpus; ``text``, n strings; ``columns``, see `_columns`; ``levels``, the names and places
        of the topics of each layer and of the main ones, fewest topics first. Points stand in
        random order, so the first of them are a sample too.
    """
    assert result.coordinates is not None
    rows = result.rows[np.isfinite(result.coordinates[result.rows]).all(axis=1)]
    width = 8 + 2 * (1 + len(result.layers)) + 4 * (_n_further(result) + 1)
    each = width * _BASE64 + 3  # quotes and a comma
    n = int(min(len(rows), budget / (each + SHORTEST)))
    order = np.random.default_rng(0)
    chosen = order.permutation(rows)[:n]
    places = result.coordinates
    low = places[rows].min(axis=0) if len(rows) else np.zeros(2)
    scale = 65_000 / (float(np.ptp(places[rows], axis=0).max()) or 1.0) if len(rows) else 1.0
    x, y = ((places[chosen] - low) * scale).T
    texts, limit = _texts([result.corpus.documents[row] for row in chosen], budget - n * each)
    return {
        "n": n,
        "of": len(rows),
        "x": packed(x.round(), np.uint16),
        "y": packed(y.round(), np.uint16),
        "row": packed(chosen if result.corpus.rows is None else result.corpus.rows[chosen], "u4"),
        "text": texts,
        "cut": limit,
        "columns": list(_columns(result, chosen)),
        "levels": _levels(result, low, scale),
    }


def packed(values: NDArray[Any], kind: Any) -> str:
    """Numbers as base64 of little-endian bytes, for JavaScript's typed arrays."""
    return b64encode(values.astype(np.dtype(kind).newbyteorder("<")).tobytes()).decode()


def _texts(documents: Sequence[str], budget: float) -> tuple[list[str], int]:
    """The documents on one line each, cut to the bytes of JSON that they may take in all."""
    lines = [one_line(document, LONGEST) for document in documents]
    sizes = np.array([_size(line) for line in lines], dtype=np.int64)
    limit = LONGEST
    while limit > SHORTEST and np.minimum(sizes, limit).sum() > budget:
        limit = max(SHORTEST, int(limit * 0.9))
    for place in np.flatnonzero(sizes > limit):
        lines[place] = _cut(lines[place], limit)
    return lines, limit


def _size(line: str) -> int:
    """Bytes of a text as JSON, without its quotes."""
    return len(safe_json(line).encode()) - 2


def _cut(line: str, limit: int) -> str:
    """The beginning of a text whose JSON takes at most `limit` bytes."""
    while (size := _size(line) + len("…".encode())) > limit:
        line = line[: min(len(line) - 1, int(len(line) * limit / size))]
    return f"{line}…"


def _n_further(result: Result) -> int:
    corpus = result.corpus
    columns = [corpus.labels is not None, corpus.timestamps is not None]
    return sum(columns) + len(corpus.columns)


def _columns(result: Result, rows: Integers) -> Iterator[dict[str, Any]]:
    """What points can be coloured by.

    Categories have ``values`` and ``codes``, base64 of uint16 (n,); numbers and dates (days since
    1970) have ``numbers``, base64 of float32 (n,), NaN where missing.
    """
    yield _topic_column("topic", [f"{t.id} · {one_line(t.label, 60)}" for t in result.topics],
                        result.labels[rows])  # fmt: skip
    for name, layer in result.layers.items():
        labels = [f"{t.id} · {one_line(t.label, 60)}" for t in layer.topics]
        yield _topic_column(f"topic ({plain(name)})", labels, layer.labels[rows])
    yield {"name": "strength", "kind": "number", "numbers": packed(result.strengths[rows], "f4")}
    corpus = result.corpus
    if corpus.labels is not None:
        yield _categories("label", [corpus.labels[row] for row in rows])
    if corpus.timestamps is not None:
        times = np.asarray(corpus.timestamps)[rows]
        days = times.astype("datetime64[s]").astype(np.int64) / 86_400
        numbers = np.where(np.isnat(times), np.nan, days)
        yield {"name": "date", "kind": "date", "numbers": packed(numbers, "f4")}
    for name, cells in corpus.columns.items():
        if (column := _column(plain(name), [cells[row] for row in rows])) is not None:
            yield column


def _topic_column(name: str, labels: list[str], codes: Integers) -> dict[str, Any]:
    shown = np.where(codes < 0, len(labels), codes)
    return {"name": name, "kind": "topic", "values": labels, "codes": packed(shown, np.uint16)}


def _column(name: str, cells: list[str]) -> dict[str, Any] | None:
    """Numbers where every cell that is not empty is one, and there are many; else categories.

    None where they name documents, such as their files: as colours these say nothing.
    """
    try:
        numbers = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        n_values = len(set(cells))
        if n_values > N_CATEGORIES and n_values > len(cells) / 2:
            return None
        return _categories(name, cells)
    if len(np.unique(numbers[np.isfinite(numbers)])) <= 20:
        return _categories(name, cells)
    return {"name": name, "kind": "number", "numbers": packed(numbers, "f4")}


def _categories(name: str, cells: Sequence[str | None]) -> dict[str, Any]:
    counts = Counter(cell for cell in cells if cell)
    common = [value for value, _ in counts.most_common(N_CATEGORIES)]
    values = [one_line(value, 60) for value in common]
    code = {value: place for place, value in enumerate(common)}
    if len(counts) > len(common):
        values.append(_OTHER)
    codes = np.array([code.get(cell, len(common)) if cell else len(values) for cell in cells])
    return {"name": name, "kind": "category", "values": values, "codes": packed(codes, np.uint16)}


def _levels(result: Result, low: Any, scale: float) -> list[dict[str, Any]]:
    """Names and places of the topics at each granularity; a layer like the main one is left out."""
    assert result.coordinates is not None
    main = Layer(result.labels, result.topics)
    others = [layer for layer in result.layers.values() if len(layer.topics) != len(main.topics)]
    return [
        {
            "names": [one_line(topic.label, 80) for topic in layer.topics],
            "places": _places(layer, (result.coordinates - low) * scale),
        }
        for layer in sorted([main, *others], key=lambda layer: len(layer.topics))
    ]


def _places(layer: Layer, coordinates: Any) -> list[list[int]]:
    """For each topic the middle (x, y) of its documents, as the median of either coordinate."""
    middles = (np.median(coordinates[layer.labels == topic.id], axis=0) for topic in layer.topics)
    return [[round(float(value)) for value in middle] for middle in middles]
