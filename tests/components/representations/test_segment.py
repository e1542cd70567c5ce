from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from components.base import MissingExtraError
from components.representations.ctfidf import CTFIDF
from components.representations.segment import Segmenters, require_segmenter


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hide installed packages."""
    real = importlib.util.find_spec

    def hide(*names: str) -> None:
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *a: None if name in names else real(name, *a)
        )

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
