"""Runs a recorded config again and reports whether the topics are the same.

    python -m runner.replay run=ID                      a run in MLflow
    python -m runner.replay run=outputs/2026-01-31/...  a run's output folder
    python -m runner.replay run=ID uri=http://...       a run in another store
    python -m runner.replay run=ID cache=null           recomputes everything
    python -m runner.replay run=ID folder=out           keeps the new result
    python -m runner.replay run=ID dataset.path=a.csv   the documents lie elsewhere now
    python -m runner.replay run=ID embedder.path=v.npy  so do vectors from a file
    python -m runner.replay run=ID trusted_targets=my_parts,other
    python -m runner.replay run=ID --trust-this-run     reads and calls what the run did

The exit status is 0 where the topics are the same, 1 where they differ. A recorded config is data,
and may come from somebody else: classes of your own are built only if you name their package here,
and files, addresses and trust_... settings are those of the run only with --trust-this-run.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from components import agreement
from components.base import UserError
from components.pieces import of_documents
from runner.config.recorded import MOVED, TRUST_FLAG, recorded_config
from runner.terminal.arguments import Arguments, parse
from runner.terminal.console import command, say
from runner.tracking import provenance, record

_NEEDED = ("config.yaml", "environment.json", "documents.parquet", record.FILE)


def main(arguments: list[str]) -> int:
    """Replay a run; 0 when its topics are the same, 1 when they differ."""
    keys = ["run", "uri", "cache", "trusted_targets", "folder", *MOVED]
    options = parse(arguments, __doc__ or "", keys, flags=[TRUST_FLAG])
    options.require("replay", "run")
    recorded = Path(options["run"])
    if recorded.is_dir():
        record.load(recorded).require_result(f"in {recorded}")
        return _replay(recorded, options)
    with tempfile.TemporaryDirectory() as scratch:
        from runner.tracking import connect_to_find, fetch

        client = connect_to_find(options["run"], options.get("uri"))
        for name in _NEEDED:
            fetch(client, options["run"], name, Path(scratch))
        return _replay(Path(scratch), options)


def _replay(recorded: Path, options: Arguments) -> int:
    from runner.cache import Cache
    from runner.config.build import build
    from runner.job import write_reports
    from runner.pipeline import run
    from runner.tracking.folder import check_writable, writing

    about = record.load(recorded)
    if "made_by" in about.tags:
        raise UserError(
            f"this run goes on from another one ({about.tags.get('parent_run')}), so its config "
            f"alone does not make it. It was made by: {about.tags.get('command', 'runner')}"
        )
    words = [f"{key}={value}" for key, value in options.items() if value]
    trust = TRUST_FLAG in options.flags
    config = recorded_config(recorded, options, "replay", words, trust=trust)
    before, strengths = _topics_of(recorded / "documents.parquet")
    parts = build(config)
    folder = Path(options["folder"]) if "folder" in options else None
    if folder:
        check_writable(folder, "folder")
    result = run(parts, Cache(config.cache.dir), draw_map=False)
    if folder:
        with writing(folder, "folder", config.cache.dir):
            write_reports(result, folder, parts.reports)
    result = of_documents(result)
    same = np.array_equal(before, result.labels)
    if same:
        exact = np.array_equal(strengths, result.strengths)
        detail = "" if exact else " (their strengths differ in rounding)"
        say(f"The same topics for all {len(before)} documents{detail}.")
    else:
        say(_difference(before, result.labels))
    causes = _causes(recorded, config, result.corpus.hash)
    if causes:
        say("What else differs:")
    elif not same:
        say("Nothing else differs: versions, machine and documents are the same.")
    for line in causes:
        say(f"  {line}")
    return 0 if same else 1


def _topics_of(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Topics and strengths of a run's documents."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["topic", "strength"])
        return table["topic"].to_numpy(), table["strength"].to_numpy()
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        reason = str(error)[:200]
        raise UserError(f"{path} cannot be read as the documents of a run: {reason}") from error


def _environment_of(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {str(error)[:200]}") from error


def _difference(before: NDArray[Any], after: NDArray[Any]) -> str:
    if len(before) != len(after):
        return f"The topics differ: {len(before)} documents then, {len(after)} now."
    index = agreement.adjusted_rand_index(before, after)
    changed = int(np.sum(before != after))
    return (
        f"The topics differ: {changed} of {len(before)} documents have another topic "
        f"(adjusted Rand index {index:.3f})."
    )


def _causes(recorded: Path, config: DictConfig, corpus_hash: str) -> list[str]:
    """What is not as it was: the documents, versions, the machine."""
    run_record = record.load(recorded)
    causes = []
    if run_record.tags.get("corpus_hash") != corpus_hash:
        causes.append("the documents are not the same (their hash differs)")
    then = _environment_of(recorded / "environment.json")
    now = provenance.environment()
    then["commit"], now["commit"] = run_record.tags.get("git_commit", ""), provenance.git_commit()
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            was, has = then.get(name, "not there"), now.get(name, "not there")
            causes.append(f"{name}: {was} then, {has} now")
    if config.seed is None:
        causes.append("seed=null: such a run is not repeatable")
    return causes


if __name__ == "__main__":
    command(main)
