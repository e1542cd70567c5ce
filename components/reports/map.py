"""Two coordinates for each document, to look at. Topics are never made from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.base import Floats, Matrix, NeighborGraph
from components.igraph_core import igraph_core, seeded
from components.neighbors import metric_for, neighbors
from components.result import dense

N_NEIGHBORS = 15


class MapLayout:
    """`coordinates` as a reducer, so that they are cached as a reduction is.

    Parameters
    ----------
    random_state : same seed, same layout
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit_transform(
        self, X: Matrix, *, neighbors: Callable[[Matrix, int, str], NeighborGraph] = neighbors
    ) -> Floats:
        """Coordinates, float32 (n, 2)."""
        return coordinates(X, neighbors, self.random_state)


def coordinates(
    X: Matrix, neighbors: Callable[[Matrix, int, str], NeighborGraph], seed: int | None = 0
) -> Floats:
    """Lay documents out in two dimensions, neighbours close together.

    The layout is UMAP's (McInnes et al. 2018) on the graph of the 15 nearest neighbours, in
    igraph's C implementation, which needs no compilation at run time. It starts from the first
    two principal components.

    Parameters
    ----------
    X : float32 ndarray or CSR (n, d)
    neighbors : `components.neighbors.neighbors`, or a caching version of it
    seed : same seed, same layout

    Returns
    -------
    float32 (n, 2)
    """
    n = X.shape[0]
    start = _principal(X)
    if n < 4:
        return start
    graph = neighbors(X, min(N_NEIGHBORS, n - 1), metric_for(X, "auto"))
    sources = np.repeat(np.arange(n), graph.k)
    edges = np.column_stack([sources, graph.indices.ravel()])
    net = igraph_core().GraphBase(n, directed=True)
    net.add_edges(edges)  # as an array: a third of the time, and no list of lists
    with seeded(seed):
        layout = net.layout_umap(
            dist=graph.distances.ravel().astype(float).tolist(),
            seed=start.astype(float).tolist(),
            min_dist=0.1,
            # Twice as many keep one or two in a hundred more of the neighbours, in twice the time.
            epochs=int(np.clip(500_000 / n, 25, 200)),
        )
    return np.asarray(layout, dtype=np.float32)


def _principal(X: Matrix) -> Floats:
    """The first two principal components, scaled to a spread of 10; sparse X is not centred.

    By scipy's ARPACK (Lehoucq et al. 1998): the import of scikit-learn alone takes a second.
    """
    from scipy.sparse import issparse
    from scipy.sparse.linalg import svds

    n, d = X.shape
    if min(n, d) < 3:
        flat = np.zeros((n, 2), dtype=np.float32)
        flat[:, : min(2, d)] = dense(X)[:, :2]
        return flat
    # ARPACK multiplies numbers twice: very small or large ones would leave single precision.
    X = _of_unit_size(X)
    centred = X if issparse(X) else _of_unit_size(X - X.mean(axis=0))
    if not abs(centred).max():
        return np.zeros((n, 2), dtype=np.float32)
    left, sizes, right = svds(centred, k=2, v0=np.ones(min(n, d)))
    order = np.argsort(-sizes)
    placed = left[:, order] * sizes[order]
    largest = abs(right[order]).argmax(axis=1)
    placed *= np.sign(right[order, largest])  # a component and its negative are one
    spread = placed.std(axis=0)
    scaled: Floats = (10 * placed / np.where(spread > 0, spread, 1)).astype(np.float32)
    return scaled


def _of_unit_size(X: Matrix) -> Matrix:
    """X times the power of 2 that brings its largest number between 1/2 and 1: exact."""
    exponent = np.frexp(abs(X).max())[1]
    # In two steps, since 2^-exponent itself may be too large or too small for single precision.
    half = int(exponent) // 2
    return X * X.dtype.type(2.0**-half) * X.dtype.type(2.0 ** (half - exponent))
