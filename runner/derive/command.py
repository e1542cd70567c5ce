"""What the commands share that make a run from other runs: update, edit and merge."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from components.base import Corpus, UserError
from components.reports.read import read_result
from runner.cache import DEFAULT_FOLDER, Cache
from runner.config.build import build
from runner.config.command_line import compose
from runner.config.recorded import TRUST_FLAG, recorded_config
from runner.derive import Carry, Decide, derived_result
from runner.derive.parent import Parent, without_labels
from runner.job import Made, announce, execute_work
from runner.model import Model
from runner.model.loading import load
from runner.model.saving import Lineage
from runner.pipeline import Parts
from runner.terminal import secrets
from runner.terminal.arguments import parse
from runner.terminal.console import say
from runner.terminal.suggestions import shell_line
from runner.tracking import record
from runner.tracking.folder import check_writable

KEYS = ["folder", "cache", "uri", "trusted_targets"]
# Settings of a data set that a run uses, and documents that get the topics of a model do not.
UNUSED = {
    "split": "documents get the topics of a model whole, not in pieces.",
    "known_labels": "documents get the topics of a model, whatever their labels are.",
}


class Command:
    """A command that makes a run from others: its arguments, and the way to its result.

    Parameters
    ----------
    name : of the sub-command
    arguments : what was typed after it
    usage : what `--help` prints
    needed : settings of the command that must be there, beside `folder`
    keys : its other settings, beside those of all
    groups : of the config, whose settings may be typed as for a run
    words : whether positional words are allowed
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        usage: str,
        needed: Sequence[str] = (),
        keys: Sequence[str] = (),
        groups: Sequence[str] = ("dataset", "model", "tracking"),
        words: bool = False,
    ) -> None:
        self.name, self.arguments = name, arguments
        self.overrides = [a for a in arguments if a.partition("=")[0].split(".")[0] in groups]
        settings = [a for a in arguments if a not in self.overrides]
        names = [*needed, *keys, *KEYS]
        self.options = parse(settings, usage, names, flags=[TRUST_FLAG], words=words)
        self.options.require(name, *needed, "folder")
        self._composed = compose(self._typed())
        dataset = self._composed.dataset
        for name, reason in UNUSED.items():
            key = "pieces" if name == "split" and "pieces" in dataset else name
            if value := dataset.get(key):
                raise UserError(f"dataset.{key}={value}: {reason} Leave dataset.{key} out.")

    def _typed(self) -> list[str]:
        typed = list(self.overrides)
        if not any(a.startswith("dataset=") for a in typed):
            typed.append("dataset=python")
        if "uri" in self.options and not any(a.startswith("tracking.uri=") for a in typed):
            typed.append(f"tracking.uri={self.options['uri']}")
        targets = self.options.get("trusted_targets", "").strip("[]")
        return [*typed, f"trusted_targets=[{targets}]"]

    @property
    def _keys(self) -> list[str]:
        """Those of the config that were typed."""
        return [override.partition("=")[0] for override in self.overrides]

    def number(self, key: str, default: int) -> int:
        """A setting that is a whole number."""
        try:
            return int(self.options.get(key, default))
        except ValueError:
            raise UserError(f"{key}={self.options[key]}: must be a whole number.") from None

    def real(self, key: str, default: float) -> float:
        """A setting that is a number."""
        try:
            return float(self.options.get(key, default))
        except ValueError:
            raise UserError(f"{key}={self.options[key]}: must be a number.") from None

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
        about.require_result(source)
        if "n_pieces" in about.metrics:
            raise UserError(
                f"the run {source} has cut its documents into pieces (dataset.split), and what it "
                f"leaves behind are whole documents: {self.name} cannot continue it. Run over all "
                "documents again, with the same dataset.split."
            )
        stored = _stored_vectors(about)
        if stored and self.name != "edit":  # which has no other documents than the run
            raise UserError(
                f"the run {source} has its vectors from {stored}, and {self.name} needs an "
                "embedder that embeds documents as those were. Run over all documents at once, "
                "with their vectors in one file: "
                + shell_line("", "dataset=...", "embedder=precomputed", "embedder.path=...")
            )
        trust = TRUST_FLAG in self.options.flags
        config = recorded_config(
            folder, self.options, self.name, self.arguments, ("dataset",), trust=trust
        )
        cache = self.options.get("cache", DEFAULT_FOLDER)
        model = load(
            folder if (folder / "model").is_dir() else source,
            uri=self.options.get("uri"),
            cache=None if cache == "null" else cache,
            trusted_targets=list(config.trusted_targets),
            trust=trust,
            stored=OmegaConf.to_container(config.embedder, resolve=True) if stored else None,  # type: ignore[arg-type]
        )
        if not model.topics:
            raise UserError(f"the run {source} has no topics: make a new run instead.")
        result = read_result(folder)
        if (n_rows := str(about.tags.get("n_available"))).isdecimal():
            result.corpus = replace(result.corpus, n_rows=int(n_rows))
        if model.about.get("labels_known"):
            # Of which documents is not in the tables: the topics are measured against none of them.
            result.corpus = replace(result.corpus, known_labels=result.corpus.labels)
        return Parent(source, about, config, result, model)

    def execute(
        self,
        parents: Sequence[Parent],
        corpus: Callable[[Parts], Corpus],
        decide: Callable[[Corpus], Decide],
        *,
        carry: Callable[[Corpus], Carry | None] = lambda corpus: None,
        model: Model | None = None,
        edits: Sequence[Mapping[str, Any]] = (),
    ) -> int:
        """Make the run, write it to its folder, track it and show it: the exit status.

        Parameters
        ----------
        parents : the first one's config and embedder are those of the run
        corpus : gives all documents, from the parts of the config
        decide, carry : give those of `derived_result`, from the documents
        model : assigns vectors to the run's topics; by default that of the only parent
        edits : of the topics, which are saved with the model
        """
        folder = Path(self.options["folder"]).expanduser().absolute()
        check_writable(folder, "folder")
        first = parents[0]
        config = self._config(first)

        def work() -> Made:
            parts = build(without_labels(config))
            documents = corpus(parts)
            result, parts, outcome = derived_result(
                parts, Cache(config.cache.dir), model or first.model, documents, decide(documents),
                carry(documents), config.map,
            )  # fmt: skip
            about = {
                "made_by": self.name,
                "parents": [
                    {
                        "run": parent.id,
                        "model": parent.record.model_id,
                        "n_documents": len(parent.result.corpus),
                        "edits": parent.edits,
                    }
                    for parent in parents
                ],
                "edits": list(edits),
                **outcome.about,
            }
            before = first.model
            lineage = Lineage(before.about["fingerprint"], before.learnt, about, outcome.dropped)
            return Made(result, parts, lineage, outcome.summary(result))

        choices = {role: first.record.params.get(role, "") for role in record.GROUPED_BY}
        choices["dataset"] = self._composed.hydra.runtime.choices["dataset"]
        made, run_record = execute_work(config, choices, folder, work, tags=self._tags(parents))
        status = announce(made.result, run_record, config, folder)
        say(made.summary)
        return status

    def _tags(self, parents: Sequence[Parent]) -> dict[str, str]:
        models = [parent.record.model_id for parent in parents if parent.record.model_id]
        return {
            "made_by": self.name,
            "parent_run": " ".join(parent.id for parent in parents),
            **({"parent_model": " ".join(models)} if models else {}),
            "command": secrets.mask(shell_line(self.name, *self.arguments)),
        }

    def _config(self, parent: Parent) -> DictConfig:
        """The parent's config, with the data set, the tracking and the model's settings typed.

        New documents are cleaned as the parent's were, and embedded where `engine` says.
        An alias of the registered model stays where it is unless it is typed again: whoever uses
        the model by it has not seen the new topics yet.
        """
        config = OmegaConf.create(OmegaConf.to_container(parent.config, resolve=False))
        assert isinstance(config, DictConfig)
        engine = any(key.split(".")[0] == "engine" for key in self._keys)
        for key in ("dataset", "tracking", *(["engine"] if engine else [])):
            config[key] = OmegaConf.to_container(self._composed[key], resolve=True)
        if engine:
            config.engine.backend = parent.config.engine.backend
        if "clean" in config.dataset and "dataset.clean" not in self._keys:
            config.dataset.clean = parent.model.about["config"]["dataset"].get("clean")
        if OmegaConf.select(config, "model.alias"):
            config.model.alias = None
        for key in self._keys:
            if key == "model" or key.startswith("model."):
                OmegaConf.update(config, key, OmegaConf.select(self._composed, key))
        return config


def _fetch(source: str, uri: str | None, folder: Path) -> str:
    """Copy what a run's result is read from to a folder, from MLflow; the id of its model there."""
    from runner.tracking import connect_to_find, fetch_result
    from runner.tracking.model import model_of_run, run_of

    client = connect_to_find(source, uri)
    run_id = run_of(client, source)
    model_id = model_of_run(client, run_id)
    fetch_result(client, run_id, folder)
    return model_id


def _stored_vectors(about: record.Record) -> str:
    """The file that a run, or a member of its embedder, has its vectors from; else empty."""
    for key, value in about.params.items():
        if key.startswith("embedder.") and str(value).endswith(".PrecomputedEmbedder"):
            return str(about.params.get(f"{key.removesuffix('._target_')}.path", "a file"))
    return ""
