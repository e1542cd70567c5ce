"""The pages in a browser: they log no error, search, sort, draw, list, and print."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from browser import CHROMIUM, Browser
from components.reports.page import write_report
from reports_support import HOSTILE, made
from runner.leaderboard.html import page as leaderboard
from runner.leaderboard.ranking import rank_runs
from runner.tracking.record import Record

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

DOCUMENTS = ["the price of tea", "a box of ham", "taste of soap", "a cup of tea"]
SHOWN = "[...document.querySelectorAll('#topic-table > tbody')].filter(body => body.offsetHeight)"
INKED = """(name => {
  const canvas = document.getElementById(name);
  const pixels = new Uint32Array(
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return pixels.filter(pixel => pixel !== pixels[0]).length;
})"""


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = made(DOCUMENTS)
    about = ["groceries", "a taste of cleaning", "what is drunk"]
    result.topics = [replace(topic, description=about[topic.id]) for topic in result.topics]
    return write_report(result, tmp_path_factory.mktemp("report"))[0]


def middle(page: Browser, selector: str) -> tuple[float, float, float, float]:
    """The box of an element in the window, once it is scrolled to: left, top, width, height."""
    box = page.run(
        f"(node => {{ node.scrollIntoView(); const box = node.getBoundingClientRect();"
        f" return [box.x, box.y, box.width, box.height]; }})"
        f"(document.querySelector({json.dumps(selector)}))"
    )
    return tuple(box)  # type: ignore[return-value]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_report_fits_and_draws(page: Browser, report: Path, width: int, dark: bool) -> None:
    page.open(report, width=width, dark=dark)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run(f"{INKED}('map-points')") > 200
    assert page.run(f"{INKED}('similarity-canvas')") > 200
    assert page.errors == []


def test_hostile_documents_raise_no_error(page: Browser, tmp_path: Path) -> None:
    page.open(write_report(made(HOSTILE), tmp_path)[0], width=390)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.errors == []


def test_topics_are_searched_sorted_and_opened(page: Browser, report: Path) -> None:
    page.open(report)
    assert page.run(f"{SHOWN}.length") == 3
    page.type("#topic-search", "Taste CLEANING")
    page.wait(0.3)
    assert page.run(f"{SHOWN}.map(body => body.id)") == ["topic-1"]
    assert page.run("document.getElementById('topic-count').textContent") == "1 topic"
    page.type("#topic-search", "")
    page.wait(0.3)
    assert page.run(f"{SHOWN}.length") == 3
    page.run("document.querySelector('[data-sort=label]').click()")
    labels = page.run(f"{SHOWN}.map(body => body.dataset.label)")
    assert labels == sorted(labels)
    assert (
        page.run("document.querySelector('th[aria-sort=ascending]').textContent.trim()") == "Topic"
    )
    # By the keyboard alone: the first topic is a button that shows its documents.
    page.run("document.querySelector('.open').focus()")
    page.press("Enter")
    assert page.run(f"{SHOWN}[0].querySelector('.documents').offsetHeight") > 0
    assert page.errors == []


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Browser, report: Path) -> None:
    page.open(report)
    here = "document.activeElement"
    seen = []
    for _ in range(60):
        page.press("Tab")
        seen.append(page.run(f"{here}.id || {here}.getAttribute('href') || {here}.className"))
        if seen[-1] == "map-points":
            break
        assert page.run(f"getComputedStyle({here}).outlineStyle") == "solid", seen[-1]
    wanted = ["#topics", "#map", "topic-search", "topic-expand", "map-colour", "map-search",
              "map-lasso", "map-in", "map-points"]  # fmt: skip
    assert [name for name in dict.fromkeys(seen) if name in wanted] == wanted
    before = page.run(f"{INKED}('map-points')")
    page.press("+")
    page.wait(0.1)
    assert page.run(f"{INKED}('map-points')") != before


def test_the_map_lists_documents(page: Browser, report: Path) -> None:
    page.open(report)
    page.type("#map-search", "soap")
    page.wait(0.4)
    texts = "[...document.querySelectorAll('#map-documents li')].map(item => item.textContent)"
    found = page.run(texts)
    assert found
    assert all("soap" in text for text in found)
    page.run("document.getElementById('map-reset').click()")
    page.run("document.getElementById('map-lasso').click()")
    left, top, width, height = middle(page, "#map-points")
    x, y = left + 2, top + 2
    page.drag((x, y), (x + width - 4, y), (x + width - 4, y + height - 4), (x, y + height - 4))
    page.wait(0.1)
    selected = page.run("document.getElementById('map-selected').textContent")
    assert re.fullmatch(r"5\d documents in the lasso", selected)
    assert len(page.run(texts)) == 50  # more by a button
    assert page.errors == []


def test_topics_in_one_place_are_all_named_on_the_map(page: Browser, tmp_path: Path) -> None:
    result = made(DOCUMENTS)
    assert result.coordinates is not None
    for topic in result.topics:
        members = np.flatnonzero(result.labels == topic.id)
        result.coordinates[members] = np.linspace(-1, 1, len(members))[:, None]
    page.open(write_report(result, tmp_path)[0])
    page.run(
        "window.named = new Map(); const draw = CanvasRenderingContext2D.prototype.fillText;"
        "CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {"
        " named.set(text, [x, y, this.measureText(text).width]); draw.call(this, text, x, y); };"
        "document.getElementById('map-reset').click()"
    )
    page.wait(0.2)
    named = dict(page.run("[...named]"))
    labels = [named[topic.label] for topic in result.topics]
    for (x, y, width), (other_x, other_y, other_width) in itertools.combinations(labels, 2):
        assert abs(y - other_y) > 12 or abs(x - other_x) > (width + other_width) / 2
    assert page.errors == []


def test_print_is_short_and_shows_the_map(page: Browser, report: Path) -> None:
    page.open(report, dark=True)
    pdf = page.print()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 4
    page.run("dispatchEvent(new Event('beforeprint'))")
    # Chromium prints what is drawn on a canvas, and leaves out pixels that are put there.
    assert page.run(f"{INKED}('map-overlay')") > 200
    assert page.errors == []


def test_the_page_of_a_sweep_sorts(page: Browser, tmp_path: Path) -> None:
    runs = [
        Record(name=name, params={"embedder": name}, tags={"seedless_hash": name},
               metrics={"npmi": value, "n_topics": 3.0}, status="FINISHED", run_id=name)
        for name, value in [("minilm", 0.1), ("tfidf", 0.3), ("<b>own</b>", 0.2)]
    ]  # fmt: skip
    file = tmp_path / "leaderboard.html"
    file.write_text(leaderboard(rank_runs(runs, "npmi"), "A sweep"), encoding="utf-8")
    for width in (390, 1280):
        page.open(file, width=width)
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
    rows = "[...document.querySelectorAll('tbody th')].map(cell => cell.innerText)"
    assert page.run(rows) == ["tfidf", "<b>own</b>", "minilm"]
    page.run(
        "[...document.querySelectorAll('thead button')].find(b => /npmi/.test(b.innerText)).click()"
    )
    assert page.run(rows) == ["minilm", "<b>own</b>", "tfidf"]
    assert page.errors == []
