"""What a config may build and do: a config is data, whoever wrote it.

A `_target_` names a class by a public name of the package that defines it, and the class has, by
its source, the method of its role. For metrics and reports it may be a function of ours. What is
more needs the user's word, on the command line: no file can give it.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException

from components.embedders.own_code import own_code
from runner.config.problems import Problem, cause
from runner.config.signatures import definition
from runner.config.untrusted import leaves, targets

# The packages whose classes a role may name, and the methods of which a class has at least one.
PACKAGES = {
    "dataset": ("components.datasets",),
    "embedder": (
        "components.embedders",
        "langchain_cohere",
        "langchain_community.embeddings",
        "langchain_core.embeddings",
        "langchain_huggingface",
        "langchain_openai",
        "sentence_transformers",
        "sklearn",
    ),
    "reducer": ("components.reducers", "sklearn", "umap"),
    "clusterer": ("components.clusterers", "fast_hdbscan", "hdbscan", "sklearn"),
    "outliers": ("components.topics",),
    "representation": ("components.representations",),
    "labels": ("components.labelers",),
    "metrics": ("components.metrics", "components.labelers.transformers"),
    "reports": ("components.reports",),
}
METHODS = {
    "dataset": ("load",),
    "embedder": ("encode", "transform", "fit_transform", "embed_documents"),
    "reducer": ("fit_transform",),
    "clusterer": ("fit_predict",),
    "outliers": ("assign",),
    "representation": ("fit",),
    "labels": ("label",),
    "metrics": ("__call__", "ask"),
    "reports": ("__call__",),
}
FUNCTIONS = {"metrics": ("result",), "reports": ("result", "folder")}  # and how they begin
PLAIN = ("builtins.tuple",)  # for YAML, which has lists only


def is_trusted(dotted: str, trusted: Iterable[str]) -> bool:
    """Whether a dotted name lies in one of the packages."""
    return any(dotted == prefix or dotted.startswith(f"{prefix}.") for prefix in trusted)


def why_refused(target: str, role: str, trusted: Collection[str]) -> str | None:
    """Why `target` is not built for a role; None where it is.

    Raises
    ------
    runner.config.source.NotFoundError
        When there is no such name.
    """
    if target in PLAIN:
        return None
    if is_trusted(target, trusted):
        source = definition(target)
        if source is not None and not is_trusted(source.module, trusted):
            return f"'{target}' is defined in {source.module}, which is not a trusted package."
        return None
    top, *names = target.split(".")
    if not is_trusted(target, PACKAGES[role]):
        return (
            f"'{target}' is not in a package that is trusted for this role, so it is not built. "
            f"If you trust its code: trusted_targets=[{top}]"
        )
    if any(name.startswith("_") or not name.isidentifier() for name in (top, *names)):
        return f"'{target}' is not a public name, so it is not built."
    source = definition(target)
    package = target.rpartition(".")[0]
    if source is None:
        return f"'{target}' is not a class by its source, so it is not built."
    if not is_trusted(source.module, [package]):
        return (
            f"'{target}' is defined elsewhere, so it is not built under this name. "
            f"Its own name is {source.module}.{source.name}"
        )
    if not source.is_class:
        begin = FUNCTIONS.get(role)
        if begin is None or source.module != package or source.arguments[: len(begin)] != begin:
            return f"'{target}' is a function, and a {role} needs a class, so it is not built."
    elif not source.methods & {*METHODS[role], *(["__getattr__"] if top == "components" else [])}:
        methods = " or ".join(f"{name}()" for name in METHODS[role])
        return f"'{target}' is not built: by its source it has no method {methods}."
    return None


def trusted_targets(config: DictConfig) -> list[str]:
    """The packages that a config trusts; none where the value is not a list."""
    try:
        names = config.get("trusted_targets")
    except OmegaConfBaseException:  # the check of the values tells
        names = None
    return [str(name) for name in names] if isinstance(names, ListConfig) else []


def check_resolved(node: Any, role: str, trusted: Collection[str]) -> Iterator[Problem]:
    """Look at what the targets of a resolved node really are, just before they are called.

    It imports them.
    """
    for path, part in targets(node, role):
        target = part["_target_"]
        if isinstance(target, str) and target not in PLAIN:
            reason = _check_object(target, role, trusted)
            if reason is not None:
                yield Problem(f"{path}._target_", reason)
            yield from _own_code(part, target, path)
    for path, _, value in leaves(node, role):
        if isinstance(value, str) and "${" in value:
            yield Problem(
                path, f"{value[:200]!r} would be resolved a second time. Remove the escaped '${{'."
            )


def _own_code(node: dict[str, Any], target: str, path: str) -> Iterator[Problem]:
    """Folders of code that a library's own class would run unasked; our classes ask for it."""
    if target.startswith("components.") or node.get("trust_remote_code") is True:
        return
    for where, _, value in leaves(node, path):
        if isinstance(value, str) and os.path.isdir(value):
            for file, name in own_code(value):
                yield Problem(
                    where,
                    f"{file} in this folder names {name[:100]!r}, which is code. If you trust "
                    "where it is from, use embedder=sentence_transformer with "
                    "embedder.trust_remote_code=true.",
                )


def _check_object(target: str, role: str, trusted: Collection[str]) -> str | None:
    from hydra.utils import get_object

    if (reason := why_refused(target, role, trusted)) is not None:
        return reason
    hydra_log = logging.getLogger("hydra.utils")
    before, hydra_log.disabled = hydra_log.disabled, True  # it logs the error that is told below
    try:
        thing = get_object(target)
    except Exception as error:  # a module may raise anything when it is imported
        return f"'{target}' cannot be imported: {cause(error.__cause__ or error)}"
    finally:
        hydra_log.disabled = before
    made_from = thing.func if isinstance(thing, partial) else thing
    if not (inspect.isroutine(made_from) or inspect.isclass(made_from)):
        made_from = type(made_from)
    module, name = str(made_from.__module__), made_from.__qualname__
    if is_trusted(target, trusted):
        if not is_trusted(module, trusted):
            return f"'{target}' is {module}.{name}, which is not in a trusted package."
        return None
    source = definition(target)
    if source is None or (module, name) != (source.module, source.name):
        return f"'{target}' is {module}.{name} and not what its source says, so it is not built."
    return None
