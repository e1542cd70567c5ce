"""Words that say nothing about a topic, by language."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from unicodedata import normalize

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
# Korean ones are dictionary forms, as the segmenter gives them; French elisions and Turkish
# suffixes are what stands before and behind an apostrophe (lorsqu'il, Ankara'nın).
_FURTHER = {
    "ar": "والتي والذي يمكنك تريد الرجاء أثناء بالفعل مثلا",
    "de": "falls bzw beispielsweise usw wobei somit jeweils hierbei hierzu hierfür lediglich "
    "sowohl solange sobald sofern bevor siehe verwenden verwendet benutzen benutzt",
    "et": "ole olen oled oleme olete oli olid olla oleks olnud pole polnud või vaid kuid siis veel "
    "juba nagu kuna sest kus kes kelle mille mida millest selle seda sellest sellel selles need "
    "nende neid oma tema mina sina teie end ise üle alla juures järgi pärast enne vastu kohta "
    "kaudu poolt eest peale välja väga ainult palju rohkem saab saa võib tuleb peab",
    "fa": "می\u200cکند می\u200cکنند می\u200cشوند می\u200cدهد می\u200cدهند می\u200cباشد "
    "می\u200cباشند می\u200cتوان می\u200cتواند می\u200cگوید",
    "fr": "lorsqu puisqu quoiqu presqu quelqu entr déjà",
    "he": "היו הייתה",
    "hi": "तथा हेतु अथवा ताकि क्योंकि कैसे चाहते चाहता चाहती केवल सिर्फ अब प्रत्येक दोनों गई गए "
    "जाएगा जाएगी जाएंगे",
    "ja": "場合 使う 関する とても すぐ まだ もう もっと かなり 言う 思う 行う",
    "ko": "하다 되다 없다 않다 이다 위하다 대하다 따르다 통하다 의하다 가다 오다 "
    "보다 주다 받다 나오다 알다 많이 매우 아주 너무 정말 잘 더 가장 다시 바로 말",
    "ro": "îşi însă",
    "th": "คุณ ที่จะ หรือไม่ กรุณา สามารถ ต้องการ ใช้ บอก บอกว่า กล่าวว่า",
    "tr": "nın nin nun nün ın in ün nı ni nu nü yı yi yu yü ya ye na ta te dan den tan ten nda nde "
    "ndan nden la le lar ler daki deki taki teki dır dir dur dür",
    "uk": "не на за по при над між перед через після проти щодо зі або та бо щоб якщо якби хоч "
    "поки доки аби ніж мов нехай хай лише тільки вже ще же би саме ось ні його йому їй їм ним нею "
    "ними нього неї них мені мене мною тебе тобі тобою нас нами вами себе собі собою мій моя моє "
    "мої твій твоя твоє твої наш наша наше наші ваш ваша ваше ваші свій своя своє свої свого "
    "своєї своїх свою своєму цього цієї цих цьому цій цю цим цими ця ці той ті того тієї тих тому "
    "тій ту тим тими такі така таке таких такого хто кого кому ким чому чим якого якому яку яким "
    "яких якими яка яке які кожен кожна кожне кожного сам сама самі усі всі всього всьому всім "
    "ніхто нічого щось хтось інший інша інше інші іншого іншої там тут туди сюди тоді тепер зараз "
    "потім куди звідки скільки дуже може можуть можна треба буде будуть буду має мають мав мала "
    "мали мати",
    "zh": "里 仅 使用 没有 进行 太 真的 非常 不得不 之后 正在 还会 不会 无法 请问",
}

# Letters of two encodings of one alphabet: the lists have one, documents mostly the other.
_ALIKE = {"fa": ("يك", "یک"), "ro": ("şţ", "șț")}
_TONOS = dict(zip("αεηιουω", "άέήίόύώ", strict=True))


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
    # An entry of several words would stop each of them, content words too. In Vietnamese it is a
    # word of several syllables.
    listed = {
        word for word in stopwordsiso.stopwords(language) if " " not in word or language == "vi"
    }
    words = {normalize("NFC", word) for word in listed.union(_FURTHER.get(language, "").split())}
    if language in _ALIKE:
        one, other = _ALIKE[language]
        for table in (str.maketrans(one, other), str.maketrans(other, one)):
            words |= {word.translate(table) for word in words}
    if language == "el":  # most of the list is written without the accent that each word has
        words |= {
            word[:place] + _TONOS[letter] + word[place + 1 :]
            for word in words
            for place, letter in enumerate(word)
            if letter in _TONOS
        }
    return frozenset(words)
