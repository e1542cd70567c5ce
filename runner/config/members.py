"""The members of an ensemble: names of options, replaced by the options' settings."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationResolutionError

from runner.config.problems import ConfigError, Problem, report
from runner.config.untrusted import trust_keys
from runner.terminal.suggestions import nearest

TARGET = "components.embedders.ensemble.EnsembleEmbedder"
OPTION = "ensemble"
PATH = "embedder.of"


def loader(config_dir: str | Path | None = None) -> ConfigLoaderImpl:
    """Hydra's loader of the options in conf/, and of those in a folder of the user's."""
    path = create_config_search_path("pkg://conf")
    if config_dir:
        folder = f"file://{Path(config_dir).absolute()}"
        path.prepend("command-line", folder, SearchPathQuery(provider="schema"))
    return ConfigLoaderImpl(path)


def name_members(config: DictConfig) -> None:
    """Replace the members' names in the config of a job that Hydra runs, in place.

    Raises
    ------
    ConfigError
        Naming every mistake.
    """
    if not is_ensemble(config):
        return
    settings = HydraConfig.get()
    folders = [s.path for s in settings.runtime.config_sources if s.provider == "command-line"]
    search = [o for o in settings.overrides.hydra if o.startswith("hydra.searchpath")]
    if problems := list(replace_names(config, loader(next(iter(folders), None)), search)):
        raise ConfigError(report(problems))


def with_members(config: DictConfig) -> DictConfig:
    """The config, or a copy of it with the members' names replaced by options in conf/.

    Raises
    ------
    ConfigError
        Naming every mistake.
    """
    if not is_ensemble(config) or all(
        isinstance(node, DictConfig) and "_target_" in node for node in _nodes(config)
    ):
        return config
    config = copy.deepcopy(config)
    if problems := list(replace_names(config, loader())):
        raise ConfigError(report(problems))
    return config


def _nodes(config: DictConfig) -> list[Any]:
    """The members' settings; their names where they are not replaced yet."""
    of = config.embedder.get("of") or []
    return [*of.values()] if isinstance(of, DictConfig) else [*of]


def is_ensemble(config: DictConfig) -> bool:
    """Whether the embedder of a config is an ensemble."""
    node = config.get("embedder")
    try:
        return isinstance(node, DictConfig) and node.get("_target_") == TARGET
    except InterpolationResolutionError:  # the check of the values tells
        return False


def replace_names(
    config: DictConfig, loader: ConfigLoaderImpl, search: Iterable[str] = ()
) -> Iterator[Problem]:
    """Replace the names in `embedder.of` by the settings of these options, in place.

    `[minilm, {openai: {dimensions: 256}}]` becomes `{minilm: {_target_: ...}, openai: {...}}`.
    What is replaced already stays as it is.

    Parameters
    ----------
    config : the composed config
    loader : of its options
    search : an override of `hydra.searchpath`, where there is one
    """
    if not is_ensemble(config) or OmegaConf.is_missing(config.embedder, "of"):
        return
    names = OmegaConf.to_container(config.embedder, resolve=False)["of"]  # type: ignore[index,call-overload]
    entries = names.items() if isinstance(names, dict) else _entries(names)
    options = loader.get_group_options("embedder", config_name="config", overrides=[*search])
    options = [name for name in options if name[0] != "_" and name != OPTION]
    members: dict[str, Any] = {}
    for name, settings in entries:
        if isinstance(settings, dict) and "_target_" in settings:
            members[name] = settings
            continue
        if not isinstance(name, str) or not (settings is None or isinstance(settings, dict)):
            yield Problem(
                f"{PATH}={name}",
                "must be a list of options, as in embedder.of=[minilm,use_multilingual]; with "
                "settings: 'embedder.of=[minilm,{openai: {dimensions: 256}}]'",
            )
            continue
        if name not in options:
            yield Problem(f"{PATH}={name}", f"there is no such option.{nearest(name, options)}")
            continue
        composed = loader.load_configuration(
            "config", [*search, f"embedder={name}"], RunMode.RUN, validate_sweep_overrides=False
        )
        node: Any = OmegaConf.to_container(composed.embedder, resolve=False)
        for path in trust_keys(node):
            if path not in (settings or {}):
                yield Problem(
                    f"{PATH}={name}",
                    f"its YAML sets {path}, and only the command line may. Type "
                    f"'embedder.of=[{{{name}: {{{path}: true}}}}]'",
                )
        node = OmegaConf.to_container(OmegaConf.merge(node, settings or {}), resolve=False)
        if node in members.values():
            yield Problem(
                PATH,
                f"names {name} twice with the same settings, so it would only count twice as much. "
                "Name another embedder in its place, or give one of the two other settings.",
            )
        members[_free(name, members)] = node
    with open_dict(config.embedder):
        config.embedder.of = members


def as_typed(path: str) -> str:
    """How a key is set on the command line: a member's by the list that names the members."""
    if not path.startswith(f"{PATH}."):
        return f"{path}=..."
    member, *keys = path.removeprefix(f"{PATH}.").split(".")
    value = "..."
    for key in (*reversed(keys), member):
        value = f"{{{key}: {value}}}"
    return f"'{PATH}=[{value}, ...]'"


def _entries(names: Any) -> Iterator[tuple[Any, Any]]:
    """Names with their settings, None where there are none."""
    for item in names if isinstance(names, list) else [names]:
        if isinstance(item, dict) and len(item) == 1:
            yield from item.items()
        else:
            yield item, None


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, or with a number where it is taken: an option may be named twice."""
    taken = set(taken)
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
