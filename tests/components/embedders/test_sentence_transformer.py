import shutil

import numpy as np
import pytest

from components.base import UserError

DOCUMENTS = [
    "The central bank raised interest rates again.",
    "Interest rates went up, said the bank.",
    "A dog chased the cat through the garden. " * 80,
    "goal",
]


@pytest.fixture(scope="module")
def minilm(build):
    return build("minilm")


@pytest.fixture(scope="module")
def bare_folder(minilm_folder, tmp_path_factory):
    """The same weights without the module that normalises."""
    folder = tmp_path_factory.mktemp("bare")
    for file in minilm_folder.glob("*.*"):
        if file.is_file() and file.name != "modules.json":
            (folder / file.name).symlink_to(file)
    return folder


def test_rows_are_unit_float32_in_order_whatever_stands_beside_them(minilm):
    together = minilm.encode(DOCUMENTS)
    alone = np.vstack([minilm.encode([document]) for document in DOCUMENTS])
    assert together.dtype == np.float32
    assert together.shape == (4, 384)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert together[0] @ together[1] > 0.7 > 0.3 > together[0] @ together[2]


def test_documents_beyond_the_limit_are_named(minilm, build):
    minilm.encode(DOCUMENTS)
    assert minilm.truncated_.tolist() == [False, False, True, False]
    short = build("minilm", max_length=8)
    short.encode(DOCUMENTS)
    assert short.truncated_.tolist() == [True, True, True, False]


def test_the_weights_are_checked_before_they_are_loaded(build):
    with pytest.raises(UserError, match="sha256"):
        build("minilm", sha256="0" * 64).encode(["text"])


def test_a_prompt_is_put_before_every_document(minilm, build):
    prompted = build("minilm", prompt="Topic: ").encode(["dogs"])
    np.testing.assert_allclose(prompted, minilm.encode(["Topic: dogs"]), atol=1e-6)


def test_prompts_that_cannot_be(build):
    with pytest.raises(UserError, match=r"^prompt_name=query: prompt is given too"):
        build("minilm", prompt="x", prompt_name="query")
    with pytest.raises(UserError, match="no such prompt"):
        build("minilm", prompt_name="no-such").encode(["text"])


def test_normalise_and_dimensions(build, bare_folder, minilm):
    plain = build("sentence_transformer", model=str(bare_folder)).encode(DOCUMENTS)
    assert not np.allclose(np.linalg.norm(plain, axis=1), 1, atol=0.1)
    unit = build("sentence_transformer", model=str(bare_folder), normalise=True, max_length=256)
    np.testing.assert_allclose(unit.encode(DOCUMENTS), minilm.encode(DOCUMENTS), atol=1e-5)
    first = build("sentence_transformer", model=str(bare_folder), dimensions=64).encode(DOCUMENTS)
    np.testing.assert_allclose(first, plain[:, :64], atol=1e-5)


def test_half_precision_is_close(build, minilm):
    rows = build("minilm", precision="bfloat16").encode(DOCUMENTS)
    assert rows.dtype == np.float32
    assert (rows * minilm.encode(DOCUMENTS)).sum(1).min() > 0.99


def test_weights_as_pickle_are_refused_unless_trusted(build, bare_folder, tmp_path):
    import torch
    from safetensors.torch import load_file

    for file in bare_folder.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, tmp_path)
    torch.save(load_file(bare_folder / "model.safetensors"), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="trust_pickle=true"):
        build("sentence_transformer", model=str(tmp_path)).encode(["text"])
    trusted = build("sentence_transformer", model=str(tmp_path), trust_pickle=True)
    same = build("sentence_transformer", model=str(bare_folder))
    np.testing.assert_allclose(trusted.encode(["text"]), same.encode(["text"]), atol=1e-6)


@pytest.mark.parametrize("device", ["cuda:99", "nonsense"])
def test_a_device_that_is_not_there(build, device):
    with pytest.raises(UserError, match=r"^device"):
        build("minilm", device=device).encode(["text"])


def test_more_tokens_than_the_model_has_positions_for(build):
    with pytest.raises(UserError, match=r"^max_length=100000.*512"):
        build("minilm", max_length=100_000).encode(["text"])


def test_a_model_that_no_hub_gives(build, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    embedder = build("sentence_transformer", model="no-such-org/no-such-model")
    with pytest.raises(
        UserError, match=r"^model=no-such-org/no-such-model: it could not be loaded"
    ):
        embedder.encode(["text"])


def test_the_fingerprint_knows_what_changes_a_vector(build):
    base = build("minilm").fingerprint()
    for same in ({"batch_size": 1}, {"device": "cpu"}, {"sha256": None}):
        assert build("minilm", **same).fingerprint() == base
    for other in (
        {"normalise": False},
        {"prompt": "x"},
        {"prompt_name": "x"},
        {"max_length": 9},
        {"dimensions": 9},
        {"precision": "float16"},
    ):
        assert build("minilm", **other).fingerprint() != base
