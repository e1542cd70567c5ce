"""The embedding store: a vector is computed once, for one text and one embedder."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Embedder, Integers, Matrix, Progress, UserError
from components.labels import distinct
from runner.cache import array_file
from runner.cache.encoding import Encoder, EncodeRequest, add_costs
from runner.cache.leases import Keys
from runner.cache.memory_table import MemoryTable
from runner.cache.table import EmbeddingTable

log = logging.getLogger(__name__)

Before = Callable[[EncodeRequest, Integers], None]
FORMAT = 1  # a part of every key: raise it when what is stored changes its meaning
CHUNK_CHARACTERS = 100_000  # of documents that are computed at a time, by length
WAIT = 0.2  # seconds between looks at what another process computes


@dataclass(frozen=True)
class Encoded:
    """Vectors, and what it took to get them.

    vectors : float32 (n, d) or CSR (n, d); truncated : bool (n,), cut at the model's limit;
    computed : documents embedded now, the others came from the cache; metrics : costs of that;
    identity : tells these vectors from all others in the cache, None where only they tell;
    members : of an ensemble, those of each member.
    """

    vectors: Matrix
    truncated: NDArray[np.bool_]
    computed: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    identity: str | None = None
    members: tuple[Encoded, ...] = ()

    def take(self, rows: Integers) -> Encoded:
        """Only these rows."""
        return Encoded(
            self.vectors[rows],
            self.truncated[rows],
            self.computed,
            self.metrics,
            members=tuple(member.take(rows) for member in self.members),
        )


def joined(members: Sequence[Encoded], vectors: Matrix) -> Encoded:
    """What an ensemble made of documents, from what its members did.

    A document counts as truncated where it is for one of them, and as computed now only where it
    is for all: else the seconds are not the ensemble's.
    """
    costs: dict[str, float] = {}
    for member in members:
        add_costs(costs, member.metrics)
    identities = [member.identity for member in members]
    identity = None
    if None not in identities:
        identity = hashlib.sha256(f"joined:{identities}".encode()).hexdigest()
    return Encoded(
        vectors,
        np.any([member.truncated for member in members], axis=0),
        min(member.computed for member in members),
        costs,
        identity,
        tuple(members),
    )


class EmbeddingCache:
    """Keeps vectors by document and embedder.

    Parameters
    ----------
    folder : Path, optional
        The cache's folder; several processes may use it at once. None keeps nothing; the vectors
        are the same.
    chunk : int, optional
        Documents that are computed, and stored, at a time; see `chunk_size`.
    """

    def __init__(self, folder: Path | None, chunk: int | None = None) -> None:
        self.folder = None if folder is None else Path(folder).absolute()
        self.chunk = chunk

    def encode(
        self,
        embedder: Embedder,
        documents: Sequence[str],
        *,
        identity: Callable[[], dict[str, Any] | None],
        corpus_hash: Callable[[], str],
        images: Sequence[str | None] | None = None,
        rows: Integers | None = None,
        n_rows: int | None = None,
        name: str = "",
        label: str = "embeddings",
        elsewhere: Encoder | None = None,
        before: Before | None = None,
    ) -> Encoded:
        """Vectors of documents: those in the store are read, the others computed and stored.

        Parameters
        ----------
        embedder : Embedder
            Its `encode` is not called when every vector is in the store.
        documents : sequence of str, length n
            None of them blank.
        identity : callable
            Returns all that changes a vector, as JSON, without secrets, or None where vectors
            must not be stored; see `runner.cache.fingerprint`. Called only where it is needed.
        corpus_hash : callable
            Returns the hash of what the embedder is fitted on. Called only where it
            `fits_corpus`.
        images, rows, n_rows : see `components.base.Corpus`
            Given to the embedder where it takes them. A vector is cached by its image's
            content too; the vectors of an embedder that asks for `rows` are not cached.
        name : str, optional
            What `python -m runner.cache` calls the embedder.
        label : str
            What the log and the progress bar call the vectors.
        elsewhere : callable, optional
            Computes blocks in other processes. Not used for an embedder that wants all documents
            at once: an API, which sends requests side by side, or one that is fitted on them.
        before : callable, optional
            Called before the work with the request and the rows of `documents` to compute.

        Raises
        ------
        UserError
            When what the embedder returns is no table of finite numbers with one row per document,
            when the disk is full, or when an image cannot be read.
        """
        request = EncodeRequest(embedder, documents, images, rows, n_rows)
        if not len(documents):
            return Encoded(np.zeros((0, 0), np.float32), np.zeros(0, bool))
        if not request.can_be_stored:
            if before:
                before(request, np.arange(0))  # they are only read
            vectors, truncated = request.encode(np.arange(len(documents)))
            log.info("%s: %d read, none stored", label, len(documents))
            return Encoded(vectors, truncated, len(documents), request.costs())
        keys = document_keys(documents, request.images)
        first, place = distinct(keys)
        table = self._table(request, keys[first], identity, corpus_hash, name)
        if before:
            before(request, first[np.flatnonzero(table.missing)])
        computed, costs = self._fill(table, request, first, label, elsewhere)
        table.merge()
        vectors, truncated = table.get(place)
        return Encoded(vectors, truncated, computed, costs, _identity(table.identity, keys))

    def _table(
        self,
        request: EncodeRequest,
        keys: Keys,
        identity: Callable[[], dict[str, Any] | None],
        corpus_hash: Callable[[], str],
        name: str,
    ) -> EmbeddingTable | MemoryTable:
        fingerprint = None if self.folder is None else identity()
        if self.folder is None or fingerprint is None:
            return MemoryTable(keys)
        key = {
            "format": FORMAT,
            "fingerprint": fingerprint,
            "corpus": corpus_hash() if request.fits_corpus else None,
        }
        about = {"name": name, "embedder": request.name, "model": request.model, **key}
        return EmbeddingTable(self.folder, array_file.key_of(key), keys, about)

    def _fill(
        self,
        table: EmbeddingTable | MemoryTable,
        request: EncodeRequest,
        first: Integers,
        label: str,
        elsewhere: Encoder | None,
    ) -> tuple[int, dict[str, float]]:
        """Compute what is missing, or wait for other processes that do."""
        if elsewhere and not request.can_be_sent:
            log.info("%s: %s runs in this process, not on the cluster", label, request.name)
            elsewhere = None
        # A batch is stored whole, so after a crash what is left falls into the same batches, and
        # the vectors, whose last bits may depend on their batch, come out the same.
        plan, n, characters = np.flatnonzero(table.missing), len(first), None
        if request.by_length:  # longest first: little of a batch is padding
            lengths = np.array([len(request.documents[row]) for row in first.tolist()])
            plan, characters = plan[np.argsort(-lengths[plan], kind="stable")], int(lengths.sum())
        size = n if request.at_once else self.chunk or max(request.block, chunk_size(n, characters))
        computed, waited = 0, False
        costs: dict[str, float] = {}
        try:
            with Progress(len(plan), label) as shown:
                while table.missing.any():
                    with table.claim(plan, len(plan) if elsewhere else size) as batch:
                        for rows, vectors, truncated in _computed(
                            request, batch, first, size, elsewhere
                        ):
                            table.put(rows, vectors, truncated)
                            computed += len(rows)
                            shown.to(len(plan) - int(table.missing.sum()))
                    if len(batch):
                        add_costs(costs, request.costs())
                    elif table.missing.any():
                        if not waited:
                            log.info("%s: waiting for another process that computes them", label)
                        waited = True
                        time.sleep(WAIT)
        finally:
            stored = len(first) - int(table.missing.sum()) - computed
            repeated = len(request.documents) - len(first)
            suffix = f", {repeated} repeated" if repeated else ""
            log.info("%s: %d computed, %d from the cache%s", label, computed, stored, suffix)
        return computed, costs


def _computed(
    request: EncodeRequest,
    batch: Integers,
    first: Integers,
    size: int,
    elsewhere: Encoder | None,
) -> Iterator[tuple[Integers, Matrix, NDArray[np.bool_]]]:
    """Positions in a table, their vectors and truncated flags, as they come.

    Elsewhere or here, documents are divided into the same blocks of `size`.
    """
    if elsewhere is None or not len(batch):
        for rows, vectors, truncated in request.blocks(first[batch]):
            yield batch[rows], vectors, truncated
        return
    parts = [batch[start : start + size] for start in range(0, len(batch), size)]
    for number, vectors, truncated in elsewhere(request, [first[part] for part in parts]):
        yield parts[number], vectors, truncated


def _identity(table: str | None, keys: Keys) -> str | None:
    """Of the vectors of these documents, in this order, in a table."""
    if table is None:
        return None
    digest = hashlib.sha256(f"vectors:{table}:".encode())
    digest.update(np.ascontiguousarray(keys).view(np.uint8).data)
    return digest.hexdigest()


def chunk_size(n: int, characters: int | None = None) -> int:
    """Documents of `n` to compute at a time.

    Few, so that little is lost in a crash, but enough to fill a model's batches, and to keep the
    number of files below some 300. Where they are batched by length, and have so many `characters`
    in all, more of short ones: texts of as many tokens are found among them, in seconds of work.
    """
    short = 0 if characters is None else min(1024, n * CHUNK_CHARACTERS // max(1, characters))
    return max(32, min(256, n // 32), short, n // 256)


def document_keys(documents: Sequence[str], images: Sequence[str | None] | None = None) -> Keys:
    """The sha256 of each document, that of its image's content included."""
    digests = [hashlib.sha256(d.encode("utf-8", "surrogatepass")).digest() for d in documents]
    for row, path in enumerate(images or ()):
        if path:
            digests[row] = hashlib.sha256(digests[row] + _image_hash(path)).digest()
    return np.frombuffer(b"".join(digests), "S32")


def _image_hash(path: str) -> bytes:
    try:
        with open(path, "rb") as image:
            return hashlib.file_digest(image, "sha256").digest()
    except OSError as error:
        raise UserError(
            f"the image {path!r} cannot be read: {error.strerror}. Check dataset.image and "
            "dataset.path."
        ) from error
