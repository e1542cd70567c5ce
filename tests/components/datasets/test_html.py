from __future__ import annotations

import csv
import logging
import time
from pathlib import Path

import pytest

from components.base import ParameterError
from components.datasets.csv import CsvDataset
from components.datasets.text import TextDataset
from components.markup import plain_text

TICKET = (
    '<html><head><style type="text/css">p.Mso {margin:0cm}</style></head><body lang=EN-GB>'
    '<p class="Mso">Hello,<o:p></o:p></p><p>&nbsp;</p><p>our map &amp; the <b>GPS</b> signal '
    "vanish.<br>Gr&uuml;&szlig;e</p><!-- sent by a script --></body></html>"
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (TICKET, "Hello,\n\nour map & the GPS signal vanish.\n\nGrüße"),
        ("H<sub>2</sub>O, <i>in</i>side", "H2O, inside"),
        ("<td>one</td><td>two</td>", "one\n\ntwo"),
        ("&lt;p&gt;escaped&lt;/p&gt; &amp;amp; so", "escaped\n\n& so"),
        ("a < b,  c > d\n <john>", "a < b,  c > d\n <john>"),
        ("two  spaces &eacute;", "two  spaces é"),
        ("<script>if (a < b) x()", ""),
    ],
)
def test_what_a_browser_would_show(text: str, plain: str) -> None:
    assert plain_text(text)[0] == plain


def test_tags_and_entities_are_counted() -> None:
    assert plain_text("<p>a</p>&amp;<!-- b --> &nbsp;")[1:] == (3, 2)
    assert plain_text("a < b & c")[1:] == (0, 0)


@pytest.mark.parametrize("piece", ["<!--", "<style>", "<a ", "<x y=", "&a", "< ", "<p>", "\n "])
def test_hostile_documents_take_linear_time(piece: str) -> None:
    start = time.process_time()
    plain_text("<b>" + piece * (500_000 // len(piece)))
    assert time.process_time() - start < 5  # quadratic: hours


def test_documents_are_cleaned_before_they_are_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text"], [TICKET], ["plain"], ["<br><img src='a'>"]])
    with caplog.at_level(logging.INFO):
        corpus = CsvDataset(path=str(path), clean="html").load()
    assert list(corpus.documents) == [plain_text(TICKET)[0], "plain", ""]
    assert "21 tags and 4 entities removed from 2 of 3 documents, 1 of which" in caplog.text
    raw = CsvDataset(path=str(path)).load()
    assert raw.documents[0] == TICKET
    assert raw.documents_hash != corpus.documents_hash
    pieces = CsvDataset(path=str(path), clean="html", split="paragraphs", split_length=1).load()
    assert list(pieces.documents) == [
        "Hello,", "our map & the GPS signal vanish.", "Grüße", "plain", ""
    ]  # fmt: skip


def test_another_way_of_cleaning_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ParameterError, match="must be html or null") as error:
        TextDataset(path=str(tmp_path / "a.txt"), clean="xml")  # type: ignore[arg-type]
    assert error.value.name == "clean"
