import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import components.neighbors
import store_worker
from components.base import UserError
from components.neighbors import neighbors
from components.reducers.identity import Identity
from components.reducers.linear import LinearReducer
from runner.cache import array_file
from runner.cache.stages import StageCache

X = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32)
X[200:210] = X[0]  # ties
KEY = {"_target_": f"{__name__}.Neighbourly", "random_state": 1}


class Neighbourly:
    """Mean of the neighbours, in Fortran order and double precision."""

    def __init__(self, k=5):
        self.k = k
        self.calls = 0

    def fit_transform(self, X, y=None, *, neighbors):
        self.calls += 1
        return np.asfortranarray(X[neighbors(X, self.k).indices].mean(axis=1), dtype=np.float64)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO)

    def count():
        messages = Counter(record.getMessage().split(" (")[0] for record in caplog.records)
        caplog.clear()
        return dict(messages)

    return count


def same(graph, other):
    return np.array_equal(graph.indices, other.indices) and np.array_equal(
        graph.distances, other.distances
    )


@pytest.mark.parametrize("folder", ["cache", None])
def test_one_search_serves_every_smaller_number_of_neighbours(tmp_path, folder, log):
    stages = StageCache(folder and tmp_path / folder)
    for k in (30, 5, 15):
        assert same(stages.neighbors(X, k), neighbors(X, k))
    assert log() == {"neighbours computed": 1}
    assert same(stages.neighbors(X, 100), neighbors(X, 100))
    assert same(stages.neighbors(X, 15, "euclidean"), neighbors(X, 15, "euclidean"))
    assert log() == {"neighbours computed": 2}
    assert same(stages.neighbors(X, 1000), neighbors(X, 1000))


def test_graphs_are_kept_for_the_next_process(tmp_path, log):
    wide = StageCache(tmp_path).neighbors(X, 100)
    few = StageCache(tmp_path).neighbors(X.copy(), 7)
    assert same(few, wide.first(7))
    assert few.indices.flags.c_contiguous
    assert log() == {"neighbours computed": 1, "neighbours from the cache": 1}
    other = X.copy()
    other[3, 4] += 1
    StageCache(tmp_path).neighbors(other, 7)
    StageCache(tmp_path).neighbors(sparse.csr_matrix(X), 7)
    assert log() == {"neighbours computed": 2}


def test_an_approximate_graph_does_not_depend_on_what_was_asked_before(tmp_path, monkeypatch):
    graphs = {k: neighbors(X + k, k) for k in (32, 128)}  # as if each k gave another graph
    monkeypatch.setattr(components.neighbors, "EXACT_LIMIT", 100)
    searched = []

    def approximate(X, k, metric):
        searched.append(k)
        return graphs[k]

    monkeypatch.setattr(components.neighbors, "neighbors", approximate)
    alone = StageCache(None).neighbors(X, 15)
    StageCache(tmp_path).neighbors(X, 100)
    assert same(StageCache(tmp_path).neighbors(X, 15), alone)
    assert searched == [32, 128, 32]


def test_a_graph_may_be_changed_by_whoever_gets_it(tmp_path):
    stages = StageCache(tmp_path)
    stages.neighbors(X, 64).indices[:] = 0
    assert same(stages.neighbors(X, 64), neighbors(X, 64))


def test_no_neighbours_are_refused(tmp_path):
    with pytest.raises(UserError, match="at least 1"):
        StageCache(tmp_path).neighbors(X, 0)


def test_a_reduction_is_computed_once_and_comes_back_bit_for_bit(tmp_path, log):
    reducer = Neighbourly()
    first = StageCache(tmp_path).reduce(reducer, X, KEY)
    again = StageCache(tmp_path).reduce(reducer, X.copy(), dict(reversed(KEY.items())))
    assert reducer.calls == 1
    assert log() == {
        "reduction computed": 1,
        "neighbours computed": 1,
        "reduction from the cache": 1,
    }
    for reduced in (first, again, StageCache(None).reduce(reducer, X, KEY)):
        assert reduced.dtype == np.float32
        assert reduced.flags.c_contiguous
        assert np.array_equal(reduced, first)


def test_other_settings_are_another_reduction_on_the_same_neighbours(tmp_path, log):
    for k in (9, 5):
        StageCache(tmp_path).reduce(Neighbourly(k), X, KEY | {"k": k})
    counts = log()
    assert counts["reduction computed"] == 2
    assert counts["neighbours computed"] == 1


@pytest.mark.parametrize(
    "key", [KEY | {"random_state": None}, {"steps": [{"svd": {"random_state": None}}]}]
)
def test_what_cannot_be_repeated_is_not_kept(tmp_path, key):
    reducer = Neighbourly()
    for _ in range(2):
        StageCache(tmp_path).reduce(reducer, X, key)
    assert reducer.calls == 2
    assert not list(tmp_path.rglob("reductions/*"))


def test_a_real_reducer_is_the_same_with_and_without_a_cache(tmp_path):
    key = {"_target_": "components.reducers.linear.LinearReducer", "random_state": 3}
    for vectors in (X, sparse.random(200, 50, 0.1, "csr", np.float32, random_state=0)):
        graphs = [
            StageCache(folder).reduce(
                LinearReducer(method="truncated_svd", n_components=4, random_state=3), vectors, key
            )
            for folder in (tmp_path, tmp_path, None)
        ]
        assert np.array_equal(graphs[0], graphs[1])
        assert np.array_equal(graphs[0], graphs[2])


def test_no_reduction_is_no_copy(tmp_path, log):
    vectors = sparse.csr_matrix(X)
    assert StageCache(tmp_path).reduce(Identity(), vectors, {}) is vectors
    assert log() == {}
    assert not list(tmp_path.rglob("*.safetensors"))


def test_damage_is_noticed_and_computed_again(tmp_path, caplog, log):
    first = StageCache(tmp_path).reduce(Neighbourly(), X, KEY).copy()
    for path in tmp_path.rglob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    log()
    assert np.array_equal(StageCache(tmp_path).reduce(Neighbourly(), X, KEY), first)
    assert caplog.text.count("is damaged") == 2
    assert len(list((tmp_path / "quarantine").iterdir())) == 2
    assert log()["neighbours computed"] == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays: arrays.popitem(),
        lambda arrays: arrays.clear(),
        lambda arrays: arrays.update({name: a[:7] for name, a in arrays.items()}),
        lambda arrays: arrays.get("vectors", arrays.get("distances")).fill(np.nan),
        lambda arrays: arrays.update({name: a.ravel() for name, a in arrays.items()}),
    ],
    ids=["no array", "no arrays", "few rows", "NaN", "flat"],
)
def test_a_sound_file_with_another_content_is_computed_again(tmp_path, damage, caplog, log):
    first = StageCache(tmp_path).reduce(Neighbourly(), X, KEY).copy()
    for kind in ("reductions", "graphs"):
        (path,) = (tmp_path / kind).iterdir()
        content = array_file.read(path)
        arrays = {name: array.copy() for name, array in content.arrays.items()}
        damage(arrays)
        array_file.write(path, arrays)
    log()
    assert np.array_equal(StageCache(tmp_path).reduce(Neighbourly(), X, KEY), first)
    assert caplog.text.count("is damaged") == 2
    log()
    assert np.array_equal(StageCache(tmp_path).reduce(Neighbourly(), X, KEY), first)
    assert log() == {"reduction from the cache": 1}


def test_a_stray_file_beside_the_graphs_is_passed_over(tmp_path, log):
    StageCache(tmp_path).neighbors(X, 5)
    (path,) = (tmp_path / "graphs").iterdir()
    path.with_name(path.name.replace("-32", "-32 (copy)")).write_bytes(b"")
    log()
    StageCache(tmp_path).neighbors(X, 5)
    assert log() == {"neighbours from the cache": 1}


def test_a_read_only_cache_that_holds_everything_is_used(tmp_path, read_only, log):
    folder = tmp_path / "cache"
    first = StageCache(folder).reduce(Neighbourly(), X, KEY).copy()
    read_only(folder)
    log()
    stages = StageCache(folder)
    assert np.array_equal(stages.reduce(Neighbourly(), X, KEY), first)
    assert same(stages.neighbors(X, 5), neighbors(X, 5))
    assert log() == {"reduction from the cache": 1, "neighbours from the cache": 1}
    assert stages.reduce(Identity(), X, {}) is X


def test_what_a_read_only_cache_lacks_is_computed_and_not_stored(tmp_path, read_only, caplog):
    folder = tmp_path / "cache"
    StageCache(folder).neighbors(X, 5)
    (path,) = (folder / "graphs").iterdir()
    path.write_bytes(path.read_bytes()[:-1])  # a damaged file stays where it is
    read_only(folder)
    stages = StageCache(folder)
    expected = StageCache(None).reduce(Neighbourly(), X, KEY)
    assert np.array_equal(stages.reduce(Neighbourly(), X, KEY), expected)
    assert same(stages.neighbors(X, 40), neighbors(X, 40))
    messages = [record.getMessage() for record in caplog.records]
    assert sum("cannot be written" in message for message in messages) == 3
    assert sum("is damaged" in message for message in messages) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((3, 2)), "300 documents"),
        (np.ones(300), "one row per document"),
        (np.ones((300, 0)), "one row per document"),
        (np.full((300, 2), "a"), "of type <U1"),
        (np.ones((300, 2)) * 1j, "of type complex128"),
        (None, "of type object"),
        (np.where(np.arange(600) == 41, np.nan, 0).reshape(300, 2), "row 20"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path, value, message):
    class Broken:
        def fit_transform(self, X):
            return value

    with pytest.raises(UserError, match=message):
        StageCache(tmp_path).reduce(Broken(), X, KEY)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_several_processes_reduce_once(tmp_path):
    worker = Path(store_worker.__file__)
    environment = {**os.environ, "PYTHONPATH": str(worker.parents[1])}
    calls = tmp_path / "calls"
    workers = [
        subprocess.Popen(
            [sys.executable, worker, "reduce", tmp_path / "c", calls, str(number)], env=environment
        )
        for number in range(3)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert calls.read_text().splitlines() == ["reduced"]
    results = [np.load(f"{calls}.{number}.npy") for number in range(3)]
    assert all(np.array_equal(results[0], result) for result in results)
