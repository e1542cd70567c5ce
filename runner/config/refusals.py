"""What Hydra and OmegaConf refuse, in words that say what to type instead."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from importlib.util import find_spec
from itertools import takewhile
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import GrammarParseError, InterpolationKeyError, OmegaConfBaseException

from runner.config.problems import Problem
from runner.config.schema import run_keys
from runner.config.unknown_keys import chosen, in_place_of_option, reader_of, unknown_key
from runner.terminal.suggestions import nearest, override, shell_quote

# The extra that installs a launcher, by how its name begins.
_LAUNCHERS = {"joblib": "joblib", "submitit": "submitit", "slurm": "submitit"}


def with_spaces(texts: Sequence[str], place: int) -> str:
    """The override that words without a = belong to, quoted, where `place` is one of them."""
    start = place
    while start and "=" not in texts[start]:
        start -= 1
    key, equals, value = texts[start].partition("=")
    if start == place or not equals:
        return ""
    rest = takewhile(lambda text: "=" not in text, texts[start + 1 :])
    return shell_quote(override(key, " ".join([value, *rest])))


def not_an_override(text: str, groups: Iterable[str], whole: str = "") -> Problem:
    """Why an argument is not of the form key=value, where no quotes around the value help.

    Parameters
    ----------
    text : the argument
    groups : names of groups that a key may be
    whole : what it may have been a part of, as it would be typed; see `with_spaces`
    """
    key, equals, _ = text.partition("=")
    name = key.lstrip("+~")
    names = [*groups, *run_keys()]
    hint = nearest(name, names, otherwise="")
    if not equals and (reader := reader_of(text)):
        typed = shell_quote(f"dataset.path={text}")
        return Problem(text, f"is not of the form key=value. Type dataset={reader} {typed}")
    if not equals and name in names:
        return Problem(text, f"has no value. Type {name}=..., without spaces around the =")
    if not equals and whole and not hint:
        reason = f"is not of the form key=value. A value with a space needs quotes: type {whole}"
        return Problem(text, reason)
    if not equals:
        return Problem(text, f"is not of the form key=value.{hint}")
    if not name:
        return Problem(text, "the key before '=' is missing.")
    return Problem(
        text, f"{key!r} is not a key: keys are words of a to z, 0 to 9 and _, joined by dots.{hint}"
    )


def not_installed(option: str) -> str:
    """Why a launcher is no option, where an extra would install it; else empty."""
    extra = next((e for start, e in _LAUNCHERS.items() if option.startswith(start)), "")
    if not extra or find_spec(f"hydra_plugins.hydra_{extra}_launcher") is not None:
        return ""
    return f"this launcher is not installed. Install it with: pip install 'topic-runner[{extra}]'"


# What Hydra and OmegaConf raise for a setting that cannot be applied; an AssertionError where a key
# above refers to a value that has no keys.
NOT_APPLIED = (
    HydraException, OmegaConfBaseException, ValueError, OverflowError, AssertionError,
)  # fmt: skip


def not_applied(
    config: DictConfig,
    one: Override,
    error: Exception,
    options_with: Callable[[str, str], list[str]],
) -> Problem:
    """Why a setting cannot be applied, and what to type instead.

    options_with : the options of a group whose YAML has a key, ``(group, key) -> names``
    """
    text, key = text_of(one), one.key_or_group
    if one.is_add() and "already at" in str(error):
        return Problem(text, f"this key is there already. Type {shell_quote(text[1:])}", text[1:])
    node: Any = OmegaConf.to_container(config, resolve=False)
    path: list[str] = []
    for part in key.split("."):
        if isinstance(node, list):
            return Problem(text, f"'{'.'.join(path)}' is a list. Type {'.'.join(path)}=[...]")
        if not isinstance(node, dict):
            return Problem(text, f"'{'.'.join(path)}' holds one value and no keys.")
        if part not in node:
            return unknown_key(config, node, path, part, text, options_with)
        node = node[part]
        path.append(part)
    value = None if one.is_delete() else one.value()
    if isinstance(value, dict) and isinstance(node, dict):
        if "_target_" in value and len(path) == 1:
            return in_place_of_option(text, chosen(config, key) or key, f"+{text}")
        for part in value.keys() - node.keys():
            setting = override(f"{key}.{part}", str(value[part]))
            return unknown_key(config, node, path, str(part), setting, options_with)
    if one.is_delete():
        return Problem(text, "this key cannot be removed, only set.")
    if isinstance(error.__cause__ or error, GrammarParseError):
        return Problem(
            text,
            "${ begins a reference to another key, such as ${seed}, and this is none. For the "
            "two characters themselves put a backslash before them.",
        )
    kind = _type_at(config, key)
    return Problem(text, f"must be {kind}." if kind else "cannot be used: wrong type.")


def _type_at(config: DictConfig, key: str) -> str:
    """The type that the schema gives a key, in the words of a command line; "" where none."""
    node: Any = _node_at(config, key)
    if node is None:
        return ""
    kind = node._metadata.ref_type
    if OmegaConf.is_list(node):
        name = "a list, [...]"
    elif OmegaConf.is_dict(node):
        name = "a mapping, {key: value}"
    elif isinstance(kind, type) and issubclass(kind, Enum):
        name = f"one of {', '.join(kind.__members__)}"
    elif kind in (int, float, bool, str):
        name = kind.__name__
    else:
        return ""
    return f"{name} or null" if node._is_optional() else name


def keys_below(config: DictConfig, one: Override) -> list[str]:
    """The keys of what Hydra reads as a mapping, where something else would take its place."""
    key = one.key_or_group
    if not key.startswith("hydra.") or one.is_delete() or isinstance(one.value(), dict):
        return []
    node = _node_at(config, key)
    if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
        return []
    return [f"{key}.{name!s}" for name in node]


def _node_at(config: DictConfig, key: str) -> Any:
    """The node at a key, an interpolation as it stands; None where there is none.

    The interpolation itself, since hydra.sweep.subdir refers to a number that only a job has.
    """
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
            return None
        if node._is_interpolation():
            return None
        node = node._get_node(part, validate_access=False)
    return node


def key_of(text: str) -> str:
    """The key of an argument such as `+key=value` or `~key`."""
    return text.lstrip("+~").partition("=")[0]


def unread(config: DictConfig, one: Override) -> Iterator[Problem]:
    """An added key that nothing reads: not a key of the run, and in no interpolation."""
    parts = one.key_or_group.split(".")
    if parts[0] == "hydra":
        return
    node: Any = config
    for depth, part in enumerate(parts, 1):
        kind = OmegaConf.get_type(node) if isinstance(node, DictConfig) else None
        if not dataclasses.is_dataclass(kind):
            return
        names = [field.name for field in dataclasses.fields(kind)]
        if part not in names:
            text = OmegaConf.to_yaml(config, resolve=False)
            if f"${{{'.'.join(parts[:depth])}" not in text:
                yield Problem(text_of(one), f"there is no such key.{nearest(part, names)}")
            return
        node = _node_at(node, part)


def text_of(each: Override) -> str:
    """An override as it was typed."""
    return str(each.input_line)


def missing_references(config: DictConfig, settings: Iterable[Override]) -> Iterator[Problem]:
    """References of `hydra` to keys that are not there: Hydra itself resolves them, in the job."""
    for each in settings:
        key = each.key_or_group
        if key.partition(".")[0] != "hydra" or "${" not in text_of(each):
            continue
        try:
            OmegaConf.select(config, key)
        except (InterpolationKeyError, GrammarParseError) as error:
            yield Problem(text_of(each), f"cannot be resolved: {unresolved(error)}")
        except OmegaConfBaseException:  # what is known in a job alone, such as ${hydra:job.num}
            continue


def unresolved(error: Exception) -> str:
    """Why a reference to another key cannot be resolved, and what to type instead."""
    reason = re.sub(r"^\w+ (raised )?while resolving interpolation: ", "", first_line(error))
    if match := re.fullmatch(r"Interpolation key '(.*)' not found", reason):
        name = match[1]
        return (
            f"there is no key {name!r}.{nearest(name, run_keys(), otherwise='')} ${{ begins a "
            "reference to another key, such as ${seed}; for the two characters themselves put a "
            "backslash before them."
        )
    if match := re.fullmatch(r"Unsupported interpolation type (.*)", reason):
        return (
            f"there is no resolver {match[1]!r}. A variable of the environment is ${{oc.env:NAME}}."
        )
    if match := re.fullmatch(r"\"Environment variable '(.*)' not found\"", reason):
        return f"the environment variable {match[1]} is not set. Type export {match[1]}=... before."
    return reason


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without a full stop at its end."""
    return str(error).strip().partition("\n")[0].removesuffix(".")
