"""Words that say nothing about a topic, by language."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

# By kind, so that a missing word has an obvious place. No content words: lists in circulation
# drop "computer", "system", "bill" or "fire".
_ENGLISH = """
a an the this that these those such same another other others each every either neither both all
any anyone anybody anything anywhere some someone somebody something somewhere somehow sometime
sometimes somewhat no none nobody nothing nowhere everyone everybody everything everywhere whatever
whichever whoever whomever whenever wherever few fewer fewest less least little lot lots many more
most much several enough plenty one ones two first last next half own

i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself
she her hers herself it its itself they them their theirs themselves who whom whose which what

be am is are was were been being have has had having do does did done doing can could shall should
will would may might must ought cannot

about above across after against along alongside amid among amongst around as at before behind below
beneath beside besides between beyond by despite down during except for from in inside into like
near of off on onto out outside over past per since than through throughout till to toward towards
under underneath until unto up upon versus via vs with within without

and but or nor so yet if unless because although though while whereas whether when where why how
once thus hence therefore thereby therein thereof however nevertheless nonetheless otherwise
moreover furthermore meanwhile instead

not never ever always often usually again already also too very quite rather really just only even
still almost nearly maybe perhaps probably actually basically simply certainly definitely obviously
especially particularly generally mostly mainly exactly indeed anyway anyways else etc ie eg further
far later soon now then here there back away together apart ago today well

get gets getting got gotten give gives giving gave given go goes going gone went come comes coming
came take takes taking took taken make makes making made put puts putting let lets keep keeps kept
say says saying said tell tells told know knows knew known think thinks thinking thought want wants
wanted seem seems seemed become becomes became try tries trying tried look looks looking looked
see sees seeing seen saw use uses used using need needs needed mean means meant

thing things way ways bit kind sort able likely unlikely certain sure yes yeah ok okay oh hi hey
hello please thanks thank mr mrs co

ain aren couldn didn doesn don hadn hasn haven isn ll mightn mustn needn re shan shouldn ve wasn
weren wouldn ain't aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't mightn't
mustn't needn't oughtn't shan't shouldn't wasn't weren't won't wouldn't aint arent cant couldnt
didnt doesnt dont hadnt hasnt havent isnt ive shouldnt thats theres theyre wasnt werent whats wont
wouldnt youre youve im id gonna wanna gotta
"""


# Function words, and verbs as common as English "use" and "come", that Stopwords ISO lacks. The
# Korean ones are dictionary forms, as the segmenter gives them.
_FURTHER = {
    "ar": "والتي والذي يمكنك تريد الرجاء أثناء بالفعل مثلا",
    "de": "falls bzw beispielsweise usw wobei somit jeweils hierbei hierzu hierfür lediglich "
    "sowohl solange sobald sofern bevor siehe verwenden verwendet benutzen benutzt",
    "hi": "तथा हेतु अथवा ताकि क्योंकि कैसे चाहते चाहता चाहती केवल सिर्फ अब प्रत्येक दोनों",
    "ja": "場合 使う 関する",
    "ko": "하다 되다 없다 않다 이다 위하다 대하다 따르다 통하다 의하다 가다 오다 "
    "보다 주다 받다 나오다 알다",
    "th": "คุณ ที่จะ หรือไม่ กรุณา สามารถ ต้องการ ใช้",
    "zh": "里 仅 使用 没有 进行 太 真的 非常 不得不 之后",
}


# What is left of addresses and entities where the text itself has broken them.
DEBRIS = frozenset("http https www com amp nbsp quot lt gt rt".split())


@cache
def english() -> frozenset[str]:
    """Function words, words of everyday talk, and pieces of contractions."""
    return frozenset(_ENGLISH.split())


def stop_words(languages: Iterable[str]) -> frozenset[str]:
    """Stop words of languages, given by ISO 639-1 codes; none for a language without a list.

    English has the list of this module, the others those of Stopwords ISO
    (doi:10.5281/zenodo.20190163), and a few words more in some languages.
    """
    words: set[str] = set()
    for language in languages:
        words |= english() if language == "en" else _stopwords_iso(language)
    return frozenset(words)


@cache
def _stopwords_iso(language: str) -> frozenset[str]:
    import stopwordsiso

    if not stopwordsiso.has_lang(language):
        return frozenset()
    # An entry of several words would stop each of them, content words too.
    listed = {word for word in stopwordsiso.stopwords(language) if " " not in word}
    return frozenset(listed.union(_FURTHER.get(language, "").split()))
