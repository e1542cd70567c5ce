"""Checks a whole config before any work, and reports every mistake at once.

Nothing is imported for it but Hydra and OmegaConf: signatures are read from source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from runner.config.annotations import mistake
from runner.config.members import as_typed
from runner.config.problems import Problem
from runner.config.refusals import unresolved
from runner.config.run_keys import KNOWLEDGE, check_run_keys
from runner.config.schema import SECTIONS
from runner.config.signatures import Signature, definition, signature
from runner.config.source import NotFoundError
from runner.config.trust import FUNCTIONS, PACKAGES, is_trusted, trusted_targets, why_refused
from runner.config.untrusted import targets
from runner.terminal import secrets
from runner.terminal.suggestions import nearest

# Keys of Hydra's that say how a class is called, and what they hold.
RESERVED = {"_partial_": bool, "_recursive_": bool, "_convert_": str, "_args_": list}


def check_config(config: DictConfig, only: str | None = None) -> list[Problem]:
    """Every mistake of a composed config: values, types, targets and their arguments.

    Parameters
    ----------
    config : the composed config
    only : check this top-level key alone, where only its value has changed
    """
    keys = list(config) if only is None else [only]
    problems = list(_check_values(config, keys))
    together = [key for key in KNOWLEDGE if only in KNOWLEDGE and key not in keys]
    bad = {problem.path for problem in (*problems, *_check_values(config, together))}
    node = plain(config, dict.fromkeys([*keys, *together]))
    usable = {key: value for key, value in node.items() if key not in bad}
    problems += [p for p in check_run_keys(usable) if p.path.partition("=")[0] not in bad]
    trusted = trusted_targets(config)
    nodes = {key: node[key] for key in keys if key in node}
    found = [p for p in check_targets(nodes, trusted) if p.path not in bad]
    said = {p.message for p in found if not _is_reference(config, p.path)}
    problems += [p for p in found if p.message not in said or not _is_reference(config, p.path)]
    return problems


def _is_reference(config: DictConfig, path: str) -> bool:
    """Whether the value at a path, `key=value`, is that of another key."""
    parent, _, key = path.partition("=")[0].rpartition(".")
    try:
        node = OmegaConf.select(config, parent)
        return isinstance(node, DictConfig) and OmegaConf.is_interpolation(node, key)
    except OmegaConfBaseException:  # a part of the path is no key of a config
        return False


def check_targets(node: dict[str, Any], trusted: list[str]) -> Iterator[Problem]:
    """Mistakes in what the roles name to be built, and in its arguments.

    Parameters
    ----------
    node : nodes by role, as plain dicts and lists
    trusted : packages that the user trusts beside those of `runner.config.trust`
    """
    for role in PACKAGES:
        for path, part in targets(node.get(role), role):
            yield from _check_target(part, path, trusted)


def _check_values(
    node: DictConfig | ListConfig, keys: Iterable[Any], path: str = ""
) -> Iterator[Problem]:
    for key in keys:
        where = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_missing(node, key):
            yield Problem(where, f"a value is required. Type {as_typed(where)}")
            continue
        literal = not OmegaConf.is_interpolation(node, key)
        if not literal and not path and key in SECTIONS:
            yield Problem(where, f"cannot be a reference to another key. Set {key}.KEY instead.")
            continue
        try:
            value = node[key]
        except InterpolationResolutionError as error:
            if "HydraConfig" not in str(error):  # ${hydra:...} is known only inside a job
                yield Problem(where, f"cannot be resolved: {unresolved(error)}")
            continue
        if isinstance(value, DictConfig):
            yield from _check_values(value, list(value), where)
        elif isinstance(value, ListConfig):
            yield from _check_values(value, range(len(value)), where)
        elif literal and isinstance(value, str) and secrets.is_secret(str(key), value):
            yield Problem(
                where,
                "this looks like a secret, and a config is written to disk and to MLflow. "
                "Remove it here; backends read their keys from the environment "
                "(for example: export OPENAI_API_KEY=...).",
            )


def plain(config: DictConfig, keys: Iterable[Any]) -> dict[str, Any]:
    """The keys of the config as dicts and lists; what cannot be resolved is as if missing."""

    def convert(node: Any) -> Any:
        if isinstance(node, DictConfig):
            return {key: item(node, key) for key in node}
        if isinstance(node, ListConfig):
            return [item(node, index) for index in range(len(node))]
        return node

    def item(node: Any, key: Any) -> Any:
        if OmegaConf.is_missing(node, key):
            return "???"
        try:
            return convert(node[key])
        except OmegaConfBaseException:
            return "???"

    return {str(key): item(config, key) for key in keys}


def _check_target(node: dict[str, Any], path: str, trusted: list[str]) -> Iterator[Problem]:
    target = node["_target_"]
    where = f"{path}._target_"
    if not isinstance(target, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", target):
        yield Problem(where, f"must be the dotted name of a class or function, not {target!r}.")
        return
    if target.startswith("__main__."):
        yield Problem(
            where,
            f"'{target}' is in a notebook or script, and a part must be in a module. Write it to a "
            "file (a cell of a notebook that begins with '%%writefile my_parts.py' does), and type "
            f"my_parts.{target.partition('.')[2]}, with trusted_targets=[my_parts].",
        )
        return
    try:
        reason = why_refused(target, path.partition(".")[0], trusted)
        if reason is not None:
            yield Problem(where, reason)
            return
        expected = signature(target)
    except NotFoundError as error:
        if error.package:
            yield Problem(
                where,
                f"{error}. Install it, start in the folder where it lies, or correct the name "
                f"'{target}'.",
            )
        else:
            yield Problem(where, f"{error}.{nearest(target.rpartition('.')[2], error.names)}")
        return
    if expected is not None:
        yield from _check_arguments(node, path, target, expected)
    for key, kind in RESERVED.items():
        if key in node and not isinstance(node[key], kind):
            yield Problem(f"{path}.{key}", f"must be {kind.__name__}, not {node[key]!r:.200}.")
    foreign = not is_trusted(target, ["components", "builtins.tuple", *trusted])
    if foreign and node.get("_args_"):
        yield Problem(f"{path}._args_", "is not checked. Give the arguments by their names.")
    if foreign and node.get("memory") not in (None, "???"):
        yield Problem(
            f"{path}.memory",
            "would keep pickles on disk, and reading one can run any code. Leave it out.",
        )
    functions = path.partition(".")[0] in FUNCTIONS
    source = definition(target) if functions else None
    functions = functions and not (source is not None and source.is_class)
    if functions and not is_trusted(target, trusted) and not node.get("_partial_"):
        yield Problem(
            f"{path}._partial_",
            "must be true: a function is called once for each run, with its result.",
        )


def _check_arguments(
    node: dict[str, Any], path: str, target: str, expected: Signature
) -> Iterator[Problem]:
    for key, value in node.items():
        if not isinstance(key, str):  # in a YAML file, `1: x` or `on: x`
            yield Problem(f"{path}.{key}", f"a parameter's name is text, not {key!r}.")
            continue
        if key.startswith("_") and key.endswith("_"):
            continue
        parameter = expected.parameters.get(key)
        if parameter is None:
            if not expected.takes_any:
                hint = nearest(key, expected.parameters) or " It takes none."
                yield Problem(
                    f"{path}.{key}={_shown(key, value)}",
                    f"{target} has no such parameter.{hint}",
                )
        elif value != "???" and (reason := mistake(value, parameter)):
            yield Problem(f"{path}.{key}={_shown(key, value)}", reason)
    if node.get("_partial_") or "_args_" in node:
        return
    for name, parameter in expected.parameters.items():
        if parameter.required and name not in node:
            source = definition(target)
            called = (
                " A function that is itself the part, and not one that makes it, needs "
                "`_partial_: true` beside its `_target_`."
                if source is not None and not source.is_class
                else ""
            )
            yield Problem(
                f"{path}.{name}",
                f"{target} needs a value here. Type +{path}.{name}=...{called}",
            )


def _shown(key: str, value: Any) -> str:
    return str(secrets.mask_config(value, key))
