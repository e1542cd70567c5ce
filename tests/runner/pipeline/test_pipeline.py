from __future__ import annotations

import re
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from components.base import Corpus, UserError
from components.labels import by_size
from components.representations.ctfidf import CTFIDF
from components.representations.keybert import KeyBERT
from components.topics.outliers import AssignOutliers
from runner.cache import Cache
from runner.pipeline import Parts, run
from runner.pipeline.failures import StageError
from runner.terminal.console import command

WORDS = {"cats": 0, "dogs": 1, "cars": 2}


class Bag:
    """Counts three words; a document with none of them gets a zero row."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, documents: list[str]) -> NDArray[np.float32]:
        self.seen += documents
        rows = np.zeros((len(documents), len(WORDS)), dtype=np.float32)
        for row, document in enumerate(documents):
            for word in document.split():
                if word in WORDS:
                    rows[row, WORDS[word]] += 1
        self.truncated_ = np.array([len(d) > 100 for d in documents])
        self.metrics_ = {"embed_tokens": float(sum(len(d.split()) for d in documents))}
        return rows

    def fingerprint(self) -> dict[str, Any]:
        return {"bag": sorted(WORDS)}


class Same:
    def fit_transform(self, X: Any) -> Any:
        return X


class Largest:
    """Each document's topic is the word that it has most of."""

    def fit_predict(self, X: Any) -> Any:
        self.n_seen = len(X)
        return np.asarray(X).argmax(axis=1) + 5


class Loaded:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def load(self) -> Corpus:
        return self.corpus


def parts(documents: list[str], **changes: Any) -> Parts:
    built: dict[str, Any] = {
        "dataset": Loaded(Corpus(documents)),
        "embedder": Bag(),
        "reducer": Same(),
        "clusterer": Largest(),
        "representation": CTFIDF(),
        "metrics": {},
    }
    return Parts(**{**built, **changes})


DOCUMENTS = ["dogs dogs dogs", "cats cats", "  ", "dogs", "nothing known", "cars", "cats", "dogs x"]


def test_blank_and_unknown_documents_have_no_topic_and_are_counted() -> None:
    made = parts(DOCUMENTS)
    result = run(made, draw_map=False)
    assert result.labels.tolist() == [0, 1, -1, 0, -1, 2, 1, 0]
    assert result.strengths[[2, 4]].tolist() == [0, 0]
    assert sorted(result.rows.tolist()) == [0, 1, 3, 5, 6, 7]
    assert made.clusterer.n_seen == 6
    assert "  " not in made.embedder.seen
    assert result.metrics["n_documents"] == 8
    assert result.metrics["n_documents_empty"] == 2


def test_topics_are_numbered_by_size_with_words_and_a_typical_document() -> None:
    result = run(parts(DOCUMENTS), draw_map=False)
    assert [topic.size for topic in result.topics] == [3, 2, 1]
    assert result.topics[0].words[0][0] == "dogs"
    assert result.topics[0].typical == 0
    assert result.topics[2].typical == 5


def test_truncated_documents_and_costs_are_metrics() -> None:
    result = run(parts([*DOCUMENTS, "cats " * 40]), draw_map=False)
    assert result.metrics["n_documents_truncated"] == 1
    assert result.metrics["embed_tokens"] > 40
    for stage in ("load", "embed", "reduce", "cluster", "represent", "measure", "total"):
        assert result.metrics[f"{stage}_seconds"] >= 0
    assert result.metrics["peak_memory_mb"] > 10


def test_a_document_in_pieces_counts_once(caplog: pytest.LogCaptureFixture) -> None:
    whole = ["dogs", "cats", "", "cars"]
    pieces = ["dogs " * 40, "dogs " * 30, "cats", "nothing known", "", "cars"]
    corpus = Corpus(whole).cut(pieces, np.array([0, 0, 1, 1, 2, 3]))
    with caplog.at_level("WARNING"):
        metrics = run(parts(DOCUMENTS, dataset=Loaded(corpus)), draw_map=False).metrics
    assert (metrics["n_documents"], metrics["n_pieces"]) == (4, 6)
    assert (metrics["n_documents_empty"], metrics["n_documents_truncated"]) == (1, 1)
    assert "2 of 6 pieces of documents are empty" in caplog.text
    assert "2 of 4 pieces of documents (50.0 %) are longer" in caplog.text


def test_vectors_of_words_are_paid_for_too() -> None:
    made = parts(DOCUMENTS, representation=KeyBERT(candidates=CTFIDF()))
    metrics = run(made, draw_map=False).metrics
    of_documents = run(parts(DOCUMENTS), draw_map=False).metrics["embed_tokens"]
    assert metrics["embed_tokens"] == sum(len(text.split()) for text in made.embedder.seen)
    assert metrics["embed_tokens"] > of_documents


def test_truncation_is_remembered_with_the_vectors(tmp_path: Any) -> None:
    documents = [*DOCUMENTS, "cats " * 40]
    run(parts(documents), Cache(tmp_path), draw_map=False)
    again = parts(documents)
    result = run(again, Cache(tmp_path), draw_map=False)
    assert again.embedder.seen == []
    assert result.metrics["n_documents_truncated"] == 1


def test_a_metric_that_does_not_apply_is_absent() -> None:
    metrics = {
        "always": lambda result: 1.0,
        "never": lambda result: None,
        "both": lambda result: {"one": 1.0, "two": 2.0},
    }
    result = run(parts(DOCUMENTS, metrics=metrics), draw_map=False)
    assert result.metrics["always"] == 1.0
    assert "never" not in result.metrics
    assert (result.metrics["one"], result.metrics["two"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    "value", ["0.5", b"1", 1j, [1.0], np.ones(2), {"x": "a"}, {1: 2.0}, {"x": {"y": 1}}, object()]
)
def test_a_metric_that_gives_no_number_is_named(value: Any) -> None:
    result = run(parts(DOCUMENTS, metrics={"odd": lambda result: value}), draw_map=False)
    assert re.match(r"metrics\.odd .* must give a number", result.failed_metrics["odd"])


@pytest.mark.parametrize("given", [None, ["a", "b", "c"], []])
def test_a_labeler_that_does_not_give_the_topics_is_named(given: Any) -> None:
    labeler = SimpleNamespace(label=lambda topics: given)
    with pytest.raises(UserError, match=r"label must return a list of the 3 topics that it got"):
        run(parts(DOCUMENTS, labels=labeler), draw_map=False)


def test_a_data_set_that_gives_no_corpus_is_named() -> None:
    with pytest.raises(UserError, match=r"Loaded.load gave list. It must give .*Corpus"):
        run(parts(DOCUMENTS, dataset=Loaded(DOCUMENTS)))  # type: ignore[arg-type]


def test_no_topic_at_all_is_a_result() -> None:
    class Nothing:
        def fit_predict(self, X: Any) -> Any:
            return np.full(len(X), -1)

    result = run(
        parts(DOCUMENTS, clusterer=Nothing()),
        draw_map=False,
    )
    assert result.topics == []
    assert set(result.labels) == {-1}


@pytest.mark.parametrize("documents", [["", " "], ["cats"], ["cats", "unknown"]])
def test_too_little_is_an_error_of_the_users(documents: list[str]) -> None:
    with pytest.raises(UserError):
        run(parts(documents), draw_map=False)


def test_a_library_error_names_the_part_and_its_input() -> None:
    class Broken:
        def fit_transform(self, X: Any) -> Any:
            raise ValueError("singular matrix")

    with pytest.raises(StageError, match=r"reducer \(.*Broken\) failed on 6 x 3 .*singular"):
        run(
            parts(DOCUMENTS, reducer=Broken()),
            draw_map=False,
        )


def test_outliers_name_their_own_parameter() -> None:
    class Half:
        def fit_predict(self, X: Any) -> Any:
            return np.arange(len(X)) % 2 - 1

    with pytest.raises(UserError, match=r"^outliers.by=strength: the clusterer gives no"):
        run(parts(DOCUMENTS, clusterer=Half(), outliers=AssignOutliers(by="strength")))


def test_by_size() -> None:
    labels = np.array([7, 7, 3, -1, 3, 9, 3])
    assert by_size(labels).tolist() == [1, 1, 0, -1, 0, 2, 0]
    assert by_size(np.array([4, 2, 2, 4])).tolist() == [0, 1, 1, 0]
    assert by_size(np.array([-1, -1])).tolist() == [-1, -1]


def test_the_corpus_is_not_changed() -> None:
    documents = list(DOCUMENTS)
    run(parts(documents), draw_map=False)
    assert documents == DOCUMENTS


class WantsMore:
    def fit_predict(self, X: Any, model: Any) -> Any:
        return np.zeros(len(X), int)


def refused(result: Any, power: int) -> float:
    raise ValueError("no")


def test_a_part_that_takes_other_arguments_is_no_fault_of_ours() -> None:
    with pytest.raises(StageError, match=r"WantsMore.*missing 1 required.*\nChange clusterer"):
        run(parts(DOCUMENTS, clusterer=WantsMore()), draw_map=False)


def test_a_command_that_keeps_no_log_shows_the_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main(arguments: list[str]) -> int:
        run(parts(DOCUMENTS, clusterer=WantsMore()), draw_map=False)
        return 0

    with pytest.raises(SystemExit):
        command(main, [])
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("The traceback is above.\n")


def test_a_metric_that_fails_is_named_by_its_function() -> None:
    metrics = {"mine": partial(refused, power=2)}
    result = run(parts(DOCUMENTS, metrics=metrics), draw_map=False)
    reason = "metrics.mine (refused) failed: ValueError: no\n"
    assert result.failed_metrics["mine"].startswith(reason)


def test_a_fault_of_ours_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.representations.ctfidf.CTFIDF.fit", lambda *a, **k: 1 / 0)
    with pytest.raises(StageError, match="Change representation") as foreign:
        run(parts(DOCUMENTS), draw_map=False)  # the lambda is this file's, so it counts as a user's
    assert "fault of topic-runner" not in str(foreign.value)
    monkeypatch.undo()
    monkeypatch.setattr("components.topics.typical_rows", None)
    with pytest.raises(StageError, match=r"fault of topic-runner, at topics/__init__.py:\d+"):
        run(parts(DOCUMENTS), draw_map=False)
