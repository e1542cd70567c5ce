"""Every YAML in conf/ is composed, and its arguments are checked against its target."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

import conf
from runner.cli.help import describe
from runner.config import schema
from runner.config.signatures import signature
from runner.config.validate import check_config

FOLDER = Path(conf.__file__).parent
OPTIONS = sorted(
    (file.parent.name, file.stem)
    for file in FOLDER.glob("*/[!_]*.yaml")
    if file.parent.name not in ("experiment",)
)
EXPERIMENTS = sorted(file.stem for file in (FOLDER / "experiment").glob("*.yaml"))
GROUPS = "dataset embedder reducer clusterer representation labels metrics tracking".split()


@cache
def composed(override: str) -> DictConfig:
    """The config with one override, composed once for all tests."""
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        config = compose("config", [override])
    OmegaConf.set_readonly(config, True)
    return config


@pytest.mark.parametrize("group", [*GROUPS, "experiment"])
def test_no_group_is_empty(group: str) -> None:
    assert list((FOLDER / group).glob("*.yaml"))


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option(group: str, option: str) -> None:
    config = composed(f"{group}={option}")
    problems = [p for p in check_config(config) if "a value is required" not in p.message]
    assert not problems


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_lists_every_parameter(group: str, option: str) -> None:
    """Hydra lets a user change only the keys that a YAML lists."""
    node = composed(f"{group}={option}")[group]
    target = node.get("_target_", "")
    if not target.startswith("components."):
        return
    found = signature(target)
    assert found is not None
    assert set(found.parameters) == {key for key in node if not key.startswith("_")}


# Options that set a general class to something else on purpose, by the settings that differ.
PRESETS = {
    ("embedder", "minilm"): {"normalise", "sha256"},
    ("labels", "llm"): {"options"},  # a request's own keys, which have no place in a signature
}


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_values_are_the_constructors_defaults(group: str, option: str) -> None:
    """A YAML lists every setting, so a default that is changed in one place alone is a trap."""
    node = composed(f"{group}={option}")[group]
    target = node.get("_target_", "")
    if not target.startswith("components."):
        return
    module, _, name = target.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    differ = set()
    for key in node:
        if key not in parameters or parameters[key].default is inspect.Parameter.empty:
            continue
        if OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key):
            continue
        value, default = node[key], parameters[key].default
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=False)
        default = list(default) if isinstance(default, tuple) else default
        if value != default:
            differ.add(key)
    assert differ == PRESETS.get((group, option), set())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment(name: str) -> None:
    assert not check_config(composed(f"experiment={name}"))


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_help_has_a_line_on_each_option(group: str, option: str) -> None:
    about = describe(FOLDER / group / f"{option}.yaml")
    assert len(about) > 3
    assert "runner" not in about.split()[:3]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("[!_]*/[!_]*.yaml")), ids=lambda f: f.stem)
def test_yaml_opens_with_its_command(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if "@package" not in line)  # Hydra wants that one on top
    group, option = file.parent.name, file.stem
    assert first.startswith("# ")
    if option == "python":  # for programs
        assert "from runner import run" in first
        return
    assert "python -m runner" in first
    if group != "metrics":
        assert f"{group}={option}" in first
