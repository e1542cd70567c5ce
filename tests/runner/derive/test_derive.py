"""What a run has from its parents."""

from __future__ import annotations

import numpy as np

from components.base import Corpus
from runner.derive import joined


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
