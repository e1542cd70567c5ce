"""Files as people have them, and what becomes of each: a table, one row a case.

The inputs are made here, small and in our own words. Each row says what the file holds, how it is
read, and either the documents (with labels, where there are any) or what the error says.
"""

from __future__ import annotations

import gzip
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.base import UserError
from components.datasets.csv import CsvDataset
from components.datasets.jsonl import JsonlDataset
from components.datasets.text import TextDataset

CLASSES: dict[str, Any] = {"csv": CsvDataset, "jsonl": JsonlDataset, "text": TextDataset}


@dataclass
class Case:
    """`content` (text in UTF-8, or bytes) is read as `kind` with `settings`."""

    kind: str
    content: str | bytes
    documents: list[str] | None = None
    error: str | None = None
    labels: list[str | None] | None = None
    log: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


HTML = '<p class="x">the parcel&nbsp;is late</p>'
ROWS = [{"stars": 4, "text": "good"}, {"stars": 1, "text": "late and wet"}]
COLUMNS = {"text": {"0": "good", "1": "late and wet"}, "stars": {"0": 4, "1": 1}}
PAIR = ["good", "late and wet"]

CASES = {
    # --- CSV ---
    "markup in quotes, Windows lines": Case(
        "csv",
        f'ticket,queue,body\r\n0,post,"{HTML.replace(chr(34), chr(34) * 2)}"\r\n1,,b\r\n',
        [HTML, "b"],  # what the embedder reads is not touched; words are cleaned later
        labels=["post", None],
        settings={"text": "body", "label": "queue"},
        log=["1 of 2 rows have no label (row 1)."],
    ),
    "sep line": Case(
        "csv", "sep=;\r\nnr;text\r\n0;good\r\n1;late, and wet\r\n", ["good", "late, and wet"]
    ),
    "sep line, tab": Case("csv", "sep=\t\nnr\ttext\n0\tgood\n1\tlate and wet\n", PAIR),
    "sep line after a mark": Case("csv", "\ufeffsep=|\nnr|text\n0|good\n1|late and wet\n", PAIR),
    "blanks around names": Case("csv", 'id, text \n0, "good"\n1, "late and wet"\n', PAIR),
    "blanks, semicolons": Case("csv", 'id ; text\n0; "good"\n1; "late and wet"\n', PAIR),
    "UTF-16 with tabs": Case(
        "csv", "text\tid\r\ngood\t0\r\nlate and wet\t1\r\n".encode("utf-16"), PAIR
    ),
    "UTF-16-LE with a mark": Case(
        "csv", b"\xff\xfe" + "text\tid\r\ngood\t0\r\nlate and wet\t1\r\n".encode("utf-16-le"), PAIR
    ),
    "UTF-16 without a mark": Case(
        "csv", "id;text\r\n0;good\r\n1;late and wet\r\n".encode("utf-16-be"), PAIR
    ),
    "UTF-32": Case("csv", "id,text\n0,good\n1,late and wet\n".encode("utf-32"), PAIR),
    "UTF-8 with a mark, text first": Case("csv", "\ufefftext,id\ngood,0\nlate and wet,1\n", PAIR),
    "umlauts and a comma in the header": Case(
        "csv",
        "Größe,Kommentar zur Größe (frei, ohne Limit)\n1,good\n2,late and wet\n",
        PAIR,
        settings={"text": "Kommentar zur Größe (frei, ohne Limit)"},
        log=["the header is read as ['Größe', 'Kommentar zur Größe (frei, ohne Limit)']."],
    ),
    "umlauts in NFD": Case(
        "csv", "Gro\u0308ße,nr\ngood,1\nlate and wet,2\n", PAIR, settings={"text": "Größe"}
    ),
    "Chinese column": Case(
        "csv", "评论,nr\ngood,1\nlate and wet,2\n", PAIR, settings={"text": "评论"}
    ),
    "title lines": Case(
        "csv", "Export\n31.12.2020\nnr,text\n0,good\n1,late and wet\n", PAIR, settings={"skip": 2}
    ),
    "title lines, not skipped": Case(
        "csv", "Export\n31.12.2020\nnr,text\n0,good\n", error="Line 3 has it: set skip=2"
    ),
    "backslash escapes": Case("csv", 'text,nr\n"so \\"good\\", really",0\n', ['so "good", really']),
    "formulas": Case(
        "csv",
        "id,text\n0,=cmd|'/C calc'!A0 alpha\n1,@SUM(1)\n",
        ["=cmd|'/C calc'!A0 alpha", "@SUM(1)"],
    ),
    "empty cells": Case(
        "csv", "text,nr\ngood,0\n,1\n", ["good", ""], log=["1 of 2 rows have no text (row 1)."]
    ),
    "wrong column": Case("csv", "Text,nr\ngood,0\n", error="text=text: .*Did you mean 'Text'"),
    "a row too long": Case("csv", "text,nr\na,b,c\n", error="line 2: the row has 3 cells"),
    "an open quote": Case("csv", 'text,nr\n"a,b\nc,d\n', error="row that starts in line 2"),
    "an Excel workbook": Case(
        "csv", b"PK\x03\x04\x14\x00\xff\xfe", error="zip archive, or an Excel workbook"
    ),
    "packed": Case("csv", gzip.compress(b"text,nr\ngood,0\nlate and wet,1\n"), PAIR),
    # --- JSON ---
    "pandas by columns": Case("jsonl", json.dumps(COLUMNS), PAIR),
    "pandas by columns, indented": Case("jsonl", json.dumps(COLUMNS, indent=1), PAIR),
    "an array": Case(
        "jsonl", json.dumps(ROWS), PAIR, labels=["4", "1"], settings={"label": "stars"}
    ),
    "an array over lines": Case("jsonl", json.dumps(ROWS, indent=2), PAIR),
    "an array in UTF-16": Case("jsonl", json.dumps(ROWS).encode("utf-16"), PAIR),
    "an array inside": Case("jsonl", json.dumps({"next": None, "items": ROWS}), PAIR),
    "nulls": Case(
        "jsonl",
        '{"text": "good"}\n{"text": null}\n{"text": NaN}\n{}\n',
        ["good", "", "", ""],
        log=["3 of 4 rows have no text (rows 1, 2, 3)."],
    ),
    "nulls, strict": Case(
        "jsonl",
        '{"text": "good"}\n' + '{"text": null}\n' * 7,
        error=r"missing=error: .* 7 of 8 rows have no text \(rows 1, 2, 3, 4, 5, \.\.\.\)",
        settings={"missing": "error"},
    ),
    "nested": Case(
        "jsonl",
        '{"review": {"body": "good"}}\n{"review": {"body": "late and wet"}}\n',
        PAIR,
        settings={"text": "review.body"},
    ),
    "numbers for text": Case(
        "jsonl", '{"text": "a"}\n{"text": 3}\n', error="row 1 is not text but int"
    ),
    "no such key": Case(
        "jsonl", json.dumps({"body": {"0": "word " * 999}}), error="no such column"
    ),
    "cut within an emoji": Case("jsonl", '{"text": "cut \\ud83d"}\n', ["cut \ufffd"]),
    "a broken line": Case("jsonl", '{"text": "a"}\n{"text": "b"\n', error="line 2 is not JSON"),
    # --- text ---
    "soft hyphens": Case("text", "Fuß\u00adball\u00adbund\n", ["Fußballbund"]),
    "NFC and NFD": Case("text", "schön\nscho\u0308n\n", ["schön", "schön"]),
    "Hangul in NFD": Case("text", "\u1112\u1161\u11ab\u1100\u1173\u11af\n", ["한글"]),
    "joiners": Case("text", "می\u200cخواهم\n👩\u200d🔬\n", ["می\u200cخواهم", "👩\u200d🔬"]),
    "NUL and escapes": Case("text", "a\0b \x1b[31mred\n", ["a b \x1b[31mred"]),
    "emoji": Case(
        "text", "😀\n\n🎉\n", ["😀", "", "🎉"], log=["1 of 3 rows have no text (row 1)."]
    ),
    "Windows text": Case("text", "größer\n".encode("cp1252"), error="not utf-8 text at byte 2"),
    "Windows text, named": Case(
        "text", "größer\n".encode("cp1252"), ["größer"], settings={"encoding": "cp1252"}
    ),
    "Notepad's UTF-16": Case(
        "text", "größer\r\nkleiner\r\n".encode("utf-16"), ["größer", "kleiner"]
    ),
    "nothing": Case("text", "", error="holds no documents"),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)  # a run in the same process may have set another
    case = CASES[name]
    content = case.content.encode() if isinstance(case.content, str) else case.content
    path = tmp_path / "file"
    path.write_bytes(content)
    dataset = CLASSES[case.kind](path=str(path), **case.settings)
    if case.error is not None:
        with pytest.raises(UserError, match=case.error) as error:
            dataset.load()
        assert len(str(error.value)) < 200 + 2 * len(str(path)) + 300  # little of the data
        assert "dataset." not in str(error.value)  # a part does not know where it stands
        return
    corpus = dataset.load()
    assert corpus.documents == case.documents
    assert corpus.labels == case.labels
    assert [record.getMessage().removeprefix(f"{path}: ") for record in caplog.records] == case.log
