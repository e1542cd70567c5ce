import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from components import neighbors as module
from components.base import UserError
from components.neighbors import (
    METRICS,
    exact,
    inverted,
    metric_for,
    nearest,
    neighbors,
    tiles,
    unit_rows,
)
from components.neighbors.rows import Rows


def rows(metric, kind, n=300):
    rng = np.random.default_rng(0)
    X = rng.random((n, 40)).astype(np.float32) * (rng.random((n, 40)) < 0.2)
    if metric == "euclidean":
        X += 100  # far from the origin, where differences of squares lose their digits
    X[7] = X[200] = X[3]
    X[11] = X[12] = 0
    return sparse.csr_matrix(X) if kind == "sparse" else X


def all_distances(X, metric):
    X = X.toarray() if sparse.issparse(X) else X
    X = X.astype(np.float64)
    zero = (X == 0).all(axis=1)
    if metric == "euclidean":
        return np.linalg.norm(X[:, None] - X[None], axis=2)
    if metric == "hellinger":
        X = np.sqrt(X / np.maximum(X.sum(axis=1, keepdims=True), 1e-300))
    else:
        X = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
    found = np.clip(1 - X @ X.T, 0, None)
    found = np.sqrt(found) if metric == "hellinger" else found
    found[np.ix_(zero, zero)] = 0
    return found


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "hellinger"])
def test_the_nearest_come_first_and_the_row_itself_is_left_out(metric, kind, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK_ENTRIES", 300 * 70)  # several blocks, the last one short
    X = rows(metric, kind)
    graph = neighbors(X, 10, metric)
    truth = all_distances(X, metric)
    np.fill_diagonal(truth, np.inf)
    assert graph.indices.dtype == np.int32
    assert graph.distances.dtype == np.float32
    assert (graph.indices != np.arange(300)[:, None]).all()
    np.testing.assert_allclose(graph.distances, np.sort(truth, axis=1)[:, :10], atol=2e-5)
    assert set(graph.indices[3, :2]) == {7, 200}
    assert graph.distances[3, 1] == 0


@pytest.mark.parametrize("metric", ["cosine", "hellinger"])
def test_rows_of_zeros_are_alike_and_unlike_all_others(metric):
    graph = neighbors(rows(metric, "sparse"), 3, metric)
    assert graph.indices[11].tolist() == [12, 0, 1]
    assert graph.distances[11].tolist() == [0, 1, 1]


def test_of_equals_the_lower_row_comes_first():
    graph = neighbors(np.ones((50, 3), np.float32), 4, "cosine")
    assert graph.indices[0].tolist() == [1, 2, 3, 4]
    assert graph.indices[49].tolist() == [0, 1, 2, 3]
    assert (graph.distances == 0).all()


@pytest.mark.parametrize("k", [5, 100], ids=["double precision", "two steps"])
def test_what_single_precision_cannot_tell_apart_is_in_order(k):
    rng = np.random.default_rng(0)
    one, other = np.linalg.qr(rng.normal(size=(384, 2)))[0].T
    angles = np.sqrt(2e-9 * np.arange(300))[rng.permutation(300)]  # cosines 1e-9 apart
    X = np.outer(np.cos(angles), one) + np.outer(np.sin(angles), other)
    first = int(angles.argmin())
    expected = np.argsort(angles)[1 : k + 1]
    np.testing.assert_array_equal(neighbors(X, k).indices[first], expected)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("most", [0, 1000], ids=["double precision", "two steps"])
def test_both_ways_of_searching_find_the_same(metric, most, monkeypatch):
    X = np.random.default_rng(2).normal(size=(500, 64)).astype(np.float32)
    X[100:200] = X[0]
    monkeypatch.setattr(exact, "MOST_CANDIDATES", most)
    graph = neighbors(X, 8, metric)
    truth = all_distances(X, metric).round(6)
    np.fill_diagonal(truth, np.inf)
    expected = np.argsort(truth, axis=1, kind="stable")[:, :8]
    np.testing.assert_array_equal(graph.indices, expected)


@pytest.mark.parametrize("apart", [1, 48, 100])
def test_likes_that_are_spread_evenly_over_the_rows(apart):
    """Where all of a row's neighbours fall into one group of columns, the bound is a poor one."""
    rng = np.random.default_rng(5)
    X = np.repeat(rng.normal(size=(apart, 20)), 12, axis=0) + rng.normal(size=(12 * apart, 20)) / 9
    X = X.reshape(apart, 12, 20).swapaxes(0, 1).reshape(-1, 20)  # likes are `apart` rows apart
    graph = neighbors(X, 3)
    truth = all_distances(X, "cosine")
    np.fill_diagonal(truth, np.inf)
    np.testing.assert_array_equal(graph.indices, np.argsort(truth, axis=1)[:, : graph.k])


@pytest.mark.parametrize("size", [1e-25, 1e25])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_very_small_and_very_large_numbers(metric, size):
    """Their squares are beyond single precision."""
    X = np.random.default_rng(3).normal(size=(300, 30)).astype(np.float32)
    plain, scaled = neighbors(X, 5, metric), neighbors(X * np.float32(size), 5, metric)
    np.testing.assert_array_equal(plain.indices, scaled.indices)


@pytest.mark.parametrize(("n", "k", "expected"), [(1, 5, 0), (2, 5, 1), (4, 9, 3)])
def test_few_rows_give_few_neighbours(n, k, expected):
    graph = neighbors(np.eye(n, 3, dtype=np.float32), k)
    assert graph.indices.shape == graph.distances.shape == (n, expected)


def test_the_number_of_threads_changes_nothing():
    X = np.random.default_rng(1).normal(size=(1500, 384)).astype(np.float32)
    X[700:800] = X[:100]
    with threadpool_limits(1):
        one = neighbors(X, 15)
    many = neighbors(X, 15)
    np.testing.assert_array_equal(one.indices, many.indices)
    np.testing.assert_array_equal(one.distances, many.distances)


def grouped(n, d=12):
    """Rows in groups, some of them equal and some all zeros."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(9, d))[rng.integers(9, size=n)] + rng.normal(size=(n, d)) / 3
    X[rng.permutation(n)[: n // 8]] = X[0]
    X[rng.permutation(n)[:5]] = 0
    return np.abs(X)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "FEWEST", 32)
    monkeypatch.setattr(tiles, "MOST", 32)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 8])
@pytest.mark.parametrize("n", [65, 96, 128, 129, 300], ids=lambda n: f"{n} rows")
@pytest.mark.parametrize("candidates", [0, 1, 4], ids=lambda c: f"{c} candidates")
def test_each_pair_multiplied_once_gives_the_same(
    metric, k, n, candidates, small_tiles, monkeypatch
):
    """Odd and even numbers of tiles, the last of one row or full, crowded or not."""
    monkeypatch.setattr(tiles, "CANDIDATES", candidates)
    X = Rows(grouped(n), metric)
    assert tiles.serves(X, k)
    by_tiles, by_blocks = tiles.search_among(X, k), exact.search(X, X, k, same=True)
    np.testing.assert_array_equal(by_tiles[0], by_blocks[0])
    np.testing.assert_array_equal(by_tiles[1], by_blocks[1])


def test_many_equal_rows_are_no_burden(small_tiles):
    """Their candidates are beyond number; of equals the lower row comes first all the same."""
    X = np.tile(np.eye(2, 30, dtype=np.float32), (150, 1))
    graph = neighbors(X, 5)
    assert graph.indices[298].tolist() == [0, 2, 4, 6, 8]
    assert graph.indices[1].tolist() == [3, 5, 7, 9, 11]
    assert (graph.distances == 0).all()


def test_tiles_are_not_for_sparse_rows_or_more_neighbours_than_they_tell():
    X = np.random.default_rng(0).random((600, 4))
    assert tiles.serves(Rows(X, "cosine"), 64)
    assert not tiles.serves(Rows(X, "cosine"), 65)
    assert not tiles.serves(Rows(X[:512], "cosine"), 5)
    assert not tiles.serves(Rows(sparse.csr_matrix(X), "cosine"), 5)


def test_new_rows_find_the_old_ones():
    X = rows("cosine", "sparse")
    indices, distances = nearest(X[5:9], X, 3, "cosine")
    assert indices[:, 0].tolist() == [5, 6, 3, 8]
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-6)


@pytest.mark.slow
def test_descent_agrees_with_the_exact_search(monkeypatch):
    X = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    X[10:20] = X[0]
    exact = neighbors(sparse.csr_matrix(X), 10, "cosine")
    monkeypatch.setattr(module, "EXACT_LIMIT", 100)
    found, again = (neighbors(sparse.csr_matrix(X), 10, "cosine") for _ in range(2))
    np.testing.assert_array_equal(found.indices, again.indices)
    assert (found.indices != np.arange(400)[:, None]).all()
    same = [len(set(a) & set(b)) for a, b in zip(exact.indices, found.indices, strict=True)]
    assert np.mean(same[20:]) > 9.5
    assert found.recall == pytest.approx(np.mean(same) / 10, abs=0.05)


@pytest.mark.parametrize("metric", METRICS)
def test_an_inverted_file_that_is_probed_whole_is_exact(metric, monkeypatch):
    X = np.abs(np.random.default_rng(0).normal(size=(400, 8))).astype(np.float32)
    X[10:20], X[[3, 30, 300]] = X[0], 0
    exact = neighbors(X, 10, metric)
    monkeypatch.setattr(module, "EXACT_LIMIT", 100)
    monkeypatch.setattr(inverted, "WANTED", 1.0)
    found = neighbors(X, 10, metric)
    assert found.recall == 1
    np.testing.assert_array_equal(found.distances, exact.distances)
    # A zero row is as far from all others: more equals than are kept until the lowest are chosen.
    some = np.flatnonzero(X.any(axis=1))
    np.testing.assert_array_equal(found.indices[some], exact.indices[some])
    assert exact.recall is None


def test_an_inverted_file_finds_what_it_promises(monkeypatch):
    """Rows in groups that overlap, as topics do; lists so short that most are not probed."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 24))[rng.integers(60, size=6000)] + 0.7 * rng.normal(size=(6000, 24))
    X = X.astype(np.float32)
    exact = neighbors(X, 15)
    monkeypatch.setattr(module, "EXACT_LIMIT", 100)
    monkeypatch.setattr(inverted, "FIRST", 100)
    probed = []
    monkeypatch.setattr(inverted.log, "info", lambda text, *values: probed.append(values))
    found = neighbors(X, 15)
    hits = (exact.indices[:, :, None] == found.indices[:, None, :]).any(axis=2)
    assert 0.95 <= hits.mean() < 1
    assert found.recall == pytest.approx(hits.mean(), abs=0.02)
    assert probed[0][0] < probed[0][1] / 3
    with threadpool_limits(1):
        one = neighbors(X, 15)
    np.testing.assert_array_equal(one.indices, found.indices)
    np.testing.assert_array_equal(one.distances, found.distances)


def test_hellinger_wants_no_negatives():
    with pytest.raises(UserError, match="metric=cosine"):
        neighbors(np.array([[1.0, -1.0], [0.0, 1.0]]), 1, "hellinger")


def test_an_unknown_metric_is_named():
    with pytest.raises(UserError, match="metric=cosin: must be one of"):
        neighbors(np.eye(3), 1, "cosin")


def test_auto_is_hellinger_for_sparse_weights_and_cosine_for_the_rest():
    weights = sparse.csr_matrix([[1.0, 0.0], [0.0, 2.0]])
    assert metric_for(weights, "auto") == "hellinger"
    assert metric_for(-weights, "auto") == "cosine"
    assert metric_for(weights.toarray(), "auto") == "cosine"
    assert metric_for(weights, "euclidean") == "euclidean"


def test_unit_rows_leaves_zeros_alone():
    X = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    expected = [[0.6, 0.8], [0, 0]]
    np.testing.assert_allclose(unit_rows(X), expected, rtol=1e-6)
    found = unit_rows(sparse.csr_matrix(X))
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    assert found.dtype == np.float32
    counts = np.array([[3, 4], [0, 0]])
    np.testing.assert_allclose(unit_rows(counts), expected)
    np.testing.assert_allclose(unit_rows(sparse.csr_matrix(counts)).toarray(), expected)
