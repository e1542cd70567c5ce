"""Every option in conf/dataset names a class here, with all of its parameters."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CONF = Path(__file__).parents[3] / "conf" / "dataset"
OPTIONS = [
    "csv",
    "huggingface",
    "images",
    "jsonl",
    "lee",
    "newsgroups",
    "parquet",
    "python",
    "text",
]


def test_the_options_are_the_ones_that_users_rely_on():
    assert sorted(path.stem for path in CONF.glob("[!_]*.yaml")) == OPTIONS


def composed(option):
    """The YAML of an option with those that it extends, as Hydra merges them."""
    node = yaml.safe_load((CONF / f"{option}.yaml").read_text())
    merged = {}
    for name in node.pop("defaults", ["_self_"]):
        merged |= node if name == "_self_" else composed(name)
    return merged


@pytest.mark.parametrize("option", OPTIONS)
def test_option_lists_every_parameter_with_its_default(option):
    node = composed(option)
    module, _, name = node.pop("_target_").rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert set(node) == set(parameters)
    assert node.pop("seed") == "${seed}"
    for key, value in node.items():
        default = parameters[key].default
        assert value == ("???" if default is inspect.Parameter.empty else default), key


@pytest.mark.parametrize("option", ["csv", "jsonl", "parquet", "huggingface"])
def test_tables_share_the_fixed_keys(option):
    fixed = {"path", "text", "label", "timestamp", "image", "limit", "seed", "columns", "missing"}
    assert fixed <= composed(option).keys()


def test_no_backend_is_imported_with_the_classes():
    modules = ", ".join(f"components.datasets.{option}" for option in OPTIONS)
    heavy = {"pandas", "pyarrow", "datasets", "sklearn", "gensim", "PIL"}
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=CONF.parents[1]
    )
    assert done.stdout.strip() == "[]", done.stderr
