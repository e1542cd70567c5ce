import numpy as np
import pytest

from components.base import Corpus, ParameterError
from components.datasets.python import PythonDataset
from components.datasets.split import cut, split_corpus

TEXT = (
    "Dr. Smith met J. Doe at 5 p.m. on Monday. It cost $3.50! Why? \u201cNobody knows.\u201d "
    "See fig. 3 in e.g. the annex... The end"
)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (
            TEXT,
            [
                "Dr. Smith met J. Doe at 5 p.m. on Monday.",
                "It cost $3.50!",
                "Why?",
                "\u201cNobody knows.\u201d",
                "See fig. 3 in e.g. the annex...",
                "The end",
            ],
        ),
        ("我爱你。你呢？「好！」他说。", ["我爱你。", "你呢？", "「好！」", "他说。"]),
        ("これは本です。それはペンです。", ["これは本です。", "それはペンです。"]),
        ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
        ("ما هذا؟ هذا كتاب.", ["ما هذا؟", "هذا كتاب."]),
        ("A title\n\nThe text of it.", ["A title", "The text of it."]),
        ("  \n ", []),
        ("no end", ["no end"]),
    ],
)
def test_sentences(text, pieces):
    assert list(cut(text, "sentences", 1)) == pieces


def test_short_sentences_are_joined_and_no_text_is_lost():
    text = " ".join(f"Sentence number {n} is here." for n in range(50))
    pieces = list(cut(text, "sentences", 100))
    assert " ".join(pieces) == text
    assert all(70 <= len(piece) <= 100 for piece in pieces[:-1])
    assert list(cut("x" * 500 + ". y.", "sentences", 100)) == ["x" * 500 + ".", "y."]


def test_paragraphs_and_tokens():
    assert list(cut("one\ntwo\n \nthree\n\n\nfour", "paragraphs", 1)) == [
        "one\ntwo",
        "three",
        "four",
    ]
    assert list(cut("a b  c\nd e", "tokens", 2)) == ["a b", "c\nd", "e"]
    assert list(cut("我爱机器 learning 学习", "tokens", 3)) == ["我爱机", "器 learning 学", "习"]


def test_a_hostile_text_takes_no_time():
    for text in ("." * 200_000, "\n" * 200_000, '."' * 100_000, "a." * 100_000):
        for split in ("sentences", "paragraphs", "tokens"):
            assert len("".join(cut(text, split, 400)).strip()) <= len(text)


def test_pieces_have_what_their_document_has():
    corpus = Corpus(
        ["One. Two.", "", "Three."],
        labels=["a", None, "b"],
        timestamps=np.array(["2020", "NaT", "2021"], "datetime64[us]"),
        columns={"source": ["x", "y", "z"]},
        classes=["source"],
        images=["1.png", None, None],
        rows=np.array([4, 7, 9]),
        n_rows=12,
        known_labels=[None, None, "b"],
    )
    pieces = split_corpus(corpus, "sentences", 1)
    assert list(pieces.documents) == ["One.", "Two.", "", "Three."]
    assert pieces.labels == ["a", "a", None, "b"]
    assert pieces.known_labels == [None, None, None, "b"]
    assert pieces.columns == {"source": ["x", "x", "y", "z"]}
    assert pieces.images == ["1.png", None, None, None]
    assert pieces.rows.tolist() == [4, 4, 7, 9]
    assert pieces.parents.tolist() == [0, 0, 1, 2]
    assert pieces.whole is corpus
    assert np.isnat(pieces.timestamps).tolist() == [False, False, True, False]
    assert split_corpus(corpus, None) is corpus
    assert corpus.hash == corpus.hash != pieces.hash


def test_the_sample_is_of_documents_and_settings_are_checked():
    part = PythonDataset(limit=2, seed=0, split="sentences", split_length=1)
    part.corpus = Corpus([f"One {n}. Two {n}." for n in range(9)])
    assert len(part.load()) == 4
    with pytest.raises(ParameterError, match=r"split=words: must be one of sentences"):
        PythonDataset(split="words")
    with pytest.raises(ParameterError, match=r"split_length=0"):
        PythonDataset(split="tokens", split_length=0)
