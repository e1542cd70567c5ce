"""Keys that the chosen option of a group has not, and what to type instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from runner.config.problems import Problem
from runner.config.schema import run_groups, run_keys
from runner.config.signatures import signature
from runner.config.source import NotFoundError
from runner.terminal.suggestions import nearest, shell_quote

MOST_LISTED = 5  # options by their names


def unknown_key(
    config: DictConfig,
    node: dict[str, Any],
    path: list[str],
    part: str,
    text: str,
    options_with: Callable[[str, str], list[str]],
) -> Problem:
    """A setting of a key that is not in the node at a path."""
    if problem := _unlisted(node, part, text):
        return problem
    if len(path) == 1 and "_target_" in node and (option := chosen(config, path[0])):
        return _not_of(option, node, part, text, options_with(path[0], part))
    if path in (["metrics"], ["reports"]) and "_target_" in text:
        return Problem(text, f"a plus before it adds it. Type {shell_quote(f'+{text}')}")
    below = [
        k for k in node
        if not path and k not in ("metrics", "reports", "hydra") and isinstance(node[k], dict)
        and part in node[k]
    ]  # fmt: skip
    if below and "." not in text.partition("=")[0]:
        settings = " or ".join(shell_quote(f"{group}.{text.lstrip('+')}") for group in below)
        return Problem(text, f"there is no such key. Type {settings}")
    names = [*run_keys(), *run_groups()] if not path else [k for k in node if str(k)[:1] != "_"]
    hint = nearest(part, names)
    if not path and not hint:
        of_groups = {
            str(key): f"{group}.{key}"
            for group in run_groups()
            if group not in ("metrics", "reports") and isinstance(node.get(group), dict)
            for key in node[group] if str(key)[:1] != "_"
        }  # fmt: skip
        close = difflib.get_close_matches(part, of_groups, n=1, cutoff=0.9)
        hint = f" Did you mean '{of_groups[close[0]]}'?" if close else ""
    if not path and (others := options_with("clusterer", part)):
        hint = f" It is a key of clusterer={others[0]}. Type clusterer={others[0]} clusterer.{text}"
    return Problem(text, f"there is no such key.{hint}")


def _unlisted(node: dict[str, Any], part: str, text: str) -> Problem | None:
    """A parameter that a part takes and the option's YAML leaves out; None where it is none."""
    target = node.get("_target_")
    if not isinstance(target, str):
        return None
    try:
        expected = signature(target)
    except NotFoundError:
        return None
    if not expected or part not in expected.parameters:
        return None
    return Problem(
        text,
        f"the option's YAML does not list this parameter of {target}. "
        f"Put a plus before it: {shell_quote(f'+{text}')}",
        f"+{text}",
    )


def reader_of(path: str) -> str:
    """The option of `dataset` that reads files with the ending of a path; empty where none does."""
    ending = path.removesuffix(".gz").rpartition(".")[2] if "." in path else ""
    readers = {"txt": "text", "json": "jsonl", "tsv": "csv"}
    readers |= {name: name for name in ("csv", "jsonl", "parquet")}
    return readers.get(ending.lower(), "")


def named_by_content(group: str, name: str) -> str:
    """What to type where a file or a model stands in the place of an option; else empty."""
    if group == "dataset" and (reader := reader_of(name)):
        return f" Type dataset={reader} {shell_quote(f'dataset.path={name}')}"
    if group != "embedder":
        return ""
    if name.endswith((".npy", ".npz", ".safetensors")):
        return f" Type embedder=precomputed {shell_quote(f'embedder.path={name}')}"
    if name.startswith("text-embedding-"):
        return f" Type embedder=openai embedder.model={name}"
    if "/" in name or re.search(r"-.*\d", name):  # as in all-MiniLM-L6-v2
        return f" Type embedder=sentence_transformer {shell_quote(f'embedder.model={name}')}"
    return ""


def _not_of(option: str, node: dict[str, Any], part: str, text: str, others: list[str]) -> Problem:
    """A key that the chosen option of a group has not, and perhaps others of the group have."""
    names = [k for k in node if str(k)[:1] != "_"]
    message = f"{option} has no such parameter.{nearest(part, names, otherwise=_has(node))}"
    if not others:
        return Problem(text, message)
    reader = reader_of(text.rpartition("=")[2])
    first, *more = sorted(others, key=lambda name: name != reader)
    few = len(more) < MOST_LISTED
    listed = ", ".join([first, *more]) if few else f"{first} and {len(more)} more"
    typed = f"{option.partition('=')[0]}={first} {shell_quote(text)}"
    return Problem(
        text, f"{message} Leave it out, or choose an option that has it ({listed}). Type {typed}"
    )


def _has(node: dict[str, Any]) -> str:
    """` It has: a, b.c.`: what can be set, down to the parameters of nested parts."""
    names = sorted(_settable(node))
    return f" It has: {', '.join(names)}." if names else " It has none."


def _settable(node: dict[str, Any]) -> Iterator[str]:
    for key, value in node.items():
        if str(key)[:1] == "_":
            continue
        if isinstance(value, dict) and "_target_" in value:
            yield from (f"{key}.{name}" for name in _settable(value))
        else:
            yield str(key)


def chosen(config: DictConfig, group: str) -> str:
    """`group=option` as it was chosen; empty where the key is no group."""
    option = config.hydra.runtime.choices.get(group)
    return f"{group}={option}" if isinstance(option, str) and group in run_groups() else ""


def without_repeats(
    problems: list[Problem],
    config: DictConfig,
    settings: Iterable[Override],
    options_with: Callable[[str, str, str], list[str]],
) -> list[Problem]:
    """One problem in place of those that a typed `_target_` makes of each key of an option.

    Parameters
    ----------
    problems : of the composed config
    config : with Hydra's own settings
    settings : as they were typed
    options_with : the options of a group in whose YAML a key has a value
    """
    typed: dict[str, Any] = {}
    whole: dict[str, str] = {}  # groups that are given as one mapping, as they were typed
    for each in settings:
        value = None if each.is_delete() else each.value()
        keys = value if isinstance(value, dict) else {}
        typed |= {each.key_or_group: value} | {f"{each.key_or_group}.{k}": keys[k] for k in keys}
        whole |= {each.key_or_group: str(each.input_line)} if keys else {}
    for path, target in typed.items():
        group, _, rest = path.partition(".")
        option = chosen(config, group)
        if rest != "_target_" or not option:
            continue
        of_option = [
            p for p in problems
            if p.path.startswith(f"{group}.") and p.path.partition("=")[0] not in typed
            and f"{target} has no such" in p.message
        ]  # fmt: skip
        if len(of_option) > 1:
            others = [p for p in problems if p not in of_option and not _needed(p, str(target))]
            names = [p.path.partition("=")[0].removeprefix(f"{group}.") for p in of_option]
            why = f", and {target} takes none of these: {', '.join(names)}"
            if group in whole:
                folded = in_place_of_option(whole[group], option, f"+{whole[group]}")
            elif same := options_with(group, "_target_", str(target)):
                folded = Problem(
                    f"{path}={target}",
                    f"the keys of {option} stay beside it{why}. Type {group}={same[0]}",
                )
            else:
                added = f"+{group}={{_target_: {target}}}"
                folded = in_place_of_option(f"{path}={target}", option, added, why)
            problems = [folded, *others]
    return problems


def _needed(problem: Problem, target: str) -> bool:
    """Whether a problem is a parameter that the class needs: its own option has that."""
    return problem.message.startswith(f"{target} needs a value")


def in_place_of_option(path: str, option: str, added: str, why: str = "") -> Problem:
    """A class that is typed where an option stands, in whose place it has to be."""
    return Problem(
        path,
        f"the keys of {option} stay beside it{why}. Take the option away, and add the class with "
        f"its parameters. Type ~{option.partition('=')[0]} {shell_quote(added)}",
    )
