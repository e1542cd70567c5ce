from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.embedders.adapt import as_embedder
from runner.cache.fingerprint import fingerprint

NODE = {"_target_": "mine.Mine", "size": 3, "batch_size": 8, "device": "cpu"}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes `mine.py` with a given body and loads it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(body: str) -> Any:
        (tmp_path / "mine.py").write_text(
            f"class Mine:\n    def encode(self, d): {body}\ndef work(d): {body}\n"
        )
        sys.modules.pop("mine", None)
        sys.dont_write_bytecode = True
        import mine

        return mine

    return load


def test_an_embedders_own_word_counts() -> None:
    class Own:
        def encode(self, documents: Any) -> Any: ...

        def fingerprint(self) -> dict[str, Any]:
            return {"model": "x"}

    assert fingerprint(Own(), NODE) == {"model": "x"}


def test_what_changes_no_vector_is_left_out(mine: Any) -> None:
    module = mine("return [[1.0]]")
    found = fingerprint(module.Mine(), NODE)
    assert found["config"] == {"_target_": "mine.Mine", "size": 3}
    assert found == fingerprint(module.Mine(), {**NODE, "batch_size": 1, "device": "cuda"})
    assert found != fingerprint(module.Mine(), {**NODE, "size": 4})
    json.dumps(found)


def test_an_edit_of_the_class_is_another_embedder(mine: Any) -> None:
    before = fingerprint(mine("return [[1.0]]").Mine(), NODE)
    assert before != fingerprint(mine("return [[2.0]]").Mine(), NODE)


def test_an_edit_of_a_function_is_another_embedder(mine: Any) -> None:
    before = fingerprint(as_embedder(partial(mine("return [[1.0]]").work)), NODE)
    assert before["source"] is not None
    assert before != fingerprint(as_embedder(partial(mine("return [[2.0]]").work)), NODE)
