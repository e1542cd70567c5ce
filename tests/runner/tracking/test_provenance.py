from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from runner.tracking import provenance


def test_flatten() -> None:
    nested = {"a": {"b": 1, "c": {"d": [1, {"e": 2}]}}, "f": None, "g": {}}
    assert provenance.flatten(nested) == {"a.b": 1, "a.c.d": [1, {"e": 2}], "f": None, "g": {}}


def test_what_is_kept_of_a_config_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "correct-horse-battery")
    config = OmegaConf.create(
        {"a": "${oc.env:SERVICE_TOKEN}", "api_key": "x", "b": ["${c}"], "c": 3}
    )
    assert provenance.kept_config(config) == {"a": "***", "api_key": "***", "b": [3], "c": 3}


def test_the_environment_names_what_may_change_a_result() -> None:
    found = provenance.environment()
    assert {"python", "platform", "numpy", "scikit-learn", "hydra-core"} <= found.keys()


def test_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, data = tmp_path / "code", tmp_path / "data"
    for folder in (code, data):
        folder.mkdir()
    monkeypatch.setattr(provenance, "__file__", str(code / "provenance.py"))
    monkeypatch.chdir(data)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    def commit() -> str:
        provenance.git_commit.cache_clear()
        return provenance.git_commit()

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=data, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        assert commit() == "unknown"
        (data / "file").write_text("1")
        git("init")
        git("add", "file")
        git("commit", "-m", "first")
        assert commit() == git("rev-parse", "HEAD")
        (data / "untracked").write_text("1")
        assert not commit().endswith("-dirty")
        (data / "file").write_text("2")
        assert commit() == git("rev-parse", "HEAD") + "-dirty"
        monkeypatch.setenv("PATH", "")  # no git at all
        assert commit() == "unknown"
    finally:
        provenance.git_commit.cache_clear()
