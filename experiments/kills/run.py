"""Kills runs, or joblib sweeps, between stored batches; compares the end with an undisturbed one.

    python experiments/kills/run.py run --kills 20
    python experiments/kills/run.py sweep --kills 20

Every other kill takes the whole process group, the others the first process alone, whose workers
must then end by themselves. A run that ends before its kill is compared too, and the cache removed.
Prints a line a kill, then a summary; exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
N = 3000  # documents
WORDS = ("tea leaf cup kettle brew sugar", "wicket bat ball over run pitch", "bank share bond fund")
PATIENCE = 30  # seconds in which workers must end


class Study:
    """One folder with documents, a cache, and what is run there."""

    def __init__(self, kind: str, folder: Path, seed: int) -> None:
        self.kind = kind
        self.folder = folder
        self.rng = random.Random(seed)
        self.cache = folder / "cache"
        self.calls = folder / "calls"
        self.calls.touch()
        lines = (
            " ".join([*self.rng.choices(WORDS[i % 3].split(), k=8), f"n{i}"]) for i in range(N)
        )
        (folder / "documents.txt").write_text("\n".join(lines))

    def start(self, out: Path, cache: Path) -> subprocess.Popen[str]:
        line = [
            "dataset=text", f"dataset.path={self.folder}/documents.txt",
            f"--config-dir={HERE}/conf", "embedder=slow_hashes", f"embedder.calls={self.calls}",
            "trusted_targets=[slow_hashes]", "reducer=truncated_svd", "reducer.n_components=5",
            "clusterer=kmeans", "clusterer.n_clusters=3", "tracking=none", "map=false",
            "reports=fast", "model=false", f"cache.dir={cache}",
        ]  # fmt: skip
        if self.kind == "run":
            line.append(f"hydra.run.dir={out}")
        else:
            line += ["-m", "seed=1,2", "embedder.seconds=0.12,0.121", f"hydra.sweep.dir={out}"]
            line += ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
        path = os.pathsep.join(map(str, (HERE.parent.parent, HERE)))
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *line],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def embedded(self) -> int:
        return self.calls.read_bytes().count(b"\n")

    def finish(self, process: subprocess.Popen[str], out: Path) -> dict[str, str]:
        """Hashes of the topics of each job, once the process has ended."""
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"exit status {process.returncode}: {said[-2000:]}")
        found = {}
        for path in sorted(out.rglob("documents.parquet")):
            table = pq.read_table(path)
            content = b"".join(table[name].to_numpy().tobytes() for name in ("topic", "strength"))
            found[path.parent.relative_to(out).as_posix()] = hashlib.sha256(content).hexdigest()
        return found

    def kill(self, process: subprocess.Popen[str], whole_group: bool) -> int:
        """Kill it; how many processes were left after `PATIENCE` seconds."""
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE
        while (left := alive(process.pid)) and time.monotonic() < end:
            time.sleep(0.1)
        if left:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return left


def alive(group: int) -> int:
    """Processes of a group that are no zombies."""
    said = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True).stdout
    rows = (line.split() for line in said.splitlines())
    return sum(int(pgid) == group and "Z" not in state for pgid, state in rows)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("run", "sweep"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        study = Study(options.kind, Path(name), options.seed)
        out = study.folder / "undisturbed"
        expected = study.finish(study.start(out, study.folder / "other_cache"), out)
        undisturbed = study.embedded()
        kills = complete = left = other = 0
        while kills < options.kills:
            before, out = study.embedded(), study.folder / f"out{kills}-{complete}"
            process = study.start(out, study.cache)
            batches = study.rng.randint(1, 3)
            while process.poll() is None and study.embedded() < before + 90 * batches:
                time.sleep(0.01)
            if process.poll() is None:
                time.sleep(study.rng.uniform(0, 0.25))
                left += study.kill(process, kills % 2 == 0)
                kills += 1
                print(f"{kills}: killed after {study.embedded() - before} documents", flush=True)
            else:
                other += study.finish(process, out) != expected
                complete += 1
                shutil.rmtree(study.cache)
        out = study.folder / "end"
        other += study.finish(study.start(out, study.cache), out) != expected
        total = study.embedded() - undisturbed
        check = subprocess.run(
            [sys.executable, "-m", "runner.cache", "check", "--dir", str(study.cache)],
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
            capture_output=True,
            text=True,
        )
        print(
            f"{kills} kills, {complete + 1} complete runs: {other} with other topics, {left} "
            f"processes left behind, {total} documents embedded ({undisturbed} in an undisturbed "
            f"run); cache: {check.stdout.strip()}"
        )
        return int(bool(other or left or check.returncode))


if __name__ == "__main__":
    sys.exit(main())
