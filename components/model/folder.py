"""A model's folder: safetensors, Parquet, YAML, a card, and a checksum of each. No pickle.

model.yaml            settings
arrays.safetensors    centroids, training vectors, ...
embedder.safetensors  what the embedder has learnt from the corpus, where it has
topics.parquet        layer, topic, label, size, words, weights, documents
MODEL.md              a card for people
SHA256SUMS            as `sha256sum -c` reads it
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from components import plain_yaml
from components.arrow import numbers, strings
from components.base import UserError
from components.model import SavedTopic, TopicModel

FORMAT = 1  # raise it when a folder changes its meaning
SETTINGS, ARRAYS, EMBEDDER, TOPICS = (
    "model.yaml", "arrays.safetensors", "embedder.safetensors", "topics.parquet",
)  # fmt: skip
CARD, SUMS = "MODEL.md", "SHA256SUMS"
TYPES: dict[str, Any] = {
    "prediction": dict,
    "edits": (list, type(None)),
}
FILES = (SETTINGS, ARRAYS, EMBEDDER, TOPICS, CARD, SUMS)


class DamagedModelError(UserError):
    """A model's folder is not as it was written."""


def write(
    folder: Path,
    model: TopicModel,
    about: Mapping[str, Any],
    card: str,
    learnt: tuple[str, dict[str, Any]] | None = None,
) -> float:
    """Write a model to a folder, which is made; the size in MB of what was written.

    Parameters
    ----------
    about : what made the model, as plain values: config, fingerprint, versions, ...
    card : MODEL.md
    learnt : the embedder's state, as `components.model.state.pack` gives it
    """
    remove(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"format": FORMAT, **about, "prediction": model.settings}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    (folder / SETTINGS).write_text(text, encoding="utf-8")
    _save(folder / ARRAYS, model.arrays, "")
    if learnt is not None:
        _save(folder / EMBEDDER, learnt[1], learnt[0])
    _write_topics(folder / TOPICS, model)
    (folder / CARD).write_text(card, encoding="utf-8")
    names = [name for name in FILES[:-1] if (folder / name).is_file()]
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    return sum((folder / name).stat().st_size for name in (*names, SUMS)) / 1e6


def read(folder: Path) -> tuple[TopicModel, dict[str, Any], tuple[str, dict[str, Any]] | None]:
    """A model, what made it, and the embedder's state where it has one.

    Raises
    ------
    UserError
        When the folder holds no model, or one of a later version of this program.
    DamagedModelError
        When a file is missing, or is not as it was written.
    """
    if not (folder / SETTINGS).is_file() and not (folder / SUMS).is_file():
        raise UserError(f"{folder} holds no model: there is no {SETTINGS} in it.")
    _verify(folder)
    about = _read_settings(folder)
    arrays, _ = _load(folder / ARRAYS)
    topics, layers = _read_topics(folder / TOPICS)
    model = TopicModel(about.pop("prediction"), arrays, topics, layers)
    learnt = None
    if (folder / EMBEDDER).is_file():
        state, tree = _load(folder / EMBEDDER)
        learnt = tree, state
    return model, about, learnt


def _read_settings(folder: Path) -> dict[str, Any]:
    """What made the model, each value of the type that `runner.model.saving` gives it."""
    try:
        about = plain_yaml.read(folder / SETTINGS)
        if not isinstance(about, dict) or "format" not in about:
            raise ValueError("it names no format")
        if about["format"] != FORMAT:
            versions = about.get("versions")
            version = versions.get("topic-runner") if isinstance(versions, dict) else "unknown"
            raise UserError(
                f"the model in {folder} has format {str(about['format'])[:50]}, and this version "
                f"of topic-runner reads format {FORMAT}. Install the version that wrote it: "
                f"{str(version)[:50]}."
            )
        for key, kind in TYPES.items():
            if not isinstance(about.get(key), kind):
                raise ValueError(f"{key} is missing, or of another type")
        if not all(isinstance(edit, dict) for edit in about.get("edits") or []):
            raise ValueError("edits holds something else than edits")
    except (OSError, ValueError, TypeError) as error:
        reason = str(error)[:200]
        raise DamagedModelError(f"{folder / SETTINGS} cannot be read: {reason}.") from error
    return about


def remove(folder: Path) -> None:
    """Remove a model's files from a folder; what else is there stays."""
    if folder.is_dir():
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            shutil.rmtree(folder)


def _verify(folder: Path) -> None:
    if not (folder / SUMS).is_file():
        raise _damaged(folder, f"{SUMS} is missing")
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    needed = {SETTINGS, ARRAYS, TOPICS}
    present = {name for name in FILES[:-1] if (folder / name).is_file()}
    for name in sorted(needed | listed.keys() | present):
        if name not in FILES or name not in listed:
            fault = f"{SUMS} does not list {name}" if name in FILES else f"{SUMS} is damaged"
        elif name not in present:
            fault = f"{name} is missing"
        elif _sha256(folder / name) != listed[name]:
            fault = f"{name} is not as it was written (its checksum differs)"
        else:
            continue
        raise _damaged(folder, fault)


def _damaged(folder: Path, fault: str) -> DamagedModelError:
    return DamagedModelError(
        f"the model in {folder} is damaged: {fault}. Copy the whole folder again from where it "
        "was made, or make the run again: its run.json holds the command."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(path: Path, arrays: Mapping[str, Any], tree: str) -> None:
    from safetensors.numpy import save

    flat: dict[str, Any] = {}
    shapes: dict[str, list[int]] = {}
    for name, array in arrays.items():
        if hasattr(array, "indptr"):
            array.sort_indices()
            shapes[name] = list(array.shape)
            parts = {"data": array.data, "indices": array.indices, "indptr": array.indptr}
            flat |= {f"{name}:{part}": np.ascontiguousarray(v) for part, v in parts.items()}
        else:
            flat[name] = np.ascontiguousarray(array)
    path.write_bytes(save(flat, metadata={"tree": tree, "sparse": json.dumps(shapes)}))


def _load(path: Path) -> tuple[dict[str, Any], str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            about = file.metadata() or {}
            flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, shape in json.loads(about["sparse"]).items():
            from scipy.sparse import csr_matrix

            parts = tuple(flat.pop(f"{name}:{part}") for part in ("data", "indices", "indptr"))
            flat[name] = csr_matrix(parts, shape=tuple(shape))
            flat[name].check_format(full_check=True)
        return flat, about["tree"]
    except (
        SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise DamagedModelError(f"{path} cannot be read: {str(error)[:200]}.") from error


def _write_topics(path: Path, model: TopicModel) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        (name, topic)
        for name, topics in ({"": model.topics} | model.layers).items()
        for topic in topics
    ]
    topics = [topic for _, topic in rows]
    weights = [weight for topic in topics for _, weight in topic.words]
    columns = {
        "layer": strings([name for name, _ in rows]),
        "topic": numbers(np.array([topic.id for topic in topics], np.int64)),
        "label": strings([topic.label for topic in topics]),
        "size": numbers(np.array([topic.size for topic in topics], np.int64)),
        "words": _lists([[word for word, _ in topic.words] for topic in topics]),
        "weights": pa.ListArray.from_arrays(
            _ends([topic.words for topic in topics]), numbers(np.array(weights, np.float64))
        ),
        "documents": _lists([topic.documents for topic in topics]),
    }
    # Also the layers without a topic.
    table = pa.table(columns, metadata={"layers": json.dumps(list(model.layers))})
    pq.write_table(table, path)


def _lists(texts: Sequence[Sequence[str]]) -> Any:
    import pyarrow as pa

    return pa.LargeListArray.from_arrays(
        _ends(texts, np.int64), strings([text for row in texts for text in row])
    )


def _ends(rows: Sequence[Sequence[Any]], dtype: Any = np.int32) -> Any:
    """Where each row of a list column begins, and the end of the last."""
    return numbers(np.cumsum([0, *map(len, rows)], dtype=dtype))


def _read_topics(path: Path) -> tuple[list[SavedTopic], dict[str, list[SavedTopic]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        names = json.loads(table.schema.metadata[b"layers"])
        topics: dict[str, list[SavedTopic]] = {"": [], **{name: [] for name in names}}
        for row in table.to_pylist():
            words = tuple(zip(row["words"], row["weights"], strict=True))
            topics[row["layer"]].append(
                SavedTopic(row["topic"], row["label"], row["size"], words, tuple(row["documents"]))
            )
        return topics.pop(""), topics
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise DamagedModelError(f"{path} cannot be read: {str(error)[:200]}.") from error
