"""What `--help` shows: a screen to begin with, a group's options, or all of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import conf
from runner.terminal.suggestions import shell_line, tool

CONF = Path(str(conf.__file__)).parent
_WIDTH = 100
ALL = "all"
_INTRO = "Finds the topics of documents with any embedding backend, and shows which one suits them."
_EXAMPLES = (
    ("your own CSV file", "dataset=csv dataset.path=reviews.csv dataset.text=review"),
    ("another embedder, so many topics", "embedder=tfidf clusterer.n_topics=12"),
    ("which embedder suits it", "experiment=choose_embedder dataset=text dataset.path=notes.txt"),
    ("a sweep: every combination", "-m embedder=minilm,tfidf clusterer=leiden,kmeans"),
)
_MORE_EXAMPLES = (
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
# The keys that most runs need first.
_KEYS = (
    ("dataset.path, .text, .label", "the file, its column of documents, and one of labels"),
    ("dataset.limit=500", "a sample"),
    ("clusterer.n_topics=12", "so many topics; clusterer.granularity=broad|medium|fine|auto"),
    ("guided.topics, zeroshot.topics", "what you know of the topics"),
    ("hydra.run.dir=out", "the folder of the results"),
    ("tracking=none", "without MLflow"),
    ("seed=7", "another start; the same seed gives the same topics"),
)
_GROUPS_SHOWN = ("dataset", "embedder", "reducer", "clusterer", "representation")


def text(arguments: list[str], commands: Mapping[str, str]) -> str:
    """The help that the arguments beside `--help` ask for.

    Parameters
    ----------
    arguments : the command line; `all` or the name of a group asks for more, and the options of its
        `--config-dir` are shown too
    commands : the sub-commands and what each does
    """
    groups = {group: (default, options) for group, default, options in _groups(arguments)}
    if asked := [name for name in arguments if name in groups]:
        return "\n\n".join(_group(name, *groups[name]) for name in asked)
    if ALL in arguments:
        return _whole(commands, groups)
    program = shell_line("")
    lines = [*_usage(), "", "Examples:", *_typed(_EXAMPLES)]
    lines += ["", "Groups, of which GROUP=OPTION chooses one:"]
    for group in _GROUPS_SHOWN:
        default, options = groups[group]
        names = ", ".join(name for name, _ in options)
        lines += _wrapped(f"{group}={default}", names, 26)
    lines += ["", "Keys:", *_table(_KEYS)]
    lines += ["", f"Commands, each with a --help of its own ({shell_line('COMMAND')} --help):"]
    lines += [f"  {', '.join(list(commands)[i : i + 12])}" for i in range(0, len(commands), 12)]
    more = [
        (f"{program} --help GROUP", "what each option of a group is, such as embedder"),
        (f"{program} --help {ALL}", "every command, flag, key, group and option"),
        (f"{program} --cfg job [KEY=VALUE ...]", "every key with its value, and run nothing"),
    ]
    lines += ["", "More:", *_table(more)]
    return "\n".join(lines)


def _usage() -> list[str]:
    return [_INTRO, "", f"Usage: {shell_line('')} [-m] [KEY=VALUE ...]"]


def _typed(examples: Iterable[tuple[str, str]]) -> Iterator[str]:
    for about, typed in examples:
        yield f"  # {about}"
        yield f"  {shell_line('')} {typed}"


def _whole(
    commands: Mapping[str, str], groups: Mapping[str, tuple[str, list[tuple[str, str]]]]
) -> str:
    """Everything."""
    store = "--backend-store-uri sqlite:///mlflow.db"
    lines = [*_usage(), f"       {shell_line('COMMAND')} --help", ""]
    lines += ["Examples:", *_typed([*_EXAMPLES, *_MORE_EXAMPLES])]
    lines += ["  # the runs in MLflow's UI", f"  {tool('mlflow')} ui {store}"]
    lines += ["", "Commands:", *_table(commands.items())]
    lines += ["", "Flags:", *_table(_FLAGS)]
    lines += ["", "Keys, with their defaults:", *_table(_keys())]
    lines += ["", "Groups. GROUP=OPTION chooses one; every key in its YAML can be set, as in"]
    lines += [f"{shell_line('')} embedder=tfidf reducer=pca reducer.n_components=10"]
    for name, (default, options) in groups.items():
        lines += ["", _group(name, default, options)]
    return "\n".join(lines)


def _group(name: str, default: str, options: list[tuple[str, str]]) -> str:
    chosen = f" (default: {default})" if default else ""
    keys = shell_line("", "--cfg", "job", "--package", name, f"{name}={default or 'OPTION'}")
    return "\n".join([f"{name}={chosen}", *_table(options), f"  Its keys: {keys}"])


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
    """Two columns, the second of which goes on in the next line where it is long."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0) + 4
    return [line for name, about in pairs for line in _wrapped(name, about, width)]


def _wrapped(name: str, about: str, width: int) -> list[str]:
    """A name, and beside it, from column `width` on, a text in as many lines as it needs."""
    lines = textwrap.wrap(about, _WIDTH - width, break_long_words=False) or [""]
    heads = [f"  {name}", *[""] * (len(lines) - 1)]
    return [f"{head:<{width}}{line}".rstrip() for head, line in zip(heads, lines, strict=True)]
