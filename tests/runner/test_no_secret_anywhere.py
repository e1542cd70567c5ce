"""A secret in the environment, and one put into a config by mistake, are found nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
KEY = "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2"
TOKEN = "correct-horse-battery-staple"
PASSWORD = "hunter2hunter2"


def holding(folder: Path, secret: str) -> list[Path]:
    """The files with these bytes in them, also as UTF-16 or in base64."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if secret.encode() in content or secret.encode("utf-16-le") in content:
                found.append(path)
    return found


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_leaves_no_secret(
    launcher: str, tmp_path: Path, store: Path, troubled: list[str], start: Run
) -> None:
    process = start(
        "-m", *troubled, "embedder.trouble=fail,none", f"hydra/launcher={launcher}",
        "hydra.verbose=true",
        OPENAI_API_KEY=KEY, MY_TOKEN=TOKEN, NOTHING=f"at all {TOKEN}",
    )  # fmt: skip
    out, err = process.communicate(timeout=180)
    assert process.returncode == 1, err
    assert "401 for key ***: go away" in out
    assert "Traceback" in "".join(p.read_text() for p in tmp_path.glob("multirun/*/*/*/runner.log"))
    for secret in (KEY, TOKEN):
        assert secret not in out + err
        assert not holding(tmp_path, secret)


@pytest.mark.parametrize(
    "mistake",
    [
        f"+embedder.pipeline.api_key={PASSWORD}",
        f"tracking.uri=postgresql://me:{PASSWORD}@127.0.0.1:9/runs",
        f"dataset.path=/tmp/{KEY}",
        f"leaderboard.sort={KEY}",
        f"hydra.job.name={KEY}",
        f"+embedder.password={PASSWORD}",
        f"+embedder.connection_string={PASSWORD}",
        f"+embedder.account_key={PASSWORD}",
        f"+embedder.url=https://{PASSWORD}@host/",
        f"+embedder.url='http://host/?api_key={PASSWORD}'",
        f"+embedder.header='Bearer {PASSWORD}'",
        f"+hydra.job.env_set.MY_API_KEY={PASSWORD}",
        f"+hydra.launcher.password={PASSWORD}",
    ],
)
@pytest.mark.parametrize("mode", [[], ["seed=1,2", "-m"]])
def test_a_secret_in_a_config_is_refused_before_anything_is_written(
    mistake: str, mode: list[str], runner: Run
) -> None:
    outcome = runner("dataset=text", "dataset.path=x", "embedder=tfidf", mistake, *mode)
    assert outcome.code == 2
    assert "secret" in outcome.err
    for secret in (PASSWORD, KEY):
        assert secret not in outcome.out + outcome.err
    assert not list(outcome.folder.iterdir())


def test_a_password_in_the_address_of_the_store(
    runner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's own variable may hold one; what is said of the store must not."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://me:{PASSWORD}@127.0.0.1:9/runs")
    for mode in ([], ["-m"]):
        outcome = runner(*mode, "embedder=tfidf")
        assert outcome.code in (1, 2)
        assert "postgresql://me:***@127.0.0.1:9/runs cannot be used" in outcome.err
        assert PASSWORD not in outcome.out + outcome.err
        assert not holding(outcome.folder, PASSWORD)


def test_an_address_from_the_environment(runner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra resolves the overrides of a sweep, which stand in its tags and its sweep.json."""
    monkeypatch.setenv("MY_STORE", f"postgresql://me:{PASSWORD}@127.0.0.1:9/runs")
    for mode in ([], ["-m"]):
        for key in ("uri", "experiment"):
            outcome = runner(*mode, "embedder=tfidf", f"tracking.{key}=${{oc.env:MY_STORE}}")
            assert outcome.code in (1, 2)
            assert PASSWORD not in outcome.out + outcome.err
            assert not holding(outcome.folder, PASSWORD)


def test_a_syntax_error_does_not_repeat_the_address(runner: Run) -> None:
    outcome = runner(f"dataset.path=https://me:{PASSWORD}@host/x?y=z")
    assert outcome.code == 2
    assert PASSWORD not in outcome.out + outcome.err
