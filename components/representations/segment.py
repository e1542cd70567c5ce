"""Words of languages that put no spaces between them, attach particles, or space syllables."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from components.base import require
from components.representations.tokens import PHRASE

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
_HANGUL = "\uac00-\ud7a3"
_SCRIPTS = {
    language: re.compile(f"[{characters}]")
    for language, characters in {"ko": _HANGUL, **_RANGES}.items()
}
UNSPACED = re.compile(f"[{_HANGUL}{''.join(_RANGES.values())}]")
"""A character of a script whose words are not, or not only, separated by spaces."""

_EXTRAS = {
    "ko": ("kiwipiepy", "korean"),
    "zh": ("rjieba", "chinese"),
    "ja": ("sudachipy", "japanese"),
    "th": ("pythainlp", "thai"),
}
_ICU = ("icu4py", "icu")

# Sudachi's parts of speech that join words or replace them: particles, auxiliaries, pronouns, ...
_JOINING = {"助詞", "助動詞", "補助記号", "記号", "空白", "接頭辞", "接尾辞", "接続詞", "代名詞"}
# In Korean, by Sejong's tags, what is a word without what is attached to it: nouns, roots, adverbs,
# words in other scripts; and verbs and adjectives, whose dictionary form ends in 다.
_KOREAN = {"NNG", "NNP", "XR", "MAG", "SL", "SH"}
_KOREAN_VERBS = {"VV", "VA"}


class Segmenters:
    """Cuts runs of characters into words, each with the segmenter of its script.

    Chinese is cut by jieba (rjieba), Japanese by Sudachi, Korean by Kiwi (kiwipiepy), where
    inflected words take their dictionary form and particles are left out, Thai by PyThaiNLP; Lao,
    Khmer and Burmese, and all others where their own segmenter is not installed, by ICU's
    dictionaries (icu4py). Korean without Kiwi stays as it is written, with its particles.

    Parameters
    ----------
    languages : iterable of str
        Languages of the corpus, as ISO 639-1 codes. Their segmenters must be installed. Runs in
        another script, a Chinese name in an English text, stay whole where there is none.

    Raises
    ------
    MissingExtraError
        With the line that installs the segmenter of a language.
    """

    def __init__(self, languages: Iterable[str]) -> None:
        self._languages = set(languages)
        self._loaded: dict[str, Segmenter | None] = {}
        for language in sorted(self._languages & _RANGES.keys()):
            require_segmenter(language)
        if "ko" in self._languages and not _installed("kiwipiepy"):
            log.info(
                "kiwipiepy is not installed: Korean words keep their particles. Install it with: "
                "pip install 'topic-runner[korean]'"
            )

    def __call__(self, run: str) -> list[str]:
        """The words of a run of letters that holds characters of an unspaced script."""
        language = self._language(run)
        if language == "ko" and language not in self._languages:
            return [run]  # a Korean name in another text
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


def syllable_joiner(languages: Iterable[str]) -> Callable[[str], str] | None:
    """A function that joins the syllables of each Vietnamese word in a text; None without any.

    Vietnamese puts a space after each syllable, and most words have two.
    """
    if "vi" not in languages:
        return None
    if not _installed("underthesea"):
        log.info(
            "underthesea is not installed: of Vietnamese words each syllable counts as a word. "
            "Install it with: pip install 'topic-runner[vietnamese]'"
        )
        return None
    from underthesea import word_tokenize

    def join(text: str) -> str:
        words = word_tokenize(text, use_token_normalize=False)
        return " ".join(word.replace(" ", PHRASE) for word in words)

    return join


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
    if language != "ko" and _installed(_ICU[0]):
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


def _korean() -> Segmenter:
    from kiwipiepy import Kiwi

    analyse = Kiwi(num_workers=1).tokenize

    def cut(run: str) -> list[str]:
        words = []
        for token in analyse(run):
            tag = token.tag.partition("-")[0]  # VV-I: an irregular verb
            if tag in _KOREAN:
                words.append(token.form)
            elif tag in _KOREAN_VERBS:
                words.append(f"{token.form}다")
        return words

    return cut


def _thai() -> Segmenter:
    from pythainlp.tokenize import word_tokenize

    return lambda run: word_tokenize(run, engine="newmm", keep_whitespace=False)


def _icu(language: str) -> Segmenter:
    from icu4py.breakers import WordBreaker

    return lambda run: list(WordBreaker(run, language))


_LOADERS: dict[str, Callable[[], Segmenter]] = {
    "ko": _korean,
    "zh": _chinese,
    "ja": _japanese,
    "th": _thai,
    "lo": lambda: _icu("lo"),
    "km": lambda: _icu("km"),
    "my": lambda: _icu("my"),
}
