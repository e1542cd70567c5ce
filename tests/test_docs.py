"""Every command and every Python block of README and docs is tried, on few documents."""

from __future__ import annotations

import csv
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from conftest import ROOT, Outcome, run_process

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """Page and text of each block in a language."""
    return [
        (page.relative_to(ROOT).as_posix(), block)
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ]


LINES = [
    line.partition(" #")[0].strip() for _, block in blocks("bash") for line in block.splitlines()
]
COMMANDS = sorted({line for line in LINES if line.startswith("python -m runner ")})
BESIDE = sorted({line for line in LINES if line.startswith("python -m runner.")})
OTHERS = {  # CI runs these, or a shell
    "make run", "source .venv/bin/activate", "pip install -c constraints.txt .",
    "runner embedder=tfidf",
}  # fmt: skip
# What these need is not there in a test: a key, a model hub. Their config is checked all the same.
REMOTE = ("embedder=openai", "embedder=sentence_transformer")
QUICK = ["map=false", "tracking=none"]
OWN_PARTS = (ROOT / "docs" / "own-parts.md").read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A user's folder: the files that the pages speak of, and a sweep; one cache for all."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copy(empty_store, folder / "mlflow.db")
    texts = [f"the {w} of {v}" for w in ("price", "taste", "box") for v in ("tea", "soap", "ham")]
    texts *= 4
    (folder / "notes.txt").write_text("\n".join(texts))
    rows = "\n".join(f"{t},{len(t) % 3},2026-{1 + i % 9}-01" for i, t in enumerate(texts))
    (folder / "reviews.csv").write_text(f"review,stars,date\n{rows}\n")
    lines = "\n".join(f'{{"text": "{text}"}}' for text in texts)
    (folder / "reviews.jsonl").write_text(lines)
    (folder / "edits.yaml").write_text("rename: {0: first}")
    source, config = re.findall(r"```(?:python|yaml)\n(.*?)```", OWN_PARTS, re.DOTALL)[:2]
    (folder / "my_parts.py").write_text(source)
    (folder / "my_conf" / "embedder").mkdir(parents=True)
    (folder / "my_conf" / "embedder" / "lengths.yaml").write_text(config)
    arguments = ("-m", "embedder=tfidf,sklearn", "dataset=text", "dataset.path=notes.txt")
    fast = ("map=false", "reports=fast")
    assert run_process(folder, *arguments, *fast, "hydra.sweep.dir=a_sweep").code == 0
    # Runs that can be merged: of one embedder, which does not learn from the documents.
    arguments = ("-m", "embedder=model2vec", "dataset.limit=40,60", *QUICK, "reports=fast")
    assert run_process(folder, *arguments, "hydra.sweep.dir=parts").code == 0
    return folder


def test_every_command_is_one_that_is_tried() -> None:
    assert len(COMMANDS) >= 20
    commands = {*COMMANDS, *BESIDE, *OTHERS}
    assert [line for line in LINES if line and line not in commands] == ["python -m runner"] * (
        LINES.count("python -m runner")
    )


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
    quick = [*QUICK, *([] if "dataset" in command else ["dataset.limit=80"])]
    quick += [] if "reports" in command else ["reports=fast"]
    sweep = "-m" in arguments or "experiment" in command
    if sweep:
        # Backends have their tests, and one embedder is enough where other parts are swept too.
        left_out = "minilm,sklearn," if "clusterer=" in command else "minilm,"
        arguments = [argument.replace(left_out, "") for argument in arguments]
    if "choose_embedder" in command:
        arguments.append("choose.embedders=[tfidf,sklearn]")
    if "compare_embedders" in command:
        arguments.append("embedder=tfidf,sklearn,gensim_glove")
    place = "hydra.sweep.dir" if sweep else "hydra.run.dir"
    run = partial(run_process, folder) if sweep else runner
    shutil.rmtree(folder / "out", ignore_errors=True)
    outcome = run(*arguments, *quick, f"{place}={folder}/out")
    assert outcome.code == 0, outcome.err
    if sweep:
        rows = list(csv.DictReader((folder / "out" / "leaderboard.csv").open(encoding="utf-8")))
        assert rows
        assert max(float(row["n_topics"]) for row in rows) > 1
    else:
        text = (folder / "out" / "topics.csv").read_text("utf-8-sig")
        topics = list(csv.DictReader(text.splitlines()))
        assert sum(int(topic["size"]) for topic in topics) > 0
        assert all(topic["words"] for topic in topics)


@pytest.mark.parametrize("command", BESIDE)
def test_a_command_beside_the_runner(command: str, folder: Path) -> None:
    runs = "parts" if "runner.merge" in command else "a_sweep"
    _, _, module, *arguments = shlex.split(
        command.replace("OUTPUT_FOLDER", f"{runs}/0").replace("OTHER_FOLDER", f"{runs}/1")
    )
    outcome = run_process(folder, *arguments, module=module)
    assert outcome.code == 0, outcome.err
    assert outcome.out.strip()


@pytest.mark.parametrize(
    ("page", "block"), [pair for pair in blocks("python") if "from runner" in pair[1]]
)
def test_python_block(page: str, block: str, folder: Path) -> None:
    code = block + "\nassert 1 <= len(result.topics) <= 60 and result.topics[0].words\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        timeout=300,
    )
    assert done.returncode == 0, f"{page}: {done.stderr}"


def test_the_settings_for_bertopics_users_are_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.config.command_line import preflight

    monkeypatch.chdir(folder)
    (folder / "vectors.npy").touch()
    page = (ROOT / "docs" / "from-bertopic.md").read_text("utf-8")
    cells = [line.split(" | ")[1] for line in page.splitlines() if line.startswith("| ")]
    settings = [s for cell in cells for s in re.findall(r"`(\w[\w.]*=[^`]*)`", cell)]
    assert len(settings) >= 30
    for line in settings:
        preflight(re.findall(r"(?:[^\s{]|{.*?})+", line))


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_way_of_a_value_leads_through_functions_that_are_there() -> None:
    table = (ROOT / "docs" / "design" / "README.md").read_text("utf-8")
    functions = re.findall(
        r"`((?:runner|components)\.[\w.]+)\.(\w+)`", table.partition("## Where")[2]
    )
    assert len(functions) >= 8
    for module, name in functions:
        assert callable(getattr(importlib.import_module(module), name))


def test_the_page_of_every_setting_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    from make_configuration import page

    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == page(), (
        "run: python docs/make_configuration.py"
    )
