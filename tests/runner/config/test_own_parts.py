"""Parts of a user's own: a class, an object with `transform`, a function, a config folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from components.base import UserError
from tests_support import FAST

MODULE = '''
import numpy as np

class Lengths:
    def __init__(self, scale: float = 1.0):
        self.scale = scale
    def encode(self, documents):
        return np.array([[len(d), d.count("e"), d.count(" ")] for d in documents]) * self.scale

def counts(documents):
    return [[d.count(letter) for letter in "aeiou"] for d in documents]

def words_per_topic(result):
    """Mean number of words of a topic."""
    return sum(len(topic.words) for topic in result.topics) / len(result.topics)
'''
TRUST = "trusted_targets=[my_parts]"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_parts.py").write_text(MODULE)
    folder = tmp_path / "my_conf" / "embedder"
    folder.mkdir(parents=True)
    (folder / "lengths.yaml").write_text("_target_: my_parts.Lengths\nscale: 2.0\n")
    (folder / "counts.yaml").write_text("_target_: my_parts.counts\n_partial_: true\n")
    (folder / "letters.yaml").write_text(
        "_target_: sklearn.feature_extraction.text.CountVectorizer\nanalyzer: char\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("option", ["lengths", "counts", "letters"])
def test_an_option_from_a_config_folder_of_ones_own(
    option: str, own: Path, runner: Callable[..., object]
) -> None:
    settings = [s for s in FAST if not s.startswith(("embedder", "reducer"))]
    outcome = runner(
        "--config-dir", "my_conf", *settings, f"embedder={option}", "reducer=none", TRUST,
        "dataset.limit=60",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert (outcome.output / "topics.csv").is_file()


def test_a_class_named_on_the_command_line(own: Path, process: Callable[..., object]) -> None:
    settings = [s for s in FAST if not s.startswith(("embedder", "reducer"))]
    (own / "my_conf" / "embedder" / "own.yaml").write_text("_target_: ???\n")
    outcome = process(
        "--config-dir", "my_conf", *settings, "embedder=own", "embedder._target_=my_parts.Lengths",
        "reducer=none", TRUST, "dataset.limit=60",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err


def test_a_folder_without_an_init_file_is_a_package(
    own: Path, runner: Callable[..., object]
) -> None:
    (own / "mine" / "inner").mkdir(parents=True)
    (own / "mine" / "inner" / "lengths.py").write_text(MODULE)
    option = own / "my_conf" / "embedder" / "own.yaml"
    option.write_text("_target_: mine.inner.lengths.Lenghts\n")
    outcome = runner("--config-dir", "my_conf", "embedder=own", "trusted_targets=[mine]", *FAST[1:])
    assert "Did you mean 'Lengths'?" in outcome.err
    (own / "mine" / "__init__.py").touch()
    option.write_text("_target_: mine.inner.lengths.Lengths\n")
    settings = [s for s in FAST if not s.startswith(("embedder", "reducer"))]
    outcome = runner(
        "--config-dir", "my_conf", *settings, "embedder=own", "reducer=none",
        "trusted_targets=[mine]", "dataset.limit=60",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err


def test_its_arguments_are_checked_like_ours(own: Path, runner: Callable[..., object]) -> None:
    outcome = runner(
        "--config-dir", "my_conf", "embedder=lengths", "embedder.scale=big", TRUST, *FAST[1:]
    )
    assert outcome.code == 2
    assert "embedder.scale=big: must be float" in outcome.err


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("class Own:\n    def encode(self, documents) return 1", "line 2, is not Python"),
        ("import nothing_here\nclass Own: pass", "imported: ModuleNotFoundError: No module named"),
        (
            "class Own:\n    def __init__(self):\n        {}['key']\n    def encode(self, d): ...",
            "my_parts.Own cannot be built: KeyError: 'key' (my_parts.py, line 3)",
        ),
    ],
)
def test_a_fault_of_its_own_code_is_told_with_its_line(
    source: str, reason: str, own: Path, process: Callable[..., object]
) -> None:
    (own / "my_parts.py").write_text(source)
    (own / "my_conf" / "embedder" / "own.yaml").write_text("_target_: my_parts.Own\n")
    outcome = process("--config-dir", "my_conf", "embedder=own", TRUST, *FAST[1:])
    assert outcome.code
    assert reason in outcome.err
    assert "my_parts.py, line" in outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.err.splitlines()) == 2


def test_it_is_not_built_unless_trusted(own: Path, runner: Callable[..., object]) -> None:
    outcome = runner("--config-dir", "my_conf", "embedder=lengths", *FAST[1:])
    assert outcome.code == 2
    assert TRUST in outcome.err


def test_a_metric_of_ones_own(own: Path, runner: Callable[..., object]) -> None:
    import json

    outcome = runner(
        *FAST, TRUST, "dataset.limit=60",
        "+metrics.words={_target_: my_parts.words_per_topic, _partial_: true}",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert json.loads((outcome.output / "run.json").read_text())["metrics"]["words"] == 10


def test_a_metric_of_ones_own_without_its_plus(own: Path, runner: Callable[..., object]) -> None:
    typed = "metrics.words={_target_: my_parts.words_per_topic, _partial_: true}"
    outcome = runner(*FAST, TRUST, typed)
    assert outcome.code == 2
    assert f"a plus before it adds it. Type '+{typed}'" in outcome.err


@pytest.mark.parametrize(
    ("key", "name"),
    [("metrics.words", "words_per_topic.result"), ("embedder", "counts.documents")],
)
def test_a_function_that_would_be_called_too_early(
    key: str, name: str, own: Path, runner: Callable[..., object]
) -> None:
    function, argument = name.split(".")
    node = f"+{key}={{_target_: my_parts.{function}}}"
    if key == "embedder":
        (own / "my_conf" / "embedder" / "early.yaml").write_text(f"_target_: my_parts.{function}\n")
        node = "embedder=early"
    outcome = runner("--config-dir", "my_conf", *FAST[1:], TRUST, node)
    assert outcome.code == 2
    assert f"{key}.{argument}: my_parts.{function} needs a value here" in outcome.err
    assert "`_partial_: true` beside its `_target_`" in outcome.err


def test_mlflow_loads_a_model_with_an_embedder_of_ones_own(
    own: Path, runner: Callable[..., object]
) -> None:
    from runner import load
    from runner.serving import TopicsModel

    settings = [s for s in FAST if not s.startswith(("embedder", "reducer"))]
    outcome = runner(
        "--config-dir", "my_conf", *settings, "embedder=lengths", "reducer=none", TRUST,
        "dataset.limit=60",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    folder = outcome.output / "model"
    with pytest.raises(UserError, match="trusted_targets"):
        load(folder)
    served = TopicsModel()
    served.load_context(SimpleNamespace(artifacts={"model": str(folder)}))
    expected = load(folder, trusted_targets="my_parts").predict(["a text, and more", ""])
    table = pd.DataFrame({"document": ["a text, and more", None]})  # as in a table of Spark
    assert served.predict(None, table).equals(expected)
    (own / "my_parts.py").write_text(MODULE.replace("scale: float = 1.0", "scale: float = 1.5"))
    del sys.modules["my_parts"]  # until then this process runs the code from before the edit
    with pytest.raises(UserError, match="the code of my_parts is not the same then and now"):
        load(folder, trusted_targets=["my_parts"])
