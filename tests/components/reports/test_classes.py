"""Topics by class: counts, intervals and log-odds, against computations by other means."""

from __future__ import annotations

import csv
import logging
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from components.base import Corpus, ParameterError, Result, Topic
from components.datasets.csv import CsvDataset
from components.datasets.python import corpus_from
from components.reports.association import log_odds, wilson
from components.reports.classes import topics_by_class, write_plot_by_class, write_topics_by_class
from components.reports.page import render
from components.reports.shape_sections import by_class
from components.representations.ctfidf import CTFIDF

WORDS = ["apple pear", "car wheel wheel", "rain"]


def made(labels: list[int], **columns: list[str]) -> Result:
    topic_of = np.array(labels)
    texts = [WORDS[label] for label in labels]
    words = CTFIDF(stop_words=None, language="en").fit(texts, topic_of)
    n_topics = int(topic_of.max()) + 1
    topics = [
        Topic(t, int((topic_of == t).sum()), tuple(words.words_[t]), int(np.argmax(topic_of == t)))
        for t in range(n_topics)
    ]
    X = np.ones((len(labels), 2), np.float32)
    return Result(
        corpus=Corpus(texts, columns=columns, classes=tuple(columns)),
        rows=np.arange(len(labels)),
        embeddings=X,
        reduced=X,
        labels=topic_of,
        strengths=np.ones(len(labels), np.float32),
        topics=topics,
        parts={"representation": words},
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table(tmp_path: Path) -> None:
    """The largest class first; a document without a class counts nowhere, an outlier in totals."""
    source = ["b", "b", "b", "a", "a", "", "b", "a"]
    result = made([0, 0, 1, 1, 1, 0, -1, 0], source=source)
    (path,) = write_topics_by_class(result, tmp_path)
    rows = rows_of(path)
    told = [tuple(row[k] for k in ("column", "class", "topic", "count", "share")) for row in rows]
    assert told == [
        ("source", "b", "0", "2", "0.5"),
        ("source", "b", "1", "1", "0.25"),
        ("source", "a", "0", "1", "0.333333"),
        ("source", "a", "1", "2", "0.666667"),
    ]
    assert [row["words"] for row in rows] == ["apple, pear", "wheel, car"] * 2
    assert {row["stands_out"] for row in rows} == {""}  # seven documents say nothing


def test_intervals_are_those_of_scipy() -> None:
    counts, totals = np.array([[0, 1, 7, 30], [10, 3, 0, 30]]), np.array([10, 4, 7, 60])
    low, high = wilson(counts, totals)
    for place in np.ndindex(counts.shape):
        interval = binomtest(int(counts[place]), int(totals[place[1]])).proportion_ci(
            method="wilson"
        )
        assert (low[place], high[place]) == pytest.approx(tuple(interval), abs=1e-6)


def test_log_odds_are_those_of_the_paper() -> None:
    """Equations 15, 19 and 22, a cell at a time."""
    counts = np.array([[30, 5, 0], [10, 12, 40], [2, 2, 2]])
    totals = np.array([50, 20, 45])  # 8, 1 and 3 documents of these are in no topic
    others, n_others = np.array([4, 0, 6]), 11
    n = 50 + 20 + 45 + 11
    z = log_odds(counts, totals, others, n_others)
    for topic, label in np.ndindex(counts.shape):
        everywhere = counts[topic].sum() + others[topic]
        a = 3 * (everywhere + 1) / (n + 4)
        y_i, n_i = counts[topic, label], totals[label]
        y_j, n_j = everywhere - y_i, n - n_i
        parts = y_i + a, n_i + 3 - y_i - a, y_j + a, n_j + 3 - y_j - a
        delta = math.log(parts[0] / parts[1]) - math.log(parts[2] / parts[3])
        error = math.sqrt(sum(1 / part for part in parts))
        assert z[topic, label] == pytest.approx(delta / error)


@pytest.mark.parametrize("shares", [[1 / 3] * 3, [0.9, 0.05, 0.05]], ids=["equal", "one is large"])
def test_of_tables_of_chance_at_most_one_in_twenty_has_a_cell_that_stands_out(
    shares: list[float],
) -> None:
    rng = np.random.default_rng(0)
    n_tables, n_loud = 200, 0
    threshold = norm.isf(0.025 / 12)
    for _ in range(n_tables):
        counts = np.zeros((3, 4), np.int64)
        np.add.at(counts, (rng.choice(3, 400, p=shares), rng.integers(0, 4, 400)), 1)
        z = log_odds(counts, counts.sum(axis=0), np.zeros(3, np.int64), 0)
        n_loud += bool((np.abs(z) > threshold).any())
    assert n_loud <= 0.05 * n_tables


def test_topics_stand_out_where_they_do_and_nowhere_by_chance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 3000)
    chance = rng.integers(0, 8, 3000).astype(str).tolist()
    # A tenth of topic 1 is moved to the class "x".
    planted = ["x" if t == 1 and rng.random() < 0.1 else "y" for t in labels]
    by_chance, by_plan = topics_by_class(made(labels.tolist(), chance=chance, plan=planted))
    assert np.abs(by_chance.z).max() < by_chance.threshold
    x = by_plan.names.index("x")
    assert by_plan.z[1, x] > by_plan.threshold
    assert by_plan.z[0, x] < -by_plan.threshold
    assert by_plan.z[1, 1 - x] == pytest.approx(-by_plan.z[1, x])  # two classes: each other's


def test_a_share_of_all_documents_has_a_finite_z() -> None:
    (table,) = topics_by_class(made([0, 0, 0, 0], source=["a", "a", "b", "b"]))
    assert np.isfinite(table.z).all()
    assert (table.shares == 1).all()


def test_columns_that_say_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = [0, 1] * 60
    one, none, ids = ["web"] * 120, [""] * 120, [str(i) for i in range(120)]
    assert write_topics_by_class(made(labels, one=one, none=none, id=ids), tmp_path) == []
    assert write_plot_by_class(made(labels, one=one), tmp_path) == []
    told = [record.message for record in caplog.records]
    assert "column 'one' has one class, 'web'" in told[0]
    assert "column 'none' has no value in any document: it is left out" in told[1]
    assert "column 'id' has 120 classes, 120 of them of one document" in told[2]
    assert write_topics_by_class(made(labels), tmp_path) == []  # no classes asked for


def test_of_thousands_of_classes_the_largest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(1)
    names = [f"c{k}" for k in rng.integers(0, 1000, 4000)] + ["c7"] * 50
    labels = rng.integers(0, 2, 4050).tolist()
    with caplog.at_level(logging.WARNING):
        (path,) = write_topics_by_class(made(labels, name=names), tmp_path, max_classes=3)
    assert rows_of(path)[0]["class"] == "c7"
    assert len(rows_of(path)) == 6
    assert "classes in column 'name' the 3 largest are shown; the others hold" in caplog.text
    (few,) = topics_by_class(made(labels, name=names), 3)
    (all_,) = topics_by_class(made(labels, name=names), 5000)
    assert few.z == pytest.approx(all_.z[:, :3])  # the others are compared with all the same


def test_the_page_lists_only_what_stands_out() -> None:
    """40 classes with both topics alike, and one that has only the second."""
    source = [f"even {i % 40:02}" for i in range(800)] + ["odd"] * 60
    labels = [int(i // 40 % 2) for i in range(800)] + [1] * 60
    section = by_class(made(labels, source=source), 100)
    assert section is not None
    (column,) = section.values["columns"]
    assert [row["name"] for row in column["rows"]] == ["odd"]
    assert (column["n_loud"], column["n_classes"]) == (1, 41)
    assert [topic["id"] for topic in column["rows"][0]["more"]] == [1]
    html = render("classes.html.j2", values=section.values)
    assert "In 40 of 41 classes none does." in re.sub(r"\s+", " ", html)
    assert "none</" not in html
    quiet = by_class(made(labels[:800], source=source[:800]), 100)
    assert quiet is not None
    html = render("classes.html.j2", values=quiet.values)
    assert "No topic stands out in any of the 40 classes." in html
    assert "Shares as a table" in html


def test_plot(tmp_path: Path) -> None:
    result = made([0, 1, 2] * 9, source=["a", "b", "$x$"] * 9, country=["de", "fr", ""] * 9)
    (path,) = write_plot_by_class(result, tmp_path)
    assert path.stat().st_size > 5000


def test_classes_of_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,source,year\none,web,2020\ntwo,,2021\nthree,tv,2021\n")
    path = str(tmp_path / "x.csv")
    corpus = CsvDataset(path=path, classes=["source", "year"], columns=["year"]).load()
    assert corpus.classes == ("source", "year")
    assert dict(corpus.columns) == {"year": ["2020", "2021", "2021"], "source": ["web", "", "tv"]}
    assert corpus.sample(2, 0).classes == ("source", "year")
    with pytest.raises(ParameterError, match="Did you mean 'source'") as error:
        CsvDataset(path=path, classes=["sourc"]).load()
    assert error.value.name == "classes"


def test_classes_from_python() -> None:
    table = {"text": ["a", "b"], "source": ["x", "y"]}
    assert corpus_from(table, classes="source").classes == ("source",)
    assert corpus_from(["a", "b"], classes={"source": ["x", None]}).columns == {"source": ["x", ""]}
    with pytest.raises(ParameterError, match="Give a mapping of name to values"):
        corpus_from(["a", "b"], classes=["source"])


def test_a_document_in_pieces_counts_once(tmp_path: Path) -> None:
    """Its pieces are no independent documents: nothing stands out that did not without them."""
    n, each = 300, 12
    topic_of, class_of = np.random.default_rng(0).integers(0, 3, (2, n))
    source = [f"class {number}" for number in class_of.tolist()]
    (expected,) = topics_by_class(made(topic_of.tolist(), source=source))
    assert not (np.abs(expected.z) > expected.threshold).any()
    result = made(np.repeat(topic_of, each).tolist())
    texts = ["\n\n".join([WORDS[topic]] * each) for topic in topic_of.tolist()]
    whole = Corpus(texts, columns={"source": source}, classes=("source",))
    result.corpus = whole.cut(result.corpus.documents, np.repeat(np.arange(n), each))
    (table,) = topics_by_class(result)
    assert np.array_equal(table.counts, expected.counts)
    assert np.array_equal(table.totals, expected.totals)
    rows = rows_of(*write_topics_by_class(result, tmp_path))
    assert {row["words"] for row in rows if row["topic"] == "1"} == {"wheel, car"}
