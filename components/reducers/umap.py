"""UMAP, on the shared neighbour graph."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, Matrix, NeighborGraph, ParameterError, at_least
from components.neighbors import METRICS, metric_for, nearest, neighbors

log = logging.getLogger(__name__)

_KNOWN = f"Must be auto, {', '.join(METRICS)}, or another of umap-learn's."


class UMAPReducer:
    """UMAP (McInnes, Healy and Melville 2018), by umap-learn.

    Parameters
    ----------
    n_neighbors : int
        Size of the neighbourhood, including the document itself; at least 2.
    n_components : int
        Dimensions of the result; at least 1.
    min_dist, spread : float
        Smallest distance between points, from 0 to `spread`, and the scale of all; a `min_dist` of
        0 suits clustering.
    metric : str
        ``auto`` is ``hellinger`` for sparse vectors without negatives and ``cosine`` for all
        others. ``cosine``, ``hellinger`` and ``euclidean`` use the shared neighbour graph; any
        other metric that umap-learn knows is left to umap-learn.
    init : {"spectral", "random", "pca"}
        Initial positions of the points.
    n_epochs : int, optional
        Training epochs; default: 500 up to 10,000 documents, else 200.
    random_state : int, optional
        None is faster on several cores, and not repeatable.

    Attributes
    ----------
    umap_ : umap.UMAP
        The fitted model; `transform` uses it.
    """

    def __init__(
        self,
        *,
        n_neighbors: int = 15,
        n_components: int = 5,
        min_dist: float = 0.0,
        spread: float = 1.0,
        metric: str = "auto",
        init: Literal["spectral", "random", "pca"] = "spectral",
        n_epochs: int | None = None,
        random_state: int | None = None,
    ) -> None:
        at_least(2, n_neighbors=n_neighbors)
        at_least(1, n_components=n_components)
        at_least(0, "or null", n_epochs=n_epochs)
        if not spread > 0:
            raise ParameterError("spread", spread, "must be more than 0.")
        if not 0 <= min_dist <= spread:
            raise ParameterError("min_dist", min_dist, f"must be from 0 to spread={spread}.")
        if metric not in ("auto", *METRICS) and metric not in _metrics_of_umap():
            raise ParameterError("metric", metric, _KNOWN)
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.min_dist = min_dist
        self.spread = spread
        self.metric = metric
        self.init = init
        self.n_epochs = n_epochs
        self.random_state = random_state

    def peak_memory(self, n: int, d: int) -> int:
        """Bytes that `fit_transform` needs in addition to `X` (n, d): an estimate.

        A copy of `X`, and the graph.
        """
        return 4 * n * d + 200 * n * self.n_neighbors

    def fit_transform(
        self,
        X: Matrix,
        y: NDArray[Any] | None = None,
        *,
        neighbors: Callable[..., NeighborGraph] = neighbors,
    ) -> Floats:
        """Reduce `X` to float32 (n, n_components), finite.

        Parameters
        ----------
        X : float array (n, d) or CSR matrix (n, d)
            Finite. A CSR matrix is never made dense.
        y : array (n,), optional
            Known classes, -1 where unknown: documents of one class are placed closer together.
        neighbors : callable
            ``(X, k, metric) -> NeighborGraph``, such as a cached `components.neighbors.neighbors`.

        Raises
        ------
        ParameterError
            Where umap-learn does not know `metric`, or not for such vectors.
        """
        n = int(X.shape[0])
        if n == 1:
            log.warning("UMAP: one document has no neighbours; its reduction is zeros")
            return np.zeros((1, self.n_components), np.float32)
        n_neighbors, init = self._possible(n)
        metric = metric_for(X, self.metric)
        knn: dict[str, Any] = {}
        if metric in METRICS:
            graph = neighbors(X, n_neighbors - 1, metric)
            knn = {
                "precomputed_knn": _with_self(graph, n_neighbors),
                "force_approximation_algorithm": True,  # else it is ignored below 4,096 rows
            }
        UMAP = _import_umap()
        with _repeatable(self.random_state), _quiet():
            try:
                self.umap_ = UMAP(
                    n_neighbors=n_neighbors,
                    n_components=self.n_components,
                    min_dist=self.min_dist,
                    spread=self.spread,
                    metric=metric,
                    init=init,
                    n_epochs=self.n_epochs,
                    random_state=self.random_state,
                    n_jobs=-1 if self.random_state is None else 1,
                    **knn,
                )
                reduced = np.asarray(self.umap_.fit_transform(X, y), dtype=np.float32)
            except ValueError as error:
                if "metric" not in str(error).lower():
                    raise
                raise ParameterError("metric", self.metric, f"{error}. {_KNOWN}") from error
        if knn:
            self.umap_._knn_search_index = _ExactIndex(X, metric)
        return _place_isolated(reduced, self.random_state)

    def _possible(self, n: int) -> tuple[int, str]:
        """`n_neighbors` and `init`, changed with a warning where there are too few documents."""
        n_neighbors = max(2, min(self.n_neighbors, n - 1))
        if n_neighbors < self.n_neighbors:
            log.warning(
                "n_neighbors=%d is too large for %d documents: using %d",
                self.n_neighbors, n, n_neighbors,
            )  # fmt: skip
        if self.init == "random" or n >= self.n_components + 3:
            return n_neighbors, self.init
        log.warning(
            "init=%s needs at least %d documents for n_components=%d, and there are %d: using "
            "random",
            self.init, self.n_components + 3, self.n_components, n,
        )  # fmt: skip
        return n_neighbors, "random"

    def transform(self, X: Matrix) -> Floats:
        """Positions of new rows (q, d) among the fitted ones: float32 (q, n_components), finite."""
        with _repeatable(self.random_state), _quiet():
            placed = np.asarray(self.umap_.transform(X), dtype=np.float32)
        return _place_isolated(placed, self.random_state)


class _ExactIndex:
    """Exact search with the interface of the index that `umap.UMAP.transform` queries."""

    _angular_trees = False

    def __init__(self, X: Matrix, metric: str) -> None:
        self.X = X
        self.metric = metric

    def query(self, X: Matrix, k: int, epsilon: float = 0.0) -> tuple[NDArray[np.int32], Floats]:
        return nearest(X, self.X, k, self.metric)


def _with_self(graph: NeighborGraph, n_neighbors: int) -> tuple[NDArray[np.int32], Floats]:
    """Indices and distances (n, n_neighbors), with each row as its own first neighbour."""
    n = len(graph.indices)
    itself = np.arange(n, dtype=np.int32)[:, None]
    k = n_neighbors - 1
    indices = np.hstack([itself, graph.indices[:, :k]])
    return indices, np.hstack([np.zeros((n, 1), np.float32), graph.distances[:, :k]])


def _place_isolated(reduced: Floats, random_state: int | None) -> Floats:
    """Give rows without any neighbour, whose position is NaN, a random one within the others'."""
    isolated = ~np.isfinite(reduced).all(axis=1)
    if isolated.any():
        log.warning(
            "reducer=umap: %d documents share nothing with any other and get a random position",
            isolated.sum(),
        )
        placed = reduced[~isolated] if not isolated.all() else np.array([[-10.0], [10.0]])
        rng = np.random.default_rng(random_state)
        shape = (int(isolated.sum()), reduced.shape[1])
        reduced[isolated] = rng.uniform(placed.min(axis=0), placed.max(axis=0), shape)
    return reduced


def _metrics_of_umap() -> set[str]:
    """The names of the metrics that umap-learn knows."""
    _import_umap()
    from pynndescent.distances import named_distances as of_pynndescent
    from umap.distances import named_distances

    return {*named_distances, *of_pynndescent}


def _import_umap() -> Any:
    """`umap.UMAP`, without TensorFlow.

    If TensorFlow is installed, umap-learn imports it for a class that is not used here, which takes
    several seconds and some 500 MB. It works without if that import fails.
    """
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from umap import UMAP
    finally:
        if hidden:
            del sys.modules["tensorflow"]
    return UMAP


def _repeatable(random_state: int | None) -> Any:
    """A context in which BLAS has one thread if there is a seed.

    The last bits of the spectral initialisation depend on the number of BLAS threads, and all
    positions depend on the initialisation.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(None if random_state is None else 1, user_api="blas")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide warnings of umap-learn about what is intended here, such as n_jobs with a seed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"umap\.umap_")
        yield
