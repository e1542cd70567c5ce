"""What a run has from its parents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.base import Corpus, UserError
from components.reports.read import read_result
from runner import edit, merge, update
from runner.derive import joined
from tests_support import FAST


def test_what_one_corpus_lacks_is_missing_in_both() -> None:
    day = np.array(["2020-01-01"], "datetime64[us]")
    first = Corpus(["a"], labels=["x"], known_labels=["x"], timestamps=day, classes=["source"],
                   columns={"source": ["news"]})  # fmt: skip
    second = Corpus(["b", "c"], images=["b.png", None], columns={"year": ["1", "2"]})
    both = joined(first, second)
    assert both.documents == ["a", "b", "c"]
    assert both.labels == both.known_labels == ["x", None, None]
    assert both.images == [None, "b.png", None]
    assert both.columns == {"source": ["news", "", ""], "year": ["", "1", "2"]}
    assert both.timestamps is not None
    assert np.isnat(both.timestamps).tolist() == [False, True, True]
    assert both.classes == ("source",)


@pytest.fixture
def of_vectors(runner: Callable[..., Any]) -> None:
    """A run in the folder `one`, on a sample, with vectors from v.npy."""
    np.save("v.npy", np.random.default_rng(0).normal(size=(80, 8)).astype(np.float32))
    Path("texts.txt").write_text("\n".join(f"cats and dogs {i}" for i in range(80)))
    path = ["embedder=precomputed", "embedder.path=v.npy", "clusterer.n_clusters=3"]
    texts = ["dataset=text", "dataset.path=texts.txt", "dataset.limit=60"]
    assert runner(*FAST, *path, *texts, "metrics=none", "hydra.run.dir=one").code == 0
    Path("edits.yaml").write_text("drop: [0]\nsplit: {1: 2}\n")


@pytest.mark.usefixtures("of_vectors")
def test_new_documents_have_no_vectors_in_the_file_of_a_run() -> None:
    """Said before the recorded config asks for trust, which would not help."""
    new = ["dataset=text", "dataset.path=new.txt"]
    for name, command, words in (
        ("merge", merge.main, ["one", "two"]),
        ("update", update.main, ["run=one", *new]),
    ):
        with pytest.raises(UserError, match=f"vectors from v.npy, and {name} needs an embedder"):
            command([*words, "folder=out", "tracking=none"])


@pytest.mark.usefixtures("of_vectors")
def test_topics_of_vectors_from_a_file_can_be_edited() -> None:
    words = ["run=one", "edits=edits.yaml", "folder=out", "tracking=none"]
    with pytest.raises(UserError, match=r"use embedder\.path=v\.npy"):
        edit.main(words)
    Path("v.npy").rename("moved.npy")
    assert edit.main([*words, "embedder.path=moved.npy"]) == 0
    before, after = (read_result(Path(folder)) for folder in ("one", "out"))
    assert (after.labels[before.labels == 0] == -1).all()
    assert len(after.topics) == len(before.topics)  # one less, one more
    assert (after.labels[before.labels == 2] == after.labels[before.labels == 2][0]).all()
    np.save("moved.npy", np.zeros((80, 8), np.float32))
    with pytest.raises(UserError, match=r"Type embedder\.path=.* with the run's own"):
        edit.main([*words, "embedder.path=moved.npy"])
