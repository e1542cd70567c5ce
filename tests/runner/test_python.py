"""Runs from Python, as in a notebook."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.base import Result, UserError
from runner import run
from tests_support import FAST
from tracking_support import runs_of

TEXTS = [f"the cat number {i} sat on the mat with a cat" for i in range(20)]
TEXTS += [f"stocks and shares {i} fell on the <b>market</b> today" for i in range(20)]
SETTINGS = [*FAST, "reducer.n_components=2", "clusterer.n_clusters=2"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the process is changed but by the tests."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    path = list(sys.path)
    yield
    assert signal.getsignal(signal.SIGTERM) is before
    assert sys.path == path
    assert Path.cwd() == tmp_path


def test_documents_in_a_result_out(tmp_path: Path) -> None:
    result = run(TEXTS, *SETTINGS)
    assert isinstance(result, Result)
    assert sorted(topic.size for topic in result.topics) == [20, 20]
    assert len(set(result.labels[:20])) == 1
    assert not list(tmp_path.iterdir())
    topics = result.topics_table()
    assert list(topics["size"]) == [20, 20]
    documents = result.documents_table()
    assert list(documents["document"]) == TEXTS
    assert np.array_equal(documents["topic"], result.labels)
    assert result.layers_table().empty


def test_settings_that_are_numbers_of_numpy() -> None:
    """As a loop over np.arange or np.linspace has them."""
    weights = {"max_df": np.float64(0.9), "bm25_weighting": np.bool_(True)}
    settings = {"clusterer.n_clusters": np.int64(2), "representation": weights}
    result = run(TEXTS, *FAST, "reducer.n_components=2", **settings)
    assert len(result.topics) == 2


def test_broader_topics_of_a_result() -> None:
    result = run(TEXTS, *SETTINGS[:-1], "clusterer.n_clusters=4")
    broad = result.topics_at(2)
    assert sum(topic.size for topic in broad.topics) == len(TEXTS)
    assert len(set(broad.labels[:20])) == len(set(broad.labels[20:])) == 1


def test_classes_are_given_beside_documents(tmp_path: Path) -> None:
    source = ["diary"] * 20 + ["paper"] * 20
    run(TEXTS, *SETTINGS, classes={"source": source}, folder=tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "topics_by_class.csv")
    assert set(table["class"]) == {"diary", "paper"}
    assert (table.groupby("class")["count"].sum() == 20).all()


def test_no_document_is_in_what_python_shows_of_a_result() -> None:
    # A notebook keeps this beside the page; it would hold the whole corpus once more for each cell.
    result = run(TEXTS, *SETTINGS)
    assert repr(result) == "<RunResult: 2 topics in 40 documents>"
    assert repr(result.corpus) == "<Corpus: 40 documents>"


def test_the_page_of_a_notebook_is_escaped() -> None:
    result = run(TEXTS, *SETTINGS)
    shown = result._repr_html_()
    assert shown.count("<tr>") == 3
    assert "2 topics in 40 documents.</p>" in shown
    result.labels[0] = -1
    assert "2 topics in 40 documents, 1 of them in no topic." in result._repr_html_()
    object.__setattr__(result.topics[0], "label", "<script>")
    assert "&lt;script&gt;" in result._repr_html_()
    assert "<script>" not in result._repr_html_()


def test_keywords_are_overrides() -> None:
    keywords = {
        "embedder": "tfidf", "reducer": "truncated_svd", "cache": {"dir": None}, "map": False,
        "clusterer": "kmeans", "clusterer.n_clusters": 2, "reducer.n_components": 2,
        "representation": {"stop_words": ["cat", "it's"]},
    }  # fmt: skip
    result = run(TEXTS, **keywords)
    assert np.array_equal(result.labels, run(TEXTS, *SETTINGS).labels)
    assert "cat" not in {word for topic in result.topics for word, _ in topic.words}


def test_a_class_in_place_of_an_option() -> None:
    kmeans = {"_target_": "sklearn.cluster.KMeans", "n_clusters": 2, "n_init": 1}
    assert len(run(TEXTS, *SETTINGS[:1], metrics="none", clusterer=kmeans).topics) == 2
    for thing in (object(), dict):
        with pytest.raises(UserError, match=r'is an object, .* {"_target_": "my_parts.Lengths"'):
            run(TEXTS, embedder=thing)


def test_a_module_is_edited_between_two_runs(tmp_path: Path) -> None:
    module = tmp_path / "edited_parts.py"
    code = "def work(documents, {}):\n    return [[d.count('cat'), 1, scale] for d in documents]\n"
    module.write_text(code.format("scale=1"))
    part = {"_target_": "edited_parts.work", "_partial_": True}
    settings = [*SETTINGS[1:], "trusted_targets=[edited_parts]"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        patch.setattr(sys, "dont_write_bytecode", True)
        assert run(TEXTS, *settings, embedder=part).embeddings[0, 2] == 1
        module.write_text(code.format("scale=1, more=2").replace("scale]", "scale + more]"))
        importlib.reload(sys.modules["edited_parts"])
        assert run(TEXTS, *settings, embedder={**part, "more": 3}).embeddings[0, 2] == 4
    del sys.modules["edited_parts"]


def test_a_class_of_a_notebook_itself() -> None:
    with pytest.raises(UserError, match=r"Write it to a file .* type my_parts.Lengths, with"):
        run(TEXTS, embedder={"_target_": "__main__.Lengths"}, trusted_targets=["__main__"])


def test_a_column_of_a_table_with_labels() -> None:
    table = pd.DataFrame({"review": TEXTS, "kind": ["cat"] * 20 + ["money"] * 20})
    by_table = run(table, *SETTINGS, text="review", label="kind")
    by_column = run(table["review"], *SETTINGS, label=table["kind"])
    for result in (by_table, by_column):
        assert result.metrics["ari"] == 1
    assert len(run(table["review"], *SETTINGS, "dataset.limit=30").corpus) == 30


def test_the_data_set_of_a_config(tmp_path: Path) -> None:
    result = run(None, "dataset.limit=60", *SETTINGS, folder="out")
    assert len(result.corpus) == 60
    assert (tmp_path / "out" / "topics.csv").is_file()
    assert (tmp_path / "out" / "run.json").is_file()


def test_a_tracked_run(store: Path, tmp_path: Path) -> None:
    run(TEXTS, *SETTINGS, "tracking=mlflow")
    (logged,) = runs_of(store)
    assert logged.info.status == "FINISHED"
    assert logged.data.params["dataset"] == "python"
    assert len(list(tmp_path.glob("outputs/*/*/topics.csv"))) == 1


@pytest.mark.parametrize(
    ("documents", "overrides", "message"),
    [
        (TEXTS, ["embedder=tfidff"], "Did you mean 'tfidf'"),
        (TEXTS, ["seed=1,2"], "a call makes one run"),
        (TEXTS, ["experiment=seeds"], "a call makes one run"),
        ("one text", [], "Give a list of documents"),
        (None, ["dataset=python"], "gives to runner.run"),
        ([*TEXTS, None], ["dataset.missing=error"], "1 of .* rows have no text"),
    ],
)
def test_mistakes(documents: object, overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(documents, *SETTINGS, *overrides)


def test_a_folder_with_names_like_ours(tmp_path: Path) -> None:
    """Python looks there first; what is imported is ours, and the user's own classes."""
    for name in ("conf", "components"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "my_words.py").write_text(
        "class Lengths:\n    def encode(self, documents):\n"
        "        return [[len(d), d.count('e')] for d in documents]\n"
    )
    (tmp_path / "runner.py").write_text("raise SystemExit('the wrong one')\n")
    folder = tmp_path / "mine" / "embedder"
    folder.mkdir(parents=True)
    (folder / "lengths.yaml").write_text("_target_: my_words.Lengths\n")
    settings = ["--config-dir=mine", *SETTINGS[1:], "embedder=lengths", "dataset.limit=60"]
    root = Path(__file__).parents[2]
    script = tmp_path / "bin" / "runner"  # as pip writes it
    script.parent.mkdir()
    script.write_text("import sys\nfrom runner.cli import entry_point\nsys.exit(entry_point())\n")
    done = subprocess.run(
        [sys.executable, str(script), *settings, "trusted_targets=[my_words]"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "components/__init__.py is not imported" in done.stderr
    assert "runner.py is not imported" in done.stderr
    code = f"from runner import run; print(run(None, *{SETTINGS!r}).topics_table().shape)"
    (tmp_path / "runner.py").unlink()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout.strip() == "(2, 5)", done.stderr


def test_a_folder_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runner.job.write_reports", full)
    with pytest.raises(UserError, match=r"No space left.* another folder with folder=\.\.\."):
        run(TEXTS, *SETTINGS, folder="out")


def test_a_topic_has_any_name() -> None:
    texts = ["the size of the shirt", "a colour of paint", "the price of tea"] * 20
    names = {"Größe: klein/groß": ["size", "shirt"], "it's red": ["colour"]}
    result = run(texts, embedder="tfidf", map=False, guided={"topics": names})
    assert {topic.label for topic in result.topics} >= names.keys()
