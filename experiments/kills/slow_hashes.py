"""An embedder without a model, slow enough to be killed in the middle of its work."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class SlowHashes:
    """Vectors from a hash of each document.

    Parameters
    ----------
    seconds : float
        How long a call takes.
    calls : str
        A file that gets a line for each document embedded.
    """

    def __init__(self, seconds: float, calls: str) -> None:
        self.seconds = seconds
        self.calls = Path(calls)

    def fingerprint(self) -> dict[str, float]:
        return {"seconds": self.seconds}

    def encode(self, documents: Sequence[str]) -> NDArray[np.float32]:
        time.sleep(self.seconds)
        digests = [hashlib.sha256(document.encode()).digest() for document in documents]
        with self.calls.open("ab", buffering=0) as stream:
            stream.write(b"".join(digest.hex().encode() + b"\n" for digest in digests))
        return np.array([np.frombuffer(d, np.uint8)[:12] for d in digests], np.float32) + 1
