import logging

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse

from components.base import Corpus, Result, Topic
from components.datasets.split import split_corpus
from components.metrics.labelled import ami, coverage
from components.pieces import mixture_of, of_documents
from components.reports.memberships import write_memberships
from components.reports.tables import documents_table


def result(corpus, labels, memberships=None):
    n = len(corpus)
    return Result(
        corpus=corpus,
        rows=np.flatnonzero(~corpus.blank),
        embeddings=np.zeros((n, 2), np.float32),
        reduced=np.zeros((n, 2), np.float32),
        labels=np.array(labels),
        strengths=np.ones(n, np.float32),
        topics=[Topic(t, 1, (("w", 1.0),), typical=0) for t in range(max(labels) + 1)],
        memberships=memberships,
    )


def test_the_heaviest_topics_of_each_document(tmp_path):
    weights = sparse.csr_matrix(np.array([[0.2, 0.5, 0.3], [0, 0, 0], [0.4, 0.4, 0.2]]))
    found = result(Corpus(["a", "b", "c"], rows=np.array([5, 6, 8])), [1, -1, 0], weights)
    assert write_memberships(found, tmp_path) == []
    assert write_memberships(found, tmp_path, top=0) == []
    (path,) = write_memberships(found, tmp_path, top=2)
    table = pq.read_table(path).to_pydict()
    assert table["row"] == [5, 5, 8, 8]
    assert table["topic"] == [1, 2, 0, 1]
    assert np.allclose(table["weight"], [0.5, 0.3, 0.4, 0.4])


def test_a_clusterer_without_memberships_is_a_warning_that_helps(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert write_memberships(result(Corpus(["a", "b"]), [0, 0]), tmp_path, top=3) == []
    assert "clusterer.memberships=true" in caplog.text


def test_documents_are_the_mixture_of_their_pieces(tmp_path):
    corpus = Corpus(["Aaaa. Bbbb. Cccc.", "Dddd.", "Eeee. Ffff.", " "], labels=["x", "x", "y", "y"])
    pieces = split_corpus(corpus, "sentences", 1)
    found = result(pieces, [1, 1, 0, 0, -1, 1, -1])
    found.has_known_label = np.array([False] * 6 + [True])
    whole = of_documents(found)
    assert whole.corpus is corpus
    assert whole.labels.tolist() == [1, 0, 1, -1]
    assert np.allclose(whole.strengths, [2 / 3, 1, 1 / 2, 0])
    assert whole.rows.tolist() == [0, 1, 2]
    assert whole.has_known_label.tolist() == [False, False, False, True]
    (path,) = write_memberships(found, tmp_path)
    table = pq.read_table(path).to_pydict()
    assert list(zip(table["row"], table["topic"], strict=True)) == [(0, 1), (0, 0), (1, 0), (2, 1)]
    assert np.allclose(table["weight"], [2 / 3, 1 / 3, 1, 1 / 2])
    documents = documents_table(found).to_pydict()
    assert documents["document"] == list(corpus.documents)
    assert documents["topic"] == [1, 0, 1, -1]
    assert coverage(found) == 0.75
    assert ami(found) == ami(whole)
    assert of_documents(whole) is whole


def test_a_longer_piece_has_a_larger_share():
    pieces = split_corpus(Corpus(["Aaaaaaaaaaaaaa. Bbbb."]), "sentences", 1)
    assert mixture_of(np.array([0, 1]), pieces).toarray().tolist() == [[0.75, 0.25]]
