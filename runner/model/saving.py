"""Writes the model of a run beside its artifacts."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from components.base import ParameterError, Result, UserError
from components.model import folder as model_folder
from components.model.card import card
from components.model.fit import fit
from components.model.state import pack, unpack
from runner.cache.fingerprint import identity
from runner.embed import document_model
from runner.terminal import secrets
from runner.tracking import provenance
from runner.tracking.folder import DISK

log = logging.getLogger(__name__)

FOLDER = "model"


@dataclass(frozen=True)
class Lineage:
    """What a run has from the models that it goes on from.

    fingerprint : identifies the embedder's vectors
    learnt : what the embedder has learnt from the first run's corpus, where it has
    about : what the new model's settings say of its origin and its topics, as plain values
    dropped : float32 (k, d) or CSR, unit means of the topics that edits have dropped, or None
    """

    fingerprint: dict[str, Any] | None
    learnt: tuple[str, dict[str, Any]] | None
    about: dict[str, Any]
    dropped: Any = None


def save(
    result: Result, embedder_settings: Mapping[str, Any], config: DictConfig, target: Path,
    name: str, lineage: Lineage | None = None,
) -> float:  # fmt: skip
    """Write the model of a result to `target`; its size in MB.

    Parameters
    ----------
    embedder_settings : the config node of the embedder; see `runner.cache.fingerprint`
    config : the composed config; `config.model` says how many vectors to keep
    name : of the run
    lineage : what the run goes on from, where that is another run's model
    """
    settings = config.model
    model = fit(result, neighbours=settings.neighbours, outliers=settings.outliers)
    if lineage is None:
        embedder, embedder_settings = document_model(result.parts["embedder"], embedder_settings)
        learnt = _learnt(embedder, result) if getattr(embedder, "fits_corpus", False) else None
        fingerprint = identity_of(embedder, embedder_settings)
    else:
        learnt, fingerprint = lineage.learnt, lineage.fingerprint
        if lineage.dropped is not None and lineage.dropped.shape[0]:
            model.arrays["dropped"] = lineage.dropped
    about = {
        "name": name,
        "config": provenance.kept_config(config),
        "fingerprint": secrets.mask_config(fingerprint),
        "corpus_hash": result.corpus.hash,
        "choice": json.loads(json.dumps(result.choice, default=_plain)),
        "metrics": {key: float(value) for key, value in result.metrics.items()},
        "versions": provenance.environment(),
        "layers": list(model.layers),
        "labels_known": result.has_known_label is not None and bool(result.has_known_label.any()),
        "example": [text[:200] for topic in model.topics[:2] for text in topic.documents[:1]],
        **(lineage.about if lineage else {}),
    }
    return model_folder.write(target, model, about, card(model, about), learnt)


def save_beside(
    result: Result, embedder_settings: Mapping[str, Any], config: DictConfig, folder: Path,
    name: str, lineage: Lineage | None = None,
) -> None:  # fmt: skip
    """Write the model to `model/` in a run's folder, and its size to the result's metrics.

    A result that took hours is not lost to a model that cannot be written: that is a warning.
    """
    try:
        size = save(result, embedder_settings, config, folder / FOLDER, name, lineage)
    except ParameterError as error:
        raise error.within("model") from error
    except Exception as error:
        remove(folder)
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and error.errno in DISK:
            reason = (
                f"{folder} cannot be written to ({os.strerror(error.errno)}). Make room, or choose "
                "another folder, and run again."
            )
        log.warning("no model was saved: %s", reason)
        log.debug("traceback of the failure", exc_info=True)
        return
    result.metrics["model_mb"] = size


def remove(folder: Path) -> None:
    """Remove the model from a run's folder."""
    model_folder.remove(folder / FOLDER)


def identity_of(embedder: Any, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What identifies the embedder's vectors, as JSON; None where nothing does."""
    key: dict[str, Any] | None = json.loads(json.dumps(identity(embedder, settings)))
    return key


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _learnt(embedder: Any, result: Result) -> tuple[str, dict[str, Any]]:
    """What an embedder has learnt from the corpus, as JSON and arrays."""
    if not hasattr(embedder, "get_state"):
        raise UserError(
            f"{type(embedder).__name__} is fitted on its corpus, and has no method get_state() "
            "that gives what it has learnt."
        )
    if embedder.get_state() is None:  # its vectors were cached
        embedder.fit([result.corpus.documents[row] for row in result.rows.tolist()])
    tree, arrays = pack(embedder.get_state())
    embedder.set_state(functools.partial(unpack, tree, arrays))  # fails where it cannot be loaded
    return tree, arrays
