"""The tree of topics, against Ward's linkage and word weights computed by hand."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from components.base import Corpus, ParameterError, Result, Topic
from components.reports.hierarchy import write_hierarchy
from components.reports.tree import topic_tree, topics_at
from components.representations.ctfidf import CTFIDF

KINDS = ["apple pear fruit", "plum fruit", "car wheel", "bus wheel wheel", "rain cloud"]


def made(n_topics: int = 5) -> Result:
    rng = np.random.default_rng(3)
    labels = np.append(np.repeat(np.arange(n_topics), 4), -1)
    texts = [KINDS[label] for label in labels]
    centres = rng.normal(size=(5, 6))
    centres[1] = centres[0] + 0.3 * rng.normal(size=6)
    centres[3] = centres[2] + 0.6 * rng.normal(size=6)
    X = (centres[labels] + 0.05 * rng.normal(size=(len(labels), 6))).astype(np.float32)
    words = CTFIDF(stop_words=None, language="en").fit(texts, labels)
    topics = [Topic(t, 4, tuple(words.words_[t]), 4 * t) for t in range(n_topics)]
    return Result(
        corpus=Corpus(texts),
        rows=np.arange(len(texts)),
        embeddings=X,
        reduced=X,
        labels=labels,
        strengths=np.ones(len(texts), np.float32),
        topics=topics,
        parts={"representation": words},
    )


def tree(result: Result, folder: Path, **options: int) -> list[dict[str, str]]:
    (path,) = write_hierarchy(result, folder, **options)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_merges_are_those_of_ward(tmp_path: Path) -> None:
    """Each merge is the one that adds least to the squared distances to the nodes' centres."""
    result = made()
    X = result.embeddings / np.linalg.norm(result.embeddings, axis=1, keepdims=True)
    means = np.array([X[result.labels == topic].mean(axis=0) for topic in range(5)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)

    def spread(group: tuple[int, ...]) -> float:
        points = means[list(group)]
        return float(((points - points.mean(axis=0)) ** 2).sum())

    groups = {(topic,) for topic in range(5)}
    expected = []
    while len(groups) > 1:
        added, first, second = min(
            (spread(a + b) - spread(a) - spread(b), a, b) for a, b in combinations(groups, 2)
        )
        groups = groups - {first, second} | {tuple(sorted(first + second))}
        expected.append((" ".join(map(str, sorted(first + second))), np.sqrt(2 * added)))
    rows = tree(result, tmp_path)
    assert [row["topics"] for row in rows[5:]] == [topics for topics, _ in expected]
    gaps = [float(row["distance"]) for row in rows[5:]]
    assert gaps == pytest.approx([gap for _, gap in expected], abs=1e-3)
    assert gaps == sorted(gaps)


def test_nodes_link_to_each_other(tmp_path: Path) -> None:
    rows = tree(made(), tmp_path)
    assert [int(row["node"]) for row in rows] == list(range(9))
    assert [row["node"] for row in rows if not row["parent"]] == ["8"]
    assert (rows[8]["n_topics"], rows[8]["size"]) == ("5", "20")  # the outlier is in no node
    for row in rows[5:]:
        children = [rows[int(row[side])] for side in ("left", "right")]
        assert {child["parent"] for child in children} == {row["node"]}
        assert int(row["size"]) == sum(int(child["size"]) for child in children)
        together = " ".join(child["topics"] for child in children).split()
        assert row["topics"].split() == sorted(together, key=int)


def test_words_of_a_merged_node(tmp_path: Path) -> None:
    result = made()
    rows = tree(result, tmp_path, n_words=3)
    assert rows[5]["topics"] == "0 1"
    total = Counter(" ".join(result.corpus.documents[:20]).split())
    counts = Counter(" ".join(result.corpus.documents[:8]).split())
    weight = {
        word: c * np.log1p(sum(total.values()) / 5 / total[word]) for word, c in counts.items()
    }
    expected = sorted(weight, key=lambda word: (-weight[word], word))[:3]
    assert rows[5]["words"] == ", ".join(expected)
    assert rows[4]["words"] == ", ".join(word for word, _ in result.topics[4].words[:3])


def test_absent_or_refused(tmp_path: Path) -> None:
    assert write_hierarchy(made(1), tmp_path) == []
    no_vectors = made()
    no_vectors.embeddings = no_vectors.embeddings[:, :0]
    assert write_hierarchy(no_vectors, tmp_path) == []
    assert len(tree(made(2), tmp_path)) == 3


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_broader_topics_are_unions_of_topics(k: int) -> None:
    result = made()
    layer = topics_at(result, k)
    assert [topic.id for topic in layer.topics] == list(range(k))
    assert np.bincount(layer.labels[:-1]).tolist() == [topic.size for topic in layer.topics]
    assert layer.labels[-1] == -1  # an outlier stays one
    for topic in range(5):
        assert len(set(layer.labels[result.labels == topic])) == 1
    for topic in layer.topics:
        assert layer.labels[topic.typical] == topic.id
        assert topic.words
        assert all(np.isfinite(weight) for _, weight in topic.words)
    finer = topics_at(result, min(5, k + 1))
    for topic in finer.topics:
        assert len(set(layer.labels[finer.labels == topic.id])) == 1


def test_broader_topics_are_those_of_the_recipe(tmp_path: Path) -> None:
    """The first t - k merges of hierarchy.csv leave the same groups, with the same words."""
    result = made()
    rows = tree(result, tmp_path)
    for k in range(1, 6):
        first = [row for row in rows if int(row["node"]) < 10 - k]
        top = [row for row in first if not row["parent"] or int(row["parent"]) >= 10 - k]
        layer = topics_at(result, k)
        mine = {
            (" ".join(map(str, np.unique(result.labels[layer.labels == topic.id]))),
             ", ".join(word for word, _ in topic.words))
            for topic in layer.topics
        }  # fmt: skip
        assert mine == {(row["topics"], row["words"]) for row in top}


def test_a_broader_topic_is_typical_of_its_largest_whatever_the_numbers() -> None:
    result = made()
    sizes = [1, 2, 3, 4, 50]
    result.topics = [replace(t, size=n) for t, n in zip(result.topics, sizes, strict=True)]
    (whole,) = topics_at(result, 1).topics
    assert whole.typical == result.topics[4].typical


def test_of_one_topic_there_is_one() -> None:
    result = made(1)
    assert topic_tree(result) is None
    assert [topic.size for topic in topics_at(result, 1).topics] == [4]


@pytest.mark.parametrize("k", [0, 6, -1, True, 2.0])
def test_wrong_numbers_of_topics(k: int) -> None:
    with pytest.raises(ParameterError, match="must be from 1 to 5, the number of topics"):
        topics_at(made(), k)


def test_without_vectors_there_is_no_tree() -> None:
    result = made()
    result.embeddings = np.zeros((len(result.rows), 0), np.float32)
    with pytest.raises(ParameterError, match="no vectors"):
        topics_at(result, 2)
