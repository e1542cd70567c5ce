"""Runs compared: best first by one metric, seeds folded into mean and spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.leaderboard.order import (
    COMPARED,
    COVERED,
    covered_silhouette,
    from_cache,
    order_of,
    why,
)
from runner.tracking.record import GROUPED_BY, IS_SWEEP, Record

# Where less is better.
_LESS = "outlier_ratio seconds memory truncated empty tokens cost unanswered failed".split()
# Neither more nor less is better, or it cannot be compared between embedders.
_NO_BEST = (
    "silhouette dbcv lexical_lift size_gini effective_rank intrinsic_dimension hubness "
    "outlier_ratio n_dimensions kind_prior"
).split()
# What most people look at first.
FIRST = (
    "choice_score words_ami stability consensus neighbour_consensus n_topics outlier_ratio ami ari "
    "v_measure coverage npmi topic_diversity covered_silhouette silhouette embed_seconds "
    "total_seconds peak_memory_mb"
).split()


@dataclass(frozen=True)
class Cell:
    """Mean of a metric over runs, and the standard deviation where there are several."""

    mean: float
    spread: float | None

    @property
    def mean_text(self) -> str:
        return self._text(self.mean)

    @property
    def spread_text(self) -> str:
        return "" if self.spread is None else self._text(self.spread)

    def _text(self, value: float) -> str:
        """As many digits as the mean's size makes sense of."""
        size = abs(self.mean)
        digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 1000 else 0
        if self.mean.is_integer() and not self.spread:
            digits = 0
        return f"{value:,.{digits}f}"

    def __str__(self) -> str:
        return self.mean_text if self.spread is None else f"{self.mean_text} ± {self.spread_text}"


@dataclass(frozen=True)
class Row:
    """Runs that differ by nothing but their seed.

    settings : what sets them apart from the other rows, by name
    """

    settings: dict[str, str]
    metrics: dict[str, Cell]
    runs: list[Record]

    @property
    def name(self) -> str:
        """`minilm`, or `minilm, reducer=umap`: the first setting by its value, others in full."""
        first, *others = self.settings.items()
        return ", ".join([first[1], *(f"{name}={value}" for name, value in others if value)])

    @property
    def folders(self) -> list[str]:
        """The names of the runs' output folders."""
        return [Path(run.tags.get("folder", "")).name for run in self.runs]

    @property
    def documents(self) -> str:
        """What stands for the documents: the same for rows on the same."""
        return self.runs[0].tags.get("corpus_hash", "")

    @property
    def from_cache(self) -> bool | None:
        """Whether all its vectors came from the cache, so seconds say little; None: not known."""
        known = [from_cache(run.metrics) for run in self.runs]
        return None if None in known else all(known)


@dataclass(frozen=True)
class Ranking:
    """The rows, best first by the metric `sort`; those without it come last.

    least_first : whether less of it is better
    settings, metrics : names of the columns
    failed : runs that have no result
    n_running : runs that have none yet
    why : what to say of the metric, where nobody has named it
    """

    rows: list[Row]
    sort: str
    least_first: bool
    settings: list[str]
    metrics: list[str]
    failed: list[Record]
    n_running: int
    why: str = ""

    @property
    def folder(self) -> Path | None:
        """The folder that holds those of all runs, as that of a sweep does; None: there is none."""
        folders = {run.tags.get("folder", "") for row in self.rows for run in row.runs}
        parents = {Path(folder).parent for folder in folders}
        return parents.pop() if len(parents) == 1 and "" not in folders else None

    @property
    def summary(self) -> str:
        """In words: how many runs, by what they are sorted."""
        n_runs = sum(len(row.runs) for row in self.rows)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        running = f", {self.n_running} still running" if self.n_running else ""
        first = "least" if self.least_first and not _less_is_better(self.sort) else "best"
        order = f", {first} first by {self.sort}" + (f", {self.why}" if self.why else "")
        if self.sort not in self.metrics:
            reason = self.why or f"none has the metric {self.sort}"
            order = f", in no order, as {reason}" if n_runs else ""
            if len(self.rows) == 1 and self.sort == COMPARED:
                order = f", nothing to compare it with, and so no {COMPARED}"
                if n_runs > 1:
                    order = ", which differ in their seed alone: mean ± standard deviation"
        return f"{n_runs} {'run' if n_runs == 1 else 'runs'}{failed}{running}{order}."

    @property
    def failures(self) -> list[tuple[Record, str]]:
        """The runs that failed with the reason, which is told once where several have the same."""
        told: dict[str, str] = {}
        lines = []
        for run in self.failed:
            reason = run.failure or run.status
            lines.append((run, f"the same as {told[reason]}" if reason in told else reason))
            told.setdefault(reason, run.label)
        return lines

    @property
    def note(self) -> str:
        """What a reader might take the numbers for, and should not."""
        notes = []
        if any(len({run.tags.get("corpus_hash") for run in row.runs}) > 1 for row in self.rows):
            notes.append(
                "Some rows hold runs of different documents: dataset.limit draws others with each "
                "seed."
            )
        if len(self.rows) > 1 and "embed_seconds" in self.metrics:
            notes.append(
                "Seconds are those of each run: what it took from the cache cost it nothing."
            )
        if len(self.rows) > 1 and "peak_memory_mb" in self.metrics:
            notes.append("Peak memory is the process's, with what earlier jobs in it have loaded.")
        return " ".join(notes)


def rank_runs(runs: Iterable[Record], sort: str | None = None) -> Ranking:
    """Fold runs that differ only by seed, and put the best first.

    Parameters
    ----------
    runs : records of single runs; those of sweeps as wholes are left out
    sort : a metric; with a minus before it, the least is the best. None: see `order.order_of`
    """
    runs = [run for run in runs if IS_SWEEP not in run.tags]
    finished = [run for run in runs if run.status == "FINISHED"]
    groups: dict[str, list[Record]] = {}
    for run in finished:
        groups.setdefault(run.tags.get("seedless_hash", str(run.run_id)), []).append(run)
    settings = _varied([group[0] for group in groups.values()])
    one_space = not any(name.partition(".")[0] == "embedder" for name in settings)
    measured = {id(run): _measured(run, covered=one_space) for run in finished}
    names = {name for metrics in measured.values() for name in metrics}
    metrics = [m for m in FIRST if m in names] + sorted(names - set(FIRST))
    rows = [
        Row(
            {name: setting(group[0], name) for name in settings},
            {
                name: cell
                for name in metrics
                if (cell := _cell([measured[id(run)] for run in _timed(group, name)], name))
            },
            group,
        )
        for group in groups.values()
    ]
    chosen = sort or order_of(settings, names, names.intersection(*measured.values()))
    name = chosen.removeprefix("-")
    least_first = _less_is_better(name) or chosen != name
    sign = 1 if least_first else -1
    rows.sort(key=lambda row: sign * row.metrics[name].mean if name in row.metrics else math.inf)
    if not sort and name == COMPARED:  # says nothing of runs on other documents
        places = {row.documents: place for place, row in reversed([*enumerate(rows)])}
        rows.sort(key=lambda row: places[row.documents])
    return Ranking(
        rows,
        name,
        least_first,
        settings,
        metrics,
        failed=[run for run in runs if run.status in ("FAILED", "KILLED")],
        n_running=sum(run.status == "RUNNING" for run in runs),
        why="" if sort else why(settings, name, names),
    )


def on_last_sample(run: Record, about: Mapping[str, Any]) -> bool:
    """Whether a run is on the sample that its sweep's leaderboard is about.

    `experiment=choose_embedder` takes larger samples one after the other, and the last one counts.

    Parameters
    ----------
    about : the contents of `sweep.json`, or the tags of its parent run
    """
    # MLflow keeps both as text.
    return "limit" not in about or str(run.params.get("dataset.limit")) == str(about["limit"])


def _measured(run: Record, *, covered: bool) -> dict[str, float]:
    """A run's metrics; `covered` adds `COVERED`, which compares runs of one embedder."""
    value = covered_silhouette(run.metrics) if covered else None
    return run.metrics if value is None else {**run.metrics, COVERED: value}


def _timed(group: list[Record], name: str) -> list[Record]:
    """The runs that tell a metric: of seconds those that embedded, as other seeds reuse vectors."""
    if name not in ("embed_seconds", "total_seconds"):
        return group
    return [run for run in group if not from_cache(run.metrics)] or group


def members_of(record: Record) -> list[str]:
    """The names of an ensemble's members; empty for any other embedder."""
    names = str(record.params.get("embedder.of", ""))
    return names.split(",") if names else []


def setting(run: Record, name: str) -> str:
    """A run's setting as a table shows it; an ensemble with its members."""
    value = str(run.params.get(name, ""))
    members = members_of(run)
    return f"{value}[{','.join(members)}]" if name == "embedder" and members else value


def less_is_better(ranking: Ranking, metric: str) -> bool:
    """As the sort says, or else as is known of the metric."""
    return ranking.least_first if metric == ranking.sort else _less_is_better(metric)


def best(ranking: Ranking, metric: str) -> float | None:
    """The best value of a metric, where there is such a thing: not for counts, nor shared.

    Seconds count only where all vectors were computed in the run.
    """
    rows = [row for row in ranking.rows if metric in row.metrics]
    if "seconds" in metric:
        rows = [row for row in rows if not row.from_cache]
    means = [row.metrics[metric].mean for row in rows]
    if metric.startswith("n_") or metric in _NO_BEST or len(means) < 2:
        return None
    extreme = (min if less_is_better(ranking, metric) else max)(means)
    return extreme if means.count(extreme) == 1 else None


def _less_is_better(metric: str) -> bool:
    return any(word in metric for word in _LESS)


def _cell(group: list[dict[str, float]], name: str) -> Cell | None:
    values = [metrics[name] for metrics in group if name in metrics]
    if not values:
        return None
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Cell(statistics.fmean(values), spread)


def _varied(runs: list[Record]) -> list[str]:
    """The options that differ between runs, and the parameters of parts that share an option."""
    options = [name for name in GROUPED_BY if len({setting(run, name) for run in runs}) > 1]
    varied = []
    for name in sorted({name for run in runs for name in run.params} - set(GROUPED_BY)):
        role = name.partition(".")[0]
        by_option: dict[str, set[str]] = {}
        for run in runs:
            option = setting(run, role)
            by_option.setdefault(option, set()).add(str(run.params.get(name)))
        follows_seed = all(str(r.params.get(name)) == str(r.params.get("seed")) for r in runs)
        if role != "cache" and not follows_seed and any(len(v) > 1 for v in by_option.values()):
            varied.append(name)
    return [*options, *varied] or ["embedder"]
