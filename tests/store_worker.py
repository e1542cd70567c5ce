"""An embedder without a model, and processes that use the store, to be killed and to compete.

Run as a program: `python store_worker.py kill FOLDER LOG SEED`, or with `share` or `reduce` and a
NUMBER.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from runner.cache.embeddings import EmbeddingCache
from runner.cache.stages import StageCache

CHUNK = 8
DIMENSIONS = 6
DOCUMENTS = [f"document number {number}" for number in range(500)]


class HashEmbedder:
    """Vectors from a hash of the text. As with a real model, their last bits depend on the batch.

    Parameters
    ----------
    calls : file that gets a line for each document computed
    seconds : how long a call takes
    """

    def __init__(self, calls: Path | None = None, seconds: float = 0.0):
        self.calls = calls
        self.seconds = seconds
        self.batches: list[list[str]] = []

    def encode(self, documents):
        self.batches.append(list(documents))
        time.sleep(self.seconds)
        if self.calls:
            with open(self.calls, "ab", buffering=0) as stream:
                stream.write("".join(f"{d}\n" for d in documents).encode())
        rows = [np.frombuffer(_digest(d)[: 2 * DIMENSIONS], np.int16) for d in documents]
        noise = int.from_bytes(_digest("\n".join(documents))[:2], "little")
        self.truncated_ = np.array([len(d) > 18 for d in documents])
        self.metrics_ = {"embed_tokens": float(len(documents))}
        return np.array(rows, np.float32).reshape(-1, DIMENSIONS) + np.float32(noise / 2**16)

    @property
    def computed(self) -> int:
        return sum(map(len, self.batches))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def encode(folder, embedder, documents, chunk=CHUNK, **more):
    """Ask the store for vectors."""
    corpus = more.pop("corpus_hash", "c")
    more = {
        "identity": lambda: {"class": "HashEmbedder"},
        "corpus_hash": lambda: corpus,
        **more,
    }
    return EmbeddingCache(folder, chunk=chunk).encode(embedder, documents, **more)


def kill(folder: Path, calls: Path, seed: int) -> None:
    """Twenty times start a process that embeds, and kill it at a random moment."""
    random = np.random.default_rng(seed)
    start = time.perf_counter()
    encode(folder.with_name("undisturbed"), HashEmbedder(None, 0.002), DOCUMENTS)
    needed = time.perf_counter() - start
    for _ in range(20):
        child = os.fork()
        if not child:
            encode(folder, HashEmbedder(calls, 0.002), DOCUMENTS)
            os._exit(0)
        time.sleep(random.uniform(0.0, needed / 5))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def share(folder: Path, calls: Path, number: int) -> None:
    """Embed the documents in an order of one's own, as one of several processes."""
    documents = DOCUMENTS[number * 37 :] + DOCUMENTS[: number * 37]
    embedder = HashEmbedder(calls, 0.005)
    encoded = encode(folder, embedder, documents)
    order = np.argsort([DOCUMENTS.index(document) for document in documents])
    np.save(f"{calls}.{number}.npy", encoded.vectors[order])


class SlowReducer:
    def __init__(self, calls: Path):
        self.calls = calls

    def fingerprint(self):
        return {"class": "SlowReducer"}

    def fit_transform(self, X):
        with open(self.calls, "a") as stream:
            stream.write("reduced\n")
        time.sleep(0.5)
        return X[:, :2]


def reduce(folder: Path, calls: Path, number: int) -> None:
    """Reduce the same vectors as several other processes."""
    X = np.arange(60, dtype=np.float32).reshape(10, 6)
    np.save(f"{calls}.{number}.npy", StageCache(folder).reduce(SlowReducer(calls), X, {}))


if __name__ == "__main__":
    command, folder, calls, number = sys.argv[1:]
    {"kill": kill, "share": share, "reduce": reduce}[command](
        Path(folder), Path(calls), int(number)
    )
