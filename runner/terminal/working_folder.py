"""Where Python looks for modules: among what is installed first, and then in the working folder.

The folder may hold anything: a module named like an installed one, plugins, files that say what is
installed. Only the user's own classes, which a config names, are to be found there.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).parents[2]


class OwnModules:
    """Finds modules in a folder, but no distributions: see `importlib.metadata`.

    Many libraries import what a distribution announces by its entry points.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module at the top of the folder is."""
        return PathFinder.find_spec(name, [self.folder], target) if path is None else None


def put_last(folder: str | None = None) -> None:
    """Find the user's own modules in the working folder, after every installed package.

    Parameters
    ----------
    folder : the working folder; None: the current one
    """
    try:
        here = Path(folder or os.getcwd())
    except FileNotFoundError:
        sys.exit("The folder that this was started in has been removed. Change to another: cd ...")
    sys.path[:] = [p for p in sys.path if p and (Path(p) != here or here == _ROOT)]
    _find_plugins()
    if any(getattr(finder, "folder", None) == str(here) for finder in sys.meta_path):
        return
    if _says_what_is_installed(here):
        sys.meta_path.append(OwnModules(str(here)))
    elif str(here) not in sys.path:  # there, a process that is started for a part finds it too
        sys.path.append(str(here))


def hidden(folder: Path) -> list[Path]:
    """Files in a folder that are named like our packages, and so are not imported."""
    if folder == _ROOT:
        return []
    files = [
        path
        for name in ("runner", "components", "conf")
        for path in (folder / f"{name}.py", folder / name / "__init__.py")
    ]
    return [path for path in files if path.is_file()]


def _find_plugins() -> None:
    """Settle where Hydra finds plugins, all of which it imports: among what is installed."""
    if "hydra_plugins" in sys.modules:
        return
    found = importlib.util.find_spec("hydra_plugins")
    plugins = ModuleType("hydra_plugins")
    plugins.__path__ = list(found.submodule_search_locations or []) if found else []
    sys.modules["hydra_plugins"] = plugins


def _says_what_is_installed(folder: Path) -> bool:
    """Whether `importlib.metadata` would find distributions in a folder."""
    try:
        names = [folder.name.lower(), *(entry.lower() for entry in os.listdir(folder))]
    except OSError:
        return False
    return any(name.endswith((".dist-info", ".egg-info", ".egg")) for name in names)
