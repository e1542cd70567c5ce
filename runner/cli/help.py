"""What `--help` shows: usage, examples, and each option with the comment of its YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import conf
from runner.terminal.suggestions import shell_line, tool

CONF = Path(str(conf.__file__)).parent
_WIDTH = 100
_INTRO = "Finds the topics of documents with any embedding backend, and shows which one suits them."
_EXAMPLES = (
    ("your own CSV file", "dataset=csv dataset.path=reviews.csv dataset.text=review"),
    ("another embedder", "embedder=tfidf clusterer.n_topics=12"),
    ("a sweep: every combination", "-m embedder=minilm,tfidf clusterer=leiden,kmeans"),
    (
        "an API, within a budget",
        "embedder=openai embedder.model=text-embedding-3-small embedder.max_tokens=1000000",
    ),
)
_FLAGS = (
    ("-m", "run a sweep: one job for each combination of the values that are separated by commas"),
    ("--cfg job", "print the config that the arguments make, and run nothing"),
    ("--info defaults", "print where each part of it comes from"),
    ("--config-dir FOLDER", "add a folder with options of your own, as in conf/"),
    ("--config-name NAME", "start from another primary config than config.yaml"),
    ("--hydra-help", "the flags of Hydra, which composes the config"),
    ("--version", "the version of this program"),
)


def text(arguments: list[str], commands: Mapping[str, str]) -> str:
    """The whole help.

    Parameters
    ----------
    arguments : the command line; the options of its `--config-dir` are shown too
    commands : the sub-commands and what each does
    """
    program = shell_line("")
    lines = [_INTRO, "", f"Usage: {program} [-m] [KEY=VALUE ...]"]
    lines += [f"       {shell_line('COMMAND')} --help", "", "Examples:"]
    examples = [(about, f"{program} {typed}") for about, typed in _EXAMPLES]
    store = "--backend-store-uri sqlite:///mlflow.db"
    examples.append(("the runs in MLflow's UI", f"{tool('mlflow')} ui {store}"))
    for about, line in examples:
        lines += [f"  # {about}", f"  {line}"]
    lines += ["", "Commands:", *_table(commands.items())]
    lines += ["", "Flags:", *_table(_FLAGS)]
    lines += ["", "Keys, with their defaults:", *_table(_keys())]
    lines += ["", "Groups. GROUP=OPTION chooses one; every key in its YAML can be set, as in"]
    lines += [f"{program} embedder=tfidf reducer=pca reducer.n_components=10"]
    for group, default, options in _groups(arguments):
        chosen = f" (default: {default})" if default else ""
        lines += ["", f"{group}={chosen}", *_table(options)]
    return "\n".join(lines)


def describe(file: Path) -> str:
    """The first sentence of a YAML's comment, without the commands that it opens with."""
    words: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment = line.lstrip("# ").strip()
        if not re.match(r"@package|needs:|(\w+=\S+ )?python -[mc]", comment):
            words.append(comment)
    sentence = re.split(r"(?<=[^.]\w)\.(?: |$)|: (?=\w+\.\w+=)", " ".join(words), maxsplit=1)[0]
    return sentence.rstrip(".:")


def _groups(arguments: list[str]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Each group in the order of the defaults, its default, and its options with a line on each."""
    folders = [CONF, *_folders(arguments)]
    primary = (CONF / "config.yaml").read_text(encoding="utf-8")
    for group, default in re.findall(r"^  - (\w+): (\w+)", primary, re.MULTILINE):
        files = [f for folder in folders for f in sorted((folder / group).glob("[!_]*.yaml"))]
        yield group, "" if default == "null" else default, [(f.stem, describe(f)) for f in files]
    launchers = sorted((CONF / "hydra" / "launcher").glob("*.yaml"))
    yield "hydra/launcher", "basic", [(f.stem, describe(f)) for f in launchers]


def _folders(arguments: list[str]) -> Iterator[Path]:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        flag, equals, value = argument.partition("=")
        if flag in ("--config-dir", "-cd"):
            yield Path(value if equals else following)


def _keys() -> Iterator[tuple[str, str]]:
    """The run's own keys and what config.yaml says of each."""
    section = ""
    lines = (CONF / "config.yaml").read_text(encoding="utf-8").partition("\n\nseed")[2]
    for line in f"seed{lines}".splitlines():
        if line.startswith("hydra:"):
            return
        if match := re.match(r"(\s*)(\w+): ?([^#]*?)\s*(?:# (.*))?$", line):
            indent, key, value, about = match.groups()
            if not value:
                section = f"{key}."
            else:
                yield f"{section if indent else ''}{key}={value}", about or ""


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Two columns; a text that is too long loses its later clauses."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0) + 2
    room = _WIDTH - width - 2
    lines = []
    for name, about in pairs:
        if len(about) > room:
            about = re.split("[;:] ", about[:room], maxsplit=1)[0]
        if len(about) == room:
            about = about.rpartition(" ")[0] + "…"
        lines.append(f"  {name:<{width}}{about}".rstrip())
    return lines
