"""What `experiment=choose_embedder` runs after its first jobs: larger samples, and an ensemble."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig

from runner.leaderboard.comparison import compare, score
from runner.leaderboard.ranking import Ranking, rank_runs
from runner.leaderboard.recommendation import Recommendation, recommend
from runner.leaderboard.table import show
from runner.sweep.choose import GROWTH, LEAST_GROWTH
from runner.sweep.progress import Progress
from runner.terminal.console import say
from runner.tracking import record
from runner.tracking.record import Record

SAFETY = 0.8  # share of the time that is left which the next sample is planned to take
WITHOUT_TABLE = 60.0  # seconds after which the table is shown although jobs are left
FEWEST = 3  # embedders, of which two make an ensemble: somebody else has to vote on it


@dataclass(frozen=True)
class Stage:
    """The jobs on one sample.

    limit : `dataset.limit` of these jobs; jobs : by their folders; seconds : by embedder
    """

    limit: int | None
    jobs: dict[Path, Record]
    ranking: Ranking
    advice: Recommendation | None

    @property
    def seconds(self) -> dict[str, float]:
        """What each embedder's run took, those that failed left out."""
        return {
            str(job.params["embedder"]): ((job.end_time or 0) - job.start_time) / 1000
            for job in self.jobs.values()
            if job.status == "FINISHED"
        }

    @property
    def n_documents(self) -> int:
        return int(max(row.metrics["n_documents"].mean for row in self.ranking.rows))

    @property
    def has_all(self) -> bool:
        """Whether the data set has no more documents."""
        return self.limit is None or self.limit >= self.n_available

    @property
    def n_available(self) -> int:
        """Documents of the data set."""
        return max(int(job.tags.get("n_available", 0)) for job in self.jobs.values())

    @property
    def is_apart(self) -> bool:
        """Whether no other embedder is like the first."""
        return self.advice is not None and len(self.advice.alike) == 1


def run_more(config: DictConfig, progress: Progress) -> None:
    """Run a sweep's embedders on larger samples, until the first is apart, then an ensemble.

    `progress.about` gets `limit`, which is `dataset.limit` of the jobs that the leaderboard is
    about, and `why` the sample is no larger.

    Parameters
    ----------
    config : of the sweep, Hydra's own settings included
    progress : of the sweep, whose jobs have ended
    """
    about = progress.about
    stage = _stage(progress, config.dataset.limit)
    if stage.advice is None or list(about["swept"]) != ["embedder"]:
        return
    launcher = _launcher(config)
    given = "all there are" if stage.has_all else f"of {stage.n_available:,}"
    about |= {"limit": stage.limit, "why": "" if config.choose.grows else given}
    while config.choose.grows:
        if stage.is_apart:
            about["why"] = "enough to tell the first from the others"
        elif stage.has_all:
            about["why"] = "all there are"
        elif (limit := _next_limit(stage, about)) is None:
            about["why"] = f"more would take longer than choose.minutes={about['minutes']}"
        if about["why"]:
            break
        show(stage.ranking)
        progress.shown = time.monotonic()
        say(f"On {stage.n_documents:,} documents: {stage.advice.sentence}" if stage.advice else "")
        say(f"Next: {limit:,} documents.", error=True)
        names = sorted(stage.seconds, key=lambda name: stage.seconds[name])
        batch = [[f"embedder={name}", f"dataset.limit={limit}"] for name in names]
        _launch(launcher, config, progress, batch)
        larger = _stage(progress, limit)
        if len(larger.jobs) < len(names) or not larger.ranking.rows:  # time ran out between them
            about["why"] = f"choose.minutes={about['minutes']} were used"
            break
        stage = larger
        about["limit"] = limit
    best = [row.settings["embedder"] for row in stage.ranking.rows][:2]
    if stage.advice and len(stage.ranking.rows) >= FEWEST and len(set(best)) == 2:
        limit_of = "null" if stage.limit is None else stage.limit
        of = f"embedder.of=[{','.join(best)}]"
        _launch(
            launcher, config, progress, [["embedder=ensemble", of, f"dataset.limit={limit_of}"]]
        )


def show_so_far(progress: Progress, limit: int | None) -> None:
    """Print the table of the jobs that have ended, where there was none for a minute.

    limit : `dataset.limit` of these jobs
    """
    if time.monotonic() - progress.shown < WITHOUT_TABLE or not progress.n_left:
        return
    stage = _stage(progress, limit)
    if len(stage.ranking.rows) > 1:
        say("So far:")
        show(stage.ranking)
        progress.shown = time.monotonic()


def _stage(progress: Progress, limit: int | None) -> Stage:
    about = progress.about
    jobs = record.load_jobs(progress.folder, about["sweep_id"])
    jobs = {
        folder: job
        for folder, job in jobs.items()
        if job.status != "RUNNING" and job.params.get("dataset.limit") == limit
    }
    comparisons = compare(jobs)
    score(jobs, comparisons)
    ranking = rank_runs(jobs.values(), about["sort"])
    return Stage(limit, jobs, ranking, recommend(ranking, next(iter(comparisons), None)))


def _next_limit(stage: Stage, about: dict[str, Any]) -> int | None:
    """Documents of the next sample; None where there is no time for enough of them."""
    factor = float(GROWTH)
    if about["minutes"] is not None:
        remaining = 60 * about["minutes"] - (time.time() - about["started"])
        factor = min(factor, SAFETY * remaining / max(sum(stage.seconds.values()), 1e-3))
    assert stage.limit is not None
    return min(round(stage.limit * factor), stage.n_available) if factor >= LEAST_GROWTH else None


def _launcher(config: DictConfig) -> Launcher:
    """As the sweeper has it."""
    from runner import sweep

    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    assert sweep.task is not None
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=sweep.task, config=config
    )


def _launch(
    launcher: Launcher, config: DictConfig, progress: Progress, batch: Sequence[list[str]]
) -> None:
    """Run further jobs of a sweep: its own overrides, less those of the same keys."""
    about = progress.about
    first = about["n_jobs"] or 0
    about["n_jobs"] = first + len(batch)
    changed = {text.partition("=")[0] for text in batch[0]}
    about["swept"] = [*dict.fromkeys([*about["swept"], *sorted(changed)])]
    progress.save()  # the jobs read it
    fixed = [o for o in config.hydra.overrides.task if o.partition("=")[0] not in changed]
    launcher.launch([[*fixed, *values] for values in batch], initial_job_idx=first)
