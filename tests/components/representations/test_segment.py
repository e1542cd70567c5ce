from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from components.base import MissingExtraError
from components.representations.ctfidf import CTFIDF
from components.representations.segment import Segmenters, require_segmenter


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hide installed packages."""

    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.mark.parametrize(
    ("language", "run", "words"),
    [
        ("zh", "前台服务态度非常热情", ["前台", "服务态度", "非常", "热情"]),
        ("ja", "冷蔵庫の音がうるさかったです", ["冷蔵庫", "音", "うるさい"]),
        ("th", "ผมชอบกินข้าวผัด", ["ผม", "ชอบ", "กิน", "ข้าวผัด"]),
        ("km", "ខ្ញុំចូលចិត្តភាសាខ្មែរ", ["ខ្ញុំ", "ចូលចិត្ត", "ភាសាខ្មែរ"]),
        ("lo", "ຂ້ອຍມັກພາສາລາວ", ["ຂ້ອຍ", "ມັກ", "ພາສາ", "ລາວ"]),
    ],
)
def test_words_of_scripts_without_spaces(language: str, run: str, words: list[str]) -> None:
    assert Segmenters([language])(run) == words


def test_korean_loses_particles_and_endings() -> None:
    cut = Segmenters(["ko"])
    runs = ["고양이는", "학교에서", "먹었습니다", "아름다운", "gps신호를", "우리는"]
    assert [cut(run) for run in runs] == [
        ["고양이"], ["학교"], ["먹다"], ["아름답다"], ["gps", "신호"], []
    ]  # fmt: skip
    documents = ["고양이는 잔다", "고양이가 먹는다", "고양이를 본다"]
    words = CTFIDF(language="ko").fit(documents, [0, 0, 0]).words_[0]
    assert words[0][0] == "고양이"


def test_korean_without_kiwi_stays_as_it_is(missing: Any, caplog: pytest.LogCaptureFixture) -> None:
    missing("kiwipiepy")
    with caplog.at_level(logging.INFO):
        assert Segmenters(["ko"])("고양이는") == ["고양이는"]
    assert "topic-runner[korean]" in caplog.text


def test_vietnamese_words_of_several_syllables_are_words() -> None:
    pytest.importorskip("underthesea")
    documents = ["Ngân hàng Nhà nước Việt Nam có thể tăng lãi suất", "Ngân hàng công bố lợi nhuận"]
    words = {word for word, _ in CTFIDF(language="vi").fit(documents, [0, 0]).words_[0]}
    assert {"ngân hàng", "Việt Nam", "lãi suất", "lợi nhuận", "công bố"} <= words
    assert "có thể" not in words


def test_vietnamese_without_underthesea(missing: Any, caplog: pytest.LogCaptureFixture) -> None:
    missing("underthesea")
    with caplog.at_level(logging.INFO):
        words = dict(CTFIDF(language="vi").fit(["lãi suất tăng, lai"], [0]).words_[0])
    assert words.keys() >= {"lãi", "lai", "suất"}  # accents tell words apart
    assert "topic-runner[vietnamese]" in caplog.text


def test_a_korean_name_in_another_text_stays_whole() -> None:
    assert Segmenters(["en"])("고양이는") == ["고양이는"]


def test_han_characters_alone_are_japanese_in_a_japanese_corpus() -> None:
    run = "外国人参政権"
    assert Segmenters(["ja"])(run) != Segmenters(["zh"])(run) == Segmenters(["ja", "zh"])(run)


@pytest.mark.parametrize(
    ("language", "module", "extra"),
    [("zh", "rjieba", "chinese"), ("ja", "sudachipy", "japanese"), ("th", "pythainlp", "thai")],
)
def test_icu_stands_in_for_a_missing_segmenter(
    missing: Any, language: str, module: str, extra: str
) -> None:
    missing(module)
    run = {"zh": "前台服务态度", "ja": "冷蔵庫の音", "th": "ผมชอบกินข้าว"}[language]
    assert len(Segmenters([language])(run)) > 1
    missing(module, "icu4py")
    with pytest.raises(MissingExtraError, match=rf"{module}.*\[{extra}\]"):
        require_segmenter(language)
    with pytest.raises(MissingExtraError, match=extra):
        CTFIDF(language=language)  # asked for: before any work


def test_sudachi_without_its_dictionary(missing: Any) -> None:
    missing("sudachidict_core")
    with pytest.raises(MissingExtraError, match=r"sudachidict_core.*\[japanese\]"):
        Segmenters(["ja"])("冷蔵庫の音")


def test_a_language_without_its_own_segmenter_asks_for_icu(missing: Any) -> None:
    missing("icu4py")
    with pytest.raises(MissingExtraError, match=r"icu4py.*\[icu\]"):
        require_segmenter("km")


def test_a_few_foreign_words_need_no_segmenter(missing: Any) -> None:
    missing("rjieba", "icu4py")
    assert Segmenters(["en"])("前台服务") == ["前台服务"]
