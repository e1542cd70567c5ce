"""Output folders: a disk that takes no more is noticed before the work, or reported in one line."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.base import UserError
from runner.tracking import record

# A disk that takes no more: the only failures of a report that fail the run.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.ESTALE)
# Where a run, or the jobs of a sweep, write below their folder.
_WRITTEN = ("*", "*/*", "*/.hydra/*", "*/model/*")
_NEEDED = 2**20  # bytes; the tables of some hundred documents


def check_writable(folder: Path, setting: str) -> None:
    """Make a folder, and write to it once.

    Parameters
    ----------
    folder : Path
        The output folder.
    setting : str
        The key that names it, for the message.

    Raises
    ------
    UserError
        When it cannot be made or written to, or its disk has not 1 MB left; when a run that is
        going on writes to it; or when it holds links, at whose ends would be written. In the
        working folder, which is the user's, they may be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_NEEDED))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise UserError(
            f"the output folder {folder} cannot be written to: {error.strerror}. Nothing was "
            f"computed. Choose another folder with {setting}=..."
        ) from error
    if pid := _used_by(folder):
        raise UserError(
            f"another run is going on in the output folder {folder} (process {pid}), and its files "
            f"would be mixed with yours. Wait for its end, or choose another folder with "
            f"{setting}=..."
        )
    if folder.resolve() == Path.cwd():
        return
    link = next((p for glob in _WRITTEN for p in folder.glob(glob) if p.is_symlink()), None)
    if link is not None:
        raise UserError(
            f"the output folder {folder} holds a link, {link.relative_to(folder)}, and what it "
            "leads to could be overwritten. Nothing was computed. Remove the link, or choose "
            f"another folder with {setting}=..."
        )


def _used_by(folder: Path) -> str | None:
    """The id of another process whose run is going on in a folder."""
    try:
        known = record.load(folder)
    except UserError:  # no run's, or one that cannot be read
        return None
    pid = known.tags.get("pid")
    is_other = known.status == "RUNNING" and pid != str(os.getpid())
    return pid if is_other and known.is_alive else None


@contextmanager
def writing(folder: Path, setting: str, cache: str | None) -> Iterator[None]:
    """Turn the errors of a disk that takes no more into a `UserError`.

    Parameters
    ----------
    folder : Path
        The output folder.
    setting : str
        The key that names it, for the message.
    cache : str, optional
        The cache's folder, where the run has one.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in DISK:
            raise
        cached = (
            f"Embeddings, neighbour graphs and reductions are cached in {cache}: the same command "
            "writes the result without computing them again."
            if cache
            else "Nothing is cached (cache.dir=null)."
        )
        reason = os.strerror(error.errno)
        raise UserError(
            f"the output folder {folder} cannot be written to: {reason}. {cached} Make room, "
            f"or choose another folder with {setting}=..., and run again."
        ) from error
