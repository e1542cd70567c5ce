"""Two results compared: the relations of topics by hand, and pages that hold no markup of texts."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from components.base import Corpus, Result, Topic, UserError
from components.reports.comparison import compare, write_comparison, write_comparison_page
from components.reports.sankey import sankey
from reports_support import HOSTILE, Page


def made(labels: list[int], documents: list[str] | None = None, name: str = "topic") -> Result:
    topic_of = np.array(labels)
    texts = documents or [f"document {i}" for i in range(len(labels))]
    X = np.ones((len(labels), 2), np.float32)
    topics = [
        Topic(t, int((topic_of == t).sum()), ((f"{name}{t}", 1.0),), int(np.argmax(topic_of == t)))
        for t in range(topic_of.max() + 1)
    ]
    return Result(
        Corpus(texts),
        np.arange(len(labels)),
        X,
        X,
        topic_of,
        np.ones(len(labels), np.float32),
        topics=topics,
    )


# Topic 0 of the first is the second's 0; 1 is split into 1 and 2; 2 and 3 are merged into 3;
# 4 is scattered over all; 5 is of the second alone.
FIRST = [0] * 20 + [1] * 18 + [2] * 8 + [3] * 8 + [4] * 6 + [-1] * 5
SECOND = [0] * 19 + [-1] + [1] * 9 + [2] * 9 + [3] * 16 + [0, 0, 1, 2, 3, 3] + [4] * 5


def test_relations() -> None:
    found = compare(made(FIRST), made(SECOND))
    told = [
        (p.relation, p.first and p.first.id, p.second and p.second.id, p.documents)
        for p in found.pairs
    ]
    assert told == [
        ("same", 0, 0, 19),
        ("split", 1, 1, 9),
        ("split", 1, 2, 9),
        ("merged", 2, 3, 8),
        ("merged", 3, 3, 8),
        ("only_a", 4, None, 6),
        ("only_b", None, 4, 5),
    ]
    assert (found.pairs[0].of_first, found.pairs[0].of_second) == (19 / 20, 19 / 21)
    both = [(a, b) for a, b in zip(FIRST, SECOND, strict=True) if a >= 0 and b >= 0]
    assert found.ami == pytest.approx(adjusted_mutual_info_score(*zip(*both, strict=True)))
    assert found.n_topics("merged") == (2, 1)
    assert found.counts[-1, 4] == 5
    assert found.counts[0, -1] == 1


def test_the_other_way_round() -> None:
    """Split and merged change places."""
    one, two = compare(made(FIRST), made(SECOND)), compare(made(SECOND), made(FIRST))
    turned = {"split": "merged", "merged": "split", "only_a": "only_b", "only_b": "only_a"}
    assert {(turned.get(p.relation, p.relation), p.documents) for p in one.pairs} == {
        (p.relation, p.documents) for p in two.pairs
    }
    assert one.ami == pytest.approx(two.ami)


def test_a_part() -> None:
    (pair,) = compare(made([0] * 10), made([0] * 6 + [-1] * 4)).pairs
    assert pair.relation == "same"
    (pair, *_) = compare(made([0] * 4 + [-1] * 6), made([0] * 10)).pairs
    assert (pair.relation, pair.of_first, pair.of_second) == ("part", 1.0, 0.4)


def test_documents_are_matched_by_their_text_in_any_order() -> None:
    texts = [f"text {i}" for i in range(30)] + ["twice", "twice"]
    labels = [i % 3 for i in range(30)] + [0, 1]
    order = np.random.default_rng(0).permutation(30)
    # The others are shuffled; the second of the equal ones is still the second.
    moved = made([labels[i] for i in order] + [0, 1], [texts[i] for i in order] + texts[30:])
    moved_more = made(
        [*moved.labels.tolist(), 2, 2, 2], [*moved.corpus.documents, "new", "newer", "twice"]
    )
    found = compare(made(labels, texts), moved_more)
    assert found.ami == pytest.approx(1.0)
    assert [pair.relation for pair in found.pairs] == ["same"] * 3
    assert (found.n_compared, found.n_first, found.n_second) == (32, 32, 35)


def test_nothing_in_common() -> None:
    with pytest.raises(UserError, match="no document in common"):
        compare(made([0, 1]), made([0, 1], ["another", "and another"]))
    found = compare(made([0, 0, -1, -1]), made([-1, -1, 0, 0]))
    assert np.isnan(found.ami)
    assert [pair.relation for pair in found.pairs] == ["only_a", "only_b"]


def test_the_table(tmp_path: Path) -> None:
    path = write_comparison(compare(made(FIRST), made(SECOND)), tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["relation"] for row in rows][-2:] == ["only_a", "only_b"]
    assert (rows[-2]["topic_b"], rows[-2]["share_of_a"], rows[-1]["topic_b"]) == ("", "", "4")
    assert rows[0]["share_of_a"] == "0.95"


def test_no_text_becomes_markup(tmp_path: Path) -> None:
    def page(texts: list[str]) -> Page:
        results = []
        for labels in (FIRST, SECOND):
            result = made(labels)
            result.topics = [
                Topic(t.id, t.size, ((texts[t.id], 1.0),), t.typical, label=texts[t.id][:300])
                for t in result.topics
            ]
            results.append(result)
        settings = {texts[0][:50]: (texts[1], texts[2])}
        comparison = compare(*results)
        return Page(write_comparison_page(comparison, tmp_path, (texts[0], texts[1]), settings))

    hostile = page(HOSTILE)
    assert hostile.elements == page(["a text"] * len(HOSTILE)).elements
    assert "script" not in {tag for tag, _ in hostile.elements}
    assert not [n for _, n, _ in hostile.attributes if n.startswith("on") or n in ("href", "src")]
    assert "default-src 'none'" in hostile.source
    assert "script-src" not in hostile.source
    assert hostile.source.startswith("<!doctype html>")


def test_the_flows_are_as_high_as_the_documents_are_many() -> None:
    comparison = compare(made(FIRST), made(SECOND))
    both = sankey(comparison.first, comparison.second, comparison.counts, ("one", "two"))
    picture, narrow, _ = both.split("</svg>")
    assert 'class="sankey narrow" viewBox="0 0 360 ' in narrow  # for a phone, the same flows
    for pattern in (r' height="[\d.]+"', r": \d+ documents", r" text-anchor"):
        assert len(re.findall(pattern, narrow)) == len(re.findall(pattern, picture))
    bars = [float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', picture)]
    sizes = [20, 18, 8, 8, 6, 5]  # of the first, those without a topic last
    assert np.array(bars[:6]) / bars[0] == pytest.approx(np.array(sizes) / 20, abs=0.01)
    flows = [int(n) for n in re.findall(r": (\d+) documents</title>", picture)]
    assert sum(flows) == len(FIRST)


def test_the_largest_topics_are_drawn_whatever_their_numbers() -> None:
    """New topics of an updated run come last, and may be the largest."""
    labels = [*range(45), *([45] * 9)]
    comparison = compare(made(labels), made(labels))
    both = sankey(comparison.first, comparison.second, comparison.counts, ("one", "two"))
    assert both.count('">45 ') == 4  # on both sides, in both layouts
    assert both.count(": 9 documents</title>") == 2


def test_many_topics_are_drawn_as_one() -> None:
    labels = [i // 3 for i in range(300)]
    comparison = compare(made(labels), made(labels[::-1]))
    both = sankey(comparison.first, comparison.second, comparison.counts, ("one", "two"))
    picture, *_ = both.split("</svg>")
    assert picture.count("<rect") == 2 * 41
    assert picture.count("60 smaller topics</text>") == 2
