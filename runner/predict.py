"""Gives new documents the topics of a run.

    python -m runner.predict run=ID dataset=csv dataset.path=new.csv folder=out

run          a run's output folder, its id in MLflow, or models:/topics@champion
dataset      as of a run: dataset=jsonl dataset.path=... dataset.text=...
folder       gets documents.parquet: row, document, topic, label, strength, topic_<layer>
memberships  true adds a column with the share of each topic
batch        exact (default): the same bits for a document whatever else is in the file;
             fast: in batches, with the vectors that runs have cached
cache        folder of cached vectors (default .runner-cache); null caches nothing
uri          the MLflow store, where the run is in one
trust        true allows what the model's config asks for by trust_remote_code or trust_pickle,
             and the servers of other machines that it names
trusted_targets  packages of yours that the model's config may build from
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from components.base import Corpus, UserError, progress
from components.reports.text import plain
from runner.cache import DEFAULT_FOLDER
from runner.config import schema
from runner.config.build import build_dataset
from runner.model import Model
from runner.model.loading import load
from runner.terminal.arguments import names_in, parse
from runner.terminal.console import command, say
from runner.terminal.suggestions import nearest

KEYS = ["run", "folder", "memberships", "batch", "cache", "uri", "trust", "trusted_targets"]
BLOCK = 4096  # documents embedded, assigned and written at a time


def main(arguments: list[str]) -> int:
    """Predict a data set; 0 when all of it is written."""
    about_data = [a for a in arguments if a.partition("=")[0].split(".")[0] == "dataset"]
    options = parse([a for a in arguments if a not in about_data], __doc__ or "", KEYS)
    options.require("predict", "run", "folder")
    if not about_data:
        raise UserError("name the documents: dataset=csv dataset.path=new.csv")
    batch = options.get("batch", "exact")
    if batch not in ("exact", "fast"):
        raise UserError(f"batch={batch}: must be exact or fast.{nearest(batch, ('exact', 'fast'))}")
    cache = options.get("cache", DEFAULT_FOLDER)
    trusted = names_in(options.get("trusted_targets", ""))
    config = _dataset_config(about_data, trusted)
    build_dataset(config)  # a mistake of it is told before the model is looked for
    model = load(
        options["run"],
        uri=options.get("uri"),
        cache=None if cache == "null" else cache,
        trusted_targets=trusted,
        trust=_flag(options, "trust"),
    )
    clean = ((model.about.get("config") or {}).get("dataset") or {}).get("clean")
    if "clean" in config.dataset and not any(a.startswith("dataset.clean=") for a in about_data):
        config.dataset.clean = clean  # as the documents that the model was made from
    dataset = build_dataset(config)
    target = Path(options["folder"]).expanduser()
    target.mkdir(parents=True, exist_ok=True)
    sizes = predict_file(
        model, dataset, target / "documents.parquet",
        memberships=_flag(options, "memberships"), batch=batch,
    )  # fmt: skip
    if sizes.total() > sizes[-1]:
        say(_summary(model, sizes))
    n_none = sizes[-1]
    say(f"{sizes.total()} documents, {n_none} of them in no topic: {target / 'documents.parquet'}")
    if n_none > sizes.total() / 2:
        say(
            "A document is in no topic where it is unlike those that the model was made from, in "
            "subject, length or language. A model of a run with model.outliers=0 leaves none out."
        )
    return 0


def _summary(model: Model, sizes: Counter[int], most: int = 10) -> str:
    """The largest topics among the new documents, a line each."""
    largest = [(topic, n) for topic, n in sizes.most_common() if topic >= 0]
    lines = [f"{n:7,}  {topic} {plain(model.topics[topic].label)}" for topic, n in largest[:most]]
    if len(largest) > most:
        lines.append(f"{sum(n for _, n in largest[most:]):7,}  in {len(largest) - most} others")
    return "\n".join(lines)


def _flag(options: dict[str, str], key: str) -> bool:
    value = options.get(key, "false").lower()
    if value not in ("true", "false"):
        raise UserError(f"{key}={options[key]}: must be true or false.")
    return value == "true"


def _dataset_config(overrides: list[str], trusted: list[str]) -> DictConfig:
    schema.register()
    try:
        with initialize_config_module("conf", version_base="1.3"):
            config = compose("config", [*overrides, f"trusted_targets=[{','.join(trusted)}]"])
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(f"{' '.join(overrides)}: {str(error).splitlines()[0]}") from error
    return config


def predict_file(
    model: Model, dataset: Any, path: Path, *, memberships: bool = False, batch: str = "exact"
) -> Counter[int]:
    """Write topics of the documents of a data set, block by block, to a Parquet file.

    The file is there whole or not at all. Memory does not grow with the number of documents
    where the data set can be read in blocks (it has a method `blocks`).

    Returns
    -------
    Counter
        How many documents are in each topic, and in none (-1).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from components.arrow import numbers, strings

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    writer: Any = None
    n, sizes = 0, Counter[int]()
    try:
        for corpus in progress(_blocks(dataset), label="predicting"):
            prediction = model.predict_corpus(corpus, batch=batch)
            columns = model.columns(prediction, memberships)
            rows = corpus.rows if corpus.rows is not None else n + np.arange(len(corpus))
            table: dict[str, Any] = {"row": numbers(rows), "document": strings(corpus.documents)}
            for name, values in columns.items():
                if name == "label":
                    table[name] = strings(values)
                elif name == "memberships":
                    flat = pa.array(prediction.memberships.ravel())
                    width = max(1, prediction.memberships.shape[1])
                    table[name] = pa.FixedSizeListArray.from_arrays(flat, width)
                else:
                    table[name] = numbers(values)
            block = pa.table(table)
            writer = writer or pq.ParquetWriter(draft, block.schema)
            writer.write_table(block)
            n += len(corpus)
            sizes.update(prediction.topics.tolist())
        if writer is None:
            raise UserError("the data set holds no documents.")
        writer.close()
        writer = None
        draft.replace(path)
    finally:
        if writer is not None:
            writer.close()
        draft.unlink(missing_ok=True)
    return sizes


def _blocks(dataset: Any) -> Iterator[Corpus]:
    """The documents of a data set, some thousands at a time."""
    if hasattr(dataset, "blocks") and dataset.limit is None:
        yield from map(dataset.cleaned, dataset.blocks(BLOCK))
        return
    corpus: Corpus = dataset.load()
    rows = corpus.rows if corpus.rows is not None else np.arange(len(corpus))
    for start in range(0, len(corpus), BLOCK):
        part = slice(start, start + BLOCK)
        images = None if corpus.images is None else corpus.images[part]
        yield Corpus(corpus.documents[part], images=images, rows=rows[part], n_rows=len(rows))


if __name__ == "__main__":
    command(main)
