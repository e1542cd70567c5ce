"""What a run has from its parents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.base import Corpus, UserError
from runner import edit, merge, run, update
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


def test_a_run_with_vectors_from_a_file_has_no_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said before the recorded config asks for trust, which would not help."""
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32))
    texts = [f"cats and dogs {i}" for i in range(30)]
    path = ["embedder=precomputed", "embedder.path=v.npy", "clusterer.n_clusters=3"]
    run(texts, *FAST, *path, "metrics=none", folder="one")
    Path("edits.yaml").write_text("drop: [0]\n")
    new = ["dataset=text", "dataset.path=new.txt"]
    for name, main, words in (
        ("merge", merge.main, ["one", "two"]),
        ("edit", edit.main, ["run=one", "edits=edits.yaml"]),
        ("update", update.main, ["run=one", *new]),
    ):
        with pytest.raises(UserError, match=f"vectors from v.npy, and {name} needs an embedder"):
            main([*words, "folder=out", "tracking=none"])
