"""The stored vectors of one embedder: a folder of shards, each written once by one process.

- `<root>/embeddings/<key>/manifest.json`: what the embedder is; its time is that of last use
- `<root>/embeddings/<key>/<id>.safetensors`: keys of documents, their vectors, truncated or not
- `<root>/embeddings/<key>/claims/`: what is being computed now
- `<root>/locks/embeddings-<key>.lock`: held for moments, while the folder is looked at
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, UserError
from runner.cache import array_file, disk, leases, manifest
from runner.cache.leases import Keys
from runner.cache.shards import Shard, gather, packed, pick
from runner.terminal.suggestions import shell_line

log = logging.getLogger(__name__)

MERGE_ABOVE = 8  # a request that is served from more shards than this merges them first


class EmbeddingTable:
    """The vectors stored for one embedder, as a request for the documents `keys` sees them.

    Parameters
    ----------
    root : Path
        The cache's folder.
    name : str
        The embedder's key.
    keys : Keys
        Of the documents asked for, each once. Their places here are the `positions` below.
    about : dict
        Contents of the manifest.
    """

    def __init__(self, root: Path, name: str, keys: Keys, about: dict[str, Any]) -> None:
        self.root = root
        self.folder = root / "embeddings" / name
        self.keys = keys
        self.about = about
        self._manifest = self.folder / manifest.FILE
        self._sorter = np.argsort(keys)
        self._shards: list[Shard] = []
        self._seen: set[str] = set()
        self._source = np.full(len(keys), -1)  # the shard of each position, and
        self._row = np.zeros(len(keys), np.int64)  # the row in it
        with disk.storing(root, 0), locked(self.folder) as refused:
            if refused is None and not leases.active(self.folder / "claims"):
                for leftover in self.folder.glob(".*.tmp"):  # of a killed process
                    leftover.unlink()
            self._scan()
        with suppress(OSError):
            os.utime(self._manifest)

    @property
    def identity(self) -> str | None:
        """Tells the stored vectors from all that were ever stored; None where nothing does.

        A vector that is computed a second time, as its file was damaged or pruned, may differ in
        its last bits. A manifest does not outlive a file of vectors.
        """
        generation = manifest.generation(self._manifest)
        return None if generation is None else f"{self.folder.name}:{generation}"

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which documents have no vector, as far as this process has seen: bool (n,)."""
        return self._source < 0

    @contextmanager
    def claim(self, plan: Integers, size: int) -> Iterator[Integers]:
        """Reserve the next batch of `plan` that is neither stored nor being computed elsewhere.

        Parameters
        ----------
        plan : int array
            Positions in the order in which they are to be computed.
        size : int
            The plan is divided into batches of this many.

        Yields
        ------
        int array; empty when every document is stored or being computed elsewhere
        """
        with ExitStack() as stack:
            with disk.storing(self.root, 0), locked(self.folder) as refused:
                disk.need_to_write(self.root, refused)
                # In this order: whoever gives up a claim has stored its documents before.
                taken = leases.active(self.folder / "claims")
                self._scan()
                free = self.missing
                for keys in taken:
                    free[self._find(keys)[0]] = False
                batch = next_batch(plan, size, free)
                if len(batch):
                    stack.enter_context(leases.leased(self.folder / "claims", self.keys[batch]))
            yield batch

    def put(self, positions: Integers, vectors: Matrix, truncated: NDArray[np.bool_]) -> None:
        """Store vectors. Only with a lease on their documents."""
        self._check_shape(vectors)
        arrays, meta = array_file.pack(vectors)
        size = sum(array.nbytes for array in arrays.values()) + 33 * len(positions)
        with disk.storing(self.root, size * int(self.missing.sum()) // len(positions)):
            if not self._manifest.exists():
                with locked(self.folder):
                    manifest.write(self._manifest, self.about)
            self._write(self.keys[positions], truncated, arrays, meta)
        if self.missing[positions].any():
            raise UserError(
                f"{self.folder} does not give back what is written to it: check the disk."
            )

    def get(self, positions: Integers) -> tuple[Matrix, NDArray[np.bool_]]:
        """Vectors (len(positions), d) and truncated flags; a view of the file where rows allow."""
        source, row = self._source[positions], self._row[positions]
        shard = self._shards[source[0]]
        if (source == source[0]).all() and (np.diff(row) == 1).all():
            if len(row) == len(shard.keys):
                return shard.vectors, shard.truncated
            rows = slice(row[0], row[-1] + 1)
            return shard.vectors[rows], shard.truncated[rows]
        return gather(self._shards, source, row), pick(self._shards, "truncated", bool, source, row)

    def merge(self) -> None:
        """Copy many small shards into one, in the order of this request, so that it is served as
        a view of one file.

        A shard is copied only along with as many rows from smaller ones, so a row is copied no
        more often than about log2(n) times in its life.
        """
        if len(np.unique(self._source)) <= MERGE_ABOVE:
            return
        with disk.storing(self.root, 0), locked(self.folder) as refused:
            if refused:
                return
            self._scan()
            chosen = self._worth_merging()
            if not chosen:
                return
            requested = np.isin(self._source, chosen)
            source, row = self._other_rows(chosen)
            source = np.concatenate([self._source[requested], source])
            row = np.concatenate([self._row[requested], row])
            arrays, meta = packed(self._shards, source, row)
            meta["replaces"] = " ".join(self._shards[number].path.name for number in chosen)
            keys = pick(self._shards, "keys", "S32", source, row)
            truncated = pick(self._shards, "truncated", bool, source, row)
            try:
                self._write(keys, truncated, arrays, meta)
            except OSError as error:
                log.warning("%d files in %s stay unmerged: %s", len(chosen), self.folder, error)

    def _scan(self) -> None:
        """Learn of new shards; set aside damaged ones. Only under the lock."""
        shards = []
        names = set(os.listdir(self.folder)) if self.folder.is_dir() else set()
        for name in names - self._seen:
            if name.startswith(".") or not name.endswith(array_file.SUFFIX):
                continue
            try:
                shards.append(Shard(self.folder / name))
            except array_file.DamagedError as error:
                self._set_aside(self.folder / name, error)
            except FileNotFoundError:  # merged on another machine; this one has it read-only
                continue
        for shard in sorted(shards, key=lambda shard: len(shard.keys)):
            self._register(shard)  # where a document is in two, the larger one counts

    def _register(self, shard: Shard) -> None:
        positions, rows = self._find(shard.keys)
        if len(positions) and not self._sound(shard):
            return
        self._seen.add(shard.path.name)
        self._source[positions] = len(self._shards)
        self._row[positions] = rows
        self._shards.append(shard)
        if len(positions):
            for name in shard.replaces:
                with suppress(OSError):  # gone already; or on Windows, still mapped
                    (self.folder / name).unlink()

    def _sound(self, shard: Shard) -> bool:
        try:
            shard.verify()
        except array_file.DamagedError as error:
            self._set_aside(shard.path, error)
            return False
        except FileNotFoundError:  # merged or pruned by another process
            return False
        return True

    def _set_aside(self, path: Path, reason: object) -> None:
        with suppress(OSError):  # a read-only cache: nothing can be stored in its place
            self._manifest.unlink(missing_ok=True)  # see `identity`
        disk.set_aside(path, self.root, reason)

    def _find(self, keys: Keys) -> tuple[Integers, Integers]:
        """Of those `keys` that are asked for: their positions, and their rows in `keys`."""
        at = np.searchsorted(self.keys, keys, sorter=self._sorter)
        positions = self._sorter[np.minimum(at, len(self.keys) - 1)]
        rows = np.flatnonzero(self.keys[positions] == keys)
        return positions[rows], rows

    def _write(
        self, keys: Keys, truncated: NDArray[np.bool_], arrays: dict[str, Any], meta: dict[str, str]
    ) -> None:
        path = self.folder / f"{uuid.uuid4().hex}{array_file.SUFFIX}"
        rows = np.ascontiguousarray(keys).view(np.uint8).reshape(-1, 32)
        array_file.write(path, {"keys": rows, "truncated": truncated, **arrays}, meta)
        self._register(Shard(path))

    def _worth_merging(self) -> list[int]:
        numbers = [n for n, shard in enumerate(self._shards) if shard.path.exists()]
        numbers = [n for n in numbers if self._sound(self._shards[n])]
        numbers.sort(key=lambda n: len(self._shards[n].keys))
        sizes = np.array([len(self._shards[n].keys) for n in numbers])
        worth = np.flatnonzero(sizes <= np.cumsum(sizes) - sizes)
        return numbers[: worth[-1] + 1] if len(worth) else []

    def _other_rows(self, chosen: list[int]) -> tuple[Integers, Integers]:
        """Shard and row of each document that this request does not ask for, once."""
        keys = [self._shards[number].keys for number in chosen]
        source = np.repeat(chosen, [len(k) for k in keys])
        row = np.concatenate([np.arange(len(k)) for k in keys])
        both, first = np.unique(np.concatenate(keys), return_index=True)
        first = np.delete(first, self._find(both)[1])
        return source[first], row[first]

    def _check_shape(self, vectors: Matrix) -> None:
        for shard in self._shards[:1]:
            if not self._sound(shard):
                continue
            kinds = [hasattr(X, "indptr") for X in (shard.vectors, vectors)]
            if kinds[0] != kinds[1] or shard.vectors.shape[1] != vectors.shape[1]:
                raise UserError(
                    f"{self.about['embedder']} returned {_kind(vectors)}, but its vectors stored "
                    f"in {self.folder} are {_kind(shard.vectors)}: the model behind the name has "
                    "changed. To compute every embedding again, first remove the old ones: "
                    + shell_line(
                        "cache",
                        "prune",
                        "--name",
                        self.folder.name,
                        "--dir",
                        self.folder.parents[1],
                    )
                )


def _kind(X: Matrix) -> str:
    return f"{'sparse' if hasattr(X, 'indptr') else 'dense'} with {X.shape[1]} dimensions"


def next_batch(plan: Integers, size: int, free: NDArray[np.bool_]) -> Integers:
    """Of the first batch of `plan` with anything free, what is free."""
    at = np.flatnonzero(free[plan])
    return plan[at[at // size == at[0] // size]] if len(at) else plan[:0]


def locked(folder: Path) -> Any:
    """Hold the lock of an embedder's folder."""
    return disk.locked(folder.parent.parent, f"{folder.parent.name}-{folder.name}")


def remove(folder: Path) -> bool:
    """Delete an embedder's folder, unless something is being computed for it."""
    root = folder.parent.parent
    trash = root / "trash" / uuid.uuid4().hex
    with locked(folder) as refused:
        disk.need_to_write(root, refused)
        if leases.active(folder / "claims"):
            return False
        trash.parent.mkdir(exist_ok=True)
        os.replace(folder, trash)  # at once: nobody sees half of it
    shutil.rmtree(trash, ignore_errors=True)
    return True
