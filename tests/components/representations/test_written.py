from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from components.base import ParameterError
from components.representations.ctfidf import CTFIDF
from components.representations.keybert import KeyBERT
from components.representations.mmr import MMR
from words_support import shown

# Names of companies and people, with words that begin sentences.
NEWS = [
    "Workers said that IBM sold chips. Chips of Merkel are rare.",
    "Many workers met Merkel at NASA. Taxes were cut, and taxes are low.",
    "Taxes hurt. The workers asked IBM for an iPhone and for chips.",
    "Chips. Nobody told Merkel that the workers of NASA want an iPhone.",
]


def form(word: str, *documents: str, **options: Any) -> str:
    """How a word is shown whose lower case is `word`."""
    return next(found for found in shown([*documents], **options) if found.lower() == word)


def test_names_keep_their_capitals_and_words_that_begin_a_sentence_get_none() -> None:
    found = shown(NEWS)
    assert {"IBM", "Merkel", "NASA", "iPhone", "workers", "chips", "taxes"} <= found


@pytest.mark.parametrize(
    ("expected", "documents"),
    [
        ("enjoy", ["You will ENJOY this show.", "Now go and ENJOY it.", "Enjoy the music."]),
        ("Flyers", ["So the FLYERS won it.", "Then the FLYERS lost.", "All the Flyers fans came."]),
        ("wall", ["We need the WALL now.", "Wall works.", "Walls work. Wall is high.", "Wall."]),
        ("NATO", ["They left NATO in May.", "Now NATO is here.", "Nato is old."]),
        ("UNESCO", ["They left UNESCO in May.", "Now UNESCO is here.", "The list of UNESCO."]),
        ("SIMMs", ["Buy four SIMMs for it.", "Two SIMMs fit.", "The SIMMS here.", "Simms fit."]),
    ],
)
def test_capitals_for_emphasis_are_no_acronym(expected: str, documents: list[str]) -> None:
    assert form(expected.lower(), *documents) == expected


def test_lower_case_where_that_is_asked_for() -> None:
    assert {*map(str.lower, shown(NEWS))} == shown(NEWS, case="lower")
    assert {"workers", "Workers"} <= {*shown(NEWS, lowercase=False, merge_variants=False)}
    with pytest.raises(ParameterError, match="as_written or lower"):
        CTFIDF(case="upper")


def test_words_are_counted_without_regard_to_case() -> None:
    part = CTFIDF().fit(NEWS, np.zeros(4, int))
    assert {*part.get_feature_names_out()} >= {"ibm", "merkel", "iphone"}
    assert not {*part.get_feature_names_out()} & {"IBM", "Merkel", "iPhone"}
    weights = [[weight for _, weight in topic] for topic in part.words_]
    lower = CTFIDF(case="lower").fit(NEWS, np.zeros(4, int)).words_
    assert weights == [[weight for _, weight in topic] for topic in lower]


@pytest.mark.parametrize(
    "headline",
    [
        "Miners Protest Against Budget Cuts",
        "MINERS PROTEST AGAINST BUDGET CUTS",
        "miners protest against budget cuts",
        "Miners: Protest! Budget? Cuts",
        "- Miners\n- Protest\n- Budget",
        '"Miners" (and "Protest" or) "Budget"',
    ],
)
def test_the_style_of_a_headline_tells_nothing(headline: str) -> None:
    assert all(word.islower() for word in shown([headline] * 5))


def test_other_evidence_outweighs_headlines() -> None:
    headlines = ["Oracle Buys Miners In Berlin", "ORACLE BUYS MINERS IN BERLIN"] * 20
    prose = ["Yesterday the miners went with Oracle to Berlin by train."] * 2
    found = shown(headlines + prose)
    assert {"Oracle", "Berlin", "miners", "buys"} <= found


def test_the_most_frequent_form_and_lower_case_in_doubt() -> None:
    assert form("ibm", *["we bought an IBM today"] * 3, "we bought an Ibm today") == "IBM"
    assert form("bank", *["a Bank closed here"] * 2, *["a bank closed HERE"] * 2) == "bank"


def test_sloppy_documents_are_no_evidence() -> None:
    assert form("nasa", *["i like nasa a lot"] * 9, "I saw that NASA launched it") == "NASA"


def test_addresses_and_names_of_files_are_no_evidence() -> None:
    texts = [
        "Read it: http://www.ibm.com/ibm/x, mail joe@ibm.com or @ibm, ibm.com and my_ibm_x",
        "They say that IBM closed it",
    ]
    assert form("ibm", *texts * 3) == "IBM"
    assert form("list", *["We use java.util.List or a list of words"] * 5) == "list"
    assert form("usr", *["Our USR modem is in /usr/lib and /usr/bin"] * 5) == "usr"


def test_german_nouns() -> None:
    documents = ["Heute hat die Regierung ein neues Gesetz beschlossen.", "Gesetz gilt."] * 4
    found = shown(documents, language="de")
    assert {"Regierung", "Gesetz", "beschlossen"} <= found


def test_phrases_and_the_stop_words_between_their_words() -> None:
    documents = ["They flew to New York for the Bank of England."] * 3
    found = shown(documents, ngram_range=[2, 2])
    assert {"New York", "Bank England", "flew New"} <= found


def test_words_that_have_no_case() -> None:
    chinese = ["我们公司购买了IBM电脑。", "他说IBM公司很大。"] * 3
    found = shown(chinese, language="zh")
    assert "IBM" in found
    assert shown(chinese, language="zh", case="lower") == {*map(str.lower, found)}


def test_a_dotted_capital_i() -> None:
    assert form("i\u0307stanbul", *["we went to İstanbul, to the big bridge"] * 3) == "İstanbul"


def test_the_order_of_documents_does_not_matter() -> None:
    documents = [f"{n} the {'Bank' if n % 5 else 'bank'} {n} of (Basel) shut" for n in range(300)]
    shuffled = random.Random(0).sample(documents, len(documents))
    assert shown(documents) == shown(shuffled)
    assert "Bank" in shown(documents)


def test_other_representations_choose_in_lower_case_and_show_words_as_written() -> None:
    asked: list[str] = []

    def encode_words(words: list[str]) -> np.ndarray:
        asked.extend(words)
        return np.ones((len(words), 2), np.float32)

    labels, X = np.zeros(4, int), np.ones((4, 2), np.float32)
    candidates = CTFIDF(n_words=30, also=["mmr", "keybert", "ctfidf"])
    for part in (KeyBERT(candidates=candidates), MMR(candidates=candidates)):
        part.fit(NEWS, labels, embeddings=X, encode_words=encode_words)
        assert {"IBM", "Merkel"} <= {word for word, _ in part.words_[0]}
        for view in part.views_.values():
            assert {"IBM", "Merkel"} <= {word for word, _ in view[0]}
    assert "ibm" in asked
    assert not {"IBM", "Merkel"} & {*asked}


def test_words_of_groups_are_written_alike() -> None:
    part = CTFIDF().fit(NEWS, np.zeros(4, int))
    groups = part.words_of(sparse.eye(4, format="csr")[:2], 20)
    assert "IBM" in dict(groups[0])
    assert {"NASA", "Merkel", "workers"} <= dict(groups[1]).keys()
