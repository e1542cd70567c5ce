from __future__ import annotations

import pytest

from components.base import ParameterError
from components.representations.language import NAMES, code, detect
from components.representations.stopwords import english, stop_words
from components.representations.tokens import tokenize

TEXTS = {
    "en": "The committee will meet again in the morning, and nobody knows what it is going to say.",
    "de": "Der Ausschuss tagt am Morgen noch einmal, und niemand weiß, was er dabei sagen wird.",
    "fr": "La commission se réunira dans la matinée et personne ne sait ce qu'elle dira.",
    "es": "El comité se reunirá otra vez por la mañana y nadie sabe lo que va a decir entonces.",
    "hi": "समिति की बैठक सुबह फिर होगी और कोई नहीं जानता कि वह क्या कहने वाली है।",
    "ar": "ستجتمع اللجنة مرة أخرى في الصباح ولا أحد يعرف ماذا ستقول في هذا الاجتماع.",
    "zh": "委员会将在早上再次开会，没有人知道它会说什么。",
    "ja": "委員会は朝にもう一度開かれますが、何を言うのかは誰も知りません。",
    "th": "คณะกรรมการจะประชุมอีกครั้งในตอนเช้า และไม่มีใครรู้ว่าจะพูดอะไร",
    "ru": "Комитет снова соберётся утром, и никто не знает, что он собирается сказать.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_one_language(language: str) -> None:
    assert detect([TEXTS[language]] * 10) == {language: 1.0}


def test_several_languages_by_their_share_of_the_text() -> None:
    shares = detect([TEXTS["de"]] * 30 + [TEXTS["en"]] * 20 + [TEXTS["fr"]])
    assert list(shares) == ["de", "en"]  # French has less than a tenth
    assert 0.5 < shares["de"] < 0.7


def test_chinese_counts_by_what_it_says() -> None:
    """A fifth of the documents has a tenth of the characters: 22 say what 87 do in English."""
    assert set(detect([TEXTS["zh"]] * 20 + [TEXTS["en"]] * 80)) == {"en", "zh"}


def test_english_in_texts_of_another_alphabet() -> None:
    shares = detect([TEXTS["zh"] + "请用 the option of the program"] * 20)
    assert list(shares) == ["zh", "en"]
    assert list(detect([TEXTS["zh"] + "请用 PDF"] * 3 + [TEXTS["zh"]] * 20)) == ["zh"]


def test_too_little_text_tells_nothing() -> None:
    assert detect(["cat fish boat", "", "12 34"]) == {}
    assert detect([]) == {}


def test_codes_and_names() -> None:
    for given in ("de", "German", " german ", "DE", "de-AT", "de_CH", "Deutsch"):
        assert code(given, "language") == "de"
    with pytest.raises(ParameterError, match=r"^stop_words=germna: .*Did you mean 'german'"):
        code("germna", "stop_words")


def test_stop_words_of_fifty_languages() -> None:
    assert sum(bool(stop_words([language])) for language in NAMES) >= 50
    assert {"und", "die", "the", "of"} <= stop_words(["de", "en"])
    assert stop_words(["en"]) == english()
    assert not any(" " in word for word in stop_words(["fa"]))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("el", "και αυτό είναι αλλά δεν έχει όταν ήταν"),
        ("ro", "și să își după către această"),
        ("ro", "şi această aceşti"),
        ("fa", "این که می\u200cشود می\u200cکند زیرا زيرا"),
        ("hi", "काफ़ी है गई"),
        ("fr", "lorsqu'il quelqu'un aujourd'hui jusqu'à déjà"),
        ("uk", "це не його або які тільки"),
        ("ko", "많이 매우 잘"),
    ],
)  # fmt: skip
def test_stop_words_as_documents_spell_them(language: str, text: str) -> None:
    tokens = tokenize([text])
    assert {*tokens.words} <= stop_words([language])
