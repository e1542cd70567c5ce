import errno
import json
import logging
import mmap
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import store_worker
from components import base
from components.base import UserError
from runner.cache import array_file
from runner.cache.disk import locked
from runner.cache.embeddings import chunk_size
from runner.cache.table import remove
from store_worker import CHUNK, DOCUMENTS, HashEmbedder, encode

WORKER = [sys.executable, store_worker.__file__]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(store_worker.__file__).parents[1])}
SOME = DOCUMENTS[:60]


class Refusing:
    """An embedder whose backend must not be touched."""

    def encode(self, documents):
        raise AssertionError("encode was called")


class Failing(HashEmbedder):
    """Fails in call number `at`."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def encode(self, documents):
        if len(self.batches) == self.at:
            raise KeyboardInterrupt
        return super().encode(documents)


class Api(HashEmbedder):
    """Yields in an order of its own, and fails after a while."""

    def __init__(self, fails=False):
        super().__init__()
        self.fails = fails

    def iter_encode(self, documents):
        parts = np.split(np.arange(len(documents)), [7, 20, 26])
        blocks = [(rows, self.encode([documents[row] for row in rows])) for rows in parts]
        self.batches, flags = [], np.array([len(d) > 18 for d in documents])
        for rows, vectors in (blocks[2], blocks[0], blocks[1], blocks[3]):
            self.truncated_ = flags
            self.batches.append([documents[row] for row in rows])
            yield rows, vectors
            if self.fails and len(self.batches) == 2:
                raise UserError("the server is gone")


class Counts:
    """CSR vectors fitted on the corpus."""

    fits_corpus = True

    def __init__(self):
        self.calls = 0

    def encode(self, documents):
        self.calls += 1
        letters = sorted(set("".join(documents)))
        rows = [[d.count(letter) for letter in letters] for d in documents]
        return sparse.csr_matrix(np.array(rows, dtype=np.float64))


def shards(folder):
    return sorted(folder.glob("embeddings/*/*.safetensors"))


def memory_of(array):
    """What the numbers of an array lie in."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array


def test_second_run_embeds_nothing_and_gets_the_same_bits(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    first = encode(tmp_path, HashEmbedder(), SOME)
    again = encode(tmp_path, Refusing(), SOME)
    assert first.vectors.dtype == again.vectors.dtype == np.float32
    assert np.array_equal(first.vectors, again.vectors)
    assert (first.computed, again.computed) == (60, 0)
    assert (first.metrics, again.metrics) == ({"embed_tokens": 60}, {})
    assert np.array_equal(first.truncated, [len(d) > 18 for d in SOME])
    assert np.array_equal(first.truncated, again.truncated)
    assert "embeddings: 60 computed, 0 from the cache" in caplog.text
    assert "embeddings: 0 computed, 60 from the cache" in caplog.text


def test_a_log_says_how_far_embedding_has_come(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(base, "LOGGED_EVERY", 0)
    caplog.set_level(logging.INFO)
    encode(tmp_path, HashEmbedder(), SOME)
    so_far = [int(line.split()[1]) for line in caplog.messages if " left" in line]
    assert so_far == [*range(CHUNK, 60, CHUNK), 60]


def test_without_a_folder_the_vectors_are_the_same(tmp_path):
    stored, unstored = (encode(folder, HashEmbedder(), SOME) for folder in (tmp_path, None))
    assert np.array_equal(stored.vectors, unstored.vectors)
    assert np.array_equal(stored.truncated, unstored.truncated)
    assert unstored.metrics == stored.metrics


def test_only_new_documents_are_embedded(tmp_path):
    old = encode(tmp_path, HashEmbedder(), SOME).vectors
    embedder = HashEmbedder()
    grown = encode(tmp_path, embedder, [*DOCUMENTS[60:65], *SOME, *DOCUMENTS[65:70]])
    assert embedder.batches == [DOCUMENTS[60:68], DOCUMENTS[68:70]]
    assert np.array_equal(grown.vectors[5:65], old)


@pytest.mark.parametrize("folder", ["cache", None])
def test_repeated_documents_are_computed_once(tmp_path, folder):
    embedder = HashEmbedder()
    encoded = encode(folder and tmp_path / folder, embedder, ["b", "a", "b", "c", "a"])
    assert embedder.batches == [["b", "a", "c"]]
    assert np.array_equal(encoded.vectors[[0, 1]], encoded.vectors[[2, 4]])
    alone = HashEmbedder().encode(["b", "a", "c"])
    assert np.array_equal(encoded.vectors, alone[[0, 1, 0, 2, 1]])


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path, Failing(at=4), SOME)
    embedder = HashEmbedder()
    resumed = encode(tmp_path, embedder, SOME)
    assert embedder.computed == 60 - 4 * CHUNK
    assert np.array_equal(resumed.vectors, encode(None, HashEmbedder(), SOME).vectors)


@pytest.mark.parametrize(("n", "most"), [(1, 1), (300, 10), (20_000, 100), (500_000, 260)])
def test_a_crash_loses_little_and_files_are_few(n, most):
    for size in (chunk_size(n), chunk_size(n, 5000 * n)):
        assert -(-n // size) <= most
        assert size <= max(32, n / 30)


def test_more_of_short_documents_are_computed_at_a_time_by_length():
    assert chunk_size(1_500, 1_500 * 200) == 500
    assert chunk_size(1_500, 1_500 * 2) == 1024
    assert chunk_size(1, 0) == 1024


class InBlocks(HashEmbedder):
    block = 60


@pytest.mark.parametrize("folder", ["cache", None])
def test_an_embedder_may_ask_for_larger_blocks(tmp_path, folder):
    embedder = InBlocks()
    encode(tmp_path / folder if folder else None, embedder, DOCUMENTS[:150], chunk=None)
    assert [len(batch) for batch in embedder.batches] == [60, 60, 30]


class ByLength(Failing):
    by_length = True


@pytest.mark.parametrize("folder", ["cache", None])
def test_the_whole_plan_is_ordered_by_length(tmp_path, folder):
    texts = ["x" * ((n * 37) % 101 + 1) + str(n) for n in range(100)]
    embedder = ByLength(at=99)
    encoded = encode(folder and tmp_path / folder, embedder, texts)
    lengths = [len(text) for batch in embedder.batches for text in batch]
    assert lengths == sorted(lengths, reverse=True)
    np.testing.assert_allclose(encoded.vectors, HashEmbedder().encode(texts), rtol=0, atol=1)


def test_after_a_crash_the_batches_by_length_are_the_same(tmp_path):
    texts = ["x" * ((n * 37) % 101 + 1) + str(n) for n in range(100)]
    whole = ByLength(at=99)
    encode(tmp_path / "whole", whole, texts)
    crashed, again = ByLength(at=2), ByLength(at=99)
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path / "crashed", crashed, texts)
    encode(tmp_path / "crashed", again, texts)
    assert crashed.batches + again.batches == whole.batches


def test_what_an_api_answered_is_kept_when_a_later_request_fails(tmp_path):
    with pytest.raises(UserError, match="the server is gone"):
        encode(tmp_path, Api(fails=True), DOCUMENTS[:30])
    embedder = HashEmbedder()
    encoded = encode(tmp_path, embedder, DOCUMENTS[:30])
    assert embedder.computed == 30 - 6 - 7
    assert np.array_equal(encoded.truncated, [len(d) > 18 for d in DOCUMENTS[:30]])


@pytest.mark.parametrize("folder", ["cache", None])
def test_blocks_in_any_order_end_in_their_rows(tmp_path, folder):
    encoded = encode(folder and tmp_path / folder, Api(), DOCUMENTS[:30])
    expected = np.vstack(
        [HashEmbedder().encode(part) for part in np.split(np.array(DOCUMENTS[:30]), [7, 20, 26])]
    )
    assert np.array_equal(encoded.vectors, expected)


def test_killed_twenty_times_the_end_is_that_of_an_undisturbed_run(tmp_path):
    calls, seed = tmp_path / "calls", int.from_bytes(os.urandom(4), "little")
    calls.touch()
    command = [*WORKER, "kill", tmp_path / "c", calls, str(seed)]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    end = encode(tmp_path / "c", HashEmbedder(calls), DOCUMENTS)
    assert np.array_equal(end.vectors, encode(None, HashEmbedder(), DOCUMENTS).vectors), seed
    assert not (tmp_path / "c" / "quarantine").exists(), seed
    counts = Counter(calls.read_text().split("\n")[:-1])
    # Lost at most what was in flight: one chunk each time.
    assert counts.total() <= len(DOCUMENTS) + 20 * CHUNK, seed
    assert set(counts) == set(DOCUMENTS)
    assert not list((tmp_path / "c").rglob("*.tmp"))
    assert not list((tmp_path / "c").rglob("*.keys"))


def test_four_processes_compute_each_vector_once(tmp_path):
    calls = tmp_path / "calls"
    workers = [
        subprocess.Popen([*WORKER, "share", tmp_path / "c", calls, str(number)], env=ENVIRONMENT)
        for number in range(4)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0, 0]
    counts = Counter(calls.read_text().split("\n")[:-1])
    assert set(counts) == set(DOCUMENTS)
    assert set(counts.values()) == {1}
    results = [np.load(f"{calls}.{number}.npy") for number in range(4)]
    assert all(np.array_equal(results[0], result) for result in results)


def flip(data, place):
    data[place] ^= 0x10
    return data


DAMAGES = {
    "a bit in the vectors": lambda data: flip(data, -3),
    "a bit in the length": lambda data: flip(data, 0),
    "a bit in the header": lambda data: flip(data, 130),
    "a bit in the sum": lambda data: flip(data, 40),
    "cut in the middle": lambda data: data[: len(data) // 2],
    "cut in the header": lambda data: data[:20],
    "empty": lambda data: data[:0],
    "one byte more": lambda data: data + b"0",
    "zeros": lambda data: bytearray(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_and_computed_again(tmp_path, caplog, damage):
    first = encode(tmp_path, HashEmbedder(), SOME).vectors.copy()
    encode(tmp_path, HashEmbedder(), DOCUMENTS[60:64])
    victim = max(shards(tmp_path), key=lambda path: path.stat().st_size)
    data = DAMAGES[damage](bytearray(victim.read_bytes()))
    victim.write_bytes(data)
    embedder = HashEmbedder()
    again = encode(tmp_path, embedder, SOME)
    assert np.array_equal(again.vectors, first)
    assert embedder.computed > 0
    assert "is damaged" in caplog.text
    aside = list((tmp_path / "quarantine").iterdir())
    assert [path.read_bytes() for path in aside] == [data]
    assert encode(tmp_path, Refusing(), SOME + DOCUMENTS[60:64]).computed == 0


def test_any_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "file.safetensors"
    array_file.write(path, {"vectors": np.ones((3, 2), np.float32)}, {"note": "x"})
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(flip(bytearray(sound), place))
        with pytest.raises(array_file.DamagedError):
            array_file.verify(path)
    path.write_bytes(sound)
    array_file.verify(path)


def test_a_full_disk_is_a_clear_error_and_leaves_the_store_valid(tmp_path, monkeypatch):
    sync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"the disk is full.*needs \d.* kB more") as raised:
        encode(tmp_path, HashEmbedder(), SOME)
    assert str(tmp_path) in str(raised.value)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.tmp"))
    embedder = HashEmbedder()
    resumed = encode(tmp_path, embedder, SOME)
    assert embedder.computed == 60 - 2 * CHUNK  # the manifest came first
    assert np.array_equal(resumed.vectors, encode(None, HashEmbedder(), SOME).vectors)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO, errno.EFBIG])
def test_a_disk_that_fails_in_the_middle_is_a_clear_error(tmp_path, monkeypatch, code):
    """Also where nothing can be removed from it any more."""
    sync, unlink, calls = os.fsync, Path.unlink, []

    def failing(descriptor):
        calls.append(descriptor)
        if len(calls) == 4:
            monkeypatch.setattr(Path, "unlink", failing_unlink)
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    def failing_unlink(path, missing_ok=False):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(UserError, match=f"cannot be written .{os.strerror(code)}"):
        encode(tmp_path, HashEmbedder(), SOME)
    assert Path.unlink is not unlink
    monkeypatch.undo()
    embedder = HashEmbedder()
    resumed = encode(tmp_path, embedder, SOME)
    assert embedder.computed == 60 - 2 * CHUNK
    assert np.array_equal(resumed.vectors, encode(None, HashEmbedder(), SOME).vectors)
    assert not list(tmp_path.rglob("*.tmp"))


def test_small_files_are_merged_into_one_that_is_memory_mapped(tmp_path):
    encode(tmp_path, HashEmbedder(), DOCUMENTS)
    assert len(shards(tmp_path)) == 1
    vectors = encode(tmp_path, Refusing(), DOCUMENTS).vectors
    assert isinstance(memory_of(vectors), mmap.mmap)
    part = encode(tmp_path, Refusing(), DOCUMENTS[100:200]).vectors
    assert np.array_equal(part, vectors[100:200])
    assert vectors.ctypes.data % 64 == 0
    vectors[:] = 0  # stays in memory
    assert encode(tmp_path, Refusing(), DOCUMENTS).vectors.any(axis=1).all()


def test_files_of_other_corpora_survive_merging(tmp_path):
    expected = {}
    for start in range(0, 300, 4):  # many small runs, overlapping
        documents = DOCUMENTS[start : start + 6]
        encoded = encode(tmp_path, HashEmbedder(), documents)
        expected |= dict(zip(documents, encoded.vectors.copy(), strict=True))
    order = sorted(expected, key=len)
    encoded = encode(tmp_path, Refusing(), order)
    assert np.array_equal(encoded.vectors, [expected[document] for document in order])
    assert len(shards(tmp_path)) <= 10
    encode(tmp_path, Refusing(), sorted(expected))


def test_killed_while_merging_old_files_are_cleared_away(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path, Failing(at=40), DOCUMENTS)
    old = {path: path.read_bytes() for path in shards(tmp_path)}
    encode(tmp_path, HashEmbedder(), DOCUMENTS)
    assert len(shards(tmp_path)) == 1
    for path, data in old.items():
        path.write_bytes(data)
    again = encode(tmp_path, Refusing(), DOCUMENTS)
    assert len(shards(tmp_path)) == 1
    assert np.array_equal(again.vectors, encode(None, HashEmbedder(), DOCUMENTS).vectors)


class Images(HashEmbedder):
    def encode(self, documents, *, images=None):
        self.images = images
        return super().encode(documents)


def test_a_vector_is_kept_by_the_content_of_its_image(tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    same = tmp_path / "b.png"
    same.write_bytes(b"one")
    documents, images = ["x", "x", "y", "x"], [str(picture), str(same), None, None]
    embedder = Images()
    encode(tmp_path / "c", embedder, documents, images=images)
    assert embedder.batches == [["x", "y", "x"]]
    assert embedder.images == [str(picture), None, None]
    encode(tmp_path / "c", Refusing(), ["x", "y"])  # takes no images, so it is asked for text
    picture.write_bytes(b"two")
    embedder = Images()
    encode(tmp_path / "c", embedder, documents, images=images)
    assert embedder.batches == [["x"]]
    with pytest.raises(UserError, match=r"gone\.png.* cannot be read"):
        encode(tmp_path / "c", Images(), ["x"], images=["gone.png"])


@pytest.mark.parametrize("folder", ["cache", None])
def test_an_embedder_fitted_on_the_corpus_sees_all_of_it_at_once(tmp_path, folder):
    folder = folder and tmp_path / folder
    embedder = Counts()
    documents = [*SOME, *SOME[:3]]
    first = encode(folder, embedder, documents, corpus_hash="one")
    assert embedder.calls == 1
    assert isinstance(first.vectors, sparse.csr_matrix)
    assert first.vectors.dtype == np.float32
    assert (first.vectors != Counts().encode(documents)).nnz == 0
    again = encode(folder, embedder, documents, corpus_hash="one")
    assert (again.vectors != first.vectors).nnz == 0
    assert embedder.calls == (1 if folder else 2)
    encode(folder, embedder, documents, corpus_hash="two")
    assert embedder.calls == (2 if folder else 3)


class RefusingCounts(Refusing):
    fits_corpus = True


def test_sparse_vectors_are_memory_mapped(tmp_path):
    first = encode(tmp_path, Counts(), SOME).vectors
    vectors = encode(tmp_path, RefusingCounts(), SOME).vectors
    assert isinstance(memory_of(vectors.data), mmap.mmap)
    assert (vectors != first).nnz == 0
    picked = encode(tmp_path, RefusingCounts(), SOME[::-2]).vectors
    assert (picked != first[::-2]).nnz == 0


class ByRow:
    def encode(self, documents, *, rows, n_rows):
        return np.arange(n_rows, dtype=np.float64)[rows, None]


@pytest.mark.parametrize(
    ("name", "value"), [("indices", 10**6), ("indptr", 10**6), ("data", np.inf)]
)
def test_a_sparse_shard_that_is_no_matrix_is_computed_again(tmp_path, name, value, caplog):
    first = encode(tmp_path, Counts(), SOME).vectors.toarray()
    (path,) = shards(tmp_path)
    content = array_file.read(path)
    arrays = {key: array.copy() for key, array in content.arrays.items()}
    arrays[name][5] = value
    array_file.write(path, arrays, {"columns": content.meta["columns"]})
    assert np.array_equal(encode(tmp_path, Counts(), SOME).vectors.toarray(), first)
    assert "is damaged" in caplog.text


def test_vectors_looked_up_by_row_are_not_stored(tmp_path):
    encoded = encode(tmp_path, ByRow(), ["same", "same"], rows=np.array([4, 7]), n_rows=9)
    assert encoded.vectors.tolist() == [[4.0], [7.0]]
    assert encoded.vectors.dtype == np.float32
    assert not list(tmp_path.iterdir())


class Returning:
    def __init__(self, value):
        self.value = value

    def encode(self, documents):
        return self.value


@pytest.mark.parametrize("folder", ["cache", None])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((2, 3)), "returned 2 rows for 3 documents"),
        (np.ones(3), "not \\(documents, dimensions\\)"),
        (np.array([[0.0], [1.0], [np.nan]]), r"\(Returning\): its vector of document 12 "),
        (np.array([[0.0], [1e300], [0.0]]), "document 11 "),
        (sparse.csr_matrix([[0.0], [np.inf], [0.0]]), "document 11 "),
        ([["a"], ["b"], ["c"]], "not a table of numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_no_table_of_numbers_is_refused(tmp_path, folder, value, message):
    with pytest.raises(UserError, match=message):
        encode(
            folder and tmp_path / folder,
            Returning(value),
            ["a", "b", "c"],
            rows=np.array([10, 11, 12]),
        )
    assert not shards(tmp_path / "cache")


class Widening(HashEmbedder):
    def encode(self, documents):
        return super().encode(documents)[:, : 1 + len(self.batches)]


@pytest.mark.parametrize("folder", ["cache", None])
def test_vectors_of_different_lengths_are_refused(tmp_path, folder):
    with pytest.raises(UserError, match="of 2 dimensions, and then some of 3"):
        encode(folder and tmp_path / folder, Widening(), SOME)


def test_a_model_that_changed_its_dimensions_is_refused(tmp_path):
    encode(tmp_path, HashEmbedder(), SOME[:3])
    with pytest.raises(UserError, match=r"dense with 2 dimensions.*prune --name [0-9a-f]{12}"):
        encode(tmp_path, Returning(np.ones((1, 2))), SOME[3:4])


def test_another_fingerprint_is_another_embedder(tmp_path):
    encode(tmp_path, HashEmbedder(), SOME)
    embedder = HashEmbedder()
    encode(tmp_path, embedder, SOME, identity=lambda: {"class": "HashEmbedder", "max_length": 9})
    assert embedder.computed == 60
    with pytest.raises(UserError, match="cannot be a key"):
        encode(tmp_path, embedder, SOME, identity=lambda: {"class": HashEmbedder})


def test_two_versions_share_a_cache(tmp_path, monkeypatch):
    """Of the program, whose stored format is part of every key: neither reads the other's files."""
    first = encode(tmp_path, HashEmbedder(), SOME)
    with monkeypatch.context() as newer:
        newer.setattr("runner.cache.embeddings.FORMAT", 1000)
        embedder = HashEmbedder()
        encode(tmp_path, embedder, SOME)
        assert embedder.computed == len(SOME)
        assert encode(tmp_path, Refusing(), SOME).computed == 0
    again = encode(tmp_path, Refusing(), SOME)
    assert again.vectors.tobytes() == first.vectors.tobytes()


def test_a_clock_that_was_set_back(tmp_path, caplog):
    """What is stored comes from the future, and is used, checked and added to all the same."""
    first = encode(tmp_path, HashEmbedder(), SOME[:40])
    for path in tmp_path.rglob("*"):
        later = path.stat().st_mtime + 86_400
        os.utime(path, (later, later))
    embedder = HashEmbedder()
    both = encode(tmp_path, embedder, SOME)
    assert embedder.computed == 20
    assert both.vectors[:40].tobytes() == first.vectors.tobytes()
    shard = shards(tmp_path)[0]
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    later = shard.stat().st_mtime + 86_400
    os.utime(shard, (later, later))
    assert encode(tmp_path, HashEmbedder(), SOME).vectors.shape == both.vectors.shape
    assert "damaged" in caplog.text


def test_no_text_and_no_secret_is_in_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "abcdefgh12345")
    documents = [f"confidential {number}" for number in range(20)]
    encode(tmp_path, HashEmbedder(), documents, identity=lambda: {"url": "http://x/abcdefgh12345"})
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"confidential" not in content
    assert b"abcdefgh12345" not in content
    assert b"***" in content


def test_the_manifest_says_what_made_the_vectors(tmp_path):
    encode(tmp_path, HashEmbedder(), SOME, name="hash")
    about = json.loads(next(tmp_path.glob("embeddings/*/manifest.json")).read_text())
    assert about["name"] == "hash"
    assert about["fingerprint"] == {"class": "HashEmbedder"}
    assert about["versions"]["numpy"] == np.__version__


def test_other_tools_can_read_the_files(tmp_path):
    from safetensors.numpy import load_file

    rows = encode(tmp_path, HashEmbedder(), SOME).vectors
    arrays = [load_file(shard) for shard in shards(tmp_path)]
    assert all(shard["keys"].shape == (len(shard["vectors"]), 32) for shard in arrays)
    assert sum(len(shard["vectors"]) for shard in arrays) == len(rows)


def test_no_documents_is_no_error(tmp_path):
    assert encode(tmp_path, Refusing(), []).vectors.shape[0] == 0


def test_documents_with_half_a_surrogate_pair(tmp_path):
    encoded = encode(tmp_path, Returning(np.eye(2)), ["\ud83d", "\ude00"])
    assert encoded.vectors.tolist() == [[1, 0], [0, 1]]


def test_take_keeps_rows_together():
    encoded = encode(None, HashEmbedder(), SOME)
    some = encoded.take(np.array([50, 3]))
    assert np.array_equal(some.vectors, encoded.vectors[[50, 3]])
    assert np.array_equal(some.truncated, encoded.truncated[[50, 3]])


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cache\.dir"):
        encode(tmp_path / "file", HashEmbedder(), SOME)


def test_a_read_only_cache_that_holds_everything_is_used(tmp_path, read_only):
    folder = tmp_path / "cache"
    first = encode(folder, HashEmbedder(), DOCUMENTS[:100])
    for start in range(100, 200, 10):  # more files than are served without merging them
        encode(folder, HashEmbedder(), DOCUMENTS[start : start + 10])
    read_only(folder)
    again = encode(folder, Refusing(), DOCUMENTS[:200])
    assert again.computed == 0
    assert np.array_equal(again.vectors[:100], first.vectors)
    with pytest.raises(UserError, match=r"cannot be written .*cache\.dir=null"):
        encode(folder, Refusing(), DOCUMENTS[:201])
    with pytest.raises(UserError, match=r"cannot be written .*cache\.dir=null"):
        remove(next((folder / "embeddings").iterdir()))


def test_a_name_that_is_too_long_for_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"File name too long\). Set cache\.dir"):
        encode(tmp_path / ("c" * 300), HashEmbedder(), DOCUMENTS[:1])


def test_a_damaged_file_of_a_read_only_cache(tmp_path, read_only):
    folder = tmp_path / "cache"
    encode(folder, HashEmbedder(), DOCUMENTS[:100])
    (path,) = folder.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    read_only(folder)
    with pytest.raises(UserError, match=r"cannot be written .*cache\.dir=null"):
        encode(folder, Refusing(), DOCUMENTS[:100])


def test_a_shard_of_somebody_else_deletes_nothing_outside(tmp_path):
    encode(tmp_path / "c", HashEmbedder(), SOME[:8])
    (path,) = shards(tmp_path / "c")
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    beside = path.with_name("notes.txt")
    beside.write_text("mine too")
    content = array_file.read(path)
    arrays = {name: array.copy() for name, array in content.arrays.items()}
    meta = {"replaces": "../../../victim.txt notes.txt manifest.json"}
    array_file.write(path, arrays, meta)
    encode(tmp_path / "c", Refusing(), SOME[:8])
    assert victim.exists()
    assert beside.exists()
    assert (path.parent / "manifest.json").exists()


ODD = ["folder", "dangling link", "loop", "another file", "no keys", "NaN", "no vectors"]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_shard_is_set_aside_and_computed_again(tmp_path, odd, caplog):
    first = encode(tmp_path, HashEmbedder(), SOME).vectors.copy()
    path = shards(tmp_path)[0]
    arrays = {name: array.copy() for name, array in array_file.read(path).arrays.items()}
    path.unlink()
    if odd == "folder":
        path.mkdir()
    elif odd == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    elif odd == "loop":
        path.symlink_to(path)
    elif odd == "another file":
        array_file.write(path, {"indices": np.zeros((3, 3), np.int32)})
    elif odd == "NaN":
        arrays["vectors"][3, 2] = np.nan
        array_file.write(path, arrays)
    else:
        del arrays[odd.removeprefix("no ")]
        array_file.write(path, arrays)
    assert np.array_equal(encode(tmp_path, HashEmbedder(), SOME).vectors, first)
    assert "is damaged" in caplog.text
    assert encode(tmp_path, Refusing(), SOME).computed == 0


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_called_that(tmp_path, monkeypatch, number):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(UserError, match=r"no file locks \(flock\).* cache\.dir=null"),
        locked(tmp_path, "any"),
    ):
        pass
