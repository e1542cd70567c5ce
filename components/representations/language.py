"""Which languages a corpus is written in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from components.base import ParameterError
from components.representations.checks import quote_it
from components.representations.stopwords import english, stop_words

NAMES = {
    "af": "afrikaans", "ar": "arabic", "bg": "bulgarian", "bn": "bengali", "br": "breton",
    "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian",
    "fi": "finnish", "fr": "french", "ga": "irish", "gl": "galician", "gu": "gujarati",
    "ha": "hausa", "he": "hebrew", "hi": "hindi", "hr": "croatian", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "ja": "japanese", "km": "khmer",
    "ko": "korean", "ku": "kurdish", "la": "latin", "lo": "lao", "lt": "lithuanian",
    "lv": "latvian", "mr": "marathi", "ms": "malay", "my": "burmese", "nl": "dutch",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sk": "slovak", "sl": "slovenian", "so": "somali", "st": "sotho", "sv": "swedish",
    "sw": "swahili", "ta": "tamil", "te": "telugu", "th": "thai", "tl": "tagalog", "tr": "turkish",
    "uk": "ukrainian", "ur": "urdu", "vi": "vietnamese", "yo": "yoruba", "zh": "chinese",
    "zu": "zulu",
}  # fmt: skip
"""English names of the languages that can be asked for, by ISO 639-1 code."""

_CODES = {name: code for code, name in NAMES.items()} | {"farsi": "fa", "norsk": "no"}
_OWN_NAMES = {
    "deutsch": "de", "español": "es", "français": "fr", "italiano": "it", "nederlands": "nl",
    "polski": "pl", "português": "pt", "svenska": "sv", "türkçe": "tr", "русский": "ru",
    "українська": "uk", "中文": "zh", "日本語": "ja",
}  # fmt: skip

_SAMPLE = 300  # documents
_LENGTH = 400  # characters of each
_SHARE = 0.1  # of the sampled text, from which on a language counts
_QUOTED = 0.02  # and English, which others quote
_ENOUGH = 300  # letters of the Latin alphabet, fewer of which tell nothing
# A character of these scripts says about as much as three letters: Chinese is short.
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LETTERS = re.compile(r"[^\W\d_]+")


def code(name: Any, parameter: str) -> str:
    """ISO 639-1 code of a language that is given by its code or name, English or its own.

    Raises
    ------
    ParameterError
        Of `parameter`, with the nearest name.
    """
    if not isinstance(name, str):
        hint = quote_it(name) if isinstance(name, bool) else "Type auto, or a language such as de."
        raise ParameterError(parameter, name, f"is not text. {hint}")
    normalized = name.strip().lower().replace("_", "-")
    for candidate in (normalized, normalized.partition("-")[0]):  # zh-tw, pt_BR
        if candidate in NAMES:
            return candidate
        if candidate in _CODES:
            return _CODES[candidate]
        if candidate in _OWN_NAMES:
            return _OWN_NAMES[candidate]
    near = difflib.get_close_matches(normalized, [*_CODES, *NAMES], 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise ParameterError(
        parameter, name, f"is not a known language.{hint} Known are {', '.join(sorted(_CODES))}."
    )


def detect(documents: Sequence[str], clean: Callable[[str], str] | None = None) -> dict[str, float]:
    """Languages of the documents, and the share of the text that each of them has.

    Up to 300 documents, evenly spaced, are looked at, 400 characters of each. Where nearly all of
    them hold the usual share of English function words, that decides. Otherwise each is classified
    by py3langid (Lui and Baldwin 2012, doi:10.5281/zenodo.5513294), and a language counts that has
    a tenth of the letters (a character of Chinese, Japanese or Korean is three) and, as a second
    opinion on the Latin alphabet, enough of its own function words; for English, which others
    quote, a fiftieth is enough. Empty where there is no such language, or too little text to tell.

    Parameters
    ----------
    documents : sequence of str
    clean : callable, optional
        What each of the sampled documents is put through first, such as a `Cleaner`.

    Returns
    -------
    dict of str to float
        Shares in (0, 1] by ISO 639-1 code, the largest first.
    """
    step = max(1, -(-len(documents) // _SAMPLE))
    sample = documents[::step] if clean is None else map(clean, documents[::step])
    words = [_LETTERS.findall(text[:_LENGTH].lower()) for text in sample]
    if _is_english(words):
        return {"en": 1.0}
    joined = "".join(word for text in words for word in text)
    if joined.isascii() and len(joined) < _ENOUGH:
        return {}
    texts: dict[str, list[str]] = {}
    quoted: list[str] = []
    classify = _identifier().classify
    for of_text in filter(None, words):
        language, _ = classify(" ".join(of_text))
        of_language = texts.setdefault(_MERGED.get(language, language), [])
        if _in_ascii(of_text):
            of_language.extend(of_text)
        else:  # ASCII words in another alphabet are quotes, and most likely English
            of_language.extend(word for word in of_text if not word.isascii())
            quoted.extend(filter(str.isascii, of_text))
    sizes = {language: sum(map(_size, sample)) for language, sample in texts.items()}
    n_quoted = sum(map(len, quoted))
    n_letters = sum(len(word) for sample in texts.values() for word in sample) + n_quoted
    total = sum(sizes.values()) + n_quoted
    shares = {
        language: size / total
        for language, size in sizes.items()
        if size >= (_QUOTED * n_letters if language == "en" else _SHARE * total)
        and language in NAMES
        and _plausible(language, texts[language])
    }
    if n_quoted >= _QUOTED * n_letters:
        shares["en"] = shares.get("en", 0.0) + n_quoted / total
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def _size(word: str) -> int:
    """How many letters of the Latin alphabet a word is worth."""
    return len(word) + 2 * len(_DENSE.findall(word))


def _plausible(language: str, words: list[str]) -> bool:
    """Whether words of the Latin alphabet are likely to be of `language`."""
    if not _in_ascii(words):
        return True  # another alphabet tells enough
    listed = stop_words([language])
    n_listed = sum(word in listed for word in words)
    return sum(map(len, words)) >= _ENOUGH and (not listed or n_listed >= 0.08 * len(words))


def _is_english(texts: list[list[str]]) -> bool:
    """Whether all but a few texts have enough English function words.

    In English prose every second word is one, in titles every fourth; in other languages that use
    the Latin alphabet fewer than one in twelve looks like one.
    """
    judged = [words for words in texts if len(words) >= 8 or not _in_ascii(words)]
    foreign = [
        words
        for words in judged
        if not _in_ascii(words) or sum(word in english() for word in words) < 0.15 * len(words)
    ]
    n_letters = sum(len(word) for words in judged for word in words)
    n_foreign = sum(len(word) for words in foreign for word in words)
    return len(judged) >= 0.5 * sum(map(bool, texts)) and n_letters > 20 * n_foreign


def _in_ascii(words: list[str]) -> bool:
    """Whether most letters of the words are ASCII."""
    text = "".join(words)
    return sum(map(str.isascii, text)) >= 0.5 * len(text)


_MERGED = {"nn": "no", "yue": "zh", "wuu": "zh"}


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    # Without the rare ones, which short English texts are taken for.
    languages = {language for language in identifier.labels if language in {*NAMES, *_MERGED}}
    identifier.set_languages(sorted(languages))
    return identifier
