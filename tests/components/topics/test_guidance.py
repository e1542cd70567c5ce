import logging

import numpy as np
import pytest
from scipy import sparse

from components.base import Guidance, ParameterError, Topic
from components.knowledge import Knowledge
from components.representations.ctfidf import CTFIDF
from components.topics.guidance import guide, with_names
from components.topics.seeds import in_context

DOCUMENTS = [
    "the invoice was wrong",
    "invoice invoice invoice",
    "a parcel came late and the credit card was charged",
    "card and credit differ",
    "nothing of note",
    "The Parcel",
]
ROWS = np.arange(6)
X = np.eye(6, dtype=np.float32)


def guided(seeds, documents=DOCUMENTS, rows=ROWS, n_rows=6, known=None, words=None):
    return guide(Knowledge(seeds), known, documents, rows, n_rows, X[: len(documents)], words)


def test_words_speak_by_the_share_of_the_document_that_they_make_up():
    found = guided({"billing": ["invoice"], "delivery": ["Parcel"]})
    assert found.names == ("billing", "delivery")
    strength = found.seeds.toarray() / Knowledge().weight
    assert (strength[:, 0] > 0).tolist() == [True, True, False, False, False, False]
    assert (strength[:, 1] > 0).tolist() == [False, False, True, False, False, True]
    assert 0 < strength[0, 0] < strength[1, 0] <= 1
    assert (found.fixed == -1).all()


def test_a_phrase_is_its_words_one_after_the_other():
    strength = guided({"billing": ["credit card"]}).seeds.toarray()
    assert np.flatnonzero(strength).tolist() == [2]


def test_an_acronym_in_a_phrase_is_not_the_stop_word():
    documents = ["The US troops left the base", "They told us that troops left", "Troops again"]
    words = CTFIDF(language="en").read(documents)
    found = guided({"army": ["US Troops"]}, documents, np.arange(3), 3, words=words)
    assert np.flatnonzero(found.seeds.toarray()).tolist() == [0]


def test_the_words_are_those_of_the_representation():
    pytest.importorskip("rjieba")
    documents = ["我爱机器学习和数学", "今天天气很好", "机器坏了"]
    words = CTFIDF(language="zh").read(documents)
    found = guided({"math": ["数学"]}, documents, np.arange(3), 3, words=words)
    assert np.flatnonzero(found.seeds.toarray()).tolist() == [0]
    assert guided({"math": ["数学和"]}, ["数学和"] * 2, np.arange(2), 2) is not None


def test_a_word_counts_for_less_where_the_neighbours_speak_for_another_topic():
    shares = np.zeros((40, 2))
    shares[:10, 0] = 0.2  # a topic of twenty documents that are alike,
    shares[20:30, 1] = 0.2  # another,
    shares[39, 0] = 0.2  # and the first one's word in the second
    near = np.array([[i // 20 * 20 + (i + step) % 20 for step in range(1, 16)] for i in range(40)])
    found = in_context(sparse.csr_matrix(shares), near).toarray()
    assert (found <= shares).all()
    assert found[39, 0] < 0.2 * found[:10, 0].min()
    assert found[5, 0] > 0.1
    shares[39, 0] = 1  # a row that the user named
    assert in_context(sparse.csr_matrix(shares), near)[39, 0] == 1


def test_a_document_is_a_seed_by_its_row_in_the_data_set():
    found = guided({"billing": [13]}, rows=ROWS + 10, n_rows=20)
    assert np.flatnonzero(found.seeds.toarray()).tolist() == [3]
    with pytest.raises(ParameterError, match=r"^seeds.billing=20: .*0 to 19"):
        guided({"billing": [20]}, n_rows=20)


def test_a_word_that_no_document_has(caplog):
    with pytest.raises(ParameterError, match=r"no document holds any.*Near to them are: parcel"):
        guided({"delivery": ["parcels"]})
    with caplog.at_level(logging.WARNING):
        assert guided({"delivery": ["parcel", "shipment"]}) is not None
    assert "seeds of delivery: no document holds shipment." in caplog.text


def test_nothing_known_is_no_guidance():
    assert guided({}) is None
    assert guided({}, known=[None] * 6) is None


def test_known_labels_hold_and_speak_for_documents_like_theirs(caplog):
    rng = np.random.default_rng(0)
    truth = np.arange(300) % 3
    vectors = (np.eye(3)[truth] + 0.1 * rng.normal(size=(300, 3))).astype(np.float32)
    known = [("ab"[t] if t < 2 and row < 90 else None) for row, t in enumerate(truth)]
    documents = ["x"] * 300
    found = guide(Knowledge(), known, documents, np.arange(300), 300, vectors, None)
    assert found.names == ("a", "b")
    assert found.fixed[:4].tolist() == [0, 1, -1, 0]
    strength = found.seeds.toarray()
    assert (strength[found.fixed >= 0] == 0).all()
    free = np.arange(300) >= 90
    assert strength[free & (truth == 0), 0].mean() > 0.5
    assert strength[free & (truth == 1), 0].mean() < 0.1
    assert strength[truth == 2].mean() < 0.1  # like no labelled document
    one = guide(Knowledge(), ["a", None, None], ["x"] * 3, ROWS[:3], 3, X[:3, :3], None)
    assert one.names == ("a",)
    assert "every known label is 'a'" in caplog.text


def topic(number):
    return Topic(number, 2, (("w", 1.0),), typical=0)


def test_topics_take_the_names_of_what_they_gather(caplog):
    fixed = np.array([1, -1, -1, -1, -1, -1])
    seeds = sparse.csr_matrix(([1.0, 0.5, 9.0, 1.0], ([2, 4, 0, 5], [0, 0, 0, 2])), (6, 3))
    labels = np.array([0, 0, 1, 1, 2, -1])
    named = with_names(
        [topic(0), topic(1), topic(2)],
        labels,
        Guidance(("seeded", "certain", "lost"), fixed, seeds),
        np.array([-1, -1, -1, -1, 0, -1]),
        ["near", "nobody"],
    )
    assert [t.label for t in named] == ["certain", "w", "near"]
    assert "no topic gathers the seeds of 'lost'" in caplog.text
    assert "no document is near to the name 'nobody'" in caplog.text


def test_a_topic_that_took_in_much_else_is_told_of(caplog):
    seeds = sparse.csr_matrix((np.ones(3), ([0, 1, 30], [0, 0, 1])), (40, 2))
    guidance = Guidance(("space", "phones"), np.full(40, -1), seeds)
    labels = np.repeat([0, 1], [30, 10])
    topics = [Topic(0, 30, (), 0, ()), Topic(1, 10, (), 30, ())]
    with caplog.at_level(logging.WARNING):
        named = with_names(topics, labels, guidance, np.full(40, -1), ())
    assert [topic.label for topic in named] == ["space", "phones"]
    assert "only 2 of the 30 documents of the topic 'space' hold its words" in caplog.text
    assert "phones" not in caplog.text  # a tenth of its documents
