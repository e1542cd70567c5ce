from __future__ import annotations

import logging
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.representations import tokens as tokens_module
from components.representations import words as words_module
from components.representations.ctfidf import CTFIDF
from components.representations.tokens import tokenize, words_in


def words(documents: list[str], topics: list[int] | None = None, **options: Any) -> list[list[str]]:
    labels = np.array(topics or [0] * len(documents))
    part = CTFIDF(**options).fit(documents, labels)
    return [[word for word, _ in topic] for topic in part.words_]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't won't Bob's l'homme aujourd\u2019hui", "don't won't bob homme aujourd hui"),
        ("'quoted' dogs' rock'n'roll O'Brien", "quoted dogs rock roll brien"),
        ("п\u2019ять м'яч", "п'ять м'яч"),
        ("Fußball\u00adbund\u00adtrainer", "fußballbundtrainer"),
        ("cafe\u0301 café Cafe\u0301", "café café café"),
        ("می\u200cخواهم می\u200c", "می\u200cخواهم می"),
        ("كـــتاب مُحَمَّد", "كتاب مُحَمَّد"),
        ("தமிழ் हिन्दी বাংলা", "தமிழ் हिन्दी বাংলা"),
        ("İstanbul ISTANBUL", "istanbul istanbul"),
        ("\u202egood\u202c \ufeffword\u2060", "good word"),
        ("x 7 1,000 ½ ٣٤ 3d mp3 covid19", "3d mp3 covid19"),
        ("👩\u200d💻 love❤\ufe0f", "love"),
    ],
)
def test_what_is_a_word(text: str, expected: str) -> None:
    found = tokenize([text])
    assert [found.words[word] for word in found.ids] == expected.split()


def test_one_chinese_character_may_be_a_word_and_one_letter_may_not() -> None:
    assert words_in("猫") == ["猫"]
    assert words_in("물") == ["물"]
    assert words_in("x") == words_in("あ") == words_in("三") == []


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [f"w{n % 7} o'b{n % 3} don't, 前台服务{n % 5} x" for n in range(50)] + ["", "end"]
    whole = tokenize(documents, segment=list)
    monkeypatch.setattr(tokens_module, "_BLOCK", 40)
    cut = tokenize(documents, segment=list)
    assert cut.words == whole.words
    assert np.array_equal(cut.ids, whole.ids)
    assert np.array_equal(cut.starts, whole.starts)


def test_stop_words_by_detected_language() -> None:
    german = ["Die Rechnung ist nicht bezahlt und die Mahnung wurde an den Kunden geschickt."] * 9
    assert words(german) == [["bezahlt", "geschickt", "Kunden", "Mahnung", "Rechnung"]]
    assert "die" in words(german, language="en")[0]
    assert "die" in words(german, stop_words=None)[0]


@pytest.mark.parametrize("name", ["german", "de", "German"])
def test_stop_words_by_name(name: str) -> None:
    assert words(["und die Katze"], stop_words=name) == [["Katze"]]


def test_both_languages_of_a_mixed_corpus() -> None:
    german = ["Die Rechnung ist nicht bezahlt und die Mahnung wurde an den Kunden geschickt."] * 9
    english = ["The invoice was not paid, and so we have sent a reminder to the customer."] * 9
    found = words(german + english, [0] * 9 + [1] * 9)
    assert found[0] == ["bezahlt", "geschickt", "Kunden", "Mahnung", "Rechnung"]
    assert found[1] == ["customer", "invoice", "paid", "reminder", "sent"]


def test_chinese_words_not_clauses() -> None:
    documents = [
        "前台服务态度非常热情，而且空调干净整洁。",
        "手机信号很差，但是摄像头拍照效果清晰。",
    ] * 10
    found = words(documents, [0, 1] * 10)
    assert {"前台", "服务态度", "空调"} <= set(found[0])
    assert {"手机信号", "效果", "摄像头"} <= set(found[1])
    assert "而且" not in found[0]


def test_the_detected_language_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        words(["Das ist nicht, was wir von der Versicherung erwartet haben."] * 9)
    assert "language, from a sample of the documents: German 100%." in caplog.text


def test_rubbish_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    documents = [
        f'<p class="x">cat{n} purrs &amp; sleeps</p> http://x.example/{n} me@x.example @you #pets'
        for n in range(3)
    ]
    with caplog.at_level(logging.INFO):
        found = words(documents)
    assert found == [["pets", "purrs", "sleeps", "cat0", "cat1", "cat2"]]
    assert (
        "not counted as words: 6 HTML tags, 3 web addresses, 3 e-mail addresses, 3 @names"
        in caplog.text
    )
    assert "dataset.clean=html" in caplog.text  # as many tags as documents, and more
    assert {"class", "example"} <= set(words(documents, clean=False, n_words=20)[0])


def test_emoji_leave_a_topic_without_words() -> None:
    assert words(["😀", "🎉", "cat"], [0, 0, 1]) == [[], ["cat"]]


def test_documents_are_read_once_for_all_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*args: Any, **options: Any) -> Any:
        calls.append(args)
        return tokenize(*args, **options)

    monkeypatch.setattr(words_module, "tokenize", counted)
    documents = ["cat cat dog", "cat fish", "fish boat", "boat sea"]
    part = CTFIDF()
    read = part.read(documents)
    fine = part.fit(documents, np.array([0, 1, 2, 3]), words=read).words_
    coarse = part.fit(documents, np.array([0, 0, 1, 1]), words=read).words_
    assert len(calls) == 1
    assert fine == CTFIDF().fit(documents, np.array([0, 1, 2, 3])).words_
    assert coarse == CTFIDF().fit(documents, np.array([0, 0, 1, 1])).words_


def test_memory_is_that_of_numbers_not_of_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "_BLOCK", 100_000)  # small, as it is beside a real corpus
    rng = np.random.default_rng(0)
    vocabulary = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(676)]
    documents = [" ".join(vocabulary[n] for n in row) for row in rng.integers(0, 676, (5000, 100))]
    n_tokens = 100 * len(documents)
    labels = rng.integers(0, 20, len(documents))
    part = CTFIDF(language="en")
    part.fit(documents[:100], labels[:100])  # imports
    tracemalloc.start()
    part.fit(documents, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * n_tokens  # a list of the words alone takes 8 + 55


def test_the_words_of_yaml_files_are_checked(tmp_path: Path) -> None:
    from omegaconf import OmegaConf

    from components.base import ParameterError

    (tmp_path / "norway.yaml").write_text("stop_words: [og, i, på, no, on, det]\n")
    config: Any = OmegaConf.to_container(OmegaConf.load(tmp_path / "norway.yaml"))
    with pytest.raises(ParameterError, match=r"word 4 is not text.*quote it"):
        CTFIDF(**config)
