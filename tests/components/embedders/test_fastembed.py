import json
import shutil

import numpy as np
import pytest

from components.base import UserError
from components.embedders.fastembed import FastEmbedEmbedder, quantises_at_run_time

DOCUMENTS = [
    "The stock market fell sharply on Monday.",
    "The football team won the final match after extra time and penalties in the rain.",
    "Shares dropped.",
]


@pytest.fixture(scope="module")
def embedder(onnx_folder):
    return lambda **options: FastEmbedEmbedder(model=str(onnx_folder), **options)


def test_a_local_folder_gives_the_vectors_of_its_model(embedder, build):
    X = embedder().encode(DOCUMENTS)
    assert X.dtype == np.float32
    assert X.shape == (3, 384)
    expected = build("minilm").encode(DOCUMENTS)  # the same model in full precision
    assert ((X * expected).sum(axis=1) > 0.995).all()


def test_rows_do_not_depend_on_the_batch(embedder):
    together = embedder(batch_size=2).encode(DOCUMENTS * 3)
    alone = np.concatenate([embedder().encode([document]) for document in DOCUMENTS])
    assert np.allclose(together, np.tile(alone, (3, 1)), atol=1e-5)


def test_two_embedders_keep_their_own_settings(embedder):
    mean, cls, raw = embedder(), embedder(pooling="cls"), embedder(normalise=False)
    rows = [one.encode(DOCUMENTS) for one in (mean, cls, raw, mean)]
    assert np.array_equal(rows[0], rows[3])
    assert not np.allclose(rows[0], rows[1], atol=0.01)
    assert not np.allclose(np.linalg.norm(rows[2], axis=1), 1, atol=0.01)


def test_too_long_a_document_is_cut_and_counted(embedder):
    one = embedder()
    X = one.encode(["market " * 900, "market " * 600, "market"])
    assert one.truncated_.tolist() == [True, True, False]
    assert np.allclose(X[0], X[1], atol=1e-5)


def test_a_name_that_fastembed_does_not_know():
    with pytest.raises(UserError, match=r"Did you mean 'BAAI/bge-small-en-v1\.5'"):
        FastEmbedEmbedder(model="BAAI/bge-smal-en-v1.5").encode(DOCUMENTS)


def test_a_folder_with_no_or_several_models(onnx_folder, tmp_path):
    with pytest.raises(UserError, match="There are: none"):
        FastEmbedEmbedder(model=str(tmp_path))
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(onnx_folder / "model.onnx", tmp_path / name)
    with pytest.raises(UserError, match=r"There are: a\.onnx, b\.onnx"):
        FastEmbedEmbedder(model=str(tmp_path))
    with pytest.raises(UserError, match=r"could not be loaded.*tokenizer"):
        FastEmbedEmbedder(model=str(tmp_path), file="a.onnx").encode(DOCUMENTS)


def test_a_model_that_scales_by_the_batch_is_found_out(onnx_folder, tmp_path):
    assert not quantises_at_run_time(onnx_folder / "model.onnx")
    (tmp_path / "m.onnx").write_bytes(b"..." * 9999 + b"\x16DynamicQuantizeLinear" + b"...")
    assert quantises_at_run_time(tmp_path / "m.onnx")


def test_fingerprint_knows_what_changes_a_vector(embedder):
    def text(**options):
        return json.dumps(embedder(**options).fingerprint(), sort_keys=True)

    assert text() == text(batch_size=3, threads=1, device="cpu")
    assert len({text(), text(pooling="cls"), text(normalise=False)}) == 3
    named = FastEmbedEmbedder(model="BAAI/bge-small-en-v1.5").fingerprint()
    assert named["model"] == "BAAI/bge-small-en-v1.5"
