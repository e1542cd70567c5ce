"""Shows, checks and prunes the cache; safe while runs are going on.

python -m runner.cache                               what is in .runner-cache, and its size
python -m runner.cache check                         verify every file, set the damaged ones aside
python -m runner.cache prune --older-than 30d        remove what was not used for so long
python -m runner.cache prune --max-size 5GB          remove the longest unused, down to a size
python -m runner.cache prune --name minilm           by a part of a name, a setting or a key
python -m runner.cache prune --name minilm --dry-run only show what would be removed
python -m runner.cache list --dir FOLDER             another cache than .runner-cache (cache.dir)
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.base import UserError
from runner.cache import DEFAULT_FOLDER, array_file, disk, manifest, table
from runner.cache.shards import Shard
from runner.terminal.arguments import parse
from runner.terminal.console import command
from runner.terminal.suggestions import nearest

ACTIONS = ("list", "check", "prune")
KINDS = ("embeddings", "graphs", "reductions", "answers", "quarantine")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_HEAD = ("kind", "name", "documents", "columns", "size", "last use", "key")


@dataclass(frozen=True)
class Entry:
    """One thing in the cache: an embedder's vectors, a graph, a reduction, a damaged file."""

    kind: str
    name: str
    path: Path
    size: int  # bytes
    used: float  # seconds since 1970
    shape: tuple[int, int] | None = None  # documents and dimensions, or neighbours
    about: str = ""  # more text in which a name is looked for

    def matches(self, name: str) -> bool:
        """Whether a part of its name, its settings or its key is `name`."""
        return name.lower() in f"{self.name} {self.path.name} {self.about}".lower()

    def row(self) -> tuple[str, ...]:
        """What the table shows, under `_HEAD`."""
        n, d = ("", "") if self.shape is None else (f"{self.shape[0]:,}", str(self.shape[1]))
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))
        return self.kind, self.name, n, d, disk.as_size(self.size), used, self.path.name[:12]


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    names = ("dir", "older_than", "max_size", "name")
    options = parse(arguments, __doc__ or "", names, flags=("dry_run",), words=True)
    action, *more = options.words or ["list"]
    if action not in ACTIONS or more:
        wrong = " ".join(more) if action in ACTIONS else action
        raise UserError(f"'{wrong}' is not an action.{nearest(wrong, ACTIONS)}")
    root = Path(options.get("dir", DEFAULT_FOLDER)).expanduser().absolute()
    older_than = _quantity(options, "older_than", _SECONDS, "a time such as 30d, 12h or 2w")
    max_size = _quantity(options, "max_size", _BYTES, "a size such as 5GB or 300MB")
    if not root.is_dir():
        if "dir" not in options:
            return _say(f"nothing is cached here yet: there is no folder {root}")
        raise UserError(f"there is no folder {root}: check --dir")
    limits = (options.get("name"), older_than, max_size)
    if action == "prune" and limits == (None, None, None):
        raise UserError("prune: say what: --older-than 30d, --max-size 5GB or --name minilm")
    try:
        if action == "check":
            return check(root)
        if action == "prune":
            return prune(root, *limits, dry_run="dry_run" in options.flags)
        return show(root)
    except OSError as error:
        if error.errno not in disk.READ_ONLY:  # as where another user has stored it
            raise
        raise UserError(
            f"{error.filename}: {error.strerror}. Only who may write to all of the cache can "
            f"{action} it."
        ) from error


def show(root: Path) -> int:
    """Print a table of what is in the cache."""
    cached = list(entries(root))
    _table(cached)
    return _say(f"{disk.as_size(sum(e.size for e in cached))} in {root}")


def check(root: Path) -> int:
    """Verify every file, set the damaged ones aside. Returns 1 if there were any."""
    n_files = n_bad = 0
    moved = True
    for kind in KINDS[:-1]:
        for path in sorted((root / kind).rglob("*")):
            if not path.is_file() or path.name.startswith(".") or path.parent.name == "claims":
                continue
            n_files += 1
            try:
                if path.suffix == array_file.SUFFIX:
                    array_file.verify(path)
                else:
                    json.loads(path.read_bytes())
            except FileNotFoundError:  # merged into another one, or pruned
                n_files -= 1
            except (array_file.DamagedError, ValueError) as error:
                n_bad += 1
                moved &= disk.set_aside(path, root, error)
                _say(f"damaged: {path} ({error})")
    if not n_bad:
        return _say(f"{n_files} files checked: all sound")
    where = f"set aside in {root / 'quarantine'}" if moved else "which cannot be moved"
    _say(
        f"{n_files} files checked: {n_bad} damaged, {where}. "
        "What they held is computed again when it is needed."
    )
    return 1


def prune(
    root: Path,
    name: str | None = None,
    older_than: float | None = None,
    max_size: float | None = None,
    *,
    dry_run: bool = False,
) -> int:
    """Remove what is old, or beyond a size, the longest unused first.

    Parameters
    ----------
    root : Path
        The cache's folder.
    name : str, optional
        Look only at what has this in its name, its settings or its key.
    older_than : float, optional
        Remove what was not used for so many seconds.
    max_size : float, optional
        Remove until no more than so many bytes are left.
    dry_run : bool
        Only say what would be removed.
    """
    candidates = sorted(
        (e for e in entries(root) if name is None or e.matches(name)), key=lambda e: e.used
    )
    chosen = candidates if older_than is None and max_size is None else []
    if older_than is not None:
        chosen = [entry for entry in candidates if entry.used < time.time() - older_than]
    if max_size is not None:
        total = sum(entry.size for entry in candidates) - sum(entry.size for entry in chosen)
        for entry in candidates[len(chosen) :]:
            if total <= max_size:
                break
            chosen = [*chosen, entry]
            total -= entry.size
    if not dry_run:
        shutil.rmtree(root / "trash", ignore_errors=True)  # of a prune that was killed
        chosen = [entry for entry in chosen if _remove(entry)]
    _table(chosen)
    verb = "would be removed" if dry_run else "removed"
    return _say(f"{verb}: {len(chosen)} entries, {disk.as_size(sum(e.size for e in chosen))}")


def entries(root: Path) -> Iterator[Entry]:
    """What is in the cache, in the order of `KINDS`."""
    for kind in KINDS:
        for path in sorted((root / kind).glob("[!.]*")):
            with suppress(FileNotFoundError):  # a run or a prune may be going on
                if kind != "embeddings":
                    yield _file(kind, path)
                elif (entry := _embeddings(path)).size:  # 0: a run ended before its first vectors
                    yield entry


def _embeddings(folder: Path) -> Entry:
    stats = [path.stat() for path in folder.iterdir() if path.is_file()]
    used = max((stat.st_mtime for stat in stats), default=folder.stat().st_mtime)
    about: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        used = (folder / manifest.FILE).stat().st_mtime
        about = json.loads((folder / manifest.FILE).read_bytes())
    shards = []
    for path in folder.glob(f"[!.]*{array_file.SUFFIX}"):
        with suppress(array_file.DamagedError, KeyError):
            shards.append(Shard(path))
    n = len(np.unique(np.concatenate([s.keys for s in shards]))) if shards else 0
    d = shards[0].vectors.shape[1] if shards else 0
    name = about.get("name") or f"{about.get('embedder', '?')} {about.get('model', '')}".strip()
    size = sum(stat.st_size for stat in stats)
    text = " ".join(str(about.get(key)) for key in ("embedder", "model", "fingerprint"))
    return Entry("embeddings", name, folder, size, used, (n, d), text)


def _file(kind: str, path: Path) -> Entry:
    stat = path.stat()
    if kind == "quarantine":
        return Entry(kind, "damaged", path, stat.st_size, stat.st_mtime)
    if kind == "answers":
        return Entry(kind, "of a language model", path, stat.st_size, stat.st_mtime)
    try:
        content = array_file.read(path)
        array = content.arrays.get("indices") if kind == "graphs" else array_file.unpack(content)
        n, d = array.shape  # type: ignore[union-attr]
    except (array_file.DamagedError, KeyError, AttributeError):
        return Entry(kind, "damaged", path, stat.st_size, stat.st_mtime)
    name, about = content.meta.get("name", "?"), content.meta.get("settings", "")
    return Entry(kind, name, path, stat.st_size, stat.st_mtime, (n, d), about)


def _remove(entry: Entry) -> bool:
    if entry.kind == "embeddings":
        if table.remove(entry.path):
            return True
        _say(f"not deleted, because a run is adding to it: {entry.name}")
        return False
    with disk.storing(entry.path.parents[1], 0):
        entry.path.unlink(missing_ok=True)
    return True


def _table(cached: list[Entry]) -> None:
    rows = [_HEAD, *(entry.row() for entry in cached)] if cached else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if place in (2, 3, 4) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        _say("  ".join(cells).rstrip())


def _say(line: str) -> int:
    print(line)  # noqa: T201
    return 0


def _quantity(
    options: Mapping[str, str], name: str, units: dict[str, int], expected: str
) -> float | None:
    if name not in options:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", options[name].strip().lower())
    if match is None or match[2] not in units:
        raise UserError(f"--{name.replace('_', '-')}: {options[name]!r} is not {expected}")
    return float(match[1]) * units[match[2]]


if __name__ == "__main__":
    command(main)
