"""What the embedders of torch models share: one tokenization, the library's vectors."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from components.embedders import hf_transformer, sentence_transformer

TEXTS = ["word " * n for n in (3, 900, 40, 1, 250, 40, 700, 2)] + ["short"] * 70


@pytest.mark.parametrize("option", ["minilm", "hf_transformer"])
def test_what_was_truncated_is_known_without_a_second_tokenization(build, option, monkeypatch):
    for module in (sentence_transformer, hf_transformer):
        monkeypatch.setattr(module, "too_long", lambda *_: pytest.fail("tokenized again"))
    embedder = build(option)
    embedder.encode(TEXTS)
    limit = {"minilm": 256, "hf_transformer": 512}[option]
    assert embedder.truncated_.tolist() == [len(text.split()) + 2 > limit for text in TEXTS]


def test_vectors_are_those_of_the_librarys_own_encode(build, minilm_folder):
    library = SentenceTransformer(str(minilm_folder), device="cpu")
    for settings, options in [
        ({}, {}),
        ({"prompt": "query: "}, {"prompt": "query: "}),
        ({"dimensions": 100}, {"truncate_dim": 100}),
    ]:
        ours = build("minilm", device="cpu", **settings).encode(TEXTS)
        theirs = library.encode(TEXTS, normalize_embeddings=True, **options)
        assert ours.shape == theirs.shape
        assert (ours * theirs).sum(axis=1).min() > 0.9999
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("option", ["minilm", "hf_transformer"])
def test_bfloat16_is_advised_where_the_processor_multiplies_in_it(build, option, monkeypatch):
    for amx, expected in [(True, "bfloat16"), (False, None)]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda amx=amx: {"amx_bf16": amx})
        assert build(option, device="cpu").faster_precision == expected
        assert build(option, device="cpu", precision="bfloat16").faster_precision is None
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert build(option, device="cpu", engine="onnx").faster_precision is None  # it cannot
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older versions
    assert build(option, device="cpu").faster_precision is None


def test_vectors_of_bfloat16_are_normalised_in_float32(build):
    vectors = build("minilm", device="cpu", precision="bfloat16").encode(TEXTS)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1, atol=1e-6)
