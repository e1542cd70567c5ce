"""`report.html`: nothing in it runs, loads or breaks out but what it is made of."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.sparse import csr_matrix

from components.base import Corpus, Layer, ParameterError, Result, Topic
from components.labels import one_hot
from components.reports.page import write_report
from components.reports.points import points
from components.reports.similarity import order, similarity
from components.reports.text import one_line
from reports_support import HARMLESS, HOSTILE, Page, made

CONF = Path(__file__).parents[3] / "conf"


def write(result: Result, folder: Path, **parameters: Any) -> Page:
    record = {"params": {"dataset": "<b>x</b>", "embedder": HOSTILE[1]}, "start_time": 0,
              "tags": {"command": f"python -m runner {HOSTILE[0]}"}}  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    (path,) = write_report(result, folder, **parameters)
    assert path == folder / "report.html"
    return Page(path)


def test_no_document_becomes_markup(tmp_path: Path) -> None:
    """The page of hostile documents has the elements of that of harmless ones, no more."""
    hostile = write(made(HOSTILE), tmp_path)
    assert {element for element in hostile.elements if element[0] == "script"} == {
        ("script", ("type", "id")),
        ("script", ()),
    }
    assert set(hostile.elements) == set(write(made(HARMLESS), tmp_path).elements)
    assert HOSTILE[0] in hostile.text
    assert HOSTILE[0] in hostile.data("map-data")["text"]
    assert not [name for _, name, _ in hostile.attributes if name.startswith("on")]
    assert not set(hostile.source) & set("\u202e\u2066\u2028\u2029\x00\x1b")
    assert "49" not in hostile.data("map-data")["text"]


def test_nothing_is_loaded_and_only_its_own_script_runs(tmp_path: Path) -> None:
    page = write(made(HOSTILE), tmp_path)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "action", "data", "srcset"):
            assert value is not None
            assert value.startswith("#"), (tag, name, value)
    script = next(text for attributes, text in page.scripts if not attributes)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(value for _, name, value in page.attributes if name == "content" and value
                  and "script-src" in value)  # fmt: skip
    assert "default-src 'none'" in policy
    assert re.findall(r"script-src ([^;]+);", policy) == [f"'sha256-{digest}'"]
    assert "url(" not in page.source


def test_every_report_takes_a_hostile_corpus(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    result = made(HOSTILE)
    result.memberships = one_hot(result.labels)
    result.layers = {"broad": Layer(np.minimum(result.labels, 1), result.topics[:2])}
    written = []
    for report, parameters in reports_of_the_config():
        top = {"top": 3} if "top" in parameters else {}
        written += report(result, tmp_path, **top)
    for path in written:
        assert path.stat().st_size > (500 if path.suffix != ".csv" else 50)
    assert {path.name for path in written} == {
        "topics.csv", "layers.csv", "documents.parquet", "memberships.parquet",
        "topics_over_time.csv", "topic_trends.csv", "topics_by_class.csv", "hierarchy.csv",
        "neighbors.npy", "topics.png", "map.png", "topics_over_time.png", "topics_by_class.png",
        "granularity.png", "granularity.csv", "report.html",
    }  # fmt: skip


def reports_of_the_config() -> Iterator[tuple[Callable[..., list[Path]], dict[str, Any]]]:
    """Every report that conf/reports declares, with its parameters there."""
    for option in ("fast", "default"):
        nodes = yaml.safe_load((CONF / "reports" / f"{option}.yaml").read_text(encoding="utf-8"))
        for node in nodes.values():
            if isinstance(node, dict):
                module, _, name = node["_target_"].rpartition(".")
                yield getattr(importlib.import_module(module), name), node


def test_labels_of_layers_stand_on_the_map(tmp_path: Path) -> None:
    """The topics of each granularity, fewest first; those of a layer like the main one once."""
    result = made(HARMLESS)
    broad = np.where(result.labels < 0, -1, 0)
    result.layers = {
        "broad": Layer(broad, [replace(result.topics[0], label="everything")]),
        "medium": Layer(result.labels, result.topics),
    }
    page = write(result, tmp_path)
    nested = page.source.split('id="layers"')[1].partition("</section>")[0]
    assert "broad: 1 topic, medium: 3 topics" in nested
    assert nested.index("everything") < nested.index(f"{result.topics[2].size}</small></li>")
    levels = page.data("map-data")["levels"]
    assert [len(level["names"]) for level in levels] == [1, 3]
    assert levels[0]["names"] == ["everything"]
    assert result.coordinates is not None
    shown = result.coordinates[result.rows]
    low = shown.min(axis=0)
    scale = 65_000 / np.ptp(shown, axis=0).max()
    for level, labels in zip(levels, (broad, result.labels), strict=True):
        for topic, place in enumerate(level["places"]):
            middle = np.median(result.coordinates[labels == topic], axis=0)
            np.testing.assert_allclose(place, (middle - low) * scale, atol=1)


def test_points_are_those_of_the_documents(tmp_path: Path) -> None:
    result = made(HARMLESS)
    page = write(result, tmp_path)
    data = page.data("map-data")
    rows = unpacked(data["row"], np.uint32)
    assert sorted(rows) == result.rows.tolist()
    columns = {column["name"]: column for column in data["columns"]}
    codes = unpacked(columns["topic"]["codes"], np.uint16)
    assert np.where(codes == 3, -1, codes.astype(int)).tolist() == result.labels[rows].tolist()
    assert result.corpus.timestamps is not None
    days = unpacked(columns["date"]["numbers"], np.float32)
    np.testing.assert_array_equal(days - days.min(), rows - rows.min())
    assert result.coordinates is not None
    x, y = (unpacked(data[axis], np.uint16).astype(float) for axis in "xy")
    expected = result.coordinates[rows] - result.coordinates[rows].min(axis=0)
    scale = x.max() / expected[:, 0].max()  # one for both: the map keeps its proportions
    np.testing.assert_allclose(np.column_stack([x, y]), expected * scale, atol=1.5)
    assert columns["a text of some words"]["values"] == ["a text of some words"]


def test_a_column_that_names_documents_is_no_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.reports.points.N_CATEGORIES", 5)
    result = made(HARMLESS)
    numbers = list(map(str, range(len(result.corpus))))
    columns = {"file": [f"{number}.txt" for number in numbers], "number": numbers}
    result.corpus = replace(result.corpus, columns=columns, classes=())
    shown = [column["name"] for column in write(result, tmp_path).data("map-data")["columns"]]
    assert "file" not in shown
    assert "number" in shown


def unpacked(text: str, kind: Any) -> Any:
    return np.frombuffer(base64.b64decode(text), np.dtype(kind).newbyteorder("<"))


@pytest.mark.parametrize("document", ["word " * 1000, "<" * 3000, "漢字" * 1000, '"\\' * 2000])
def test_the_size_is_bounded_and_said(document: str, tmp_path: Path) -> None:
    page = write(made([document], n=12_000), tmp_path, max_megabytes=1)
    assert (tmp_path / "report.html").stat().st_size <= 1_000_000
    shown = page.data("map-data")["n"]
    assert 4_000 < shown < 11_999
    assert f"a random sample of {shown:,} of 11,999 documents" in " ".join(page.text.split())


def test_texts_are_cut_before_points_are_sampled(tmp_path: Path) -> None:
    data = write(made(["word " * 1000], n=5_000), tmp_path, max_megabytes=1).data("map-data")
    assert data["n"] == data["of"] == 4_999
    assert 60 <= max(len(text.encode()) for text in data["text"]) < 200


def test_without_coordinates_the_page_says_how_to_get_them(tmp_path: Path) -> None:
    result = made(HARMLESS)
    result.coordinates = None
    page = write(result, tmp_path)
    assert "map=true" in page.text
    assert 'id="map-data"' not in page.source


def test_a_run_without_the_table_of_its_pieces_says_how_to_get_the_map(tmp_path: Path) -> None:
    result = made(HARMLESS)
    result.coordinates = None
    result.metrics["n_pieces"] = 12  # all that tells of them in the tables of an older run
    assert "has no pieces.parquet. Make it again" in write(result, tmp_path).text


def test_without_topics(tmp_path: Path) -> None:
    result = made(HARMLESS)
    result.labels, result.topics = np.full(60, -1), []
    page = write(result, tmp_path)
    assert "No topic was found" in page.text
    assert page.data("map-data")["n"] == 59


def test_documents_of_a_program_are_not_topics_in_python(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"params": {"dataset": "python"}}))
    (path,) = write_report(made(["a", "b"]), tmp_path)
    assert "<title>Topics</title>" in path.read_text(encoding="utf-8")


def test_a_page_without_a_record_of_the_run(tmp_path: Path) -> None:
    result = made(HARMLESS)
    result.curve, result.choice, result.metrics = [], {}, {}
    page = Page(*write_report(result, tmp_path))
    assert "Settings" not in page.text


def test_views_and_similar_topics_stand_with_a_topic(tmp_path: Path) -> None:
    result = made(HARMLESS)
    views = {"keybert": [[(f"other{i}", 1.0)] for i in range(3)]}
    result.parts["representation"] = SimpleNamespace(views_=views)
    text = write(result, tmp_path).text
    assert all(f"other{i}" in text for i in range(3))
    assert text.count("Most similar:") == 3
    assert text.count("Typical documents") == 3


def test_a_page_that_is_too_small(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="max_megabytes=0: must be at least 1"):
        write_report(made(HARMLESS), tmp_path, max_megabytes=0)


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_similarity_is_the_cosine_of_mean_unit_vectors(kind: Any) -> None:
    result = made(HARMLESS)
    result.embeddings = kind(np.abs(result.embeddings))
    X = np.abs(made(HARMLESS).embeddings.astype(float))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    means = np.stack([X[result.labels[1:] == topic].mean(axis=0) for topic in range(3)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(similarity(result, 100), means @ means.T, atol=1e-6)
    assert similarity(result, 2).shape == (2, 2)  # type: ignore[union-attr]
    assert similarity(result, 1) is None


def test_similar_topics_stand_together() -> None:
    groups = np.array([0, 1, 0, 1, 0, 1])
    similarities = np.where(groups[:, None] == groups, 0.9, 0.1).astype(np.float32)
    ordered = groups[order(similarities)]
    assert np.sum(ordered[1:] != ordered[:-1]) == 1


def test_points_of_no_document() -> None:
    result = made(HARMLESS)
    result.rows, result.topics, result.labels = result.rows[:0], [], np.full(60, -1)
    assert points(result, 10_000)["n"] == 0


def test_one_line() -> None:
    assert one_line("a\n b\tc", 10) == "a b c"
    assert one_line("word " * 1_000_000, 7) == "word w…"


def test_the_most_common_label_is_weighed_among_documents_that_have_one(tmp_path: Path) -> None:
    labels = np.repeat([0, 1], 4)
    known = ["tea", "tea", "soap", None, *["ham"] * 4]
    X = np.eye(2, dtype=np.float32)[labels]
    topics = [Topic(t, 4, ((f"word{t}", 1.0),), 4 * t) for t in range(2)]
    corpus = Corpus(["text"] * 8, labels=known)
    result = Result(corpus, np.arange(8), X, X, labels, np.ones(8, np.float32), topics=topics)
    page = write(result, tmp_path).source
    assert "<bdi>tea</bdi> <small>67% of 3</small>" in page
    assert "<bdi>ham</bdi> <small>100%</small>" in page


def test_time_classes_and_the_tree_are_shown(tmp_path: Path) -> None:
    """What moves, what stands out and what lies under what, with a text for each picture."""
    n = 600
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(n) < np.arange(n) / n, 0, rng.integers(1, 12, n))
    X = (np.eye(14)[labels] + 2 * np.eye(14)[12 + labels % 2]).astype(np.float32)
    topics = [
        Topic(t, int((labels == t).sum()), ((f"word{t}", 1.0),), int(np.argmax(labels == t)))
        for t in range(12)
    ]
    source = ["radio" if t == 5 else ("web", "print")[k % 2] for k, t in enumerate(labels)]
    result = Result(
        Corpus(
            ["text"] * n,
            timestamps=np.datetime64("2020-01-01", "us") + np.arange(n) * np.timedelta64(1, "D"),
            columns={"source": source},
            classes=("source",),
        ),
        np.arange(n), X, X, labels, np.ones(n, np.float32), topics=topics,
    )  # fmt: skip
    page = write(result, tmp_path, smooth=3, bins="month")
    assert re.search(r"<dt>Rising</dt><dd>\s*<span[^>]*><a href=\"#topic-0\">", page.source)
    pictures = [value or "" for tag, name, value in page.attributes
                if name == "aria-label" and (value or "").startswith("Share of topic")]  # fmt: skip
    assert len(pictures) == 12
    assert pictures[0].startswith("Share of topic 0: highest with ")
    assert page.source.count("<polyline points") == 12
    ticks = re.findall(r"<small>(20\d\d-\d\d)</small>", page.source)
    assert ticks == ["2020-01", "2020-10", "2021-08"] * 13  # of the topics, and of all documents
    radio = page.source.split("<bdi>radio</bdi></th>")[1].partition("</tr>")[0]
    assert "#topic-5" in radio.partition('data-head="More"')[2]
    # Even and odd topics lie apart: no node but the root holds both.
    branches = re.findall(r"<li><details.*?<small>[\d,]+ in (\d+) topics", page.source, re.DOTALL)
    assert branches
    tree = page.source.split('id="topic-tree"')[1].partition("</section>")[0]
    assert len(re.findall(r'href="#topic-\d+"', tree)) == 12
