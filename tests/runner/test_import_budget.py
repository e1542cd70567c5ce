"""What costs nothing must not import what costs seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "umap", "mlflow", "sklearn", "transformers", "pandas", "matplotlib", "scipy")
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
    [["--help"], ["--cfg", "job"], ["embedder=minilmm", "seed=x"], ["clusterer.n_neighbours=3"]],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(arguments: list[str], tmp_path: Path) -> None:
    code = CODE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout.strip().endswith("HEAVY []")
