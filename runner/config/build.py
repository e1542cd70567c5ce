"""Turns a checked config into parts. The only caller of `hydra.utils.instantiate`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from components.base import Dataset, Embedder, ParameterError, Representation, UserError, within
from components.embedders.adapt import as_embedder
from components.embedders.own_code import refused_imports
from components.errors import raised_by
from runner.cache.encoding import looks_up
from runner.cluster import RayCluster
from runner.config import schema
from runner.config.members import with_members
from runner.config.problems import ConfigError, Problem, cause, report
from runner.config.refusals import unresolved
from runner.config.trust import check_resolved, trusted_targets
from runner.config.validate import check_config, check_targets
from runner.embed import document_model, word_model
from runner.pipeline import Parts
from runner.pipeline.knowledge import knowledge_of
from runner.terminal.suggestions import shell_quote


def build(config: DictConfig) -> Parts:
    """Check the whole config, then build every part.

    Raises
    ------
    ConfigError
        With every mistake found.
    MissingExtraError
        When a backend is not installed.
    """
    config = with_members(config)
    if problems := check_config(config):
        raise ConfigError(report(problems))
    nodes = _nodes(config, (*schema.ROLES, *schema.PLURAL_ROLES))
    embedder = as_embedder(_build("embedder", nodes, []))
    parts = Parts(
        dataset=_build("dataset", nodes, ["load"]),
        embedder=embedder,
        reducer=_build("reducer", nodes, ["fit_transform"]),
        clusterer=_build("clusterer", nodes, ["fit_predict"]),
        outliers=_build("outliers", nodes, ["assign"]),
        representation=_build("representation", nodes, ["fit"]),
        labels=_build("labels", nodes, ["label"]),
        metrics=_build("metrics", nodes, []),
        # Other keys of the group are values that several reports refer to.
        reports={k: v for k, v in _build("reports", nodes, []).items() if callable(v)},
        knowledge=knowledge_of(_resolved(config, ("guided", "zeroshot"))),
        settings={role: nodes[role] for role in schema.ROLES},
        cluster=_cluster(config),
    )
    _check_vectors(parts)
    return parts


def _check_vectors(parts: Parts) -> None:
    """Refuse parts that need vectors of other texts than documents, where there are none."""
    words_from, _ = word_model(parts.embedder, {})
    texts_from, _ = document_model(parts.embedder, {})
    if _needs_word_vectors(parts.representation) and (who := _without_texts(words_from)):
        path = "representation"
        reason = (
            f"needs vectors of words, which {who} cannot make, only those of whole documents. "
            "Type embedder=word_doc, or representation=ctfidf (and neither keybert nor mmr in its "
            "`also`)."
        )
    elif who := _without_texts(texts_from):
        if getattr(parts.labels, "needs_text_vectors", False):
            path, other = "labels", "labels=words."
        elif parts.knowledge.names:
            path, other = "zeroshot.topics", "guided.topics, which goes by words."
        else:
            return
        reason = (
            f"needs vectors of the names, which {who} cannot make, only those of the documents. "
            f"Choose another embedder, such as {_with_texts(texts_from)}, or {other}"
        )
    else:
        return
    raise ConfigError(report([Problem(path, reason)]))


def _cluster(config: DictConfig) -> RayCluster | None:
    """The workers that embed documents; None: this process."""
    node = config.engine
    if node.cluster == "none":
        return None
    with within("engine"):
        return RayCluster(node.address, node.workers, node.cpus, node.gpus)


def build_part(config: DictConfig, role: str) -> Any:
    """One part of a config; errors as in `build`."""
    config = with_members(config)
    return _build(role, _nodes(config, (role,)), [])


def _needs_word_vectors(representation: Representation) -> bool:
    """The part's own answer; else, whether its `fit` requires `encode_words`."""
    parameter = inspect.signature(representation.fit).parameters.get("encode_words")
    required = parameter is not None and parameter.default is inspect.Parameter.empty
    return bool(getattr(representation, "needs_word_vectors", required))


def build_embedder(config: DictConfig) -> Embedder:
    """Check and build the embedder of a config alone; `embedder` and `trusted_targets` are read.

    Raises
    ------
    ConfigError, MissingExtraError
        As `build`.
    """
    return as_embedder(_build_alone(config, "embedder", []))


def build_dataset(config: DictConfig) -> Dataset:
    """Check and build the data set of a config alone, as `build_embedder` does the embedder."""
    dataset: Dataset = _build_alone(config, "dataset", ["load"])
    return dataset


def _build_alone(config: DictConfig, role: str, methods: list[str]) -> Any:
    config = with_members(config)
    if problems := check_config(config, role):
        raise ConfigError(report(problems))
    return _build(role, _nodes(config, (role,)), methods)


def _nodes(config: DictConfig, roles: Iterable[str]) -> dict[str, Any]:
    """What the roles are built from, checked once more as it is called.

    An interpolation may have another value the second time.
    """
    nodes, trusted = _resolved(config, roles), trusted_targets(config)
    problems = list(check_targets(nodes, trusted))
    if not problems:
        problems = [p for role in nodes for p in check_resolved(nodes[role], role, trusted)]
    if problems:
        raise ConfigError(report(problems))
    return nodes


def _resolved(config: DictConfig, keys: Iterable[str]) -> dict[str, Any]:
    """Keys of a config as plain dicts and lists, with the values that references lead to."""
    nodes = {}
    for key in keys:
        try:
            nodes[key] = OmegaConf.to_container(config[key], resolve=True)
        except OmegaConfBaseException as error:
            problem = Problem(key, f"cannot be resolved: {unresolved(error)}")
            raise ConfigError(report([problem])) from error
    return nodes


def _knows_words(embedder: Embedder) -> bool:
    """Not where vectors exist only within a corpus, or only in a file."""
    return not getattr(embedder, "fits_corpus", False) and not looks_up(embedder)


def _without_texts(embedder: Embedder) -> str:
    """Who makes no vectors of other texts than the documents; empty where they are made."""
    if _knows_words(embedder):
        return ""
    members = getattr(embedder, "members", {})
    names = [name for name, member in members.items() if not _knows_words(member)]
    return f"{' and '.join(names)} in embedder.of" if names else "this embedder"


def _with_texts(embedder: Embedder) -> str:
    """What to type for an embedder of any text: an ensemble's other members, if there are any."""
    members = getattr(embedder, "members", {})
    names = [name for name, member in members.items() if _knows_words(member)]
    if len(names) > 1:
        return shell_quote(f"embedder.of=[{','.join(names)}]")
    return f"embedder={next(iter(names), 'minilm')}"


def _build(role: str, nodes: dict[str, Any], methods: Iterable[str]) -> Any:
    with raised_by(role):
        return _built(role, nodes[role], methods)


def _built(role: str, node: Any, methods: Iterable[str]) -> Any:
    if role not in schema.PLURAL_ROLES and "_target_" not in node:
        raise ConfigError(
            report([Problem(f"{role}._target_", "is missing: name the class to build.")])
        )
    try:
        with refused_imports():
            part = instantiate(node, _convert_="all")
    except HydraException as error:
        raised = error.__cause__ or error
        if isinstance(raised, ParameterError):
            nested = re.search(r"^full_key: (\S+)", str(error), re.M)  # a part within the part
            raise raised.within(f"{role}.{nested[1]}" if nested else role) from None
        if isinstance(raised, UserError):
            raise raised from None
        raise ConfigError(
            report([Problem(role, f"{node['_target_']} cannot be built: {cause(raised)}")])
        ) from error
    for method in methods:
        if not callable(getattr(part, method, None)):
            raise ConfigError(
                report(
                    [Problem(f"{role}._target_", f"{node['_target_']} has no method {method}().")]
                )
            )
    return part
