"""Is the default better or worse than at an earlier commit? Its AMI with labels, both times.

    python experiments/granularity/since.py c8b2ae7 DATA/bbc_news.jsonl.gz ... --vectors VECTORS
    python experiments/granularity/since.py                 # the table, from since.csv

Runs run.py of that commit, from a worktree of its own, and that of these files, both with nothing
but the default, on the same vectors and with the same seeds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.granularity.run import KEYS, names, spread, values
from experiments.study import ROOT, add_rows, at_revision, command_line, read_rows

HERE = Path(__file__).parent
METHOD = "Leiden, auto (default)"


def rows_of(tree: Path, corpora: list[str], options: list[str]) -> list[dict[str, str]]:
    """What run.py of a tree measures of the default."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.csv"
        subprocess.run(
            [sys.executable, tree / "experiments" / "granularity" / "run.py", *corpora, *options,
             "--only", METHOD, "--results", results],
            env={**os.environ, "PYTHONPATH": str(tree)}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return read_rows(results)


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: each corpus before and now, then the means over corpora."""
    commits = names(rows, "commit")
    yield f"| corpus | seeds | {' | '.join(f'AMI, {c} | topics' for c in commits)} | gain |"
    yield "|---|---:|" + "---:|---:|" * len(commits) + "---:|"
    means: dict[str, list[float]] = {commit: [] for commit in commits}
    for corpus in names(rows, "corpus"):
        cells = []
        for commit in commits:
            at = {"corpus": corpus, "commit": commit}
            ami = values(rows, "ami", **at)
            means[commit].append(statistics.mean(ami))
            cells += [spread(ami, 3), spread(values(rows, "topics", **at), 1)]
        gain = means[commits[-1]][-1] - means[commits[0]][-1]
        yield f"| {corpus} | {len(ami)} | {' | '.join(cells)} | {gain:+.3f} |"
    mean = [statistics.mean(means[commit]) for commit in commits]
    cells = [f"**{m:.3f}** | " for m in mean]
    yield f"| **mean** | | {' | '.join(cells)} | **{mean[-1] - mean[0]:+.3f}** |"


def main() -> None:
    """Measure both, then print the table."""
    parser = command_line(__doc__)
    parser.add_argument("commit", nargs="?", help="the one before")
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--vectors", type=Path, help="folder with a .npy for each corpus")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=HERE / "since.csv")
    arguments = parser.parse_args()
    if arguments.commit:
        options = ["--seeds", str(arguments.seeds)]
        if arguments.vectors:
            options += ["--vectors", str(arguments.vectors.absolute())]
        corpora = [str(path.absolute()) for path in arguments.corpora]
        head = subprocess.check_output(
            ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], text=True
        )
        with at_revision(arguments.commit) as before:
            for commit, tree in ((arguments.commit, before), (head.strip(), ROOT)):
                rows = ({"commit": commit, **row} for row in rows_of(tree, corpora, options))
                add_rows(arguments.results, ["commit", *KEYS], *rows)
    print("\n".join(table(read_rows(arguments.results))))


if __name__ == "__main__":
    main()
