"""Bins by number, smoothing, and the rule by which topics rise, fall or are new."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.base import Corpus, ParameterError, Result, Topic
from components.reports.bins import in_bins
from components.reports.over_time import (
    topics_over_time,
    write_plot_over_time,
    write_topics_over_time,
)
from components.reports.trends import trends

WHEN = np.arange(24.0)


def drawn(shares: NDArray[np.float64], n: int, seed: int = 0) -> NDArray[np.int64]:
    """Counts (n_topics, n_bins) of `n` documents in each bin."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.multinomial(n, column) for column in shares.T], axis=1)


def made(labels: NDArray[np.int64], times: NDArray[np.datetime64]) -> Result:
    X = np.ones((len(labels), 2), np.float32)
    topics = [
        Topic(t, int((labels == t).sum()), (), int(np.argmax(labels == t)), label=f"topic {t}")
        for t in range(labels.max() + 1)
    ]
    return Result(
        corpus=Corpus(["a text"] * len(labels), timestamps=times),
        rows=np.arange(len(labels)),
        embeddings=X,
        reduced=X,
        labels=labels,
        strengths=np.ones(len(labels), np.float32),
        topics=topics,
    )


def test_topics_that_rise_fall_and_are_new() -> None:
    rise = 0.05 * np.exp(WHEN / 23 * np.log(3))
    fresh = np.where(WHEN < 6, 0, 0.1)
    shares = np.stack([rise, rise[::-1], fresh, np.full(24, 0.2)])
    shares = np.vstack([shares, 1 - shares.sum(axis=0)])
    made = trends(drawn(shares, 300), np.full(24, 300), WHEN)
    assert [trend.kind for trend in made[:4]] == ["rising", "falling", "new", ""]
    odds = np.array([0.05, 0.15]) / (1 - np.array([0.05, 0.15]))
    assert made[0].low < odds[1] / odds[0] < made[0].high
    assert made[1].low < odds[0] / odds[1] < made[1].high


def test_by_chance_nothing_is_named() -> None:
    """In no more than 5 % of corpora without a trend; also where the counts scatter more."""
    shares = np.tile(np.random.default_rng(0).dirichlet(np.ones(20))[:, None], 24)
    named = 0
    for seed in range(120):
        found = trends(drawn(shares, 150, seed), np.full(24, 150), WHEN)
        named += any(trend.kind for trend in found)
    assert named <= 12  # 6 expected at most; more than 12 has a probability of .006
    rng = np.random.default_rng(1)
    bursts = np.stack([rng.dirichlet(2 * np.ones(20)) for _ in WHEN], axis=1)
    assert sum(bool(t.kind) for t in trends(drawn(bursts, 500), np.full(24, 500), WHEN)) <= 1


def test_the_line_is_that_of_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    share = 0.1 + 0.2 * WHEN / 23
    counts = drawn(np.stack([share, 1 - share]), 1000)
    x = np.concatenate([WHEN, WHEN])[:, None] / 23
    y = np.repeat([1, 0], 24)
    model = LogisticRegression(C=1e9, tol=1e-9).fit(x, y, counts.ravel())
    first, second = trends(counts, counts.sum(axis=0), WHEN)
    assert first.factor == pytest.approx(np.exp(model.coef_[0, 0]), rel=1e-3)
    assert second.factor == pytest.approx(1 / first.factor, rel=1e-2)


def test_a_topic_of_one_bin_has_a_finite_line() -> None:
    counts = np.zeros((2, 8), np.int64)
    counts[0, 7], counts[1] = 30, 100
    first, _ = trends(counts, counts.sum(axis=0), np.arange(8.0))
    assert first.kind == "new"
    assert np.isfinite([first.factor, first.low, first.high]).all()


def test_few_bins_have_no_trend() -> None:
    counts = np.array([[90, 50, 20, 1], [10, 50, 80, 99]])
    assert {trend.kind for trend in trends(counts, counts.sum(axis=0), np.arange(4.0))} == {""}


def test_a_number_of_bins() -> None:
    rng = np.random.default_rng(0)
    for span in (50, 3000, 10**6, 10**8):
        seconds = rng.integers(0, span, 500)
        times = np.datetime64("2019-07-01T08:30", "us") + seconds.astype("timedelta64[s]")
        bins = in_bins(times, 12)
        assert 10 <= bins.places[-1] + 1 <= 12
        assert len({*(bins.ends - bins.starts)}) == 1
        for time, place in zip(times, bins.of, strict=True):
            assert bins.starts[place] <= time < bins.ends[place]
    days = np.datetime64("2020-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
    bins = in_bins(days, 20)
    assert (bins.unit, len(bins.places)) == ("3 days", 20)
    assert np.datetime_as_string(bins.starts[:2]).tolist() == ["2020-01-01", "2020-01-04"]


def test_smoothed_shares(tmp_path: Path) -> None:
    """A window's documents count alike, and an empty day is a day."""
    days = np.array([1, 1, 2, 2, 2, 2, 3, 6])
    labels = np.array([0, 1, 0, 0, 0, 1, 1, 0])
    times = np.datetime64("2020-01-01", "us") + days * np.timedelta64(1, "D")
    result = made(labels, times)
    path, _ = write_topics_over_time(result, tmp_path, bins="day", smooth=3)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["topic"] == "0"]
    assert [row["share"] for row in rows] == ["0.5", "0.75", "0.0", "1.0"]
    expected = [4 / 6, 4 / 7, 3 / 5, 1.0]  # of days 1-2, 1-3, 2-4, 5-7
    assert [float(row["share_smoothed"]) for row in rows] == pytest.approx(expected, abs=1e-6)
    assert write_plot_over_time(result, tmp_path, bins="day", smooth=3)[0].is_file()


def test_trends_are_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(200), 20)
    labels = (rng.random(4000) < 0.2 + 0.6 * days / 200).astype(np.int64)
    times = np.datetime64("2020-01-01", "us") + days * np.timedelta64(1, "D")
    _, path = write_topics_over_time(made(labels, times), tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["topic"], row["label"], row["trend"]) for row in rows] == [
        ("0", "topic 0", "falling"), ("1", "topic 1", "rising"),
    ]  # fmt: skip
    assert float(rows[1]["factor_low"]) < 16 < float(rows[1]["factor_high"])  # 0.8/0.2 / (0.2/0.8)


@pytest.mark.parametrize("bins", [1, 0, -3, 2001, True, 2.5, "12", "fortnight"])
def test_wrong_bins(bins: object) -> None:
    result = made(np.array([0, 1]), np.array(["2020", "2021"], "datetime64[us]"))
    with pytest.raises(ParameterError) as error:
        topics_over_time(result, bins)  # type: ignore[arg-type]
    assert error.value.name == "bins"


@pytest.mark.parametrize("smooth", [0, 1, 2, 4, -3])
def test_wrong_smoothing(smooth: int, tmp_path: Path) -> None:
    result = made(np.array([0, 1]), np.array(["2020", "2021"], "datetime64[us]"))
    with pytest.raises(ParameterError, match="odd number of bins"):
        write_topics_over_time(result, tmp_path, smooth=smooth)
