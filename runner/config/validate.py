"""Checks a whole config before any work, and reports every mistake at once.

Nothing is imported for it but Hydra and OmegaConf: signatures are read from source.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from runner import secrets
from runner.config.problems import ConfigError as ConfigError
from runner.config.problems import Problem as Problem
from runner.config.problems import report as report
from runner.config.schema import CHOICES
from runner.config.signatures import NotFoundError, Parameter, Signature, definition, signature
from runner.config.trust import FUNCTIONS, PACKAGES, is_trusted, refusal
from runner.console import nearest


def check_config(config: DictConfig, only: str | None = None) -> list[Problem]:
    """Every mistake of a composed config: values, types, targets and their arguments.

    Parameters
    ----------
    config : the composed config
    only : check this top-level key alone, where only its value has changed
    """
    keys = list(config) if only is None else [only]
    problems = list(_check_values(config, keys))
    for key, choices in CHOICES.items():
        if key.partition(".")[0] not in keys or key in {problem.path for problem in problems}:
            continue
        value = OmegaConf.select(config, key)
        if value not in choices:
            problems.append(Problem(f"{key}={value}", f"must be one of {', '.join(choices)}."))
    node = _plain(config, keys)
    bad = {problem.path for problem in problems}
    trusted = list(config.get("trusted_targets") or [])
    problems += [p for p in check_targets(node, trusted) if p.path not in bad]
    return problems


def check_targets(node: dict[str, Any], trusted: list[str]) -> Iterator[Problem]:
    """Mistakes in what the roles name to be built, and in its arguments.

    Parameters
    ----------
    node : nodes by role, as plain dicts and lists
    trusted : packages that the user trusts beside those of `runner.config.trust`
    """
    for role in PACKAGES:
        yield from _check_targets(node.get(role), role, trusted)


def _check_values(
    node: DictConfig | ListConfig, keys: Iterable[Any], path: str = ""
) -> Iterator[Problem]:
    for key in keys:
        where = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_missing(node, key):
            yield Problem(where, f"a value is required. Type {where}=...")
            continue
        literal = not OmegaConf.is_interpolation(node, key)
        try:
            value = node[key]
        except InterpolationResolutionError as error:
            if "hydra" not in str(error).lower():  # ${hydra:...} is known only inside a job
                yield Problem(where, f"cannot be resolved: {_reason(error)}")
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


def _plain(config: DictConfig, keys: Iterable[Any]) -> dict[str, Any]:
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


def _check_targets(node: Any, path: str, trusted: list[str]) -> Iterator[Problem]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield from _check_target(node, path, trusted)
        for key, value in node.items():
            yield from _check_targets(value, f"{path}.{key}" if path else str(key), trusted)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _check_targets(value, f"{path}.{index}", trusted)


def _check_target(node: dict[str, Any], path: str, trusted: list[str]) -> Iterator[Problem]:
    target = node["_target_"]
    where = f"{path}._target_" if path else "_target_"
    if not isinstance(target, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", target):
        yield Problem(where, f"must be the dotted name of a class or function, not {target!r}.")
        return
    try:
        reason = refusal(target, path.partition(".")[0], trusted)
        if reason is not None:
            yield Problem(where, reason)
            return
        expected = signature(target)
    except NotFoundError as error:
        if error.package:
            yield Problem(where, f"{error}. Install it, or correct the name '{target}'.")
        else:
            yield Problem(where, f"{error}.{nearest(target.rpartition('.')[2], error.names)}")
        return
    if expected is not None:
        yield from _check_arguments(node, path, target, expected)
    foreign = not is_trusted(target, ["components", *trusted])
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
    prefix = f"{path}." if path else ""
    for key, value in node.items():
        if key.startswith("_") and key.endswith("_"):
            continue
        parameter = expected.parameters.get(key)
        if parameter is None:
            if not expected.takes_any:
                hint = nearest(key, expected.parameters) or " It takes none."
                yield Problem(
                    f"{prefix}{key}={_shown(key, value)}",
                    f"{target} has no such parameter.{hint}",
                )
        elif value != "???" and not _fits(value, parameter.annotation):
            yield Problem(f"{prefix}{key}={_shown(key, value)}", _expected(value, parameter))
    if node.get("_partial_") or "_args_" in node:
        return
    for name, parameter in expected.parameters.items():
        if parameter.required and name not in node:
            yield Problem(
                f"{prefix}{name}", f"{target} needs a value here. Type +{prefix}{name}=..."
            )


def _expected(value: Any, parameter: Parameter) -> str:
    """What the parameter takes instead of `value`, in the words of a command line."""
    assert parameter.annotation is not None
    kinds, words = [], []
    for part in _alternatives(parameter.annotation):
        if isinstance(part, ast.Subscript) and ast.unparse(part.value).endswith("Literal"):
            inner = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
            words += [str(item.value) for item in inner if isinstance(item, ast.Constant)]
        else:
            kinds.append("null" if ast.unparse(part) == "None" else ast.unparse(part))
    if not words:
        return f"must be {' or '.join(kinds)}, not {_kind(value)}."
    hint = nearest(value, words, otherwise="") if isinstance(value, str) else ""
    others = "".join(f" or {kind}" for kind in kinds)
    return f"must be one of {', '.join(words)}{others}.{hint}"


def _alternatives(annotation: ast.expr) -> list[ast.expr]:
    """The members of a union."""
    if isinstance(annotation, ast.BinOp):
        return [*_alternatives(annotation.left), *_alternatives(annotation.right)]
    return [annotation]


def _reason(error: Exception) -> str:
    """Why a reference leads nowhere."""
    first = str(error).splitlines()[0]
    return re.sub(r"^\w+ raised while resolving interpolation: ", "", first)


def _shown(key: str, value: Any) -> str:
    return str(secrets.mask_config(value, key))


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


_SCALARS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "None": (type(None),),
}


def _fits(value: Any, annotation: ast.expr | None) -> bool:
    """Whether a value may go where the annotation stands; what is not understood fits."""
    if annotation is None or (isinstance(value, dict) and "_target_" in value):
        return True
    if isinstance(annotation, ast.BinOp):
        return _fits(value, annotation.left) or _fits(value, annotation.right)
    if isinstance(annotation, ast.Constant):
        if isinstance(annotation.value, str):  # an annotation in quotes
            return _fits(value, ast.parse(annotation.value, mode="eval").body)
        return value is None
    if isinstance(annotation, ast.Name):
        kinds = _SCALARS.get(annotation.id)
        if kinds is None:
            return {"list": list, "dict": dict}.get(annotation.id, object) is object or isinstance(
                value, {"list": list, "dict": dict}[annotation.id]
            )
        return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if isinstance(annotation, ast.Subscript):
        return _fits_generic(value, annotation)
    return True


def _fits_generic(value: Any, annotation: ast.Subscript) -> bool:
    name = ast.unparse(annotation.value).rpartition(".")[2]
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if name == "Literal":
        return any(isinstance(item, ast.Constant) and item.value == value for item in inner)
    if name == "Optional":
        return value is None or _fits(value, inner[0])
    if name in ("list", "Sequence", "Iterable"):
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if name in ("dict", "Mapping"):
        return isinstance(value, dict) and all(_fits(item, inner[-1]) for item in value.values())
    return True
