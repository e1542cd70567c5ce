"""Turns a config into a run. From Python: `from runner import run, load`.

See `runner.python` and `runner.model`.
"""

from __future__ import annotations

import os
import sys

# With `python -m`, a file in the working folder that is named like a module of Python's own, or an
# installed one, would take its place in all that is imported from here on.
try:
    if sys.argv[:1] == ["-m"] and sys.path[:1] == [os.getcwd()]:
        sys.path.append(sys.path.pop(0))
except FileNotFoundError:  # the folder has been removed
    pass

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.model.loading import load as load
    from runner.python import run as run

__all__ = ["load", "run"]


def _import_own_packages() -> None:
    """Import the packages that belong to this one from beside it.

    Python looks into the working folder first, where a `components` or `conf` may lie that has
    nothing to do with us.
    """
    for name in ("components", "conf"):
        root = str(Path(__file__).parents[1])
        spec = importlib.machinery.PathFinder.find_spec(name, [root])
        if name in sys.modules or spec is None or spec.loader is None:
            continue
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


_import_own_packages()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("topic-runner")
    if name == "run":  # the command line needs none of what it imports
        from runner.python import run

        return run
    if name == "load":
        from runner.model.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
