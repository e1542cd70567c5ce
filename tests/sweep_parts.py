"""An embedder without a model that can be slow, fail, or take its process or a server down."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

import numpy as np


class Troubled:
    """Vectors from a hash of each document.

    Parameters
    ----------
    trouble : none; fail, with a secret of the environment in its message; exit or kill, the end of
        its process; server, which kills the process whose id is in the file `pid_file`; starve,
        which leaves no topic
    seconds : how long a call takes
    calls : a file that gets a line for each document embedded
    """

    def __init__(
        self,
        trouble: str = "none",
        seconds: float = 0.0,
        calls: str | None = None,
        pid_file: str | None = None,
    ):
        self.trouble = trouble
        self.seconds = seconds
        self.calls = calls
        self.pid_file = pid_file

    def fingerprint(self):
        """Its settings; what is in the file `calls` changes with every call, and no vector."""
        return {"trouble": self.trouble, "seconds": self.seconds}

    def encode(self, documents):
        time.sleep(self.seconds)
        if self.trouble == "fail":
            raise RuntimeError(f"401 for key {os.environ.get('MY_TOKEN', '')}: go away")
        if self.trouble == "exit":
            os._exit(3)
        if self.trouble == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "server":
            os.killpg(int(Path(self.pid_file).read_text()), signal.SIGKILL)
        if self.calls:
            with open(self.calls, "ab", buffering=0) as stream:
                stream.write("".join(f"{_digest(d).hex()}\n" for d in documents).encode())
        rows = [np.frombuffer(_digest(d), np.uint8)[:12] for d in documents]
        return np.array(rows, np.float32) + 1


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
