import json
import re
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file
from scipy import sparse

from components.base import UserError
from components.embedders.precomputed import PrecomputedEmbedder

N, D = 6, 4
SERIES = (("bert_", 1), ("tfidf_", -1))
DOCUMENTS = [f"document {i}" for i in range(N)]


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


def save(path, X):
    """Write `X` in the format that the ending of `path` names."""
    kind = "".join(path.suffixes)
    if kind == ".npy":
        np.save(path, X)
    elif kind == ".npz":
        np.savez(path, X)
    elif kind == ".safetensors":
        save_file({"vectors": np.ascontiguousarray(X)}, path)
    elif kind == ".list.parquet":
        pq.write_table(pa.table({"id": range(len(X)), "vector": list(X)}), path)
    elif kind == ".fixed.parquet":
        flat = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), X.shape[1])
        pq.write_table(pa.table({"vector": flat}), path)
    elif kind == ".columns.parquet":
        table = {"id": pa.array(range(len(X)))} | {f"x{i}": X[:, i] for i in range(X.shape[1])}
        pq.write_table(pa.table(table), path)
    return str(path)


ENDINGS = [".npy", ".npz", ".safetensors", ".list.parquet", ".fixed.parquet", ".columns.parquet"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_of_every_format(tmp_path, vectors, ending, dtype):
    path = save(tmp_path / f"v{ending}", vectors.astype(dtype))
    X = PrecomputedEmbedder(path=path).encode(DOCUMENTS)
    assert X.dtype == np.float32
    assert np.array_equal(X, vectors)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sample_picks_its_rows_of_the_whole_file(tmp_path, vectors, ending):
    path = save(tmp_path / f"v{ending}", vectors)
    rows = np.array([5, 0, 3])
    X = PrecomputedEmbedder(path=path).encode(["f", "a", "d"], rows=rows, n_rows=N)
    assert np.array_equal(X, vectors[rows])


@pytest.mark.parametrize("ending", [".npy", ".safetensors"])
def test_the_file_is_mapped_not_copied(tmp_path, vectors, ending):
    X = PrecomputedEmbedder(path=save(tmp_path / f"v{ending}", vectors)).encode(DOCUMENTS)
    assert isinstance(X, np.memmap)
    assert not X.flags.writeable


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse(tmp_path, form):
    dense = np.diag(np.arange(1.0, N + 1))
    path = tmp_path / "v.npz"
    sparse.save_npz(path, sparse.coo_matrix(dense).asformat(form))
    X = PrecomputedEmbedder(path=str(path)).encode(["c", "a"], rows=np.array([2, 0]), n_rows=N)
    assert sparse.issparse(X)
    assert X.format == "csr"
    assert X.dtype == np.float32
    assert np.array_equal(X.toarray(), dense[[2, 0]])


def test_integers_become_float32(tmp_path):
    path = save(tmp_path / "v.npy", np.arange(N * D).reshape(N, D))
    assert PrecomputedEmbedder(path=path).encode(DOCUMENTS).dtype == np.float32


def test_key_names_one_array_of_several(tmp_path, vectors):
    np.savez(tmp_path / "v.npz", a=vectors, b=-vectors)
    save_file({"a": vectors, "b": -vectors}, tmp_path / "v.safetensors")
    pq.write_table(pa.table({"a": list(vectors), "b": list(-vectors)}), tmp_path / "v.parquet")
    for name in ("v.npz", "v.safetensors", "v.parquet"):
        path = str(tmp_path / name)
        assert np.array_equal(PrecomputedEmbedder(path=path, key="b").encode(DOCUMENTS), -vectors)
        with pytest.raises(UserError, match=r"^key=null: .*2 arrays \(a, b\)"):
            PrecomputedEmbedder(path=path).encode(DOCUMENTS)
        with pytest.raises(UserError, match=r"^key=c: .* has no such array: a, b"):
            PrecomputedEmbedder(path=path, key="c").encode(DOCUMENTS)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_first_row_that_is_not_finite_is_named(tmp_path, vectors, ending, bad):
    vectors[4, 1] = bad
    vectors[3, 2] = bad
    path = save(tmp_path / f"v{ending}", vectors)
    with pytest.raises(UserError, match="in row 3"):
        PrecomputedEmbedder(path=path).encode(DOCUMENTS)
    rows = np.array([0, 4])  # numbers are those of the file, and rows not needed do not matter
    with pytest.raises(UserError, match="in row 4"):
        PrecomputedEmbedder(path=path).encode(["a", "e"], rows=rows, n_rows=N)
    PrecomputedEmbedder(path=path).encode(["a"], rows=rows[:1], n_rows=N)


def test_not_finite_in_a_sparse_file(tmp_path):
    dense = np.diag(np.arange(1.0, N + 1))
    dense[2, 2] = np.nan
    sparse.save_npz(tmp_path / "v.npz", sparse.csr_matrix(dense))
    with pytest.raises(UserError, match="in row 2"):
        PrecomputedEmbedder(path=str(tmp_path / "v.npz")).encode(DOCUMENTS)


def test_a_double_too_large_for_float32_is_not_finite(tmp_path, vectors):
    vectors = vectors.astype(np.float64)
    vectors[1, 0] = 1e300
    with pytest.raises(UserError, match="in row 1"):
        PrecomputedEmbedder(path=save(tmp_path / "v.npy", vectors)).encode(DOCUMENTS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_wrong_number_of_rows_names_both(tmp_path, vectors, ending):
    embedder = PrecomputedEmbedder(path=save(tmp_path / f"v{ending}", vectors))
    with pytest.raises(UserError, match="has 6 rows but the data set has 5 documents"):
        embedder.encode(DOCUMENTS[:5])
    with pytest.raises(UserError, match="has 6 rows but the data set has 60 documents"):
        embedder.encode(DOCUMENTS, rows=np.arange(6), n_rows=60)


def _write_bytes(path):
    path.write_bytes(b"these are no vectors at all")


def _write_objects(path):
    np.save(path, np.array([{"a": 1}] * N, dtype=object), allow_pickle=True)


def _write_words(path):
    np.save(path, np.array([["a", "b"]] * N))


def _write_flat(path):
    np.save(path, np.arange(float(N)))


def _write_ragged(path):
    pq.write_table(pa.table({"v": [[1.0, 2.0]] * (N - 1) + [[1.0]]}), path)


def _write_null(path):
    pq.write_table(pa.table({"v": [[1.0, 2.0], None] + [[1.0, 2.0]] * (N - 2)}), path)


def _write_strings(path):
    pq.write_table(pa.table({"v": ["a"] * N}), path)


def _write_bfloat16(path):
    import torch
    from safetensors.torch import save_file as save_torch

    save_torch({"v": torch.zeros(N, D, dtype=torch.bfloat16)}, path)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("v.npy", _write_bytes, "cannot be read.*never loaded"),
        ("v.npz", _write_bytes, "cannot be read"),
        ("v.safetensors", _write_bytes, "cannot be read"),
        ("v.parquet", _write_bytes, "cannot be read"),
        ("v.npy", _write_objects, "cannot be read.*never loaded"),
        ("v.npy", _write_words, "not numbers"),
        ("v.npy", _write_flat, r"has the shape \(6,\)"),
        ("v.parquet", _write_ragged, "row 5 has 1"),
        ("v.parquet", _write_null, "row 1 has no vector in column 'v'"),
        ("v.parquet", _write_strings, "no column of lists"),
        ("v.safetensors", _write_bfloat16, "BF16"),
    ],
)
def test_a_file_that_is_no_table_of_numbers(tmp_path, name, write, message):
    path = tmp_path / name
    write(path)
    with pytest.raises(UserError, match=message) as error:
        PrecomputedEmbedder(path=str(path)).encode(DOCUMENTS)
    assert str(path) in str(error.value)


def test_numbered_columns_are_taken_and_a_stray_one_is_named(tmp_path, vectors, caplog):
    caplog.set_level("INFO")
    columns = {"score": np.linspace(200, 400, N)} | {f"{i}": vectors[:, i] for i in range(D)}
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    embedder = PrecomputedEmbedder(path=str(tmp_path / "v.parquet"))
    assert np.array_equal(embedder.encode(DOCUMENTS), vectors)
    assert "the 4 columns from 0 to 3 are the vectors; not used: ['score']." in caplog.text


def test_a_column_of_identifiers_does_not_order_the_rows_and_that_is_said(
    tmp_path, vectors, caplog
):
    caplog.set_level("INFO")
    columns = {"id": [f"d{i}" for i in range(N)][::-1], "vector": list(vectors)}
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    PrecomputedEmbedder(path=str(tmp_path / "v.parquet")).encode(DOCUMENTS)
    assert "not used: ['id']. Its rows must be in the order of the documents." in caplog.text


def test_several_series_of_columns_ask_for_the_one(tmp_path, vectors):
    columns = {f"{name}{i}": sign * vectors[:, i] for i in range(D) for name, sign in SERIES}
    path = str(tmp_path / "v.parquet")
    pq.write_table(pa.table(columns | {"size": np.ones(N)}), path)
    with pytest.raises(UserError, match=r"key=null: .* 2 series .* 'bert_', 'tfidf_'"):
        PrecomputedEmbedder(path=path).encode(DOCUMENTS)
    X = PrecomputedEmbedder(path=path, key="tfidf_").encode(DOCUMENTS)
    assert np.array_equal(X, -vectors)


def test_floats_without_numbers_are_not_taken_for_vectors(tmp_path, vectors):
    pq.write_table(pa.table({"x": vectors[:, 0], "price": vectors[:, 1]}), tmp_path / "v.parquet")
    with pytest.raises(UserError, match=r"no columns of numbers with numbered names"):
        PrecomputedEmbedder(path=str(tmp_path / "v.parquet")).encode(DOCUMENTS)


def test_a_row_without_a_number_is_named(tmp_path):
    table = {"v0": [1.0] * N, "v1": [1.0, 2.0, None, *[1.0] * (N - 3)]}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    with pytest.raises(UserError, match=r"row 2 has no number in column 'v1'"):
        PrecomputedEmbedder(path=str(tmp_path / "v.parquet")).encode(DOCUMENTS)


def test_a_missing_file_and_an_unknown_ending_fail_at_once(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        PrecomputedEmbedder(path=str(tmp_path / "nothing.npy"))
    (tmp_path / "v.pkl").write_bytes(b"")
    with pytest.raises(UserError, match=re.escape(".npy, .npz, .parquet, .safetensors")):
        PrecomputedEmbedder(path=str(tmp_path / "v.pkl"))


def test_fingerprint_follows_the_content(tmp_path, vectors):
    a = PrecomputedEmbedder(path=save(tmp_path / "a.npy", vectors)).fingerprint()
    b = PrecomputedEmbedder(path=save(tmp_path / "b.npy", vectors)).fingerprint()
    c = PrecomputedEmbedder(path=save(tmp_path / "c.npy", -vectors)).fingerprint()
    assert json.dumps(a) == json.dumps(b) != json.dumps(c)


@pytest.mark.parametrize(("part", "value"), [("indices", 10**6), ("indices", -9), ("indptr", 999)])
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_a_sparse_matrix_that_leads_out_of_its_arrays(tmp_path, part, value, kind):
    """scipy checks nothing when it reads one, and then reads memory that is not its own."""
    X = sparse.random(N, D, 0.5, format=kind, dtype=np.float32, rng=0)
    getattr(X, part)[2] = value
    sparse.save_npz(tmp_path / "v.npz", X)
    with pytest.raises(UserError, match=r"v\.npz: cannot be read"):
        PrecomputedEmbedder(path=str(tmp_path / "v.npz")).encode(DOCUMENTS)


def _repeated(path):
    lists = pa.ListArray.from_arrays([0, 10**6], pa.array(np.zeros(10**6, np.float32)))
    pq.write_table(pa.table({"v": lists}), path)


PACKED = {
    "v.npz": lambda path: np.savez_compressed(path, np.zeros((N, 10**6), np.float32)),
    "sparse.npz": lambda path: sparse.save_npz(path, sparse.csr_matrix(np.ones((N, 10**5)))),
    "lists.parquet": _repeated,
    "columns.parquet": lambda path: pq.write_table(
        pa.table({f"x{i}": np.zeros(10**6, np.float32) for i in range(2)}), path
    ),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_unpacks_to_more_than_the_free_memory(name, tmp_path, monkeypatch):
    PACKED[name](tmp_path / name)
    assert (tmp_path / name).stat().st_size < 10**6
    monkeypatch.setattr("components.memory.available_memory", lambda: 3 * 10**6)
    with pytest.raises(
        UserError, match=r"takes 0\.0 GB of memory or more.*as \.npy or \.safetensors"
    ):
        PrecomputedEmbedder(path=str(tmp_path / name)).encode(DOCUMENTS)


def test_sparse_vectors_that_are_too_wide_for_dense_rows(tmp_path, monkeypatch):
    sparse.save_npz(tmp_path / "v.npz", sparse.csr_matrix((N, 10**8)))
    monkeypatch.setattr("components.memory.available_memory", lambda: 10**9)
    with pytest.raises(UserError, match=r"takes 4\.8 GB of memory .* leave out the columns"):
        PrecomputedEmbedder(path=str(tmp_path / "v.npz")).encode(DOCUMENTS)


def test_a_packing_that_numpy_does_not_write(tmp_path, vectors):
    save(tmp_path / "a.npz", vectors)
    with zipfile.ZipFile(tmp_path / "a.npz") as plain:
        content = plain.read("arr_0.npy")
    with zipfile.ZipFile(tmp_path / "v.npz", "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("arr_0.npy", content)
    with pytest.raises(UserError, match=r"v\.npz: is packed otherwise than numpy\.savez"):
        PrecomputedEmbedder(path=str(tmp_path / "v.npz")).encode(DOCUMENTS)
