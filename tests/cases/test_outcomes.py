"""What becomes of files that once failed, from the command line to the words of the topics.

A table, one row a case. The inputs are made here, small and in our own words; `test_reading.py` has
what the readers make of more of them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import Outcome

SUBJECTS = ("parcel courier street", "battery charger phone", "kitchen waiter soup")
PARTS = ("late again today", "slow this morning", "fine after all", "worse than before")
TEXTS = [
    f"{' '.join([w for _ in '12' for w in subject.split()])} {part} {n}"
    for subject in SUBJECTS
    for part in PARTS
    for n in ("north", "south")
]
HTML = '<html><style>p.Mso {m: 0}</style><p class="x">%s&nbsp;</p><br></html>'


def rows(texts: list[str], separator: str = ",", name: str = "text") -> str:
    cells = ('"' + text.replace('"', '""') + '"' for text in texts)
    return f"nr{separator}{name}\n" + "".join(
        f"{i}{separator}{cell}\n" for i, cell in enumerate(cells)
    )


@dataclass
class Case:
    """A file and what is typed; what the run says, and words that topics have and have not."""

    content: str | bytes
    typed: tuple[str, ...]
    says: tuple[str, ...] = ()
    words: tuple[str, ...] = ("parcel", "battery", "soup")
    not_words: tuple[str, ...] = ()
    code: int = 0
    says_not: tuple[str, ...] = field(default=("Traceback", "LexerNoViableAlt", "\ufeff", "\x1b"))


GERMAN = [
    f"Der {a} und die {b} ist leider nicht so gut, aber ich finde {c} sehr schön"
    for a, b, c in (
        ("Bahnhof", "Fahrkarte", "Reisen"), ("Bahnhof", "Verspätung", "Reisen"),
        ("Kuchen", "Bäckerei", "Backen"), ("Kuchen", "Sahne", "Backen"),
        ("Rechnung", "Mahnung", "Zahlen"), ("Rechnung", "Gebühr", "Zahlen"),
    )
    for _ in "1234"
]  # fmt: skip
CHINESE = [
    text for text in ("快递包裹太慢了", "手机电池发热严重", "酒店房间早餐很好") for _ in "12345678"
]
JAPANESE = [
    text
    for text in ("電車がとても遅れました", "寿司は美味しいです", "洗濯機が壊れました")
    for _ in "12345678"
]
CASES = {
    "markup and signatures (tickets.csv)": Case(
        rows([HTML % text for text in TEXTS], name="body"),
        ("dataset=csv", "dataset.text=body"),
        ("HTML tags",),
        not_words=("style", "class", "nbsp", "br", "html"),
    ),
    "Chinese (zh.txt)": Case(
        "\n".join(CHINESE),
        ("dataset=text",),
        ("language, from a sample of the documents: Chinese 100%.",),
        ("包裹", "发热", "房间"),
        ("快递包裹太慢了",),
    ),
    "Japanese (ja.txt)": Case(
        "\n".join(JAPANESE),
        ("dataset=text",),
        ("language, from a sample of the documents: Japanese 100%.",),
        ("電車", "寿司", "洗濯機"),
        ("です", "ました"),
    ),
    "German (german.txt)": Case(
        "\n".join(GERMAN),
        ("dataset=text",),
        ("language, from a sample of the documents: German 100%.",),
        ("Bahnhof", "Kuchen", "Rechnung"),
        ("die", "und", "ist", "der"),
    ),
    "stop words by the name of a language (german.txt)": Case(
        "\n".join(GERMAN),
        ("dataset=text", "representation.stop_words=german"),
        words=("Bahnhof",),
        not_words=("die", "und"),
    ),
    "soft hyphens (shy.txt)": Case(
        "\n".join(text.replace("parcel", "par\u00adcel") for text in TEXTS),
        ("dataset=text",),
        not_words=("par", "cel"),
    ),
    "composed and decomposed accents (nfd.txt)": Case(
        "\n".join(
            text.replace("soup", ("süp", "su\u0308p")[i % 2]) for i, text in enumerate(TEXTS)
        ),
        ("dataset=text",),
        words=("süp",),
        not_words=("su\u0308p", "su"),
    ),
    "emoji alone (emoji.txt)": Case(
        "😀\n🎉\n🔋🔋\n❤️\n" * 5,
        ("dataset=text",),
        ("all 20 documents are empty, or hold nothing but signs and emoji",),
        (),
        code=1,
    ),
    "pandas by columns (cols.json)": Case(
        json.dumps({"text": dict(enumerate(TEXTS))}), ("dataset=jsonl",)
    ),
    "an array (array.json)": Case(json.dumps([{"text": t} for t in TEXTS]), ("dataset=jsonl",)),
    "nulls (nulls.jsonl)": Case(
        "\n".join(json.dumps({"text": text}) for text in [None, *TEXTS, None]),
        ("dataset=jsonl",),
        ("2 of 26 rows have no text (rows 0, 25).", "2 documents in no topic"),
    ),
    "Excel's sep line (sepline.csv)": Case("sep=;\n" + rows(TEXTS, ";"), ("dataset=csv",)),
    "blanks in the header (spacehdr.csv)": Case(rows(TEXTS, name=" text "), ("dataset=csv",)),
    "UTF-16 with a mark, text first (bom_text_first.csv)": Case(
        b"\xff\xfe" + ("text\tid\r\n" + "".join(f"{t}\t0\r\n" for t in TEXTS)).encode("utf-16-le"),
        ("dataset=csv",),
    ),
    "the mark does not count as part of the name (bom_text_first.csv)": Case(
        b"\xff\xfe" + "body\tid\r\na\t0\r\n".encode("utf-16-le"),
        ("dataset=csv",),
        ("It has 'body', 'id'.",),
        (),
        code=1,
    ),
    "umlauts in the header (umlauthdr.csv)": Case(
        rows(TEXTS, name="Größe"),
        ("dataset=csv", "dataset.text=Größe"),
        ("Type \"dataset.text='Größe'\"",),
        (),
        code=2,
    ),
    "umlauts in the header, as suggested (umlauthdr.csv)": Case(
        rows(TEXTS, name="Größe"), ("dataset=csv", "dataset.text='Größe'")
    ),
    "terminal codes (ansi.txt)": Case(
        "\n".join(f"\x1b[31m\x1b]0;owned\x07{text}\u202e" for text in TEXTS),
        ("dataset=text",),
        ("terminal codes",),
        not_words=("31m", "owned"),
    ),
    "formulas (formula.csv)": Case(
        rows([f"=cmd|'/C calc'!A0 {text}" for text in TEXTS]), ("dataset=csv",)
    ),
    "YAML's no, on and null in a list (norway.yaml)": Case(
        "\n".join(TEXTS),
        ("dataset=text", "representation.stop_words=[og,no,null]"),
        ("word 3 is not text", "quote it"),
        (),
        code=1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_outcome(name: str, runner: Callable[..., Outcome], tmp_path: Path) -> None:
    case = CASES[name]
    content = case.content.encode() if isinstance(case.content, str) else case.content
    (tmp_path / "file").write_bytes(content)
    outcome = runner(
        *case.typed, "dataset.path=file", "embedder=tfidf", "clusterer=kmeans",
        "clusterer.n_clusters=3", "tracking=none", "map=false", "model=false", "cache.dir=null",
        "reports=fast",
    )  # fmt: skip
    said = outcome.out + outcome.err
    assert outcome.code == case.code, said
    for text in case.says:
        assert text in said
    for text in case.says_not:
        assert text not in said
    if case.code:
        assert not list(tmp_path.rglob("topics.csv"))
        return
    with (outcome.output / "topics.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    found = {word for row in table for word in row["words"].split(", ")}
    assert set(case.words) <= found
    assert not {word.lower() for word in found} & set(case.not_words)
    for row in table:
        assert not any(cell.startswith(("=", "+", "@")) for cell in row.values())
