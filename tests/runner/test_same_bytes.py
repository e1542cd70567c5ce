"""One config, data and seed: the same tables whatever the threads, the cache and the launcher."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from conftest import Outcome

SETTINGS = (
    "dataset.limit=150", "embedder=sklearn", "tracking=none", "model=false", "reports=fast",
)  # fmt: skip
DAY = 86_400


def tables(folder: Path) -> dict[str, bytes]:
    return {
        name: (folder / name).read_bytes()
        for name in ("topics.csv", "documents.parquet", "topic_words.csv")
        if (folder / name).exists()
    }


def test_threads_cache_sweep_and_clock(process: Callable[..., Outcome], tmp_path: Path) -> None:
    def run(*arguments: str, threads: int) -> Outcome:
        n = str(threads)
        done = process(*SETTINGS, *arguments, OMP_NUM_THREADS=n, OPENBLAS_NUM_THREADS=n)
        assert done.code == 0, done.out + done.err
        return done

    alone = tables(run("seed=0", "cache.dir=null", threads=1).output)
    assert {"topics.csv", "documents.parquet"} <= set(alone)

    run("-m", "seed=0,1", "cache.dir=cache", "hydra.sweep.dir=sweep", threads=2)
    (job,) = [
        path.parent
        for path in (tmp_path / "sweep").rglob("config.yaml")
        if "\nseed: 0\n" in path.read_text() and path.parent.name != ".hydra"
    ]
    assert tables(job) == alone

    # A clock that was set back: what is cached comes from the future.
    for path in (tmp_path / "cache").rglob("*"):
        later = path.stat().st_mtime + DAY
        os.utime(path, (later, later))
    again = run("seed=0", "cache.dir=cache", threads=2)
    assert "0 computed" in again.out + again.err
    assert tables(again.output) == alone
