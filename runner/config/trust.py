"""What a config may build and do: a config is data, whoever wrote it.

A `_target_` names a class by a public name of the package that defines it, and the class has, by
its source, the method of its role. For metrics and reports it may be a function of ours. What is
more needs the user's word, on the command line: no file can give it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.problems import Problem
from runner.config.signatures import definition
from runner.terminal import secrets

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
    "metrics": ("components.metrics",),
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
    "metrics": ("__call__",),
    "reports": ("__call__",),
}
FUNCTIONS = {"metrics": ("result",), "reports": ("result", "folder")}  # and how they begin
TRUST = "--trust-this-run"  # the flag that trusts the files and addresses of a recorded config
PLAIN = ("builtins.tuple",)  # for YAML, which has lists only

# What Hydra itself may build before a run starts.
HYDRA_CLASSES = (
    "runner.sweep.SweepCallback",
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
)
LOGGING = (
    "runner.terminal.secrets.MaskingFormatter",
    "logging.StreamHandler",
    "logging.FileHandler",
    "logging.NullHandler",
    "logging.handlers.RotatingFileHandler",
    "logging.Formatter",
    "logging.Filter",
    "colorlog.ColoredFormatter",
    "ext://sys.stdout",
    "ext://sys.stderr",
)
# Keys of Hydra's by which a file could run a program, or lead one astray.
COMMANDS = (
    "hydra.job.env_set",
    "hydra.launcher.setup",
    "hydra.launcher.additional_parameters",
    "hydra.launcher.srun_args",
    "hydra.launcher.python",
)


def is_trusted(dotted: str, trusted: Iterable[str]) -> bool:
    """Whether a dotted name lies in one of the packages."""
    return any(dotted == prefix or dotted.startswith(f"{prefix}.") for prefix in trusted)


def refusal(target: str, role: str, trusted: Collection[str]) -> str | None:
    """Why `target` is not built for a role; None where it is.

    Raises
    ------
    runner.config.signatures.NotFoundError
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
    """The packages that a config trusts; none where the value is no list."""
    try:
        names = config.get("trusted_targets")
    except OmegaConfBaseException:  # the check of the values tells
        names = None
    return [str(name) for name in names] if isinstance(names, ListConfig) else []


def check_resolved(node: Any, role: str, trusted: Collection[str], path: str) -> Iterator[Problem]:
    """Look at what the targets of a resolved node really are, just before they are called.

    It imports them.
    """
    if isinstance(node, dict):
        target = node.get("_target_")
        if isinstance(target, str) and target not in PLAIN:
            reason = _check_object(target, role, trusted)
            if reason is not None:
                yield Problem(f"{path}._target_", reason)
        for key, value in node.items():
            yield from check_resolved(value, role, trusted, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from check_resolved(value, role, trusted, f"{path}.{index}")
    elif isinstance(node, str) and "${" in node:
        yield Problem(
            path, f"{node[:200]!r} would be resolved a second time. Remove the escaped '${{'."
        )


def _check_object(target: str, role: str, trusted: Collection[str]) -> str | None:
    from hydra.utils import get_object

    if (reason := refusal(target, role, trusted)) is not None:
        return reason
    try:
        thing = get_object(target)
    except Exception as error:  # a module may raise anything when it is imported
        return f"'{target}' cannot be imported: {str(error)[:500]}"
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


# --- What only the command line may say ----------------------------------------------------------


def check_files(config: DictConfig, typed: Collection[str]) -> Iterator[Problem]:
    """What a config file, a preset or an option of somebody's asks for, and only a user may.

    Parameters
    ----------
    config : the composed config, with Hydra's own under `hydra`
    typed : the overrides of the command line, as they were typed
    """
    keys = {_key(text) for text in typed}
    trusted = trusted_targets(config)
    if trusted and "trusted_targets" not in keys:
        names, trusted = ",".join(trusted), []
        yield Problem(
            "trusted_targets",
            "a file sets this key, and only the command line may. If you trust these packages: "
            f"trusted_targets=[{names}]",
        )
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    hydra = plain.pop("hydra", {}) or {}
    for path in trust_keys(plain):
        if not _is_typed(path, keys):
            yield Problem(
                path, f"a file sets this key, and only the command line may. Type {path}=true"
            )
    yield from _check_hydra(hydra, "hydra", trusted)
    settings = {key: value for key, value in hydra.items() if key not in ("overrides", "runtime")}
    for path in secrets.secrets_in(settings, "hydra"):
        yield Problem(
            path,
            "this looks like a secret, and Hydra writes its settings to disk. Remove it here, and "
            "export it in the shell.",
        )
    for path in COMMANDS:
        value = OmegaConf.select(config, path, throw_on_missing=False) if hydra else None
        if value and not _is_typed(path, keys):
            yield Problem(
                path, "a file sets this key, and only the command line may, as it can run programs."
            )
    for key in (hydra.get("sweeper") or {}).get("params") or {}:
        name = _key(str(key))
        if (name == "trusted_targets" or _is_trust(name) or name.startswith("hydra")) and (
            name not in keys
        ):
            yield Problem(f"hydra.sweeper.params.{key}", "only the command line may set this key.")


def _items(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _key(text: str) -> str:
    return text.partition("=")[0].lstrip("+~")


def _is_trust(path: str) -> bool:
    return path.rpartition(".")[2].startswith("trust_")


def _is_typed(path: str, keys: Collection[str]) -> bool:
    """Whether a key, one above it or one below it was typed."""
    return any(
        path == key or path.startswith(f"{key}.") or key.startswith(f"{path}.") for key in keys
    )


def untrusted_packages(nodes: dict[str, Any], trusted: Collection[str]) -> list[str]:
    """The packages that the roles' targets lie in, and that are not trusted."""
    packages: dict[str, None] = {}
    for role in PACKAGES:
        for target in _targets(nodes.get(role)):
            top = target.partition(".")[0]
            if not is_trusted(target, (*PACKAGES[role], *PLAIN, *trusted)):
                packages[top] = None
    return list(packages)


def _targets(node: Any) -> Iterator[str]:
    for key, value in _items(node):
        if key == "_target_" and isinstance(value, str):
            yield value
        yield from _targets(value)


def trust_keys(node: Any, path: str = "") -> Iterator[str]:
    """Paths of the `trust_...` keys that are not off."""
    for key, value in _items(node):
        where = f"{path}.{key}" if path else str(key)
        if str(key).startswith("trust_") and value not in (False, None, "???"):
            yield where
        yield from trust_keys(value, where)


def _check_hydra(node: Any, path: str, trusted: Collection[str]) -> Iterator[Problem]:
    """Classes of callbacks, launchers, sweepers and logging that are not among ours."""
    in_logging = path.startswith(("hydra.job_logging", "hydra.hydra_logging"))
    for key, value in _items(node):
        where = f"{path}.{key}"
        if isinstance(value, str):
            allowed: tuple[str, ...] | None = None
            if key == "_target_":
                allowed = HYDRA_CLASSES
            elif in_logging and (
                key in ("()", "class", "queue", "listener")
                or value.startswith(("ext://", "cfg://"))
            ):
                allowed = LOGGING
            if allowed is not None and value not in allowed and not is_trusted(value, trusted):
                package = re.split(r"[.:]", value.removeprefix("ext://"))[0]
                yield Problem(
                    where,
                    f"'{value}' is none of Hydra's and this program's own classes. If you trust "
                    f"its code: trusted_targets=[{package}]",
                )
        yield from _check_hydra(value, where, trusted)


def plain_references_only(node: Any, path: str = "") -> Iterator[Problem]:
    """Interpolations that are more than a reference to another key, as `${oc.env:...}`."""
    if isinstance(node, str) and "${" in _REFERENCE.sub("", node):
        yield Problem(
            path, f"{node[:200]!r} is not resolved: a recorded config is data, and holds values."
        )
    for key, value in _items(node):
        yield from plain_references_only(value, f"{path}.{key}" if path else str(key))


_REFERENCE = re.compile(r"(?<!\\)\$\{[A-Za-z0-9_.\[\]-]+\}")
