"""The cache's folder on a disk that may be full, read-only, or shared with other processes."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock

from components.base import UserError
from runner.terminal.suggestions import shell_line

log = logging.getLogger(__name__)

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
# A limit on files (ulimit -f); a disk that is damaged; one of another machine that is gone; a lock
# that is a link, in a cache of somebody else's; a name of more than 255 bytes.
_FAILING = (errno.EFBIG, errno.EIO, errno.ESTALE, errno.ELOOP, errno.ENAMETOOLONG)
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)  # at ENOSYS FileLock makes files


@contextmanager
def storing(folder: Path, needed: int) -> Iterator[None]:
    """Turn a full disk, or a folder that cannot be written, into a `UserError`.

    Parameters
    ----------
    folder : Path
        The cache's folder.
    needed : int
        Bytes that the whole task still needs; 0 where it is just a moment's note.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            space = as_size(needed) if needed else "some space"
            raise UserError(
                f"the disk is full: the cache in {folder} needs {space} more. What is stored "
                "stays valid, and the next run goes on from there. Make room, or set cache.dir "
                "to a folder on another disk, or cache.dir=null to store nothing. What is old is "
                "removed by: "
                + shell_line("cache", "prune", "--older-than", "30d", "--dir", folder)
            ) from error
        if error.errno in (*READ_ONLY, *_FAILING, errno.ENOTDIR, errno.EEXIST):
            raise UserError(
                f"the cache in {folder} cannot be written ({error.strerror}). Set cache.dir to a "
                "folder of yours, or cache.dir=null to store nothing."
            ) from error
        raise


@contextmanager
def locked(root: Path, name: str) -> Iterator[OSError | None]:
    """Keep other processes out while the block runs. A killed process holds no lock.

    Yields
    ------
    None; or, where the cache is read-only, the reason. The block may then read, and calls
    `need_to_write` before it computes what it would have to store
    """
    path = root / "locks" / f"{name}.lock"  # never removed: that would let two processes in
    refused = None
    with ExitStack() as stack:
        with storing(root, 0):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(path).acquire(poll_interval=0.02))
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    raise _without_locks(root) from error
                if error.errno not in READ_ONLY or not root.is_dir():
                    raise
                refused = error
        yield refused


def _without_locks(root: Path) -> UserError:
    return UserError(
        f"the file system of {root} has no file locks (flock), by which processes share a cache. "
        "Set cache.dir to a folder on a local disk, or cache.dir=null to store nothing."
    )


def need_to_write(root: Path, refused: OSError | None) -> None:
    """Raise the `UserError` of `storing` where `locked` could not lock."""
    with storing(root, 0):
        if refused is not None:
            raise refused


def set_aside(path: Path, root: Path, reason: object) -> bool:
    """Move a damaged file to `root`/quarantine; False where the cache is read-only."""
    target = root / "quarantine" / f"{path.parent.name}-{path.name}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    except FileNotFoundError:  # another process was faster
        return True
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        log.warning("%s is damaged (%s). It is not used.", path, reason)
        return False
    log.warning("%s is damaged (%s). It is set aside as %s and not used.", path, reason, target)
    return True


def as_size(n_bytes: float) -> str:
    """Bytes in words, as in `1.5 GB`."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes:.0f} B"
