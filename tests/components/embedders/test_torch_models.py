"""What the embedders of torch models share: batches by length, and one tokenization."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from components.embedders import hf_transformer, sentence_transformer
from components.embedders.batching import CHARACTERS_PER_TOKEN, CPU_TOKENS, batches

TEXTS = ["word " * n for n in (3, 900, 40, 1, 250, 40, 700, 2)] + ["short"] * 70


def test_every_text_is_in_one_batch_and_the_longest_come_first():
    found = list(batches(TEXTS, 32, 256, "cpu"))
    assert sorted(row for batch in found for row in batch) == list(range(len(TEXTS)))
    lengths = [len(TEXTS[row]) for batch in found for row in batch]
    assert lengths == sorted(lengths, reverse=True)


def test_a_batch_on_a_cpu_has_few_tokens_and_elsewhere_only_few_texts():
    on_cpu = [len(batch) for batch in batches(["x" * 4000] * 60, 32, 256, "cpu")]
    assert set(on_cpu[:-1]) == {CPU_TOKENS // 256}
    assert [len(b) for b in batches(["x" * 4000] * 60, 32, 256, "cuda")] == [32, 28]
    one_by_one = batches(["x" * CHARACTERS_PER_TOKEN * 9000] * 3, 32, None, "cpu")
    assert [len(batch) for batch in one_by_one] == [1, 1, 1]
    assert [len(batch) for batch in batches(["short"] * 60, 32, 256, "cpu")] == [32, 28]
    assert list(batches([], 32, 256, "cpu")) == []


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
