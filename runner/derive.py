"""Runs that go on from a saved model instead of a clusterer: updates, edits, merged runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from components.base import (
    Corpus,
    Integers,
    Labeler,
    Matrix,
    Report,
    Result,
    Topic,
    UserError,
    call,
)
from components.labelers.words import WordLabels
from components.model.grow import Continued, Growth, Placed, prediction
from components.reports.read import read_result
from components.topics import Labels
from runner import secrets
from runner.cache import Cache
from runner.config.build import build
from runner.config.command_line import compose
from runner.config.recorded import recorded_config
from runner.config.trust import TRUST
from runner.console import parse, shell_line
from runner.embed import embed
from runner.job import announce, execute
from runner.model import Model
from runner.model.loading import load
from runner.model.saving import Lineage
from runner.output import check_writable
from runner.pipeline import Grouped, Parts, conclude
from runner.timing import StageProfiler
from runner.tracking import record

KEYS = ["folder", "cache", "uri", "trusted_targets"]
OVERRIDES = ("dataset", "model", "tracking")  # what may be typed as for a run
Decide = Callable[[Matrix, Integers], Growth]
Name = tuple[str, str]  # label and description


@dataclass(frozen=True)
class Parent:
    """A run that another one goes on from.

    record : its own; config : as it was run; result : as its tables tell it, without vectors
    """

    source: str
    record: record.Record
    config: DictConfig
    result: Result
    model: Model

    @property
    def names(self) -> dict[str, list[Name | None]]:
        """Label and description of each topic, by layer; the main topics are those of ""."""
        layers = {"": self.result.topics}
        layers |= {name: layer.topics for name, layer in self.result.layers.items()}
        return {
            name: [(topic.label, topic.description) for topic in topics]
            for name, topics in layers.items()
        }


class Unnamed:
    """A labeler that names only the topics that have no name from before.

    Parameters
    ----------
    labeler : gives the other names
    names : for each call of `label`, in their order, the names by topic; None where there is none
    """

    def __init__(self, labeler: Labeler, names: Sequence[Sequence[Name | None]]) -> None:
        self._labeler = labeler
        self._names = iter(names)
        self.metrics_: dict[str, float] = {}

    def label(
        self,
        topics: Sequence[Topic],
        *,
        documents: Any,
        embeddings: Any,
        kept: Any,
        labels: Any,
        encode_texts: Any,
        answers: Any,
    ) -> list[Topic]:
        names = next(self._names)
        unnamed = [topic for topic in topics if names[topic.id] is None]
        by_number = {topic.id: topic for topic in topics}
        self.metrics_ = {}
        if unnamed:
            offers = {
                "documents": documents, "embeddings": embeddings, "kept": kept, "labels": labels,
                "encode_texts": encode_texts, "answers": answers,
            }  # fmt: skip
            by_number |= {topic.id: topic for topic in call(self._labeler.label, unnamed, **offers)}
            self.metrics_ = getattr(self._labeler, "metrics_", {})
        return [by_number[topic.id] for topic in topics]


def derived_result(
    parts: Parts,
    cache: Cache,
    model: Model,
    corpus: Corpus,
    decide: Decide,
    names: Callable[[], Mapping[str, Sequence[Name | None]]],
    draw_map: bool | None = None,
) -> tuple[Result, Parts]:
    """The result of documents whose topics a model, and a user, have decided on.

    Parameters
    ----------
    parts : describe, measure and report the topics; their embedder and clusterer are not used
    corpus : all documents
    decide : gives the topics of the documents that have a vector, from the vectors (m, d) and their
        rows (m,) in the corpus
    names : gives the names that topics have from before, once they are decided on
    """
    clock = StageProfiler()
    topics = model.topic_model
    with clock("embed"):
        kept, encoded = embed(corpus, model.embedder, cache, model.embedder_settings)
    X = encoded.vectors
    with clock("cluster"):
        grown = decide(X, kept)
    placed = Placed(topics)
    with clock("reduce"):
        reduced = placed.fit_transform(X)
    n_outside = int(np.sum(grown.labels < 0))
    labels = Labels(grown.labels, grown.layers, grown.strengths, n_outside)
    old_names = names()
    labeler: Any = parts.labels
    if not isinstance(labeler, WordLabels):
        labeler = Unnamed(labeler, [old_names[""], *(old_names[name] for name in grown.layers)])
    parts = replace(
        parts,
        embedder=model.embedder,
        reducer=placed,
        clusterer=Continued(prediction(topics, grown)),
        labels=labeler,
    )
    result = conclude(
        parts, cache, Grouped(corpus, kept, encoded, reduced, labels), clock, draw_map=draw_map
    )
    result.topics = _named(result.topics, old_names[""])
    result.layers = {
        name: replace(layer, topics=_named(layer.topics, old_names[name]))
        for name, layer in result.layers.items()
    }
    return result, parts


def _named(topics: Sequence[Topic], names: Sequence[Name | None]) -> list[Topic]:
    return [
        topic if name is None else replace(topic, label=name[0], description=name[1])
        for topic, name in zip(topics, names, strict=True)
    ]


class Command:
    """A command that makes a run from others: its arguments, and the way to its result.

    Parameters
    ----------
    name : of the sub-command
    arguments : what was typed after it
    usage : what `--help` prints
    keys : settings of the command beside those of all
    """

    def __init__(self, name: str, arguments: list[str], usage: str, keys: Sequence[str]) -> None:
        self.name, self.arguments = name, arguments
        self.overrides = [a for a in arguments if a.partition("=")[0].split(".")[0] in OVERRIDES]
        rest = [a for a in arguments if a not in self.overrides and a != TRUST]
        self.options = parse(rest, usage, [*keys, *KEYS])
        self.options["trust"] = TRUST if TRUST in arguments else ""
        for key in [key for key in keys if key in ("run", "runs", "edits")] + ["folder"]:
            if key not in self.options:
                raise UserError(f"{key}=... is missing. For all keys: {shell_line(name, '--help')}")
        self._composed = compose(self._typed())

    def _typed(self) -> list[str]:
        typed = list(self.overrides)
        if not any(a.startswith("dataset=") for a in typed):
            typed.append("dataset=python")
        if "uri" in self.options and not any(a.startswith("tracking.uri=") for a in typed):
            typed.append(f"tracking.uri={self.options['uri']}")
        targets = self.options.get("trusted_targets", "").strip("[]")
        return [*typed, f"trusted_targets=[{targets}]"]

    def number(self, key: str, default: int) -> int:
        """A setting that is a whole number."""
        try:
            return int(self.options.get(key, default))
        except ValueError:
            raise UserError(f"{key}={self.options[key]}: must be a whole number.") from None

    @contextmanager
    def parent(self, source: str) -> Iterator[Parent]:
        """The run that `source` names: an output folder, a run's id, or `models:/...`."""
        with tempfile.TemporaryDirectory() as scratch:
            folder, model_id = Path(source).expanduser(), None
            if not folder.is_dir():
                folder = Path(scratch)
                model_id = _fetch(source, self.options.get("uri"), folder)
            yield self._read(source, folder, model_id)

    def _read(self, source: str, folder: Path, model_id: str | None) -> Parent:
        about = record.load(folder)
        about.model_id = about.model_id or model_id  # a logged record was written before its model
        if about.status != "FINISHED":
            raise UserError(f"the run {source} has no result ({about.status}).")
        config = recorded_config(folder, self.options, self.name, self.arguments, ("dataset",))
        cache = self.options.get("cache", ".runner-cache")
        model = load(
            folder if (folder / "model").is_dir() else source,
            uri=self.options.get("uri"),
            cache=None if cache == "null" else cache,
            trusted_targets=list(config.trusted_targets),
            trust=bool(self.options["trust"]),
        )
        if not model.topics:
            raise UserError(f"the run {source} has no topics: make a new run instead.")
        return Parent(source, about, config, read_result(folder), model)

    def execute(
        self,
        parent: Parent,
        corpus: Callable[[Parts], Corpus],
        decide: Callable[[Corpus], Decide],
        names: Callable[[], Mapping[str, Sequence[Name | None]]],
        changes: Report,
        about: Mapping[str, Any] | None = None,
        dropped: Callable[[], Any] = lambda: None,
    ) -> int:
        """Make the run, write it to its folder, track it and show it; the exit status.

        Parameters
        ----------
        corpus : gives all documents, from the parts of the config
        decide, names : see `derived_result`
        changes : writes what is different from the parent
        about : what the model's settings say beside, as plain values
        dropped : gives the centroids of topics that edits have dropped, once that is decided
        """
        folder = Path(self.options["folder"]).expanduser().absolute()
        check_writable(folder, "folder")
        config = self._config(parent.config)
        lineage = Lineage(
            tags={
                "made_by": self.name,
                "parent_run": parent.record.run_id or parent.source,
                **({"parent_model": parent.record.model_id} if parent.record.model_id else {}),
                "command": secrets.mask(shell_line(self.name, *self.arguments)),
            },
            fingerprint=parent.model.about["fingerprint"],
            learnt=parent.model.learnt,
            about={
                "parent": {
                    "made_by": self.name,
                    "run": parent.record.run_id or parent.source,
                    "model": parent.record.model_id,
                    "n_documents": len(parent.result.corpus),
                },
                "edits": parent.model.about.get("edits", []),
                **(about or {}),
            },
            dropped=dropped,
        )

        def work() -> tuple[Result, Parts]:
            parts = build(config)
            parts = replace(parts, reports={"changes": changes, **parts.reports})
            documents = corpus(parts)
            return derived_result(
                parts, Cache(config.cache.dir), parent.model, documents, decide(documents), names,
                config.map,
            )  # fmt: skip

        choices = {role: parent.record.params.get(role, "") for role in record.GROUPED_BY}
        choices["dataset"] = self._composed.hydra.runtime.choices["dataset"]
        result, run_record = execute(config, choices, folder, work=work, lineage=lineage)
        return announce(result, run_record, config, folder)

    def _config(self, recorded: DictConfig) -> DictConfig:
        """The parent's config, with the data set, the tracking and the model's settings typed."""
        config = OmegaConf.create(OmegaConf.to_container(recorded, resolve=False))
        assert isinstance(config, DictConfig)
        for key in ("dataset", "tracking"):
            config[key] = OmegaConf.to_container(self._composed[key], resolve=True)
        for override in self.overrides:
            key = override.partition("=")[0]
            if key.startswith("model."):
                OmegaConf.update(config, key, OmegaConf.select(self._composed, key))
        return config


def _fetch(source: str, uri: str | None, folder: Path) -> str:
    """Copy what a run's result is read from to a folder, from MLflow; the id of its model there."""
    from runner.tracking import connect, fetch
    from runner.tracking.model import model_of_run, run_of

    client = connect(uri)
    run_id = run_of(client, source)
    model_id = model_of_run(client, run_id)
    names = {artifact.path for artifact in client.list_artifacts(run_id)}
    for name in (*record.RUN_FILES, "documents.parquet", "topics.csv"):
        fetch(client, run_id, name, folder)
    for name in sorted({"layers.csv", "topics_by_class.csv"} & names):
        fetch(client, run_id, name, folder)
    return model_id


def joined(first: Corpus, second: Corpus) -> Corpus:
    """The documents of two corpora, one after the other; what one does not know is missing."""
    n, m = len(first), len(second)

    def both(name: str) -> list[Any] | None:
        a, b = getattr(first, name), getattr(second, name)
        if a is None and b is None:
            return None
        return [*([None] * n if a is None else a), *([None] * m if b is None else b)]

    def times(corpus: Corpus) -> Any:
        if corpus.timestamps is not None:
            return corpus.timestamps
        return np.full(len(corpus), np.datetime64("NaT"), "datetime64[us]")

    dated = first.timestamps is not None or second.timestamps is not None
    names = dict.fromkeys([*first.columns, *second.columns])
    return Corpus(
        [*first.documents, *second.documents],
        labels=both("labels"),
        timestamps=np.concatenate([times(first), times(second)]) if dated else None,
        images=both("images"),
        columns={
            name: [*first.columns.get(name, [""] * n), *second.columns.get(name, [""] * m)]
            for name in names
        },
        classes=tuple(dict.fromkeys([*first.classes, *second.classes])),
    )


def topics_of(result: Result, kept: Integers, n: int, first: int = 0) -> Growth:
    """What a run says of its documents, which begin at row `first` of a corpus of `n`, for `kept`.

    Documents of no topic and of other runs have -1.
    """
    place = slice(first, first + len(result.corpus))

    def spread(values: Any, missing: float) -> Any:
        over_all = np.full(n, missing, values.dtype)
        over_all[place] = values
        return over_all[kept]

    layers = {name: spread(layer.labels, -1) for name, layer in result.layers.items()}
    return Growth(spread(result.labels, -1), spread(result.strengths, 0), layers, [])
