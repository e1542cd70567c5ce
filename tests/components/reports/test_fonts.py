"""Pictures in any script: the fonts that are there, or one line that says which to install."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path

import matplotlib
import pytest

from components.base import Corpus, Topic
from components.reports import fonts, plots
from components.reports.font_faces import font_faces
from reports_support import HARMLESS, made


@pytest.fixture(autouse=True)
def fresh() -> None:
    for cached in (fonts._families, fonts._system_fonts, fonts.code_points):
        cached.cache_clear()  # type: ignore[attr-defined]
    fonts._warned.clear()


def test_latin_needs_no_search_for_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_system_fonts", lambda: pytest.fail("not needed"))
    with fonts.readable(["naïve", "Größe", "Ελλάδα", "Москва"]):
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans"]


def test_a_font_that_has_the_characters_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """matplotlib brings a font with characters that its default lacks: mathematical ones."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "STIXGeneral.ttf"
    lacking = sorted(fonts.code_points(str(path)) - fonts.code_points(
        matplotlib.font_manager.findfont("DejaVu Sans")))  # fmt: skip
    characters = [chr(point) for point in lacking if chr(point).isprintable()]
    monkeypatch.setattr(fonts, "_system_fonts", lambda: [str(path)])
    with fonts.readable(["word", characters[0]]):
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", "STIXGeneral"]


def test_the_fonts_of_the_extra_are_used_where_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(matplotlib.font_manager, "findSystemFonts", lambda: [])
    result = made(HARMLESS)
    result.topics = [Topic(0, 15, (("推荐", 1.0), ("ก่อน", 0.5), ("हिन्दी", 0.1)), 1)]
    with fonts.readable(word for word, _ in result.topics[0].words):
        families = set(matplotlib.rcParams["font.family"])
    assert {"Noto Sans Devanagari", "Noto Sans Thai"} < families
    # At regular weight: matplotlib would draw the font, whose weight is variable, at its thinnest.
    (chinese,) = [name for name in families if name.startswith("Noto Sans CJK SC")]
    weights = [f.weight for f in matplotlib.font_manager.fontManager.ttflist if f.name == chinese]
    assert weights == [400]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.write_topics_plot(result, tmp_path)
    assert not [record for record in caplog.records if record.name == fonts.log.name]


def test_one_line_says_which_font_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(fonts, "_system_fonts", lambda: [])
    result = made(HARMLESS)
    result.topics = [Topic(0, 15, (("推荐", 1.0), ("ก่อน", 0.5), ("😀🎉", 0.1)), 1)] * 3
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib's warning for each glyph
        plots.write_topics_plot(result, tmp_path)
        result.topics = [Topic(0, 15, (("手机", 1.0), ("บาท", 0.5), ("😀", 0.1)), 1)] * 3
        plots.write_topics_plot(result, tmp_path)
    (record,) = [record for record in caplog.records if record.name == fonts.log.name]
    message = record.getMessage()
    assert "topic-runner[fonts]" in message
    assert message.endswith("apt install fonts-noto-cjk fonts-noto-core fonts-symbola") or (
        message.endswith("apt install fonts-noto-cjk fonts-noto-core")
    )


def test_the_page_holds_the_fonts_that_its_words_need(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(HARMLESS)
    result.topics = [Topic(0, 15, (("推荐", 1.0), ("ต้มยำ", 0.5), ("word", 0.1)), 1)]
    css = font_faces(result)
    assert css.count("@font-face") == 2
    # Not what Latin text needs; and all of an alphabet, as its vowels are decomposed.
    assert {"U+63A8", "U+8350", "U+E4D", "U+E32"} <= set(re.split("[,}:]", css))
    assert "U+77" not in re.split("[,}:]", css)
    # A document's marks too: “。” was a box where the reader has no such font.
    result.corpus = Corpus(["推荐，非常好。", *result.corpus.documents[1:]])
    assert {"U+3002", "U+FF0C"} <= set(re.split("[,}:]", font_faces(result)))
    monkeypatch.setattr("components.reports.font_faces.package_fonts", lambda: [])
    assert font_faces(result) == ""
