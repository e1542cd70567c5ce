"""The stage cache: neighbour graphs and reductions, by the content of their input."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from components.base import Matrix, NeighborGraph, Reducer, UserError, call
from runner.cache import array_file, disk
from runner.cache.content import graph_of, matrix_of
from runner.cache.encoding import first_not_finite
from runner.cache.fingerprint import identity
from runner.cache.sources import sources
from runner.terminal.secrets import mask_config

_T = TypeVar("_T")
log = logging.getLogger(__name__)

FORMAT = 2  # a part of every key: raise it when what is stored changes its meaning
LEAST_K = 32  # neighbours found at once: enough for most settings, at about the cost of 15
LIBRARIES = ("numpy", "scipy", "scikit-learn", "umap-learn", "pynndescent", "numba")


class StageCache:
    """Keeps what is computed from vectors, so that a sweep computes it once.

    A matrix is hashed once, when it is first seen: do not modify it in place.

    Parameters
    ----------
    folder : Path, optional
        The cache's folder; several processes may use it at once. None keeps graphs for as long
        as this object lives, and reductions not at all; the results are the same.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else Path(folder).absolute()
        self._graphs: dict[str, list[NeighborGraph]] = {}
        self._hashes: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._recalls: list[float] = []

    @property
    def metrics(self) -> dict[str, float]:
        """`neighbours_recall`, the lowest of the graphs asked for; empty where all are exact."""
        return {"neighbours_recall": min(self._recalls)} if self._recalls else {}

    def register(self, X: Matrix, identity: str | None) -> None:
        """Register the identity of `X`, so that it need not be hashed."""
        if identity is not None:
            self._hashes[id(X)] = weakref.ref(X), identity

    def neighbors(self, X: Matrix, k: int, metric: str = "cosine") -> NeighborGraph:
        """`components.neighbors.neighbors`, cached. A graph with more neighbours serves fewer."""
        from components.neighbors import EXACT_LIMIT, neighbors

        if k < 1:
            return neighbors(X, k, metric)  # which says what is wrong
        # An approximate graph is not the beginning of a wider one. Only powers of two are
        # searched for, so what is found does not depend on what was asked for before.
        width = max(LEAST_K, 1 << (k - 1).bit_length())
        exact = X.shape[0] <= EXACT_LIMIT
        name = array_file.key_of(
            {"input": self._hash(X), "metric": metric, "code": _neighbors_code(), **_libraries()}
        )
        graphs = self._graphs.setdefault(name, [])
        for graph in graphs:
            if graph.k >= min(k, X.shape[0] - 1) if exact else graph.k == width:
                return self._first(graph, k)
        if self.folder is None:
            graph = neighbors(X, width, metric)
            log.info("neighbours computed (k=%d, %s)", graph.k, metric)
        else:
            graph = self._stored_graph(X, width, metric, name, exact)
        graphs.append(graph)
        return self._first(graph, k)

    def reduce(
        self, reducer: Reducer, X: Matrix, settings: Mapping[str, Any], name: str = "reduction"
    ) -> Matrix:
        """`reducer.fit_transform(X)`, cached.

        Parameters
        ----------
        reducer : Reducer
            It stays unfitted when its result is in the cache.
        X : float array (n, d) or CSR matrix (n, d)
            What to reduce.
        settings : mapping
            The config node that it was built from; see `runner.cache.fingerprint.identity`.
            Without a seed the result cannot be repeated, and is not cached.
        name : str
            What the log calls the result.

        Returns
        -------
        float32 array (n, r) in C order, or CSR (n, r)

        Raises
        ------
        UserError
            When the reducer returns no table of finite numbers with one row per document.
        """
        label = type(reducer).__name__
        part = None if self.folder is None else identity(reducer, settings, self.folder)
        if self.folder is None or part is None:
            return self._reduced(reducer, X, label, name)
        key = array_file.key_of({"input": self._hash(X), "part": part, **_libraries()})
        path = self.folder / "reductions" / f"{key}{array_file.SUFFIX}"
        with disk.locked(self.folder, f"reductions-{key[:3]}") as refused:
            stored = self._read(path, lambda content: matrix_of(content, X.shape[0]))
            if stored is not None:
                log.info("%s from the cache (%s)", name, label)
                return stored
            reduced = self._reduced(reducer, X, label, name)
            if reduced is X:  # nothing was reduced, so there is nothing to cache
                return X
            if refused is not None:
                self._not_stored(refused)
                return reduced
            arrays, meta = array_file.pack(reduced)
            about = {"name": label, "settings": json.dumps(mask_config(part))}
            return array_file.unpack(self._write(path, arrays, meta | about))

    def _stored_graph(
        self, X: Matrix, width: int, metric: str, name: str, exact: bool
    ) -> NeighborGraph:
        from components.neighbors import neighbors

        assert self.folder is not None
        folder = self.folder / "graphs"
        with disk.locked(self.folder, f"graphs-{name[:3]}") as refused:
            widths = [width]
            if exact:
                stored = (path.stem.partition("-")[2] for path in folder.glob(f"{name}-*"))
                widths = sorted(int(k) for k in stored if k.isdecimal() and int(k) >= width)
            for k in widths:
                path = folder / f"{name}-{k}{array_file.SUFFIX}"
                graph = self._read(path, lambda content: graph_of(content, X.shape[0], metric))
                if graph is not None:
                    log.info("neighbours from the cache (%s)", metric)
                    return graph
            graph = neighbors(X, width, metric)
            log.info("neighbours computed (k=%d, %s)", graph.k, metric)
            if refused is not None:
                self._not_stored(refused)
                return graph
            recall = {} if graph.recall is None else {"recall": str(graph.recall)}
            content = self._write(
                folder / f"{name}-{width}{array_file.SUFFIX}",
                {"indices": graph.indices, "distances": graph.distances},
                {"name": metric} | recall,
            )
        arrays = content.arrays
        return NeighborGraph(arrays["indices"], arrays["distances"], metric, graph.recall)

    def _not_stored(self, refused: OSError) -> None:
        reason = refused.strerror
        log.warning("the cache in %s cannot be written (%s): not stored.", self.folder, reason)

    def _first(self, graph: NeighborGraph, k: int) -> NeighborGraph:
        """The `k` nearest neighbours, in arrays of their own."""
        if graph.recall is not None:
            self._recalls.append(graph.recall)
        few = graph.first(k)
        return replace(
            few, indices=few.indices.copy(order="C"), distances=few.distances.copy(order="C")
        )

    def _reduced(self, reducer: Reducer, X: Matrix, label: str, name: str) -> Matrix:
        reduced: Any = call(reducer.fit_transform, X, neighbors=self.neighbors)
        if reduced is X:
            return X
        log.info("%s computed (%s)", name, label)
        if not hasattr(reduced, "tocsr"):
            reduced = np.asarray(reduced)
        if reduced.dtype.kind not in "biuf":
            raise UserError(
                f"reducer ({label}): it returned an array of type {reduced.dtype}. It must return "
                "real numbers, one row per document."
            )
        if hasattr(reduced, "tocsr"):
            reduced = reduced.tocsr().astype(np.float32, copy=False)
        else:
            reduced = np.ascontiguousarray(reduced, dtype=np.float32)
        if reduced.ndim != 2 or reduced.shape[0] != X.shape[0] or not reduced.shape[1]:
            raise UserError(
                f"reducer ({label}): it returned an array of shape {reduced.shape} for "
                f"{X.shape[0]} documents. It must return one row per document."
            )
        bad = first_not_finite(reduced)
        if bad is not None:
            raise UserError(
                f"reducer ({label}): row {bad} of its result has a value that is not finite (NaN "
                "or infinite). Change its settings, or choose another reducer."
            )
        return reduced

    def _read(self, path: Path, parse: Callable[[array_file.Content], _T]) -> _T | None:
        """What `parse` makes of a stored file; None where there is none, or it is damaged."""
        assert self.folder is not None
        with suppress(OSError):
            os.utime(path)  # the time of last use
        try:
            content = array_file.read(path)
            array_file.verify(path)
            return parse(content)
        except FileNotFoundError:
            return None
        except array_file.DamagedError as error:
            with disk.storing(self.folder, 0):
                disk.set_aside(path, self.folder, error)
            return None

    def _write(
        self, path: Path, arrays: dict[str, Any], meta: dict[str, str]
    ) -> array_file.Content:
        """Write a file and return its content as every later run will see it."""
        assert self.folder is not None
        with disk.storing(self.folder, sum(array.nbytes for array in arrays.values())):
            array_file.write(path, arrays, meta)
        return array_file.read(path)

    def _hash(self, X: Matrix) -> str:
        """sha256 (hex) of the content of `X`, computed once for each object."""
        entry = self._hashes.get(id(X))
        if entry is not None and entry[0]() is X:
            return entry[1]
        digest = hashlib.sha256(str(X.shape).encode())
        for array in (X.data, X.indices, X.indptr) if hasattr(X, "indptr") else (X,):
            digest.update(f"{array.dtype.str}{array.size}:".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        self._hashes[id(X)] = weakref.ref(X), digest.hexdigest()
        return digest.hexdigest()


@cache
def _neighbors_code() -> dict[str, Any]:
    return sources(["components.neighbors"])


@cache
def _libraries() -> dict[str, Any]:
    """What may change every result: the format, and the versions of what computes."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = ""
    return {"format": FORMAT, "libraries": versions}
