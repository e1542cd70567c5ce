"""A result read back from its tables is the one that was written, but for what they do not hold."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from components.base import Corpus, Layer, Topic, UserError
from components.reports import plots, tables
from components.reports.classes import write_topics_by_class
from components.reports.hierarchy import write_hierarchy
from components.reports.page import write_report
from components.reports.read import read_result
from components.reports.tree import topic_tree
from reports_support import HARMLESS, HOSTILE, made


def written(result: object, folder: Path) -> Path:
    for write in (tables.write_topics, tables.write_layers, tables.write_documents):
        write(result, folder)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("documents", [HARMLESS, ["=1+1", "'=quoted", "@name, \n -5"], HOSTILE])
def test_what_was_written_is_read(documents: list[str], tmp_path: Path) -> None:
    result = made(documents)
    words = {"keybert": [[("other", 1.0), ("-1", 0.5)]] * 3}
    result.parts["representation"] = SimpleNamespace(views_=words)
    result.layers = {"broad": Layer(np.where(result.labels < 0, -1, 0), [result.topics[0]])}
    back = read_result(written(result, tmp_path))
    for name in ("documents", "labels", "columns"):
        assert getattr(back.corpus, name) == getattr(result.corpus, name)
    for one, other in (
        (back.labels, result.labels),
        (back.strengths, result.strengths),
        (back.rows, result.rows),
        (back.coordinates, result.coordinates),
        (back.corpus.timestamps, result.corpus.timestamps),
        (back.layers["broad"].labels, result.layers["broad"].labels),
    ):
        np.testing.assert_array_equal(one, other)
    assert [topic.id for topic in back.topics] == [0, 1, 2]
    assert [topic.size for topic in back.topics] == [topic.size for topic in result.topics]
    assert [topic.label for topic in back.topics] == [topic.label for topic in result.topics]
    assert len(back.layers["broad"].topics) == 1
    for topic, original in zip(back.topics, result.topics, strict=True):
        documents = [result.corpus.documents[row] for row in topic.examples]
        assert documents[0] == result.corpus.documents[original.typical]
        assert (result.labels[list(topic.examples)] == topic.id).all()
    read = back.parts["representation"].views_["keybert"]
    assert [word for word, _ in read[2]] == ["other", "-1"]
    (path,) = write_report(back, tmp_path)
    assert "made afterwards" in path.read_text(encoding="utf-8").lower()


def test_without_labels_of_the_data_set_there_are_none(tmp_path: Path) -> None:
    result = made(HARMLESS)
    result.corpus = Corpus(result.corpus.documents, columns={"topic": ["a"] * 60})
    result.topics = [replace(topic, label=f"Topic {topic.id}") for topic in result.topics]
    back = read_result(written(result, tmp_path))
    assert back.corpus.labels is None
    assert back.corpus.columns == {"topic": ["a"] * 60}
    assert back.topics[1] == Topic(1, 15, back.topics[1].words, back.topics[1].typical,
                                   back.topics[1].examples, "Topic 1")  # fmt: skip


def test_labels_of_the_data_set_that_are_the_topics_are_read(tmp_path: Path) -> None:
    result = made(HARMLESS)
    result.labels = np.maximum(result.labels, 0)
    labels = [result.topics[topic].label for topic in result.labels.tolist()]
    result.corpus = replace(result.corpus, labels=labels)
    back = read_result(written(result, tmp_path))
    assert back.corpus.labels == labels


def test_images_are_read(tmp_path: Path) -> None:
    result = made(HARMLESS)
    paths = ["cat.png", None] * 30
    result.corpus = Corpus(["", *result.corpus.documents[1:]], images=paths)
    result.coordinates = None
    back = read_result(written(result, tmp_path))
    assert back.corpus.images == paths
    assert back.rows.tolist() == list(range(60)), "an image alone is content"


def test_pieces_of_documents_are_read(tmp_path: Path) -> None:
    result = made(HARMLESS)
    whole = Corpus([f"document {i}" for i in range(30)], labels=["a", "b"] * 15)
    result.corpus = whole.cut(result.corpus.documents, np.arange(60) // 2)
    result.layers = {"broad": Layer(np.where(result.labels < 0, -1, 0), [result.topics[0]])}
    tables.write_pieces(result, written(result, tmp_path))
    assert len(read_result(tmp_path).corpus) == 30
    back = read_result(tmp_path, pieces=True)
    assert back.corpus.documents == result.corpus.documents
    assert back.corpus.labels == [label for label in ["a", "b"] * 15 for _ in range(2)]
    assert back.corpus.whole is not None
    assert back.corpus.whole.documents == whole.documents
    for name in ("labels", "strengths", "rows", "coordinates"):
        np.testing.assert_array_equal(getattr(back, name), getattr(result, name))
    np.testing.assert_array_equal(back.layers["broad"].labels, result.layers["broad"].labels)


def test_a_folder_that_holds_no_tables(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"tables of a run: .*documents\.parquet is missing.*reports=fast"
    ):
        read_result(tmp_path)
    written(made(HARMLESS), tmp_path)
    shutil.copy(tmp_path / "documents.parquet", tmp_path / "topics.csv")
    with pytest.raises(UserError, match="does not hold the tables of a run"):
        read_result(tmp_path)


def test_the_curve_the_tree_and_the_classes_are_read(tmp_path: Path) -> None:
    result = made(HARMLESS)
    for write in (plots.write_curve, write_hierarchy, write_topics_by_class):
        write(result, tmp_path)
    back = read_result(written(result, tmp_path))
    assert back.curve == result.curve
    assert back.corpus.classes == result.corpus.classes
    tree, saved = topic_tree(result), back.parts["tree"]
    assert tree is not None
    np.testing.assert_array_equal(saved.tree.merges, tree.merges)
    assert saved.tree.distances == pytest.approx(tree.distances, abs=1e-6)
    assert saved.words[0] == ", ".join(word for word, _ in result.topics[0].words)
