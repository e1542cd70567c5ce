"""Sweeps: every launcher, jobs and whole sweeps that die, several sweeps at once."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module

from runner.config import schema
from runner.tracking import record
from tests_support import FAST
from tracking_support import TRACKED, runs_of, wait_for

Run = Callable[..., Any]


def children(runs: list[Any]) -> list[Any]:
    return [run for run in runs if "mlflow.parentRunId" in run.data.tags]


def the_parent(runs: list[Any]) -> Any:
    (parent,) = [run for run in runs if run.data.tags.get("is_sweep") == "true"]
    return parent


def sweep_folder(folder: Path) -> Path:
    return max(folder.glob("multirun/*/*"), key=lambda path: path.stat().st_mtime_ns)


def test_a_sweep_is_a_parent_run_with_a_child_for_each_job(runner: Run, store: Path) -> None:
    outcome = runner("-m", *TRACKED, "clusterer=kmeans,agglomerative", "seed=3,4")
    assert outcome.code == 0, outcome.err
    runs = runs_of(store)
    parent, jobs = the_parent(runs), children(runs)
    assert len(runs) == 5
    assert {job.data.tags["mlflow.parentRunId"] for job in jobs} == {parent.info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert parent.data.metrics == {}
    assert len({frozenset(job.data.metrics) for job in jobs}) == 1
    assert {"n_topics", "npmi", "total_seconds"} <= jobs[0].data.metrics.keys()
    named = "sweep_id embedder reducer clusterer dataset config_hash git_commit".split()
    for job in jobs:
        assert set(named) <= job.data.tags.keys()
        assert job.data.tags["sweep_id"] == parent.data.tags["sweep_id"]
        assert job.data.params["clusterer"] == job.data.tags["clusterer"]
    assert len({job.data.tags["config_hash"] for job in jobs}) == 4
    assert len({job.data.tags["seedless_hash"] for job in jobs}) == 2
    # A line for each job, and the board with seeds folded, at the end and on the parent.
    assert "[4 done, 0 failed, 0 left, 0:" in outcome.err
    assert outcome.err.count(" left, ") == 4
    assert "4 runs, best first by covered_silhouette" in outcome.out
    folder = sweep_folder(outcome.folder)
    with (folder / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["runs"] for row in rows] == ["2", "2"]
    logged = store.parent / "mlartifacts" / parent.info.run_id / "artifacts"
    for name in ("leaderboard.csv", "leaderboard.html"):
        assert (logged / name).read_bytes() == (folder / name).read_bytes()


def test_a_message_on_the_documents_is_shown_once(runner: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,id\n" + "a cat sat,1\na dog ran,2\n,3\n" * 10)
    settings = [*FAST[1:], "dataset=csv", "dataset.path=a.csv", "dataset.limit=null"]
    outcome = runner("-m", "embedder=tfidf", *settings, "clusterer=kmeans,agglomerative")
    assert outcome.code == 0, outcome.err
    line = "10 of 30 rows have no text"
    assert outcome.err.count(line) == 1
    logs = [*sweep_folder(outcome.folder).glob("*/runner.log")]
    assert [log.read_text().count(line) for log in logs] == [1, 1]


def test_a_sweep_over_embedders_recommends_one(runner: Run, store: Path) -> None:
    embedders = "embedder=tfidf,sklearn,gensim_glove"
    outcome = runner("-m", embedders, "dataset.limit=120", "reports=fast", "map=false")
    assert outcome.code == 0, outcome.err
    runs = runs_of(store)
    parent, jobs = the_parent(runs), children(runs)
    for job in jobs:
        assert {"consensus", "neighbour_consensus", "choice_score"} <= job.data.metrics.keys()
        assert {"words_ami", "stability", "lexical_lift"} <= job.data.metrics.keys()
    priors = {job.data.tags["embedder"]: job.data.metrics["kind_prior"] for job in jobs}
    assert priors == {"tfidf": -0.07, "sklearn": -0.07, "gensim_glove": -0.03}
    best = max(jobs, key=lambda job: job.data.metrics["choice_score"]).data.tags["embedder"]
    assert parent.data.tags["recommended_embedder"] == best
    sentence = parent.data.tags["recommendation"]
    assert sentence.startswith(f"{best} has the highest choice_score")
    assert f"Recommended: {best}\n  {best} has the highest choice_score" in outcome.out
    assert f"Recommended: {best}" in parent.data.tags["mlflow.note.content"]
    folder = sweep_folder(outcome.folder)
    about = json.loads((folder / "sweep.json").read_text())
    assert (about["recommended_embedder"], about["recommendation"]) == (best, sentence)
    with (folder / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["embedder"] == best
    assert {"consensus", "neighbour_consensus", "choice_score"} <= rows[0].keys()
    logged = store.parent / "mlartifacts" / parent.info.run_id / "artifacts" / "leaderboard.html"
    page = logged.read_text()
    assert "Topics side by side" in page
    assert page.count('class="sankey"') == 1
    assert f"From the topics of {best} to those of {rows[1]['embedder']}" in page


def test_a_failed_job_is_a_failed_run_and_the_sweep_goes_on(
    runner: Run, store: Path, troubled: list[str]
) -> None:
    outcome = runner("-m", *troubled, "embedder.trouble=fail,none", "seed=1,2")
    assert outcome.code == 1
    jobs = children(runs_of(store))
    status = {(job.data.params["embedder.trouble"], job.info.status) for job in jobs}
    assert status == {("fail", "FAILED"), ("none", "FINISHED")}
    reasons = [job.data.tags["failure"] for job in jobs if job.info.status == "FAILED"]
    assert len(reasons) == 2
    assert all("RuntimeError: 401" in reason for reason in reasons)
    assert the_parent(runs_of(store)).info.status == "FAILED"
    job = "embedder.trouble=fail seed="
    assert f"FAILED: {job}1: embedder (Troubled)" in outcome.out
    assert f"FAILED: {job}2: the same as {job}1" in outcome.out
    assert (outcome.out + outcome.err).count("401") == 3  # of each when it fails, and at the end
    assert "2 runs, 2 failed" in outcome.out


def test_without_tracking_there_is_a_leaderboard_all_the_same(runner: Run) -> None:
    outcome = runner("-m", *FAST, "dataset.limit=60", "clusterer=glob([k*,agg*])")
    assert outcome.code == 0, outcome.err
    assert ": 2 jobs in " in outcome.err
    assert "2 runs, best first by covered_silhouette, silhouette where a docum" in outcome.out
    assert "choice" not in outcome.out  # it compares embedders
    assert not (outcome.folder / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("none", "in no order, as none has the metric nmpi"), ("fail", "0 runs, 1 failed")],
)
def test_a_metric_that_no_run_has_does_not_spoil_the_end(
    runner: Run, troubled: list[str], trouble: str, said: str
) -> None:
    outcome = runner(
        "-m", *troubled, "tracking=none", "leaderboard.sort=nmpi", f"embedder.trouble={trouble}"
    )
    assert outcome.code == (trouble == "fail")
    assert said in outcome.out
    assert "no metric is known by that name. Did you mean 'npmi'?" in outcome.err
    assert (sweep_folder(outcome.folder) / "leaderboard.html").is_file()


def test_runs_without_the_metric_come_last(runner: Run) -> None:
    # With HDBSCAN no topic is found in 20 documents, so there is no coherence.
    outcome = runner(
        "-m", *FAST, "dataset.limit=20", "clusterer=hdbscan,kmeans", "leaderboard.sort=npmi"
    )
    assert outcome.code == 0, outcome.err
    with (sweep_folder(outcome.folder) / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["clusterer"] for row in rows] == ["kmeans", "hdbscan"]
    assert rows[1]["npmi"] == ""


def test_a_preset_holds_a_sweep(runner: Run) -> None:
    outcome = runner(*FAST, "dataset.limit=60", "experiment=seeds", "seed=range(3)")
    assert outcome.code == 0, outcome.err
    assert ": 3 jobs in " in outcome.err
    assert "[3 done, 0 failed, 0 left" in outcome.err


def test_folders_of_jobs_may_lie_deeper(runner: Run) -> None:
    outcome = runner(
        "-m",
        *FAST,
        "dataset.limit=60",
        "seed=1,2",
        "hydra.sweep.subdir=jobs/number/${hydra.job.num}",
    )
    assert outcome.code == 0, outcome.err
    assert "\n2 runs, " in outcome.out


def test_a_sweep_in_the_folder_that_mlflow_keeps_its_files_in(runner: Run, store: Path) -> None:
    """Each job's run.json is there twice then: its own, and MLflow's copy."""
    outcome = runner("-m", *TRACKED, "seed=1,2", "hydra.sweep.dir=.")
    assert outcome.code == 0, outcome.err
    assert len([*store.parent.glob("mlartifacts/**/run.json")]) >= 2
    assert "\n2 runs, " in outcome.out


def test_a_folder_that_held_another_sweep(runner: Run) -> None:
    first = runner("-m", *FAST, "dataset.limit=60", "hydra.sweep.dir=mine", "seed=1,2,3")
    second = runner("-m", *FAST, "dataset.limit=60", "hydra.sweep.dir=mine", "seed=4,5")
    assert "3 runs" in first.out
    assert "2 runs" in second.out


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_launchers_outlive_a_job_that_dies(
    launcher: str, store: Path, troubled: list[str], start: Run, runner: Run
) -> None:
    process = start(
        "-m", *troubled, f"hydra/launcher={launcher}", "embedder.trouble=exit,kill,none"
    )
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert "[1 done, 2 failed, 0 left, " in err
    assert err.count(" left, ") == 3
    assert "1 run, 2 failed, nothing to compare it with, and so no choice_score." in out
    assert "Traceback" not in err
    assert "FAILED: embedder.trouble=exit: its process ended with the exit code 3" in out
    assert "FAILED: embedder.trouble=kill: its process was killed by the signal SIGKILL" in out
    runs = runs_of(store)
    assert the_parent(runs).info.status == "FAILED"
    assert Counter(job.info.status for job in children(runs)) == {"FAILED": 2, "FINISHED": 1}
    # Each job has the number, and so the folder, that it has under every launcher.
    jobs = [record.load(sweep_folder(store.parent) / number) for number in "012"]
    assert [job.params["embedder.trouble"] for job in jobs] == ["exit", "kill", "none"]
    # What it finds is what a run of its own finds, bit for bit.
    alone = runner(*troubled, "cache.dir=null", "tracking=none").output
    in_sweep = sweep_folder(store.parent) / "2"
    for name in ("documents.parquet", "topics.csv"):
        assert (alone / name).read_bytes() == (in_sweep / name).read_bytes()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("ours", "plugin"), [("joblib_2", "joblib"), ("slurm", "submitit_slurm")])
def test_a_launcher_extends_its_plugins(ours: str, plugin: str) -> None:
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        launchers = [
            compose("config", [f"hydra/launcher={name}"], return_hydra_config=True).hydra.launcher
            for name in (ours, plugin)
        ]
    assert launchers[0]._target_ == launchers[1]._target_
    assert set(launchers[0]) == set(launchers[1])
    assert launchers[0] != launchers[1]


def test_the_documented_command_for_slurm_is_accepted(process: Run) -> None:
    """Up to the submission itself, for which there is no Slurm here."""
    outcome = process(
        *"-m hydra/launcher=slurm hydra.launcher.partition=gpu".split(),
        *"hydra.launcher.gpus_per_node=1 hydra.launcher.mem_gb=32 seed=1,2".split(),
        *FAST,
    )
    assert outcome.code == 1
    assert 'Could not detect "srun"' in outcome.err
    assert "2 of 2 jobs never started." in outcome.out


def test_what_was_killed_is_closed_by_the_next_start(
    store: Path, troubled: list[str], start: Run, runner: Run
) -> None:
    process = start("-m", *troubled, "embedder.seconds=0,600,0")
    second = wait_for(lambda: [*store.parent.glob("multirun/*/*/1/run.json")])[0]
    wait_for(lambda: json.loads(second.read_text())["run_id"])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert Counter(run.info.status for run in runs_of(store)) == {"RUNNING": 2, "FINISHED": 1}
    outcome = runner(*TRACKED)
    assert outcome.code == 0
    assert outcome.err.count("as KILLED: its process no longer exists.") == 2
    assert Counter(run.info.status for run in runs_of(store)) == {"KILLED": 2, "FINISHED": 2}


def has_finished(folder: Path) -> bool:
    """Whether a job has begun, and ended well."""
    path = folder / "run.json"
    return path.is_file() and '"FINISHED"' in path.read_text()


def test_a_worker_that_is_killed_leaves_the_board_of_the_rest(
    store: Path, troubled: list[str], start: Run
) -> None:
    """Not the job's own process, whose end is one failure, but the launcher's."""
    process = start(
        "-m", *troubled, "hydra/launcher=joblib", "embedder.seconds=0,600", "tracking=none"
    )
    second = wait_for(lambda: [*store.parent.glob("multirun/*/*/1/run.json")])[0]
    wait_for(lambda: has_finished(second.parents[1] / "0"))
    job = json.loads(second.read_text())["tags"]["pid"]
    worker = Path(f"/proc/{job}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(worker), signal.SIGKILL)
    os.kill(int(job), signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "1 run, 1 failed" in out
    assert "KILLED: embedder.seconds=600: its process was killed" in out


def test_workers_end_with_a_launcher_that_is_killed(
    tmp_path: Path, troubled: list[str], start: Run, runner: Run
) -> None:
    """And the same command goes on from what they have stored."""
    calls = tmp_path / "calls"
    sweep = ["-m", *troubled, "tracking=none", "clusterer.n_clusters=3,4"]
    sweep += ["embedder.seconds=2", f"embedder.calls={calls}", "hydra/launcher=joblib_2"]
    process = start(*sweep)
    jobs = wait_for(lambda: pids_of_jobs(tmp_path, 2))
    # One of two batches is stored, and the other is at work in one of the two jobs, or stored too.
    wait_for(lambda: list(tmp_path.glob(".runner-cache/embeddings/*/*.safetensors")))
    workers = {int(stat_of(job)[1]) for job in jobs}
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(map(is_running, [*jobs, *workers])), 30)
    outcome = runner(*[s for s in sweep if "launcher" not in s])
    assert outcome.code == 0, outcome.err
    assert "2 runs, best first by" in outcome.out or "2 runs, in no order" in outcome.out
    embedded = Counter(calls.read_text().split())
    assert len(embedded) == 60
    assert embedded.total() <= 60 + 32  # no more than the batch that was at work
    alone = runner(*troubled, "tracking=none", "embedder.seconds=2",
                   "clusterer.n_clusters=4", "cache.dir=null").output  # fmt: skip
    for name in ("documents.parquet", "topics.csv"):
        again = sweep_folder(tmp_path) / "1" / name
        assert (alone / name).read_bytes() == again.read_bytes()


def test_workers_without_a_job_end_too(troubled: list[str], start: Run) -> None:
    process = start("-m", *troubled, "tracking=none", "seed=1,2", "hydra/launcher=joblib_2")
    workers = wait_for(lambda: workers_of(process.pid))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(map(is_running, workers)), 60)


def workers_of(pid: int) -> list[int]:
    """joblib's worker processes that this one has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = {child: Path(f"/proc/{child}/cmdline") for child in children}
    return [int(c) for c, line in lines.items() if "popen_loky" in line.read_text()]


def pids_of_jobs(folder: Path, n: int) -> list[int]:
    """Of the `n` jobs that run; empty until there are as many."""
    records = [json.loads(f.read_text()) for f in folder.glob("multirun/*/*/[0-9]/run.json")]
    pids = [int(each["tags"]["pid"]) for each in records if each["status"] == "RUNNING"]
    return pids if len(pids) == n else []


def stat_of(pid: int) -> list[str]:
    """State, parent and more of a process, see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def is_running(pid: int) -> bool:
    try:
        return stat_of(pid)[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_ctrl_c_ends_a_sweep_with_what_it_has(
    launcher: str, store: Path, troubled: list[str], start: Run
) -> None:
    process = start("-m", *troubled, f"hydra/launcher={launcher}", "embedder.seconds=0,600")
    second = wait_for(lambda: [*store.parent.glob("multirun/*/*/1/run.json")])[0]
    wait_for(lambda: json.loads(second.read_text())["run_id"])
    wait_for(lambda: has_finished(second.parents[1] / "0"))
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "1 run, 1 failed" in out
    assert "KILLED: embedder.seconds=600: it was interrupted" in out
    found = Counter(run.info.status for run in runs_of(store))
    assert found == {"KILLED": 2, "FINISHED": 1}, out + err


def test_four_processes_start_the_same_sweep_at_once(
    tmp_path: Path, troubled: list[str], start: Run
) -> None:
    """On an empty folder: no store, no MLflow database."""
    calls = tmp_path / "calls"
    sweep = [*troubled, f"embedder.calls={calls}", "clusterer=kmeans,agglomerative"]
    processes = [start("-m", *sweep) for _ in range(4)]
    answers = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, answers
    lines = calls.read_text().split()
    assert len(lines) == len(set(lines)) >= 59
    assert [path.name for path in tmp_path.glob("*.db")] == ["mlflow.db"]
    runs = runs_of(tmp_path / "mlflow.db")
    assert Counter(run.info.status for run in runs) == {"FINISHED": 12}
    assert len({run.info.experiment_id for run in runs}) == 1
    assert Counter(Counter(job.data.tags["sweep_id"] for job in children(runs)).values()) == {2: 4}
    npmi = {(run.data.tags["clusterer"], run.data.metrics["npmi"]) for run in children(runs)}
    assert len(npmi) == 2  # the same results in every process
