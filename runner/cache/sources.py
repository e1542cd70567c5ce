"""The code behind a part, read without importing anything: its own modules, and versions."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import logging
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.machinery import all_suffixes
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from itertools import chain
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

OURS = frozenset(("components", "runner", "conf"))
# Distributions that are not named like their package; the others are looked up, which is slower.
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "umap": "umap-learn", "PIL": "pillow"}
# By module: the spec that it was loaded by, which a reload replaces, and its file's content then.
_loaded: dict[str, tuple[Any, bytes]] = {}


class NoSourceError(Exception):
    """Nothing tells what the code is, so nothing would notice that it has changed."""


def sources(modules: Iterable[str]) -> dict[str, Any]:
    """What tells one state of some modules from another.

    Parameters
    ----------
    modules : names of modules
        Of an installed library the version counts. Of other modules the source counts, and that
        of the modules that they import, at any depth and inside functions too, except installed
        ones, whose versions count, and this program's.

    Returns
    -------
    dict : ``sources``, sha256 (hex) by module; ``versions``, by package

    Raises
    ------
    NoSourceError
        When a module has neither a file nor a version.
    """
    hashes: dict[str, str] = {}
    packages: set[str] = set()
    todo = [(_module(name), name.partition(".")[0]) for name in modules]
    seen: set[str] = set()
    while todo:
        name, root = todo.pop()
        top = name.partition(".")[0]
        if name in seen or top in sys.stdlib_module_names or (top in OURS and root not in OURS):
            continue
        seen.add(name)
        path = _file(name)
        if path is None:
            continue  # `from package import name`, where the name is no module
        if top not in OURS and installed(path):
            packages.add(top)
            continue
        hashes[name], imported = _read(path, name)
        parents = name.split(".")[:-1]
        todo += [(".".join(parents[: n + 1]), root) for n in range(len(parents))]
        todo += [(other, root) for other in imported]
    return {
        "sources": dict(sorted(hashes.items())),
        "versions": {package: _version(package) for package in sorted(packages)},
    }


def _module(name: str) -> str:
    """The module in a dotted name that may go on to a class inside it."""
    module = name
    while module.partition(".")[0] not in sys.stdlib_module_names and _file(module) is None:
        module = module.rpartition(".")[0]
        if not module:
            raise NoSourceError(f"the module {name} has no file")
    return module


def _file(name: str) -> Path | None:
    """The file of a module; of a package without one, its folder."""
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__))
    top, *parts = name.split(".")
    if top == "__main__":
        return None
    try:
        spec = importlib.util.find_spec(top)  # imports nothing, as it has no parent
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    path = Path(spec.origin) if spec.has_location and spec.origin else next(iter(folders), None)
    for part in parts:
        path = next(filter(None, (_child(folder, part) for folder in folders)), None)
        folders = [folder / part for folder in folders]
    return path


def _child(folder: Path, name: str) -> Path | None:
    for suffix in all_suffixes():
        for path in (folder / name / f"__init__{suffix}", folder / f"{name}{suffix}"):
            if path.is_file():
                return path
    return folder / name if (folder / name).is_dir() else None


@cache
def _libraries() -> tuple[Path, ...]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({Path(sysconfig.get_path(kind)).resolve() for kind in kinds})


def installed(path: Path) -> bool:
    """Whether a file belongs to Python or to a package that was installed."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return any(path.resolve().is_relative_to(folder) for folder in _libraries())


def _read(path: Path, name: str) -> tuple[str, list[str]]:
    """sha256 of a module's file, and the modules that it may import."""
    if path.is_dir():
        return "", []
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoSourceError(f"the file of the module {name} cannot be read: {error}") from error
    content = _running(name, content)
    return hashlib.sha256(content).hexdigest(), _imports(content, name, path.stem == "__init__")


def _running(name: str, content: bytes) -> bytes:
    """The code of a module that this process runs: an edit of its file changes nothing in it.

    What a first run finds in the file is taken for what was imported.
    """
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is None:  # not loaded, or a script
        return content
    known = _loaded.get(name)
    if known is None or known[0] is not spec:
        _loaded[name] = known = (spec, content)
    if known[1] != content:
        log.warning(
            "the file of the module %s has been edited, and this run used the code from before the "
            "edit. Start again (in a notebook: restart the kernel) to use the new code.",
            name,
        )
    return known[1]


@lru_cache(maxsize=512)
def _imports(content: bytes, name: str, is_package: bool) -> list[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # compiled
        return []
    return sorted(set(_imported(tree, name.split("."), is_package)))


def _imported(tree: ast.Module, name: list[str], is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                base = name[: len(name) - node.level + is_package] + base
            if base:
                yield ".".join(base)
                yield from (".".join([*base, alias.name]) for alias in node.names)


@cache
def _version(package: str) -> str:
    """The version of the distribution that a package comes from; empty where none tells."""
    for distribution in chain([_DISTRIBUTIONS.get(package, package)], _distributions(package)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return str(getattr(sys.modules.get(package), "__version__", ""))


def _distributions(package: str) -> Iterator[str]:
    yield from _all_distributions().get(package, ())


_all_distributions = cache(packages_distributions)
