"""Gives new documents the topics of a run.

    python -m runner.predict run=ID dataset=csv dataset.path=new.csv out=topics.csv

run          a run's output folder, its id in MLflow, or models:/topics@champion
dataset      as of a run: dataset=jsonl dataset.path=... dataset.text=... dataset.columns=[id]
             dataset.label=... names a column with known labels, to measure the topics against
out          a file that ends in .csv, .parquet or .jsonl, with one row per document: row, document,
             topic (-1: none), label, strength, topic_<layer>, nearest_topic, nearest_label and
             similarity (the topic whose mean is nearest and the cosine to it, also of a document
             in no topic), reason (why it is in no topic), and dataset.columns
folder       instead of out: gets the same as documents.parquet
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

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from components import agreement
from components.base import Corpus, UserError, progress, within
from components.reports.tables import DATA_PREFIX
from components.reports.text import plain
from runner.cache import DEFAULT_FOLDER
from runner.config import schema
from runner.config.build import build_dataset
from runner.embed import blank_for
from runner.model import Model
from runner.model.loading import load
from runner.model.table import REASONS, UNLIKE, columns
from runner.prediction_files import SUFFIXES, check_suffix, writing
from runner.terminal.arguments import Arguments, names_in, parse
from runner.terminal.console import command, say
from runner.terminal.suggestions import nearest
from runner.tracking import record

KEYS = ["run", "out", "folder", "memberships", "batch", "cache", "uri", "trust", "trusted_targets"]
BLOCK = 4096  # documents embedded, assigned and written at a time


def main(arguments: list[str]) -> int:
    """Predict a data set; 0 when all of it is written."""
    about_data = [a for a in arguments if a.partition("=")[0].split(".")[0] == "dataset"]
    options = parse([a for a in arguments if a not in about_data], __doc__ or "", KEYS)
    options.require("predict", "run")
    target = _target(options)
    if not about_data:
        raise UserError("name the documents: dataset=csv dataset.path=new.csv")
    batch = options.get("batch", "exact")
    if batch not in ("exact", "fast"):
        raise UserError(f"batch={batch}: must be exact or fast.{nearest(batch, ('exact', 'fast'))}")
    cache = options.get("cache", DEFAULT_FOLDER)
    trusted = names_in(options.get("trusted_targets", ""))
    config = _dataset_config(about_data, trusted)
    build_dataset(config)  # its mistakes are reported before the model is looked for
    source = config.dataset.get("path")
    if source and target.exists() and target.resolve() == Path(source).expanduser().resolve():
        raise UserError(f"{target} is the file that the documents are read from. Name another one.")
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
    counts = predict_file(
        model, dataset, target, memberships=_flag(options, "memberships"), batch=batch
    )
    sizes, n_none = counts.topics, counts.topics[-1]
    if sizes.total() > n_none:
        say(_summary(model, sizes))
    reasons = f" ({counts.why_none})" if n_none else ""
    say(f"{sizes.total()} documents, {n_none} of them in no topic{reasons}: {target}")
    if counts.labelled or config.dataset.get("label"):
        say(_agreement(counts.labelled, [topic.label for topic in model.topics]))
    if counts.reasons[UNLIKE] > sizes.total() / 2:
        say(
            "A document is unlike the training documents in subject, length or language: "
            "nearest_topic and similarity say what it is nearest to. A model of a run with "
            "model.outliers=0 leaves none out for that."
        )
    return 0


def _target(options: Arguments) -> Path:
    """The file to write."""
    if "out" in options and "folder" in options:
        raise UserError("out=... names a file and folder=... a folder: type one of them.")
    if "folder" not in options:
        options.require("predict", "out")
        path = Path(options["out"]).expanduser()
        check_suffix(path, "out")
        return path
    folder = Path(options["folder"]).expanduser()
    if folder.suffix.lower() in SUFFIXES and not folder.is_dir():
        raise UserError(f"folder={folder}: to write a file of that name, type out={folder}.")
    if (folder / record.FILE).exists():
        raise UserError(
            f"folder={folder} is the folder of a run, whose documents.parquet would be "
            "replaced. Name another one."
        )
    return folder / "documents.parquet"


def _summary(model: Model, sizes: Counter[int], most: int = 10) -> str:
    """The largest topics among the new documents, a line each."""
    largest = [(topic, n) for topic, n in sizes.most_common() if topic >= 0]
    lines = [f"{n:7,}  {topic} {plain(model.topics[topic].label)}" for topic, n in largest[:most]]
    if len(largest) > most:
        lines.append(f"{sum(n for _, n in largest[most:]):7,}  in {len(largest) - most} others")
    return "\n".join(lines)


def _agreement(labelled: Counter[tuple[str, int]], names: list[str]) -> str:
    """How far the topics agree with the labels of the new documents, as a run measures it.

    Where labels are the names of topics, as with clusterer=given, also the share of documents that
    are in the topic of their label.
    """
    n = labelled.total()
    if n < 2:
        return "Too few of the documents have a label to measure the topics against."
    known = {label: number for number, label in enumerate({label: 0 for label, _ in labelled})}
    pairs = np.array([[known[label], topic] for label, topic in labelled], np.int64)
    labels, topics = np.repeat(pairs, [*labelled.values()], axis=0).T
    measures = {
        "ari": agreement.adjusted_rand_index(labels, topics),
        "ami": agreement.adjusted_mutual_information(labels, topics),
        "v_measure": agreement.v_measure(labels, topics),
    }
    if known.keys() & {*names}:
        right = sum(n for (label, t), n in labelled.items() if t >= 0 and names[t] == label)
        measures["accuracy"] = right / n
    shown = " · ".join(f"{name} {value:.3f}" for name, value in measures.items())
    return f"Agreement with the labels of {n:,} documents: {shown}"


def _flag(options: Arguments, key: str) -> bool:
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
    pieces = "pieces" if "pieces" in config.dataset else "split"
    if by := config.dataset.get(pieces):
        raise UserError(
            f"dataset.{pieces}={by}: documents are cut as those that the model was made from were. "
            f"Leave dataset.{pieces} out."
        )
    if known := config.dataset.get("known_labels"):
        raise UserError(
            f"dataset.known_labels={known}: documents get the topics of a model, whatever their "
            f"labels are. To measure the topics against them, type dataset.label={known}."
        )
    if config.dataset.get("timestamp"):
        config.dataset.timestamp = None  # not used, and a block may not tell the day from the month
    return config


@dataclass
class Counts:
    """What became of documents.

    topics : how many are in each topic, and in none (-1)
    reasons : how many are in none for which reason
    labelled : how many with a vector have which label and topic
    """

    topics: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    labelled: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def why_none(self) -> str:
        """Why documents are in no topic."""
        return ", ".join(f"{self.reasons[why]:,} {why}" for why in REASONS if self.reasons[why])


def predict_file(
    model: Model, dataset: Any, path: Path, *, memberships: bool = False, batch: str = "exact"
) -> Counts:
    """Write topics of the documents of a data set, block by block, to a file.

    The file is there whole or not at all. Memory does not grow with the number of documents
    where the data set can be read in blocks (it has a method `blocks`).

    Parameters
    ----------
    path : ends in `.parquet`, `.csv` or `.jsonl`; see `runner.prediction_files`
    """
    n, counts = 0, Counts()
    with writing(path) as write:
        for corpus in progress(_blocks(dataset), label="predicting"):
            prediction = model.predict_corpus(corpus, batch=batch)
            block: dict[str, Any] = {
                "row": corpus.rows if corpus.rows is not None else n + np.arange(len(corpus)),
                "document": list(corpus.documents),
                **columns(model.topics, prediction, blank_for(corpus, model.embedder)),
            }
            if memberships:
                block["memberships"] = prediction.memberships
            for name, cells in corpus.columns.items():
                block[f"{DATA_PREFIX}{name}" if name in block else name] = list(cells)
            write(block)
            n += len(corpus)
            counts.topics.update(prediction.topics.tolist())
            counts.reasons.update(block["reason"])
            if corpus.labels is not None:
                found = zip(corpus.labels, block["topic"].tolist(), prediction.nearest, strict=True)
                counts.labelled.update(
                    (label, topic)
                    for label, topic, near in found
                    if label is not None and near >= 0
                )
        if not n:
            raise UserError("the data set holds no documents.")
    return counts


def _blocks(dataset: Any) -> Iterator[Corpus]:
    """The documents of a data set, some thousands at a time."""
    if hasattr(dataset, "blocks") and dataset.limit is None:
        with within("dataset"):
            yield from map(dataset.cleaned, dataset.blocks(BLOCK))
        return
    with within("dataset"):
        corpus: Corpus = dataset.load()
    if corpus.rows is None:
        corpus = replace(corpus, rows=np.arange(len(corpus)), n_rows=len(corpus))
    for start in range(0, len(corpus), BLOCK):
        yield corpus.take(np.arange(start, min(start + BLOCK, len(corpus))))


if __name__ == "__main__":
    command(main)
