"""Whatever a value of a config is, the answer is parts that can be built, or a message of ours.

Keys and options are those of conf/ as it stands; a new option is tried without a word here.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf, open_dict

import conf
from components.base import UserError
from runner.config import schema
from runner.config.build import build
from runner.config.command_line import compose, preflight
from runner.config.members import loader

FOLDER = Path(conf.__file__).parent
GROUPS = {
    folder.relative_to(FOLDER).as_posix(): sorted(file.stem for file in folder.glob("[!_]*.yaml"))
    for folder in sorted(FOLDER.rglob("*"))
    if list(folder.glob("*.yaml"))
}
LEAKS = re.compile(r"Traceback|\w(?:Error|Exception)\b|object has no|omegaconf|hydra\.(?:_|core)")
NEEDED = {"labels.candidates": "[x,y]", "embedder.of": "[minilm,tfidf]", "embedder.path": "x.npy"}
PRESETS = GROUPS.pop("experiment")
SWEEPS = {
    f"experiment={name}"
    for name in PRESETS
    if "mode: MULTIRUN" in (FOLDER / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
}
# One composition holds an option of every group, so that as many as the largest group has hold all.
COMPOSITIONS = [
    *(
        [f"{group}={names[number % len(names)]}" for group, names in GROUPS.items()]
        for number in range(max(map(len, GROUPS.values())))
    ),
    *([f"experiment={name}"] for name in PRESETS),
]

NUMBERS = [
    *"0 1 -1 2 7 0.5 -0.0 1e-320 1e308 nan inf -inf 4294967296 -9223372036854775809 1_0".split(),
    str(10**30), "9" * 400,
]  # fmt: skip
WORDS = [
    *"null true False '' x auto none ??? no /dev/null a/../b http://u:p@h/x?token=y".split(),
    "'a b'", "'\\x1b[31m'", "'\N{GRINNING FACE}'", "'\udcff'", "'it\\'s'", "x" * 3000,
]  # fmt: skip
SHAPES = [
    *"[] {} [1,a] [[[]]] [null] {a:1} {a:{b:[c]}} {1:2} [nan] [x,x]".split(),
    "{'': x}", "{_target_: os.system}", "{_target_: 3}", "{_partial_: true}",
]  # fmt: skip
REFERENCES = [
    *"${seed} ${nothing} ${seed.x} ${dataset} ${..x} ${.} ${ ${} a${seed}b ${${seed}}".split(),
    *"${oc.env:NOT_SET} ${oc.env:HOME} ${oc.create:{a:1}} ${oc.select:x,} ${nope:1}".split(),
    *"${now:%Y} ${hydra:job.num} ${hydra.job.name}".split(),
]
VALUES = st.sampled_from([*NUMBERS, *WORDS, *SHAPES, *REFERENCES, *(f"'{r}'" for r in REFERENCES)])
SIGNS = st.sampled_from(["", "", "", "", "", "+", "++", "~"])


def keys_of(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a plain config with its value, those that hold others included."""
    items = node.items() if isinstance(node, dict) else ()
    for key, value in items:
        where = f"{path}.{key}" if path else str(key)
        yield where, value
        yield from keys_of(value, where)


def primary() -> dict[str, Any]:
    """What stands in conf/config.yaml, the keys of Hydra included."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "config.yaml").read_text(encoding="utf-8"))
    del found["defaults"]
    return found


@pytest.fixture(scope="module", autouse=True)
def _each_composition_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hydra composes what it has composed before from a copy; everything after that is the real."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "x").write_text("text\n")
    compose_anew = ConfigLoaderImpl.load_configuration
    read_anew = ConfigLoaderImpl._parse_overrides_and_create_caching_repo
    composed: dict[Any, bytes] = {}
    repositories: dict[Any, Any] = {}

    def read(self: Any, name: str, overrides: list[str]) -> Any:
        place = (name, *overrides)
        if place not in repositories:
            repositories[place] = read_anew(self, name, overrides)
        return repositories[place]

    def load(self: Any, name: str, overrides: list[str], *rest: Any, **more: Any) -> Any:
        place = (name, *overrides)
        if place not in composed:
            config = compose_anew(self, name, overrides, *rest, **more)
            composed[place] = pickle.dumps(config)  # copy.deepcopy takes ten times as long
        return pickle.loads(composed[place])

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("OPENAI_API_KEY", "none")
        patch.setenv("CO_API_KEY", "none")
        patch.setattr(ConfigLoaderImpl, "load_configuration", load)
        patch.setattr(ConfigLoaderImpl, "_parse_overrides_and_create_caching_repo", read)
        yield


@cache
def keys(number: int) -> tuple[dict[str, Any], list[str]]:
    """The keys of a composition with their values, and settings of those that need a value."""
    schema.register()
    config = loader().load_configuration("config", COMPOSITIONS[number], RunMode.RUN)
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    del plain["hydra"]
    values = dict(keys_of(plain))
    needed = [f"{key}={NEEDED.get(key, 'x')}" for key, value in values.items() if value == "???"]
    if values["clusterer._target_"].endswith("GivenClusterer") and "dataset.label" in values:
        needed.append("dataset.label=folder")
    return values | dict(keys_of(primary())), needed


def values_for(value: Any) -> st.SearchStrategy[str]:
    """Any value, or, half of the time, an extreme one of the same type."""
    of_type = {bool: ["true", "false"], int: NUMBERS, float: NUMBERS, str: WORDS, list: SHAPES}
    return st.sampled_from(of_type[type(value)]) | VALUES if type(value) in of_type else VALUES


@st.composite
def arguments(draw: st.DrawFn) -> list[str]:
    """A command line: an option of every group, and one to three keys with any values."""
    number = draw(st.integers(0, len(COMPOSITIONS) - 1))
    every, needed = keys(number)
    changed = draw(st.lists(st.sampled_from([*every]), min_size=1, max_size=3, unique=True))
    lines = [f"{draw(SIGNS)}{key}={draw(values_for(every[key]))}" for key in changed]
    if draw(st.integers(0, 9)) == 0:
        lines = [f"{line},{draw(VALUES)}" for line in lines] + ["-m"]
    return [*COMPOSITIONS[number], *needed, *lines]


def numbers_of(part: Any, depth: int = 4) -> Iterator[tuple[str, float]]:
    """The numbers that a built part holds, by attribute."""
    for name, value in getattr(part, "__dict__", {}).items():
        if isinstance(value, float):
            yield name, value
        elif depth and type(value).__module__.startswith("components."):
            yield from numbers_of(value, depth - 1)


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(line=arguments())
def test_any_value(line: list[str]) -> None:
    check(line)


@pytest.mark.parametrize(
    "line",
    [
        "+reducer={1:2}",
        "+hydra.job_logging.handlers={1:2}",
        "~seed",
        "~cache",
        "~model",
        "zeroshot=${oc.create:{a:1}},${oc.select:x,} clusterer.n_topics=2,3 -m",
    ],
)
def test_a_value_that_once_ended_in_a_traceback(line: str) -> None:
    assert check(["embedder=tfidf", *line.split()]) == "refused"


def check(line: list[str]) -> str:
    """Try a command line as far as that costs little; how far that was."""
    try:
        if "-m" in line or SWEEPS & set(line):
            preflight(line)
            return "accepted"
        config = compose(line)
        with open_dict(config):
            del config["hydra"]
        parts = build(config)
    except UserError as refused:
        message = str(refused)
    else:
        for part in vars(parts).values():
            for name, value in numbers_of(part):
                assert not math.isnan(value), name
        return "built"
    assert not LEAKS.search(message), message
    return "refused"
