"""What costs nothing must not import what costs seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runner.cache import sources

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "umap", "mlflow", "sklearn", "transformers", "pandas", "matplotlib", "scipy")
RUN = ["dataset=jsonl", "dataset.path=documents.jsonl", "embedder=precomputed",
       "embedder.path=vectors.npy", "tracking=none"]  # fmt: skip
CODE = """
import sys
sys.argv = ["runner", *{arguments!r}]
from runner.cli import main
try:
    main()
except SystemExit:
    pass
print("HEAVY", [name for name in {heavy!r} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--cfg", "job"],
        ["embedder=minilmm", "seed=x"],
        ["clusterer.n_neighbours=3"],
        ["dataset=csv", "dataset.path=nowhere.csv"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(arguments: list[str], tmp_path: Path) -> None:
    assert heavy_imports(arguments, tmp_path) == "[]"


@pytest.mark.parametrize("with_map", [True, False])
def test_a_default_run_imports_no_more_than_it_uses(with_map: bool, tmp_path: Path) -> None:
    """The plots want matplotlib. scikit-learn and pandas would add a second or more."""
    X = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", X)
    lines = [json.dumps({"text": f"number {i} of {i % 7}"}) for i in range(len(X))]
    (tmp_path / "documents.jsonl").write_text("\n".join(lines))
    assert (
        heavy_imports([*RUN, f"map={str(with_map).lower()}"], tmp_path) == "['matplotlib', 'scipy']"
    )


def test_installed_packages_are_not_all_read_for_the_version_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tenth of a second and more, where many are installed."""
    monkeypatch.setattr(sources, "_all_distributions", None)
    sources._version.cache_clear()
    assert sources._version("numpy") == np.__version__
    assert sources._version("sklearn")


def heavy_imports(arguments: list[str], folder: Path) -> str:
    """Those of `HEAVY` that a run in a process of its own imports."""
    code = CODE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    return done.stdout.strip().rpartition("HEAVY ")[2]
