"""What made a run: command, versions, machine, commit, and the config as it can be logged."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from runner.terminal import secrets
from runner.terminal.suggestions import shell_quote


def kept_config(config: DictConfig) -> dict[str, Any]:
    """The resolved config as plain dicts, with no secret in it."""
    plain = OmegaConf.to_container(config, resolve=True)
    masked: dict[str, Any] = secrets.mask_config(plain)
    return masked


def flatten(node: Any, prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`; lists stay whole."""
    if not isinstance(node, dict) or not node:
        return {prefix: node}
    flat: dict[str, Any] = {}
    for key, value in node.items():
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def config_hash(plain: dict[str, Any]) -> str:
    """The first 16 hex digits of the sha256 of what in a config decides its result.

    Where a run is tracked and cached, and what is written of it, changes nothing: left out.
    """
    aside = ("tracking", "cache", "leaderboard", "reports", "model", "choose", "quick", "engine")
    deciding = {key: value for key, value in plain.items() if key not in aside}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def environment() -> dict[str, str]:
    """Versions of Python, of the packages that matter, and of the machine."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _packages():
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _packages() -> list[str]:
    """The project, and what it and its extras require: whatever may change a result."""
    try:
        lines = requires("topic-runner") or []
    except PackageNotFoundError:  # run from a checkout, without an installation
        lines = ["hydra-core", "numpy", "scipy", "scikit-learn", "torch", "mlflow"]
    names = {re.split(r"[^\w.-]", line)[0] for line in lines if 'extra == "dev"' not in line}
    return ["topic-runner", *sorted(names - {"topic-runner"})]


def command(settings: Any) -> str:
    """The command line that repeats this run, or this job of a sweep, by Hydra's settings."""
    sources = [s.path for s in settings.runtime.config_sources if s.provider == "command-line"]
    options = [f"--config-dir={path}" for path in sources]
    if settings.job.config_name != "config":
        options.append(f"--config-name={settings.job.config_name}")
    return quoted(["python", "-m", "runner", *options, *settings.overrides.task])


def quoted(words: list[str]) -> str:
    """Words of a command, quoted where a shell needs it."""
    return " ".join(map(shell_quote, words))


@cache
def git_commit() -> str:
    """The commit of this code, or else of the folder that the run is started in.

    `-dirty` where tracked files differ from it; `unknown` outside a repository.
    """
    for folder in (Path(__file__).parent, Path.cwd()):
        if commit := _git(folder, "rev-parse", "HEAD"):
            changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
            return f"{commit}-dirty" if changed else commit
    return "unknown"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
