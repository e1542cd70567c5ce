"""Every command in the README is tried, on few documents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from conftest import Outcome, run_process

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [line.partition(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("python -m runner ")]
# What these need is not there in a test: a key, a model hub. Their config is checked all the same.
REMOTE = ("embedder=openai", "embedder=sentence_transformer")
QUICK = ["map=false", "tracking=none"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: the files that the README speaks of; one cache for all commands."""
    folder = tmp_path_factory.mktemp("user")
    texts = [f"the {w} of {v}" for w in ("price", "taste", "box") for v in ("tea", "soap", "ham")]
    texts *= 4
    (folder / "notes.txt").write_text("\n".join(texts))
    rows = "\n".join(f"{text},{len(text) % 3}" for text in texts)
    (folder / "reviews.csv").write_text(f"review,stars\n{rows}\n")
    lines = "\n".join(f'{{"text": "{text}"}}' for text in texts)
    (folder / "reviews.jsonl").write_text(lines)
    source, config = re.findall(r"```(?:python|yaml)\n(.*?)```", README, re.DOTALL)[:2]
    (folder / "my_parts.py").write_text(source)
    (folder / "my_conf" / "embedder").mkdir(parents=True)
    (folder / "my_conf" / "embedder" / "lengths.yaml").write_text(config)
    return folder


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("command", COMMANDS)
def test_command(
    command: str, folder: Path, runner: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    arguments = shlex.split(command)[3:]
    if any(word in command for word in REMOTE):
        from runner.config.command_line import preflight

        preflight(arguments)
        return
    limit = [] if "dataset" in command else ["dataset.limit=80"]
    sweep = "-m" in arguments or "experiment" in command
    run = partial(run_process, folder) if sweep else runner
    outcome = run(*arguments, *QUICK, *limit)
    assert outcome.code == 0, outcome.err


def test_the_commands_beside_the_runner(folder: Path) -> None:
    for module in ("runner.cache", "runner.leaderboard", "runner.replay", "runner.upload"):
        assert f"python -m {module}" in README
        outcome = run_process(folder, "--help", module=module)
        assert outcome.code == 0
        assert module in outcome.out
    for command in ("list", "check"):
        assert run_process(folder, command, module="runner.cache").code == 0


def test_every_option_is_named() -> None:
    conf = Path(__file__).parent.parent / "conf"
    for group in ("dataset", "embedder", "reducer", "clusterer", "representation", "experiment"):
        for file in (conf / group).glob("[!_]*.yaml"):
            assert f"`{file.stem}`" in README, f"{group}={file.stem} is not in the README"
