"""What a user may get wrong, and what the answer is: one line each, no traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from suggestions_support import follow
from tests_support import FAST

N = 12  # documents in the good file


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Good and bad input files."""
    good = [{"text": f"document number {i} about cats and dogs", "label": "a"} for i in range(N)]
    (tmp_path / "good.jsonl").write_text("\n".join(map(json.dumps, good)))
    (tmp_path / "number.jsonl").write_text('{"text": "fine"}\n{"text": 3}\n')
    (tmp_path / "blank.jsonl").write_text('{"text": " "}\n{"text": ""}\n')
    (tmp_path / "one.jsonl").write_text('{"text": "the only document"}\n')
    (tmp_path / "nothing.jsonl").write_text("")
    vectors = np.ones((N, 4), dtype=np.float32)
    np.save(tmp_path / "short.npy", vectors[:5])
    vectors[3, 2] = np.nan
    np.save(tmp_path / "nan.npy", vectors)
    (tmp_path / "mine.py").write_text("class Mine:\n    def encode(self, documents): ...\n")
    return tmp_path


GOOD = "dataset=jsonl dataset.path=good.jsonl"

# arguments, and what the answer must hold
CASES = {
    "unknown option": ("embedder=minilmm", ["embedder=minilmm", "Did you mean 'minilm'?"]),
    "misspelt group": ("embeder=minilm", ["embeder=minilm", "Did you mean 'embedder'?"]),
    "misspelt key": (
        "reducer=umap reducer.n_neighbours=5",
        ["reducer.n_neighbours=5", "Did you mean 'n_neighbors'?"],
    ),
    "wrong type of a run key": ("seed=soon", ["seed=soon: must be int or null."]),
    "wrong type of a part's key": (
        "reducer=umap reducer.n_neighbors=many",
        ["reducer.n_neighbors=many", "must be int"],
    ),
    "not one of the words": (
        "clusterer=leiden clusterer.granularity=fin",
        [
            "clusterer.granularity=fin: must be one of broad, medium, fine, auto.",
            "Did you mean 'fine'?",
        ],
    ),
    "not one of the words that a name in the source stands for": (
        "embedder=minilm embedder.engine=onx",
        ["embedder.engine=onx: must be one of auto, torch, onnx, openvino. Did you mean 'onnx'?"],
    ),
    "no unit of time": (
        "reports.over_time.bins=weak",
        ["reports.over_time.bins=weak: must be one of auto, hour,", "Did you mean 'week'?"],
    ),
    "numbers out of range": (
        "reports.over_time.bins=1 reports.over_time.smooth=4 metrics.npmi.n_words=0",
        [
            "3 mistakes",  # and not those of the keys that refer to these
            "reports.over_time.bins=1: must be from 2 to 2,000, or auto, hour,",
            "reports.over_time.smooth=4: must be odd, and at least 3, or null.",
            "metrics.npmi.n_words=0: must be at least 1.",
        ],
    ),
    "missing value": ("dataset=jsonl", ["dataset.path", "a value is required"]),
    "missing file": (
        "dataset=jsonl dataset.path=nowhere.jsonl",
        ["nowhere.jsonl", "dataset.path"],
    ),
    "missing column": (f"{GOOD} dataset.text=txt", ["dataset.text=txt", "'text'"]),
    "not text": ("dataset=jsonl dataset.path=number.jsonl", ["row 1", "not text", "int"]),
    "all empty": ("dataset=jsonl dataset.path=blank.jsonl", ["all 2 documents are empty"]),
    "empty file": ("dataset=jsonl dataset.path=nothing.jsonl", ["nothing.jsonl"]),
    "one document": (
        "dataset=jsonl dataset.path=one.jsonl embedder=tfidf",
        ["too few to find topics"],
    ),
    "wrong number of vectors": (
        f"{GOOD} embedder=precomputed embedder.path=short.npy",
        ["5", str(N)],
    ),
    "NaN in vectors": (f"{GOOD} embedder=precomputed embedder.path=nan.npy", ["row 3"]),
    "a target outside the allowlist": (
        "embedder._target_=os.system",
        ["embedder._target_", "os.system", "trusted_targets=[os]"],
    ),
    "a target through a trusted package": (
        "embedder._target_=sklearn.utils.os.system",
        ["embedder._target_", "sklearn.utils"],
    ),
    "a class that is not there": (
        "reducer=pca reducer._target_=sklearn.decomposition.PCAA",
        ["PCAA", "Did you mean 'PCA'?"],
    ),
    "a class of one's own, not trusted": (
        "embedder._target_=mine.Mine",
        ["mine.Mine", "trusted_targets=[mine]"],
    ),
    "a secret": ("+embedder.api_key=sk-0123456789abcdefghij", ["embedder.api_key", "secret"]),
    "no such config folder": ("--config-dir nowhere", ["--config-dir", "nowhere"]),
    "unreadable override": ("dataset=jsonl dataset.path=[", ["dataset.path='['"]),
}


@pytest.mark.parametrize("case", CASES)
def test_one_mistake(case: str, runner: Callable[..., object], files: Path) -> None:
    arguments, expected = CASES[case]
    outcome = runner(*FAST, *arguments.split())
    assert outcome.code in (1, 2)
    assert "Traceback" not in outcome.err
    for text in expected:
        assert text in outcome.err
    if outcome.code == 2:
        follow([*FAST, *arguments.split()], outcome.err)


def test_all_mistakes_at_once(runner: Callable[..., object]) -> None:
    outcome = runner(
        "embedder=minlm", "seed=x", "clusterer.n_neighbours=3", "clusterer.n_topics=big",
        "tracking.experimant=a",
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.err.startswith("5 mistakes")
    assert len(outcome.err.strip().splitlines()) == 6
    assert not list(outcome.folder.glob("outputs"))


def test_a_secret_is_not_repeated(runner: Callable[..., object]) -> None:
    outcome = runner("+embedder.api_key=sk-0123456789abcdefghij")
    assert "0123456789abcdefghij" not in outcome.err + outcome.out
    assert not list(outcome.folder.iterdir())


def test_every_choice_of_a_sweep_is_checked_before_the_first_runs(
    runner: Callable[..., object],
) -> None:
    outcome = runner("-m", "embedder=tfidf,minilmm", "seed=1,x")
    assert outcome.code == 2
    assert "embedder=minilmm" in outcome.err
    assert "seed=x" in outcome.err
    assert not list(outcome.folder.iterdir())


def test_a_missing_extra_names_the_line_that_installs_it(
    runner: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "flair" else find_spec(name, *rest),
    )
    outcome = runner(*FAST, "embedder=flair_glove")
    assert outcome.code in (1, 2)
    assert "pip install 'topic-runner[flair]'" in outcome.err
