from __future__ import annotations

import time

import pytest

from components.representations.clean import Cleaner


def cleaned(text: str) -> list[str]:
    return Cleaner()(text).split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<p class=\"x\">Gr&uuml;&szlig;e<br/>an <b>alle</b></p>", ["Grüße", "an", "alle"]),
        ("<STYLE type='a'>p {margin: 0}</STYLE >shown", ["shown"]),
        ("<script>if (a < b) x()</script>shown<!-- not <b> this -->", ["shown"]),
        ("<o:p>&nbsp;</o:p><st1:city w:st=\"on\">Rome</st1:city>", ["Rome"]),
        ("&lt;br&gt;escaped&amp;nbsp;twice", ["escaped", "twice"]),
        ("a < b, c > d, <john> x<y>z", ["a", "<", "b,", "c", ">", "d,", "<john>", "x<y>z"]),
        ("AT&T R&D; Q&A", ["AT&T", "R&D;", "Q&A"]),
        ("see https://a.example/b?c=d&e=f#g or www.b.example.", ["see", "or"]),
        ("pic.twitter.com/AbC9 t.co/x1 and/or e.g./i.e.", ["and/or", "e.g./i.e."]),
        ("看https://a.example/b很好", ["看", "很好"]),
        ("mail jo.marsh+x@mail.example.org, or not", ["mail", ",", "or", "not"]),
        ("@realDonaldTrump: hi .@user_2!", [":", "hi", ".", "!"]),
        ("关注@小明 你好", ["关注", "你好"]),
        ("3 @ 5 dollars, @", ["3", "5", "dollars,"]),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07shown \x1b[1;32;40mok", ["red", "shown", "ok"]),
        ("#MakeItSo stays", ["#MakeItSo", "stays"]),
        ("begin 644 a.gif\nM" + "AX'" * 20 + "\nM" + "9L+\"Z6E@N<6" * 5 + "\nend",
         ["begin", "644", "a.gif", "end"]),
        ("key 9bFlIkpYt5HfavHYMD5hzcS7hsPRxCcQPDRMQYnrLx571dR+RG/OwqPYEXNhEOV4 "
         "da39a3ee5e6b4b0d3255bfef95601890afd80709", ["key"]),
        ("cats,dogs,horses,cows,sheep,goats,hens,geese,ducks",
         ["cats,dogs,horses,cows,sheep,goats,hens,geese,ducks"]),
        ("<a href=\"x?k=9aB8c7D6e5F4g3H2i1J0k9L8m7N6o5P4q3R2s1\">Cats</a>", ["Cats"]),
        ("/usr/share/man/de/man1/apt-key.8.gz/x/AB", ["/usr/share/man/de/man1/apt-key.8.gz/x/AB"]),
    ],
)  # fmt: skip
def test_what_is_no_language_goes(text: str, words: list[str]) -> None:
    assert cleaned(text) == words


def test_what_goes_is_counted() -> None:
    clean = Cleaner()
    clean("<p>a</p><!-- b --> http://c.example d@e.example @f @g")
    assert clean.removed == {
        "HTML tags": 3, "web addresses": 1, "e-mail addresses": 1, "@names": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<style>",
        "<a ",
        "<x y=",
        "&a",
        "@",
        "a@",
        "a.b.com/",
        "< ",
        "\x1b]",
        "\x1b[1",
        "Ab9",
    ],
)
def test_hostile_documents_take_linear_time(piece: str) -> None:
    start = time.process_time()
    Cleaner()(piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 5  # quadratic: hours
