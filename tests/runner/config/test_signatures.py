from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from runner.config.signatures import signature
from runner.config.source import NotFoundError


@pytest.mark.parametrize(
    "target",
    [
        "sklearn.decomposition.PCA",
        "sklearn.cluster.KMeans",
        "sklearn.feature_extraction.text.TfidfVectorizer",
        "umap.UMAP",
        "sentence_transformers.SentenceTransformer",
        "components.base.Corpus",
    ],
)
def test_source_tells_what_inspect_tells(target: str) -> None:
    import importlib

    module, _, name = target.rpartition(".")
    real = inspect.signature(getattr(importlib.import_module(module), name))
    found = signature(target)
    assert found is not None
    named = [p for p in real.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    assert list(found.parameters) == [p.name for p in named]
    assert [p.required for p in found.parameters.values()] == [p.default is p.empty for p in named]


def test_a_classmethod_leaves_out_cls() -> None:
    found = signature("model2vec.StaticModel.from_pretrained")
    assert found is not None
    assert next(iter(found.parameters)) == "path"


def test_a_wrong_name_lists_its_neighbours() -> None:
    with pytest.raises(NotFoundError) as error:
        signature("sklearn.decomposition.PCAA")
    assert "PCA" in error.value.names


def test_a_package_that_is_not_there() -> None:
    with pytest.raises(NotFoundError) as error:
        signature("no_such_package.Thing")
    assert error.value.package == "no_such_package"


def test_what_source_does_not_tell_is_none() -> None:
    assert signature("builtins.tuple") is None


def test_nothing_is_imported() -> None:
    code = (
        "import sys; from runner.config.signatures import signature;"
        "signature('sklearn.cluster.KMeans');"
        "signature('sentence_transformers.SentenceTransformer');"
        "print([m for m in ('sklearn', 'torch', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
