"""Checks a command line before Hydra acts on it, so that every mistake is reported at once.

Hydra stops at the first key that it does not know. Here each override is tried on its own, on
each choice of a sweep, and the config that results is checked as a whole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_module
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import conf
from runner.config import schema
from runner.config.signatures import NotFoundError, signature
from runner.config.validate import ConfigError, Problem, check_config, report
from runner.console import nearest

# With one of these Hydra only shows something, and runs nothing.
_SHOWS = ("help", "hydra_help", "version", "cfg", "info", "shell_completion")


def preflight(arguments: list[str]) -> None:
    """Check the arguments of `python -m runner`.

    Raises
    ------
    ConfigError
        Naming every mistake, each with its path, its value and the nearest right name.
    """
    options = get_args_parser().parse_args(arguments)
    if any(getattr(options, name, None) for name in _SHOWS):
        return
    if problems := list(_problems(options.overrides, options.config_dir)):
        raise ConfigError(report(problems))


@dataclass
class _Line:
    """A command line sorted by what its overrides do."""

    groups: dict[str, list[str]]  # group: the options chosen, several in a sweep
    values: list[tuple[Override, list[object]]]  # an override and the values that it takes
    rest: list[str]  # what Hydra alone handles: hydra's own keys, additions, deletions


def _problems(overrides: list[str], config_dir: str | None) -> Iterator[Problem]:
    folders = [Path(conf.__file__).parent]
    if config_dir:
        folder = Path(config_dir)
        if not folder.is_dir():
            yield Problem("--config-dir", f"there is no folder '{folder.absolute()}'.")
            return
        folders.append(folder)
    parser = OverridesParser.create()
    parsed: list[Override] = []
    for text in overrides:
        try:
            parsed += parser.parse_overrides([text])
        except HydraException as error:
            yield Problem(text, f"cannot be read as key=value: {str(error).splitlines()[0]}")
    line = _Line({}, [], [])
    for override in parsed:
        yield from _sort(override, folders, line)
    search = [f"hydra.searchpath=[file://{Path(config_dir).absolute()}]"] if config_dir else []
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        for groups in _choices(line.groups):
            yield from _composition([*search, *line.rest, *groups], line.values)


def options(group: str, folders: list[Path]) -> list[str]:
    """Names of the options of a config group."""
    # A name that begins with _ is a base that options extend, not an option.
    return sorted({file.stem for f in folders for file in (f / group).glob("[!_]*.yaml")})


def _sort(override: Override, folders: list[Path], line: _Line) -> Iterator[Problem]:
    key, text = override.key_or_group, str(override.input_line)
    names = {g.name for f in folders for g in f.iterdir() if g.is_dir() and g.name[0] not in "._"}
    if key == "hydra" or key.startswith(("hydra.", "hydra/")):
        if override.is_sweep_override():
            return
        if key == "hydra/launcher":
            missing = _missing_launcher(str(override.value()))
            if missing:
                yield missing
                return
        line.rest.append(text)
    elif key in names and not override.is_delete():
        valid = []
        for option in _swept(override):
            if option is None or str(option) in options(key, folders):
                valid.append("null" if option is None else str(option))
            else:
                yield Problem(
                    f"{key}={option}",
                    f"there is no such option.{nearest(str(option), options(key, folders))}",
                )
        if valid:
            line.groups[key] = valid
    elif override.is_delete() or override.is_add() or override.is_force_add() or "@" in text:
        line.rest.append(text)
    elif "." not in key and key not in _top_keys(names):
        yield Problem(text, f"there is no such key.{nearest(key, _top_keys(names))}")
    else:
        line.values.append((override, _swept(override)))


def _top_keys(groups: set[str]) -> list[str]:
    return sorted((groups - {"hydra"}) | set(schema.RunConfig.__dataclass_fields__))


def _swept(override: Override) -> list[object]:
    if not override.is_sweep_override():
        value = override.value()
        return [value]
    if override.is_choice_sweep() or override.is_range_sweep():
        return list(override.sweep_iterator(transformer=lambda value: value))
    return []  # glob and interval: Hydra expands them


def _missing_launcher(name: str) -> Problem | None:
    plugins = {
        "joblib": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
        "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "submitit"),
        "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "submitit"),
    }
    if name not in plugins:
        return None
    module, extra = plugins[name]
    folder = module.replace(".", os.sep)
    if any((Path(entry) / folder).is_dir() for entry in sys.path):
        return None
    return Problem(
        f"hydra/launcher={name}",
        f"this launcher is not installed. Type: pip install -c constraints.txt '.[{extra}]'",
    )


def _choices(groups: dict[str, list[str]]) -> Iterator[list[str]]:
    """Group overrides such that each choice of a sweep occurs once."""
    first = {group: names[0] for group, names in groups.items()}
    yield [f"{group}={name}" for group, name in first.items()]
    for group, names in groups.items():
        for name in names[1:]:
            yield [f"{g}={n}" for g, n in {**first, group: name}.items()]


def _composition(
    overrides: list[str], values: list[tuple[Override, list[object]]]
) -> Iterator[Problem]:
    try:
        config = compose("config", overrides)
    except (HydraException, OmegaConfBaseException) as error:
        yield Problem(" ".join(overrides) or "config", str(error).splitlines()[0])
        return
    unknown = [override for override, _ in values if not _exists(config, override.key_or_group)]
    for override in unknown:
        yield _unknown_key(config, override)
    for override, choices in values:
        if override in unknown:
            continue
        for choice in choices:
            plain = _to_plain(choice)
            try:
                OmegaConf.update(config, override.key_or_group, plain, merge=True)
            except OmegaConfBaseException as error:
                shown = f"{override.key_or_group}={choice}"
                yield Problem(shown, f"wrong type. {str(error).splitlines()[0]}.")
            if choice is not choices[-1]:
                yield from check_config(config)
    yield from check_config(config)


def _to_plain(value: object) -> object:
    """Hydra's quoted strings and nested values as plain ones."""
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _to_plain(item) for key, item in value.items()}
    return Override._convert_value(value)  # type: ignore[arg-type]


def _exists(config: DictConfig, key: str) -> bool:
    node: object = config
    for part in key.split("."):
        if not isinstance(node, DictConfig) or part not in node.keys():  # noqa: SIM118
            return False
        node = None if OmegaConf.is_missing(node, part) else node._get_node(part)
        if OmegaConf.is_interpolation(node):
            node = None
    return True


def _unknown_key(config: DictConfig, override: Override) -> Problem:
    text = str(override.input_line)
    *parents, leaf = override.key_or_group.split(".")
    node: object = config
    path: list[str] = []
    for part in [*parents, leaf]:
        if not isinstance(node, DictConfig):
            where = ".".join(path)
            return Problem(text, f"'{where}' holds one value and no keys.")
        if part not in node.keys():  # noqa: SIM118
            break
        path.append(part)
        node = node._get_node(part)
    assert isinstance(node, DictConfig)
    names = [str(key) for key in node.keys() if not str(key).startswith("_")]  # noqa: SIM118
    target = node.get("_target_")
    if isinstance(target, str):
        try:
            found = signature(target)
        except NotFoundError:
            found = None
        if found and part in found.parameters:
            return Problem(
                text,
                f"the option's YAML does not list this parameter of {target}. "
                f"Put a plus before it: +{text}",
            )
    return Problem(text, f"there is no such key.{nearest(part, names)}")
