"""A secret in the environment, and one put into a config by mistake, are found nowhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import run_process

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


# What holds a secret, and the secret in it.
FORMS = {
    "an address with a token": ("https://{}@far.example/x", "tok3nOfTheUser77"),
    "an address with a password": ("postgresql://me:{}@far.example/db", "p4ss/w:rd@1n51de"),
    "a query's key": ("https://far.example/x?n=1&api_key={}&m=2", "queryKey4711xyz"),
    "a query's signature": ("https://far.example/x?sv=1&sig={}", "s1gnature0fSas"),
    "a bearer": ("failed with Authorization: Bearer {}", "bearer-0f-bad-n3ws"),
    "a header": ("x-api-key: '{}'", "headerKey0815abc"),
    "a connection string": ("AccountName=me;AccountKey={};x=1", "acc0untKey=="),
    "Azure's shared access": ("Endpoint=sb://x;SharedAccessKey={}", "sharedAcc3ss"),
    "a private key": (
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "MIIEvQIBADANBg0",
    ),
    "OpenAI": ("{}", "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2"),
    "Google": ("{}", "AIzaSyA-1234567890abcdefghijklmnopqrstu"),
    "Groq": ("{}", "gsk_abcdefghijklmnopqrstuvwx1234567890"),
    "Cohere": ("{}", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9n"),
    "GitLab": ("{}", "glpat-abcDEF123456ghiJKL78"),
    "NVIDIA": ("{}", "nvapi-abcDEF123456ghiJKL78mnoPQR"),
    "Databricks": ("{}", "dapi0123456789abcdef0123456789abcdef"),
    "Hugging Face": ("{}", "hf_abcdefghijKLMNOPQRST"),
    "GitHub": ("{}", "ghp_abcdefghijklmnopqrst1234"),
    "AWS": ("{}", "AKIAIOSFODNN7EXAMPLE"),
    "Slack": ("{}", "xoxb-1234567890-abcdefghij"),
}  # fmt: skip
NAMES = [
    "api_key", "auth_token", "pwd", "pass", "auth", "bearer", "private_key", "access_key",
    "account_key", "passphrase", "connection_string", "sas", "subscription_key", "password", "key",
]  # fmt: skip
NOTED = """
import logging, zlib
import numpy as np

class Noted:
    def __init__(self, *, notes=None, swept=None, fail=False):
        self.notes, self.fail = notes, fail

    def encode(self, documents):
        logging.getLogger("components.noted").warning("noted: %s", self.notes)
        if self.fail:
            raise RuntimeError(f"refused: {self.notes}")
        seeds = (zlib.crc32(text.encode()) for text in documents)
        return np.stack([np.random.default_rng(seed).random(8, np.float32) for seed in seeds])
"""


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> tuple[dict[str, bytes], dict[str, str]]:
    """All that a sweep writes and says whose part is given, and tells, every form of a secret.

    Content by file, and the secrets: by form, and by the name of the key that they stand under.
    """
    folder = tmp_path_factory.mktemp("secrets")
    secrets = {form: value for form, (_, value) in FORMS.items()}
    secrets |= {f"key {name}": f"v4lue-{number}-of-key" for number, name in enumerate(NAMES)}
    notes, env = {}, {}
    for number, (form, value) in enumerate(secrets.items()):
        env[f"NOTE_{number}"] = FORMS[form][0].format(value) if form in FORMS else value
        name = form.removeprefix("key ") if form not in FORMS else f"n{number}"
        notes[name] = f"${{oc.env:NOTE_{number}}}"
    (folder / "embedder").mkdir()
    (folder / "embedder" / "noted.yaml").write_text(
        yaml.safe_dump({
            "_target_": "noted.Noted", "notes": notes, "swept": None, "fail": False,
        })
    )  # fmt: skip
    (folder / "noted.py").write_text(NOTED)
    shutil.copy(empty_store, folder / "mlflow.db")
    swept = f"${{oc.env:NOTE_{[*secrets].index('Groq')}}}"
    outcome = run_process(
        folder, "-m", "--config-dir=.", "embedder=noted", "trusted_targets=[noted]",
        "dataset.limit=60", "clusterer=kmeans", "clusterer.n_clusters=3", "metrics=fast",
        "map=false", "embedder.fail=false,true", f"embedder.swept={swept},x", "hydra.verbose=true",
        f"+hydra.job.env_set.SOMETHING={swept}", **env,
    )  # fmt: skip
    assert outcome.code == 1, outcome.err
    assert "refused: " in outcome.out
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    kinds = (
        "run.json",
        "sweep.json",
        "hydra.yaml",
        "mlflow.db",
        "model.yaml",
        "MODEL.md",
        "report.html",
        "leaderboard.html",
        "leaderboard.csv",
        "runner.log",
        "multirun.yaml",
    )
    assert not [kind for kind in kinds if not any(name.endswith(kind) for name in files)]
    assert any(name.startswith(".runner-cache") for name in files)
    content = {name: path.read_bytes() for name, path in files.items()}
    return {**content, "the console": (outcome.out + outcome.err).encode()}, secrets


@pytest.mark.parametrize("form", [*FORMS, *(f"key {name}" for name in NAMES)])
def test_no_form_of_a_secret_in_any_file(
    form: str, written: tuple[dict[str, bytes], dict[str, str]]
) -> None:
    contents, secrets = written
    secret = secrets[form].rpartition("@")[2]
    found = [
        name
        for name, content in contents.items()
        if secret.encode() in content or secret.encode("utf-16-le") in content
    ]
    assert not found


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
