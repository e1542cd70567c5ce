"""Words of scripts that are written without spaces."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from components.base import require

log = logging.getLogger(__name__)

Segmenter: TypeAlias = Callable[[str], list[str]]

_KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RANGES = {
    "th": "\u0e00-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "my": "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f",
    "km": "\u1780-\u17ff",
    "ja": _KANA,
    "zh": _HAN,
}
_SCRIPTS = {language: re.compile(f"[{ranges}]") for language, ranges in _RANGES.items()}
UNSPACED = re.compile(f"[{''.join(_RANGES.values())}]")
"""A character of a script that does not put spaces between words."""

_EXTRAS = {
    "zh": ("rjieba", "chinese"),
    "ja": ("sudachipy", "japanese"),
    "th": ("pythainlp", "thai"),
}
_ICU = ("icu4py", "icu")

# In Japanese, what only joins words or stands for them.
_JOINING = {"助詞", "助動詞", "補助記号", "記号", "空白", "接頭辞", "接尾辞", "接続詞", "代名詞"}


class Segmenters:
    """Cuts runs of characters into words, each with the segmenter of its script.

    Chinese is cut by jieba (rjieba), Japanese by Sudachi, where inflected words take their
    dictionary form and particles are left out, Thai by PyThaiNLP; Lao, Khmer and Burmese, and all
    others where their own segmenter is not installed, by ICU's dictionaries (icu4py).

    Parameters
    ----------
    languages : iterable of str
        Languages of the corpus, as ISO 639-1 codes. Their segmenters must be installed. Runs in
        another script, a Chinese name in an English text, stay whole where there is none.

    Raises
    ------
    MissingExtraError
    """

    def __init__(self, languages: Iterable[str]) -> None:
        self._languages = set(languages)
        self._loaded: dict[str, Segmenter | None] = {}
        for language in sorted(self._languages & _RANGES.keys()):
            require_segmenter(language)

    def __call__(self, run: str) -> list[str]:
        """The words of a run of letters that holds characters of an unspaced script."""
        language = self._language(run)
        if language not in self._loaded:
            self._loaded[language] = _load(language)
        segmenter = self._loaded[language]
        return [run] if segmenter is None else segmenter(run)

    def _language(self, run: str) -> str:
        for language, script in _SCRIPTS.items():
            if language != "zh" and script.search(run):
                return language
        # Han characters alone: Japanese only in a corpus that is so, and not Chinese too.
        return "ja" if "ja" in self._languages and "zh" not in self._languages else "zh"


def require_segmenter(language: str) -> None:
    """Check that words of `language` can be cut, if it is written without spaces.

    Raises
    ------
    MissingExtraError
    """
    if language not in _RANGES or _installed(_ICU[0]):
        return
    require(*_EXTRAS.get(language, _ICU))


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _load(language: str) -> Segmenter | None:
    module, _ = _EXTRAS.get(language, _ICU)
    if _installed(module):
        return _LOADERS[language]()
    if _installed(_ICU[0]):
        log.info("%s is not installed: ICU cuts the words of '%s'.", module, language)
        return _icu(language)
    return None


def _chinese() -> Segmenter:
    import rjieba

    cut: Segmenter = rjieba.cut
    return cut


def _japanese() -> Segmenter:
    import sudachipy

    require("sudachidict_core", "japanese")  # the dictionary is a package of its own
    dictionary = sudachipy.Dictionary(dict="core")
    tokenize = dictionary.tokenizer(mode=sudachipy.SplitMode.B).tokenize

    def cut(run: str) -> list[str]:
        return [
            morpheme.dictionary_form()
            for morpheme in tokenize(run)
            if morpheme.part_of_speech()[0] not in _JOINING
            and morpheme.part_of_speech()[1] != "非自立可能"
        ]

    return cut


def _thai() -> Segmenter:
    from pythainlp.tokenize import word_tokenize

    return lambda run: word_tokenize(run, engine="newmm", keep_whitespace=False)


def _icu(language: str) -> Segmenter:
    from icu4py.breakers import WordBreaker

    return lambda run: list(WordBreaker(run, language))


_LOADERS: dict[str, Callable[[], Segmenter]] = {
    "zh": _chinese,
    "ja": _japanese,
    "th": _thai,
    "lo": lambda: _icu("lo"),
    "km": lambda: _icu("km"),
    "my": lambda: _icu("my"),
}
