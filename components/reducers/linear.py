"""PCA and truncated SVD."""

from __future__ import annotations

import logging
from typing import Any, Literal

import numpy as np

from components.base import Floats, Matrix, at_least

log = logging.getLogger(__name__)


class LinearReducer:
    """Principal component analysis, or truncated SVD (latent semantic analysis), by scikit-learn.

    Parameters
    ----------
    method : {"pca", "truncated_svd"}
        PCA centres the vectors first. Sparse vectors are not made dense for that: ARPACK (Lehoucq,
        Sorensen and Yang 1998) centres them implicitly; rows that are all equal are not centred.
    n_components : int
        Dimensions of the result; fewer, with a warning, if there are fewer documents or columns.
    random_state : int, optional
        None is faster on several cores, and not repeatable.

    Attributes
    ----------
    model_ : sklearn.decomposition.PCA or TruncatedSVD
    """

    def __init__(
        self,
        *,
        method: Literal["pca", "truncated_svd"],
        n_components: int = 50,
        random_state: int | None = None,
    ) -> None:
        at_least(1, n_components=n_components)
        self.method = method
        self.n_components = n_components
        self.random_state = random_state

    def fit_transform(self, X: Matrix) -> Floats:
        """Reduce `X`, a float array or CSR matrix (n, d), to float32 (n, n_components)."""
        from scipy import sparse
        from sklearn.decomposition import PCA, TruncatedSVD
        from threadpoolctl import threadpool_limits

        # ARPACK cannot start where nothing is left of the centred rows.
        equal = sparse.issparse(X) and not (X.max(axis=0) != X.min(axis=0)).nnz
        pca = self.method == "pca" and not equal
        centred_sparse = pca and sparse.issparse(X)
        most = min(X.shape) - centred_sparse  # ARPACK cannot compute all
        n_components = max(1, min(self.n_components, most))
        if n_components < self.n_components:
            log.warning(
                "n_components=%d is too large for %d documents with %d dimensions: using %d",
                self.n_components, *X.shape, n_components,
            )  # fmt: skip
        kind: Any = PCA if pca else TruncatedSVD
        solver = {"svd_solver": "arpack"} if centred_sparse else {}
        self.model_ = kind(n_components=n_components, random_state=self.random_state, **solver)
        # The last bits of a BLAS product depend on the number of threads; explained variance ratios
        # are 0 / 0 where all documents are equal.
        with (
            threadpool_limits(None if self.random_state is None else 1, user_api="blas"),
            np.errstate(invalid="ignore", divide="ignore"),
        ):
            return np.asarray(self.model_.fit_transform(X), dtype=np.float32)

    def transform(self, X: Matrix) -> Floats:
        """Project new rows (q, d): float32 (q, n_components)."""
        return np.asarray(self.model_.transform(X), dtype=np.float32)
