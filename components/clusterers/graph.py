"""The weighted graph of nearest neighbours.

`links` is everywhere the weighted adjacency matrix of a graph: symmetric CSR (n, n), float64,
without a diagonal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Matrix, NeighborGraph
from components.neighbors.fuzzy import FARTHEST, fuzzy_strengths

BLOCK = 4096  # rows of a matrix that are computed at a time, to bound the memory
LARGE = 100_000  # rows of a graph beyond which a search shows progress and saves memory
LIGHT = 0.25  # share of the edges, the lightest, left out of such a graph; see experiments/scale


def linked(
    parts: Sequence[Matrix],
    is_ensemble: bool,
    graph_of: Callable[[Matrix], NeighborGraph],
    weights: str,
    k: int,
) -> Any:
    """The graph of the rows of a matrix, or of the members of an ensemble, to be clustered.

    Parameters
    ----------
    parts : sequence of matrices (n, d_i)
        The only one, or those of the members; a row that is all zero in a member has no edges
        there, edge weights are averaged, and the `k` heaviest edges of each row are used.
    graph_of : callable
        The nearest neighbours of the rows of a matrix.
    weights : see `weighted`
    """
    if not is_ensemble:
        return thinned(weighted(graph_of(parts[0]), weights))
    return thinned(averaged([unlinked(weighted(graph_of(X), weights), X) for X in parts], k))


def weighted(graph: NeighborGraph, weights: str) -> Any:
    """The symmetric graph of a neighbour graph, with edge weights in [0, 1]: CSR (n, n).

    Neighbours that share nothing with a row (see `FARTHEST`) are not linked to it.

    Parameters
    ----------
    weights : {"fuzzy", "jaccard"}
        ``fuzzy``: UMAP's membership strengths, see `components.neighbors.fuzzy`; the weights a
        and b of the two directions are combined as a + b - ab (McInnes, Healy and Melville 2018,
        section 3.1). ``jaccard``: |A & B| / |A | B|, with A and B the neighbours of the two rows,
        each row one of its own neighbours (Levine et al. 2015, PhenoGraph).
    """
    from scipy import sparse

    n, k = graph.indices.shape
    if k == 0:
        return sparse.csr_matrix((n, n))
    near = graph.distances < FARTHEST[graph.metric]
    starts = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
    values = _fuzzy(graph.distances)[near] if weights == "fuzzy" else np.ones(starts[-1])
    directed = sparse.csr_matrix((values, graph.indices[near], starts), shape=(n, n))
    directed.sort_indices()
    if weights == "fuzzy":
        return _either(directed)
    with_self = (directed + sparse.identity(n, format="csr")).tocsr()
    sizes = np.diff(with_self.indptr)
    blocks = []
    for start in range(0, n, BLOCK):
        links = directed[start : start + BLOCK]
        shared = (with_self[start : start + BLOCK] @ with_self.T).multiply(links).tocoo()
        either = sizes[start + shared.row] + sizes[shared.col] - shared.data
        blocks.append(
            sparse.csr_matrix((shared.data / either, (shared.row, shared.col)), links.shape)
        )
    similar = sparse.vstack(blocks, format="csr")
    return similar.maximum(similar.T).tocsr()


def _either(directed: Any) -> Any:
    """Weights a + b - ab, with a and b those of the two directions: symmetric CSR (n, n)."""
    from scipy import sparse

    back = directed.T.tocsr()
    n = directed.shape[0]
    starts = np.zeros(n + 1, np.int64)
    indices = np.empty(2 * directed.nnz, np.int32)  # pages that are not written take no memory
    data = np.empty(2 * directed.nnz)
    for start in range(0, n, BLOCK):  # SciPy's sum of all rows at once needs four copies
        block = slice(start, start + BLOCK)
        joined = directed[block] + back[block] - directed[block].multiply(back[block])
        first = starts[start]
        starts[start + 1 : start + BLOCK + 1] = first + joined.indptr[1:]
        indices[first : first + joined.nnz] = joined.indices
        data[first : first + joined.nnz] = joined.data
    return sparse.csr_matrix((data[: starts[-1]], indices[: starts[-1]], starts), (n, n))


def _fuzzy(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """`fuzzy_strengths` of the distances (n, k), a block of rows at a time: float64 (n, k)."""
    least = max(1e-3 * float(distances.mean()), 1e-12)
    strengths = np.empty(distances.shape)
    for start in range(0, len(distances), BLOCK):
        block = slice(start, start + BLOCK)
        strengths[block] = fuzzy_strengths(distances[block], least)
    return strengths


def averaged(graphs: Sequence[Any], k: int) -> Any:
    """Mean of several graphs of the same rows, with the `k` heaviest edges of each row.

    An edge remains if it is among the heaviest of either of its rows. Ties are broken in favour
    of the lower column.

    Parameters
    ----------
    graphs : sequence of symmetric CSR matrices (n, n) without a diagonal

    Returns
    -------
    symmetric CSR matrix (n, n)
    """
    total = sum(graphs[1:], graphs[0]).tocsr() / len(graphs)
    total.sort_indices()
    degrees = np.diff(total.indptr)
    rows = np.repeat(np.arange(len(degrees)), degrees)
    order = np.lexsort((-total.data, rows))  # stable, and columns ascend within a row
    rank = np.arange(len(rows)) - np.repeat(total.indptr[:-1], degrees)
    total.data[order[rank >= k]] = 0
    total.eliminate_zeros()
    return total.maximum(total.T).tocsr()


def thinned(links: Any) -> Any:
    """Of a large graph, `links` without the lightest quarter; no row loses its heaviest edge.

    Parameters
    ----------
    links : symmetric CSR (n, n), changed in place
    """
    if links.shape[0] <= LARGE or not links.nnz:
        return links
    place = int(LIGHT * links.nnz)
    heaviest = links.max(axis=1).toarray()
    bound = min(np.partition(links.data, place)[place], heaviest[heaviest > 0].min())
    links.data[links.data < bound] = 0
    links.eliminate_zeros()
    return links


def unlinked(links: Any, X: Matrix) -> Any:
    """`links` without the edges of all-zero rows of `X`."""
    from scipy import sparse

    zero = np.asarray(abs(X).sum(axis=1)).ravel() == 0
    if not zero.any():
        return links
    others = sparse.diags((~zero).astype(np.float64))
    remaining = (others @ links @ others).tocsr()
    remaining.eliminate_zeros()
    return remaining
