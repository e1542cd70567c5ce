"""Embedders for workers of a cluster, which import them from here.

Run as a program, `python cluster_parts.py FOLDER CALLS ADDRESS`, it embeds the documents of
`store_worker` with two workers of a cluster, to be killed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

from components.base import ParameterError
from runner.cache.embeddings import EmbeddingCache
from runner.cluster import RayCluster
from store_worker import CHUNK, DOCUMENTS, HashEmbedder


class Logged(HashEmbedder):
    """Writes the process and a document of each call, before it computes."""

    def fingerprint(self):
        return {"class": "Logged"}

    def encode(self, documents):
        with open(self.calls, "ab", buffering=0) as stream:
            stream.write("".join(f"{os.getpid()}\t{d}\n" for d in documents).encode())
        calls, self.calls = self.calls, None
        try:
            return super().encode(documents)
        finally:
            self.calls = calls


class Hashed(HashEmbedder):
    """As a config builds it."""

    def __init__(self, seconds=0.0):
        super().__init__(None, seconds)


class Deadly(HashEmbedder):
    """One document ends the process."""

    def encode(self, documents):
        if DOCUMENTS[20] in documents:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(documents)


class Wrong:
    """Fails as asked."""

    def __init__(self, how):
        self.how = how
        self.asked = 0

    def fingerprint(self):
        self.asked += self.how == "weights"
        return {"class": "Wrong", "weights": self.asked}

    def encode(self, documents):
        if self.how == "parameter":
            raise ParameterError("max_length", 9, "is too much.")
        raise ValueError("the library is not amused")


class Letters:
    """Sparse vectors that are not fitted."""

    def encode(self, documents):
        return sparse.csr_matrix(np.array([[d.count(c) for c in "0123456789"] for d in documents]))


def encode(folder, embedder, documents, cluster=None, settings=None):
    """Ask the store for vectors."""
    settings = settings or {}
    return EmbeddingCache(folder, chunk=CHUNK).encode(
        embedder,
        documents,
        identity=lambda: {"class": type(embedder).__name__},
        corpus_hash=str,
        elsewhere=cluster and cluster.encoder(settings),
    )


if __name__ == "__main__":
    folder, calls = map(Path, sys.argv[1:3])
    encode(folder, Logged(calls, 0.3), DOCUMENTS, RayCluster(sys.argv[3], workers=2))
