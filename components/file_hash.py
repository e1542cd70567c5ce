"""Content hashes of files and folders, read once as long as they do not change."""

from __future__ import annotations

import hashlib
import json
import os
import stat as stat_module
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

LARGE = 2**20  # bytes; smaller files are read again faster than their hash is looked up
_TICK = 2 * 10**9  # nanoseconds: a file may change twice within one tick of its clock (FAT: 2 s)

State = tuple[int, ...]

_known: dict[str, tuple[State, str]] = {}  # path: what it was when last read, and its hash
_folder: ContextVar[Path | None] = ContextVar("folder of remembered hashes", default=None)


@contextmanager
def remembering(folder: Path | None) -> Iterator[None]:
    """Keep the hashes of large files in `folder` too, for other processes; None: nowhere."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def sha256(path: str | Path) -> str:
    """sha256 (hex) of a file, or of the names and contents of the files in a folder.

    Hidden files and `__pycache__` do not count. A file is read again only when its size, times
    or inode have changed.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    root = Path(path)
    if root.is_file():
        return _of_file(root)
    digest = hashlib.sha256()
    for file in files_in(root):
        digest.update(f"{file.relative_to(root).as_posix()}\0{_of_file(file)}\n".encode())
    return digest.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """The regular files below a folder, sorted; hidden ones and `__pycache__` left out."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not any(p.startswith((".", "__pycache__")) for p in file.relative_to(folder).parts)
    ]


def _of_file(path: Path) -> str:
    name = os.path.abspath(path)
    with open(path, "rb") as file:
        stat = os.fstat(file.fileno())
        if not stat_module.S_ISREG(stat.st_mode):
            raise OSError(f"{path} is not a regular file")
        state = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        note = _note(name) if stat.st_size >= LARGE else None
        entry = _known.get(name) or (note and _read(note, name))
        if entry and entry[0] == state:
            return entry[1]
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time_ns() - max(state[1:3]) > _TICK:
        _known[name] = state, digest
        if note:
            _write(note, name, state, digest)
    return digest


def _note(name: str) -> Path | None:
    folder = _folder.get()
    if folder is None:
        return None
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return folder / f"{key[:32]}.json"


def _read(note: Path, name: str) -> tuple[State, str] | None:
    try:
        content = json.loads(note.read_bytes())
        if content["path"] == name and len(content["sha256"]) == 64:
            return tuple(content["state"]), str(content["sha256"])
    except (OSError, ValueError, KeyError, TypeError):  # none there, or not one of ours
        pass
    return None


def _write(note: Path, name: str, state: State, digest: str) -> None:
    draft = note.with_name(f".{note.name}.{os.getpid()}.tmp")
    with suppress(OSError, UnicodeEncodeError):  # it only saves time
        note.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"path": name, "state": state, "sha256": digest}))
        draft.replace(note)
