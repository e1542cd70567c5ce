"""Words of the same topics before and after, on samples in seven languages.

python experiments/words/run.py --newsgroups 20newsgroups.jsonl.gz --tweets tweets.jsonl.gz
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import ROOT, at_revision, command_line
from experiments.words import samples

HERE = Path(__file__).parent
SHOWN = 12  # topics of each sample
BEFORE = "f73274f"  # the last revision with English stop words for every language

DESCRIBE = """
import json, sys
import numpy as np, pyarrow.parquet as pq
from components.representations.ctfidf import CTFIDF
table = pq.read_table(sys.argv[1])
labels = np.array(table.column("topic").to_pylist())
words = CTFIDF().fit(table.column("document").to_pylist(), labels).words_
print(json.dumps([[word for word, _ in topic] for topic in words]))
"""

# TF-IDF of characters groups texts of any script, so that topics need no language model.
CHARACTERS = [
    "embedder=tfidf",
    "+embedder.pipeline.analyzer=char_wb",
    "embedder.pipeline.ngram_range=[2,4]",
    "embedder.pipeline.max_features=20000",
]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--before", default=BEFORE, help="the revision to compare with")
    parser.add_argument("--folder", type=Path, default=Path("words-samples"))
    parser.add_argument("--tweets", type=Path, help="a JSONL file of tweets, with a field 'text'")
    parser.add_argument("--newsgroups", type=Path, help="20newsgroups as JSONL, field 'text'")
    names = ["lee", "newsgroups", "tweets", *samples.SOURCES]
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    runs = {"lee": ["dataset=lee", "embedder=minilm"]} if "lee" in arguments.only else {}
    for name in ("newsgroups", "tweets"):
        if name in arguments.only and (path := getattr(arguments, name)):
            embedder = "tfidf" if name == "newsgroups" else "minilm"
            runs[name] = [
                *("dataset=jsonl", f"dataset.path={path.resolve()}", "dataset.text=text"),
                *("dataset.limit=2000", f"embedder={embedder}"),
            ]
    for language, path in samples.write(
        folder, [name for name in samples.SOURCES if name in arguments.only]
    ).items():
        runs[language] = ["dataset=text", f"dataset.path={path}", *CHARACTERS]
    with at_revision(arguments.before) as old:
        for name, options in runs.items():
            topics = _find_topics(options, folder / name)
            sizes = topics.column("topic").value_counts().to_pylist()
            _write(
                HERE / "results" / f"{name}.md",
                {row["values"]: row["counts"] for row in sizes},
                _words(old, folder / name),
                _words(ROOT, folder / name),
            )


def _find_topics(options: list[str], out: Path) -> Any:
    """Run the pipeline; the table of its documents and their topics."""
    fixed = ["tracking=none", "map=false", "clusterer.granularity=medium"]
    fixed += [f"hydra.run.dir={out}", f"cache.dir={out / 'cache'}"]
    command = [sys.executable, "-m", "runner", *options, *fixed]
    subprocess.run(command, cwd=ROOT, check=True)
    return pq.read_table(out / "documents.parquet")


def _words(tree: Path, out: Path) -> list[list[str]]:
    """The words of each topic, by the default representation of the program in `tree`."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-c", DESCRIBE, out / "documents.parquet"]
    found = subprocess.run(command, cwd=out, env=environment, check=True, capture_output=True)
    words: list[list[str]] = json.loads(found.stdout)
    return words


def _write(
    path: Path, sizes: dict[int, int], before: list[list[str]], after: list[list[str]]
) -> None:
    lines = ["| topic | size | before | after |", "|---:|---:|---|---|"]
    for topic, (old, new) in enumerate(zip(before, after, strict=True)):
        if topic < SHOWN:
            lines.append(f"| {topic} | {sizes[topic]} | {', '.join(old)} | {', '.join(new)} |")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
