"""Words of the same topics before and after, on samples in four languages.

python experiments/words/run.py --newsgroups 20newsgroups.jsonl.gz --tweets tweets.jsonl.gz
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import samples

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHOWN = 12  # topics of each sample
BEFORE = "f73274f"  # the last revision with English stop words for every language

# TF-IDF of characters groups texts of any script, so that topics need no language model.
CHARACTERS = [
    "embedder=tfidf",
    "+embedder.pipeline.analyzer=char_wb",
    "embedder.pipeline.ngram_range=[2,4]",
    "embedder.pipeline.max_features=20000",
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", default=BEFORE, help="the revision to compare with")
    parser.add_argument("--folder", type=Path, default=Path("words-samples"))
    parser.add_argument("--tweets", type=Path, help="a JSONL file of tweets, with a field 'text'")
    parser.add_argument("--newsgroups", type=Path, help="20newsgroups as JSONL, field 'text'")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    runs = {"lee": ["dataset=lee", "embedder=minilm"]}
    for name in ("newsgroups", "tweets"):
        if path := getattr(arguments, name):
            embedder = "tfidf" if name == "newsgroups" else "minilm"
            runs[name] = [
                *("dataset=jsonl", f"dataset.path={path.resolve()}", "dataset.text=text"),
                *("dataset.limit=2000", f"embedder={embedder}"),
            ]
    for language, path in samples.write(folder).items():
        runs[language] = ["dataset=text", f"dataset.path={path}", *CHARACTERS]
    with tempfile.TemporaryDirectory() as temporary:
        old = Path(temporary) / "before"
        git = ["git", "-C", ROOT, "worktree"]
        subprocess.run([*git, "add", "--detach", old, arguments.before], check=True)
        try:
            for name, options in runs.items():
                before = _topics(old, options, folder / name / "before")
                after = _topics(ROOT, options, folder / name / "after")
                _write(HERE / "results" / f"{name}.md", before, after)
        finally:
            subprocess.run([*git, "remove", "--force", old], check=True)


def _topics(tree: Path, options: list[str], out: Path) -> list[dict[str, str]]:
    """The rows of topics.csv of a run of the program in `tree`."""
    fixed = ["tracking=none", "map=false", "clusterer.granularity=medium"]
    fixed += [f"hydra.run.dir={out}", f"cache.dir={out.parent / 'cache'}"]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "runner", *options, *fixed]
    subprocess.run(command, cwd=out.parents[1], env=environment, check=True)
    with (out / "topics.csv").open(encoding="utf-8-sig", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["topic"] != "-1"]


def _write(path: Path, before: list[dict[str, str]], after: list[dict[str, str]]) -> None:
    if [row["size"] for row in before] != [row["size"] for row in after]:
        raise SystemExit(f"{path.stem}: the topics differ, so their words cannot be compared.")
    lines = ["| topic | size | before | after |", "|---:|---:|---|---|"]
    for old, new in list(zip(before, after, strict=True))[:SHOWN]:
        cells = [new["topic"], new["size"], old["words"], new["words"]]
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
