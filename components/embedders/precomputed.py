"""Vectors that were computed before: .npy, .npz, .parquet or .safetensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Floats, Integers, Matrix, ParameterError, UserError
from components.embedders.vector_files import READERS
from components.file_hash import sha256

BLOCK = 8192  # rows converted and checked at a time


class PrecomputedEmbedder:
    """The rows of a file, one for each document of the data set, in its order.

    Parameters
    ----------
    path : str
        `.npy` or `.safetensors` (both memory-mapped: rows that are not needed are not read),
        `.npz` (arrays, or what `scipy.sparse.save_npz` writes), or `.parquet`. Files that hold
        Python objects are refused.
    key : str, optional
        Which array of an .npz or .safetensors, which column of lists in a .parquet. Not needed
        where there is only one. A .parquet without a column of lists gives its numbered columns
        of floats, such as v0, v1, ... (or, without any, of integers); `key` is then what is before
        the number, needed only where there are several such series.
    """

    stored = False

    def __init__(self, *, path: str, key: str | None = None) -> None:
        self.path = path
        self.key = key
        if self._file.suffix.lower() not in READERS:
            raise ParameterError("path", path, f"must end in {', '.join(READERS)}.")
        if not self._file.is_file():
            raise ParameterError(
                "path",
                path,
                f"there is no such file (looked for {self._file.absolute()}). Give the path of "
                "your vectors, relative to the folder where you start the run.",
            )

    @property
    def _file(self) -> Path:
        return Path(self.path).expanduser()

    def fingerprint(self) -> dict[str, Any]:
        """The sha256 of the file, and which part of it is used."""
        digest = sha256(str(self._file))
        return {"class": "PrecomputedEmbedder", "sha256": digest, "key": self.key}

    def encode(
        self,
        documents: Sequence[str],
        *,
        rows: Integers | None = None,
        n_rows: int | None = None,
    ) -> Matrix:
        """The file's rows for these documents.

        Parameters
        ----------
        documents : sequence of str, length n
            Only their number matters.
        rows : int64 (n,), optional
            Row of each document in the data set; 0..n-1 by default.
        n_rows : int, optional
            Number of documents in the whole data set, which the file must have; n by default.

        Returns
        -------
        float32 (n, d), a read-only view of the file where it holds just that, or CSR float32 (n, d)

        Raises
        ------
        ParameterError
            When the file is not a table of finite numbers, or has not `n_rows` rows.
        """
        n_rows = len(documents) if n_rows is None else n_rows
        X = self._load()
        if X.ndim != 2:
            raise self._error(f"has the shape {X.shape}, not (documents, dimensions)")
        if X.dtype.kind not in "fiub":
            raise self._error(f"holds {X.dtype}, not numbers")
        if X.shape[0] != n_rows:
            raise self._error(
                f"has {X.shape[0]} rows but the data set has {n_rows} documents",
                "There must be one row for each document, in the same order.",
            )
        if rows is None:
            rows = np.arange(len(documents))
        if hasattr(X, "tocsr"):
            return self._sparse(X, rows)
        return self._dense(X, rows)

    def _load(self) -> Any:
        read = READERS[self._file.suffix.lower()]
        try:
            return read(self._file, self.key)
        except UserError:
            raise
        except Exception as error:  # each library has its own errors for a damaged file
            reason = str(error)
            if "pickle" in reason or "Python objects" in reason:  # numpy advises to load them
                reason = "it is damaged, or holds Python objects, which are never loaded"
            raise self._error(f"cannot be read ({reason})") from error

    def _dense(self, X: Any, rows: Integers) -> Floats:
        view = X.dtype == np.float32 and np.array_equal(rows, np.arange(len(X)))
        out = X if view else np.empty((len(rows), X.shape[1]), np.float32)
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            if not view:
                with np.errstate(over="ignore"):  # float64 beyond float32 is found just below
                    out[block] = X[rows[block]]
            self._check_finite(out[block], rows[block])
        return out

    def _sparse(self, X: Any, rows: Integers) -> Matrix:
        from scipy.sparse import csr_matrix

        with np.errstate(over="ignore"):
            picked = csr_matrix(X.tocsr(), dtype=np.float32)[rows]
        bad = np.flatnonzero(~np.isfinite(picked.data))
        if len(bad):
            raise self._not_finite(rows[np.searchsorted(picked.indptr, bad[0], "right") - 1])
        return picked

    def _check_finite(self, block: Floats, rows: Integers) -> None:
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            raise self._not_finite(rows[np.argmin(finite)])

    def _not_finite(self, row: int) -> ParameterError:
        return self._error(
            f"has a value that is not a finite float32 number (NaN or infinite) in row {row}",
            "Compute the vectors again, or drop that document from both files.",
        )

    def _error(self, fault: str, advice: str = "") -> ParameterError:
        return ParameterError("path", self.path, f"{fault}. {advice}".rstrip())
