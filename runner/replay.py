"""Runs a recorded config again and says whether the topics are the same.

    python -m runner.replay run=ID                      a run in MLflow
    python -m runner.replay run=outputs/2026-01-31/...  a run's output folder
    python -m runner.replay run=ID trusted_targets=my_parts,other

Classes of your own are built only if you name their package here: a recorded config is data, and
may come from somebody else.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf

from components.base import UserError
from runner import provenance, record
from runner.arguments import parse
from runner.pipeline import run as run_pipeline
from runner.schema import RunConfig


def main(arguments: list[str]) -> int:
    """Replay a run; 0 when its topics are the same, 1 when they differ."""
    keys = ["run", "uri", "experiment", "cache", "trusted_targets", "folder"]
    options = parse(arguments, __doc__ or "", keys)
    if "run" not in options:
        raise UserError("name the run: python -m runner.replay run=ID")
    with tempfile.TemporaryDirectory() as scratch:
        recorded = Path(options["run"])
        if not (recorded / record.FILE).is_file():
            recorded = _fetch(options, Path(scratch))
        return _replay(recorded, options)


def _fetch(options: dict[str, str], folder: Path) -> Path:
    from runner.tracking import Tracker

    tracker = Tracker(options.get("uri"), options.get("experiment", "runner"))
    for name in ("config.yaml", "environment.json", "documents.parquet", record.FILE):
        tracker.artifact(options["run"], name, folder)
    return folder


def _replay(recorded: Path, options: dict[str, str]) -> int:
    import pyarrow.parquet as pq

    from runner.build import build
    from runner.job import write
    from runner.stages import Stages
    from runner.store import Store

    config = OmegaConf.merge(RunConfig, OmegaConf.load(recorded / "config.yaml"))
    assert isinstance(config, DictConfig)
    config.trusted_targets = [t for t in options.get("trusted_targets", "").split(",") if t]
    cache = options.get("cache", config.cache.dir)
    place = None if cache in (None, "null") else Path(cache).expanduser().absolute()
    result = run_pipeline(build(config), Store(place), Stages(place), draw_map=False)
    if "folder" in options:
        Path(options["folder"]).mkdir(parents=True, exist_ok=True)
        write(result, Path(options["folder"]))
    old = pq.read_table(recorded / "documents.parquet", columns=["topic", "strength"])
    before = old["topic"].to_numpy()
    same = np.array_equal(before, result.labels)
    strengths = np.array_equal(old["strength"].to_numpy(), result.strengths)
    if same:
        detail = "" if strengths else " (their strengths differ in rounding)"
        _say(f"The same topics for all {len(before)} documents{detail}.")
        return 0
    _say(_difference(before, result.labels))
    for line in _causes(recorded, result.corpus.hash):
        _say(f"  {line}")
    return 1


def _difference(before: np.ndarray, after: np.ndarray) -> str:  # type: ignore[type-arg]
    if len(before) != len(after):
        return f"The topics differ: {len(before)} documents then, {len(after)} now."
    from sklearn.metrics import adjusted_rand_score

    index = adjusted_rand_score(before, after)
    changed = int(np.sum(before != after))
    return (
        f"The topics differ: {changed} of {len(before)} documents have another topic "
        f"(adjusted Rand index {index:.3f})."
    )


def _causes(recorded: Path, corpus_hash: str) -> list[str]:
    """What is not as it was: the data, versions, the machine."""
    known = record.load(recorded)
    causes = []
    if known.tags.get("corpus_hash") != corpus_hash:
        causes.append("the documents are not the same (their hash differs)")
    then = json.loads((recorded / "environment.json").read_text(encoding="utf-8"))
    now = provenance.environment()
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            causes.append(f"{name}: {then.get(name, 'not there')} then, {now.get(name)} now")
    commit = provenance.git_commit()
    if known.tags.get("git_commit") != commit:
        causes.append(f"commit: {known.tags.get('git_commit')} then, {commit} now")
    if known.params.get("seed") in (None, "None"):
        causes.append("seed=null: such a run is not repeatable")
    return causes or ["nothing else differs: versions, machine and documents are the same"]


def _say(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201
        sys.exit(2)
