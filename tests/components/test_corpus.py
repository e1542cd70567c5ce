"""What a corpus accepts, and what it makes of odd text."""

import numpy as np
import pytest

from components.arrow import strings
from components.base import Corpus, UserError
from components.text import normalize, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\0b", "a b"),
        ("scho\u0308n", "schön"),
        ("\u1112\u1161\u11ab", "한"),
        ("Fu\u00dfball\u00adbund", "Fußballbund"),
        ("\ufeffafter a join", "after a join"),
        ("cut \ud83d", "cut \ufffd"),
        ("\udc80 \ud83d\ude00", "\ufffd \U0001f600"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("ﬁne ½ ２", "ﬁne ½ ２"),
    ],
)
def test_odd_characters(text, expected):
    assert normalize(text) == expected
    assert normalize(expected) == expected
    corpus = Corpus([text], labels=[text], columns={"source": [text]})
    assert [*corpus.documents, *corpus.labels, *corpus.columns["source"]] == [expected] * 3
    assert strings(corpus.documents).to_pylist() == [expected]


def test_composed_and_decomposed_documents_are_one():
    assert Corpus(["Köln"]).documents_hash == Corpus(["Ko\u0308ln"]).documents_hash


@pytest.mark.parametrize("document", [None, 3, b"bytes", float("nan"), ["x"]])
def test_a_document_that_is_not_text_names_its_row(document):
    with pytest.raises(UserError, match=r"row 1 of the data set: its document is not text"):
        Corpus(["a", document])


def test_an_error_quotes_at_most_200_characters():
    with pytest.raises(UserError) as error:
        Corpus(["a", ["word " * 1000]])
    assert len(str(error.value)) < 400
    assert len(shorten("x" * 999)) < 210
    assert len(shorten(b"\0" * 999)) < 210


def test_labels_may_be_missing_but_are_text():
    assert Corpus(["a", "b"], labels=["x", None]).labels == ["x", None]
    with pytest.raises(UserError, match=r"row 0 .* label is not text but int"):
        Corpus(["a"], labels=[1])
    with pytest.raises(UserError, match=r"row 1 .* column 'year' is not text but NoneType"):
        Corpus(["a", "b"], columns={"year": ["1", None]})


def test_timestamps_are_microseconds():
    corpus = Corpus(["a", "b"], timestamps=np.array(["2020-01-02", "NaT"], dtype="datetime64[D]"))
    assert corpus.timestamps.dtype == "datetime64[us]"
    assert np.isnat(corpus.timestamps).tolist() == [False, True]
    with pytest.raises(UserError, match=r"timestamps must be datetime64"):
        Corpus(["a"], timestamps=["soon"])


@pytest.mark.parametrize("name", ["labels", "images", "timestamps", "rows"])
def test_lengths_must_agree(name):
    value = {"timestamps": np.zeros(1, "datetime64[us]"), "rows": np.zeros(1, int)}.get(name, ["x"])
    with pytest.raises(UserError, match=rf"2 documents but 1 {name}"):
        Corpus(["a", "b"], **{name: value})
    with pytest.raises(UserError, match=r"2 documents but 1 source"):
        Corpus(["a", "b"], columns={"source": ["x"]})


def test_only_documents_and_images_are_in_the_hash_of_documents(tmp_path):
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "b.png").write_bytes(b"one")
    plain = Corpus(["a", "b"])
    times = np.zeros(2, "datetime64[us]")
    for other in (
        Corpus(["a", "b"], labels=["x", "y"]),
        Corpus(["a", "b"], timestamps=times),
        Corpus(["a", "b"], columns={"source": ["x", "y"]}),
    ):
        assert other.documents_hash == plain.documents_hash
        assert other.hash != plain.hash
    assert Corpus(["b", "a"]).documents_hash == plain.documents_hash  # embedded in one order
    assert Corpus(["a", "a", "b"]).documents_hash != plain.documents_hash
    first = Corpus([""], images=[str(tmp_path / "a.png")])
    same = Corpus([""], images=[str(tmp_path / "b.png")])
    assert first.documents_hash == same.documents_hash
    assert Corpus([""]).documents_hash != first.documents_hash
    (tmp_path / "b.png").write_bytes(b"two")
    changed = Corpus([""], images=[str(tmp_path / "b.png")])
    assert changed.documents_hash != first.documents_hash


def test_a_missing_label_is_not_the_same_as_another():
    hashes = {Corpus(["a", "b"], labels=labels).hash for labels in (["", None], [None, ""])}
    assert len(hashes) == 2


def test_a_sample_takes_every_column_along():
    n = 20
    corpus = Corpus(
        [f"d{i}" for i in range(n)],
        labels=[f"l{i}" for i in range(n)],
        timestamps=np.arange(n).astype("datetime64[us]"),
        columns={"source": [f"s{i}" for i in range(n)]},
    ).sample(5, 0)
    rows = corpus.rows.tolist()
    assert corpus.documents == [f"d{i}" for i in rows]
    assert corpus.labels == [f"l{i}" for i in rows]
    assert corpus.timestamps.astype(int).tolist() == rows
    assert corpus.columns == {"source": [f"s{i}" for i in rows]}
    assert corpus.n_rows == n


def test_another_order_gives_the_same_sample():
    texts = [f"document {i % 40}" for i in range(60)]  # some twice, with another label
    labels = [f"label {i}" for i in range(60)]
    shuffled = np.random.default_rng(3).permutation(60)
    one = Corpus(texts, labels=labels).sample(20, 5)
    other = Corpus([texts[i] for i in shuffled], labels=[labels[i] for i in shuffled]).sample(20, 5)
    assert sorted(one.labels) == sorted(other.labels)
    assert one.rows.tolist() == sorted(shuffled[other.rows].tolist())
    assert one.rows.tolist() == sorted(one.rows.tolist())  # as they stand in the data set
    assert one.labels != Corpus(texts, labels=labels).sample(20, 6).labels


def test_order_goes_by_content():
    texts = [f"document {i}" for i in range(50)]
    corpus, backwards = Corpus(texts), Corpus(texts[::-1])
    assert [texts[row] for row in corpus.order] == [texts[::-1][row] for row in backwards.order]
    assert sorted(corpus.order) == list(range(50))
    assert list(corpus.order) not in ([*range(50)], [*range(50)][::-1])
    assert list(Corpus(["same"] * 5).order) == [0, 1, 2, 3, 4]
    images = ["caf\udce9.png", "b.png"]  # as Python reads a file name that is not UTF-8
    assert list(Corpus(["", ""], images=images).order) != list(
        Corpus(["", ""], images=images[::-1]).order
    )
