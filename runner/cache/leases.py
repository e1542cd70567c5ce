"""Work leases: which documents are being computed at this moment, and by whom.

A lease is a file of document keys beside a lock that its process holds. The system drops the
lock when the process ends, however it ends, so a killed process leaves no lease behind.
Call these under the lock of the folder that they are about.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

Keys = NDArray[np.bytes_]  # of 32 bytes each


@contextmanager
def leased(folder: Path, keys: Keys) -> Iterator[None]:
    """Lease the documents `keys` while the block runs. Leaving it needs no lock."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.keys"
    lock = path.with_suffix(".lock")
    try:
        with FileLock(lock):
            try:
                path.write_bytes(keys.tobytes())
                yield
            finally:
                with suppress(OSError):  # where the disk fails, its own error counts
                    path.unlink()
    finally:
        with suppress(OSError):
            lock.unlink()


def active(folder: Path) -> list[Keys]:
    """The documents of each lease whose process is alive. What the others left is removed."""
    held = []
    for path in folder.glob("*.lock"):
        keys = path.with_suffix(".keys")
        try:
            with FileLock(path).acquire(blocking=False):
                keys.unlink(missing_ok=True)
            with suppress(OSError):
                path.unlink()
        except Timeout:
            with suppress(FileNotFoundError):  # given up just now
                held.append(np.frombuffer(keys.read_bytes(), "S32"))
    return held
