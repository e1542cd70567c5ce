import numpy as np
import pytest
import spacy

from components.base import MissingExtraError, UserError

DOCUMENTS = [
    "The central bank raised interest rates again.",
    "Interest rates went up, said the bank.",
    "A dog chased the cat.\n\n  Twice! " * 40,
    "goal",
]


@pytest.fixture(scope="module")
def medium(build, spacy_md_folder):
    return build("spacy_md", model=str(spacy_md_folder))


@pytest.fixture(scope="module")
def transformer(build, trf_folder):
    return build("spacy_trf", model=str(trf_folder))


def test_md_vectors_are_the_full_pipelines_without_running_it(medium, spacy_md_folder):
    whole = spacy.load(spacy_md_folder)
    rows = medium.encode(DOCUMENTS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [whole(text).vector for text in DOCUMENTS], atol=1e-6)
    assert whole.pipe_names
    assert medium._loaded.component_names == []


def test_md_rows_are_the_same_whatever_stands_beside_them(medium):
    alone = np.vstack([medium.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(medium.encode(DOCUMENTS), alone, atol=1e-5)


def test_md_related_sentences_are_nearer(medium):
    rows = medium.encode(DOCUMENTS)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_md_a_document_without_a_known_word_is_all_zero(medium):
    assert medium.encode(["zzqqxx qqzzyy", "dog"]).any(axis=1).tolist() == [False, True]


def test_md_several_processes_give_the_same_rows(build, spacy_md_folder, medium):
    several = build("spacy_md", model=str(spacy_md_folder), n_process=2, batch_size=2)
    np.testing.assert_array_equal(several.encode(DOCUMENTS), medium.encode(DOCUMENTS))


def test_md_reads_a_text_longer_than_spacys_limit(medium):
    assert medium.encode(["dog " * 300_000]).any()


def test_a_pipeline_without_word_vectors_runs_its_tok2vec(build, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("tagger").add_label("NOUN")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    embedder = build("spacy_md", model=str(tmp_path))
    rows = embedder.encode(DOCUMENTS)
    assert embedder._loaded.component_names == ["tok2vec"]
    np.testing.assert_allclose(rows, [nlp(d).tensor.mean(axis=0) for d in DOCUMENTS], atol=1e-5)
    with pytest.raises(UserError, match=r"no parser.*tok2vec, tagger"):
        build("spacy_md", model=str(tmp_path), components=["parser"])


def test_a_pipeline_without_any_vectors_is_refused(build, tmp_path):
    spacy.blank("en").to_disk(tmp_path)
    with pytest.raises(UserError, match="neither word vectors nor a tok2vec"):
        build("spacy_md", model=str(tmp_path))


@pytest.mark.parametrize("option", ["spacy_md", "spacy_trf"])
def test_a_missing_pipeline_is_answered_with_the_line_that_installs_it(build, option, tmp_path):
    with pytest.raises(MissingExtraError, match="python -m spacy download xx_no_such_md"):
        build(option, model="xx_no_such_md")
    with pytest.raises(UserError, match="no such file or folder"):
        build(option, model="./nowhere")
    with pytest.raises(UserError, match="is not a spaCy pipeline"):
        build(option, model=str(tmp_path))


def test_trf_pools_all_pieces_of_the_transformer(build, transformer, trf_folder):
    text = "a dog chased the cat through the garden"
    hf = build("hf_transformer", normalise=False)
    tokenizer, model, _ = hf._loaded
    states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 1:-1]
    expected = {"mean": states.mean(0), "max": states.max(0).values}
    for pooling, row in expected.items():
        embedder = build("spacy_trf", model=str(trf_folder), pooling=pooling)
        np.testing.assert_allclose(embedder.encode([text])[0], row.detach(), atol=1e-4)
    assert transformer._loaded.pipe_names == ["curated_transformer"]


def test_trf_rows_are_the_same_whatever_stands_beside_them(transformer):
    together = transformer.encode(DOCUMENTS)
    assert together.dtype == np.float32
    alone = np.vstack([transformer.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_trf_reads_to_the_end_of_a_long_document(transformer):
    long = "the dog sleeps in the garden " * 150
    ends = transformer.encode([long + "interest rates " * 100, long + "football match " * 100])
    assert not np.allclose(ends[0], ends[1], atol=1e-3)


def test_trf_without_a_gpu(build, trf_folder, caplog):
    if spacy.prefer_gpu():
        spacy.require_cpu()
        pytest.skip("there is a GPU")
    build("spacy_trf", model=str(trf_folder), prefer_gpu=True).encode(["text"])
    assert "using the CPU" in caplog.text
    with pytest.raises(UserError, match=r"^require_gpu"):
        build("spacy_trf", model=str(trf_folder), require_gpu=True).encode(["text"])


def test_trf_wants_a_transformer_pipeline(build, spacy_md_folder, trf_folder):
    with pytest.raises(UserError, match="no curated_transformer"):
        build("spacy_trf", model=str(spacy_md_folder))
    with pytest.raises(UserError, match="or spacy_trf for"):
        build("spacy_md", model=str(trf_folder))


@pytest.mark.parametrize("wrong", [{"pooling": "cls"}, {"gpu_allocator": "cupy"}])
def test_trf_wrong_settings_fail_before_any_work(build, trf_folder, wrong):
    with pytest.raises(UserError, match=rf"^{next(iter(wrong))}"):
        build("spacy_trf", model=str(trf_folder), **wrong)


def test_fingerprints_know_what_changes_a_vector(build, spacy_md_folder, trf_folder):
    def md(**settings):
        return build("spacy_md", model=str(spacy_md_folder), **settings).fingerprint()

    def trf(**settings):
        return build("spacy_trf", model=str(trf_folder), **settings).fingerprint()

    assert md(n_process=2, batch_size=1) == md() != md(components=["tok2vec"])
    assert trf(batch_size=1, prefer_gpu=True) == trf() != trf(pooling="max")
    assert md()["sha256"] != trf()["sha256"]
