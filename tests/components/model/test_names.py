"""New documents go to the topics that a person has named by the rule that the run had for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from components import neighbors as search
from components.base import Corpus, Result, Topic
from components.clusterers.hdbscan import HDBSCANClusterer
from components.clusterers.kmeans import KMeansClusterer
from components.clusterers.leiden import LeidenClusterer
from components.model import TopicModel
from components.model import folder as model_folder
from components.model.fit import fit
from components.model.grow import Continued, Growth, grow, prediction
from components.model.sound import faults
from components.topics import settle
from components.topics.outliers import KeepOutliers
from components.topics.zeroshot import AroundNames, near_names

CENTRES = np.random.default_rng(3).normal(size=(5, 40))
SUBJECTS = np.arange(600) % 5
CLUSTERERS = {
    "leiden": lambda: LeidenClusterer(random_state=1),
    "kmeans": lambda: KMeansClusterer(n_clusters=3, random_state=1),
    "hdbscan": lambda: HDBSCANClusterer(),
}


def vectors() -> Any:
    rng = np.random.default_rng(0)
    return (CENTRES[SUBJECTS] + 0.8 * rng.normal(size=(600, 40))).astype(np.float32)


def encode(names: list[str]) -> Any:
    away = 2 * np.random.default_rng(1).normal(size=40)
    return np.stack([CENTRES[int(name)] + away for name in names]).astype(np.float32)


def like(X: Any, rows: Any) -> Any:
    """Rows in the form of `X`; of words, none is negative."""
    return sparse.csr_matrix(np.maximum(rows, 0)) if sparse.issparse(X) else rows


def run(X: Any, clusterer: Any, threshold: float | None = None) -> tuple[Result, Any]:
    names = near_names(["1", "3"], X, lambda n: like(X, encode(n)), search.neighbors, threshold)
    part = AroundNames(clusterer, names, threshold)
    texts = [f"text {row}" for row in range(X.shape[0])]
    found = part.fit_predict(X, neighbors=search.neighbors)
    settled = settle(found, part, X, texts, KeepOutliers())
    return result_of(X, settled.main, settled.strengths, part), names.near


def result_of(X: Any, labels: Any, strengths: Any, clusterer: Any) -> Result:
    topics = [
        Topic(t, int(size), ((f"w{t}", 1.0),), 0)
        for t, size in enumerate(np.bincount(labels[labels >= 0]))
    ]
    rows = np.arange(X.shape[0])
    corpus = Corpus([f"text {row}" for row in rows])
    return Result(corpus, rows, X, X, labels, strengths, topics, parts={"clusterer": clusterer})


def named(model: TopicModel, X: Any) -> Any:
    """The names that documents go to, -1 for none."""
    topics = model.predict(X).topics
    by_topic = {int(t): name for name, t in enumerate(model.arrays["names_topics"]) if t >= 0}
    return np.array([by_topic.get(topic, -1) for topic in topics.tolist()])


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, np.asarray) for name in CLUSTERERS),
        ("leiden", sparse.csr_matrix),
        ("kmeans", sparse.csr_matrix),
    ],
)
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_new_documents_are_near_to_a_name_as_in_a_run_over_all(name, form, threshold, tmp_path):
    X = like(sparse.csr_matrix(0), vectors()) if form is sparse.csr_matrix else vectors()
    _, expected = run(X, CLUSTERERS[name](), threshold)
    result, near = run(X[:500], CLUSTERERS[name](), threshold)
    model = fit(result, outliers=0)
    model_folder.write(tmp_path / "model", model, {"name": "run"}, "")
    loaded, _, _ = model_folder.read(tmp_path / "model")
    found = named(loaded, X[500:])
    assert (found == expected[500:]).mean() > 0.9
    assert (found >= 0).any()
    assert (loaded.predict(X[500:]).strengths[found >= 0] == 1).all()
    assert np.array_equal(named(loaded, X[:500]), near), "its own documents"
    alone = np.concatenate([loaded.predict(X[row : row + 1]).topics for row in range(500, 600)])
    assert np.array_equal(alone, loaded.predict(X[500:]).topics)


@pytest.mark.parametrize("neighbours", ["all", 100, 0])
def test_names_go_on_in_updates_and_edits(neighbours):
    X = vectors()
    result, _ = run(X[:400], LeidenClusterer(random_state=1))
    model = fit(result, outliers=0, neighbours=neighbours)
    before = Growth(
        np.append(result.labels, [-1] * 200), np.append(result.strengths, np.zeros(200)), {}, []
    )
    grown = grow(model, X, before, np.arange(600) >= 400, seed=0)
    after = fit(
        result_of(X, grown.labels, grown.strengths, Continued(prediction(model, grown))),
        outliers=0, neighbours=neighbours,
    )  # fmt: skip
    if neighbours != 0:
        _, expected = run(X, LeidenClusterer(random_state=1))
        assert (named(after, X) == expected).mean() > 0.9
    assert np.array_equal(after.arrays["names_topics"], model.arrays["names_topics"])

    # Topic of the first name is dropped; that of the second is merged with what is largest.
    gone, other = after.arrays["names_topics"].tolist()
    n = len(after.topics)
    kept = [topic for topic in range(n) if topic not in (gone, other)]
    sources = [(kept[0], other), *((topic,) for topic in kept[1:])]
    labels = np.full(600, -1)
    for number, of in enumerate(sources):
        labels[np.isin(grown.labels, of)] = number
    edited = Growth(labels, np.ones(600, np.float32), {}, sources)
    part = Continued(prediction(after, edited))
    model = fit(result_of(X, labels, edited.strengths, part), outliers=0, neighbours=neighbours)
    assert model.arrays["names_topics"].tolist() == [-1, 0]
    # Divided by a person: its name cannot tell the parts apart.
    halves = Growth(
        np.where((labels == 0) & (np.arange(600) % 2 == 0), len(sources), labels),
        edited.strengths, {}, [*((t,) for t in range(len(sources))), (0,)],
    )  # fmt: skip
    part = Continued(prediction(model, halves))
    model = fit(result_of(X, halves.labels, edited.strengths, part), neighbours=neighbours)
    assert model.arrays["names_topics"].tolist() == [-1, -2]
    assert set(model.predict(X).topics) >= {0, len(sources)}


def test_damaged_arrays_of_names_are_faults():
    result, _ = run(vectors(), LeidenClusterer(random_state=1))
    model = fit(result, outliers=0)
    assert not list(faults(model))
    arrays = model.arrays
    for name, array in {
        "names_topics": np.array([0, 99], np.int32),
        "names_likely": arrays["names_likely"][:-1],
        "names": arrays["names"][:, :-1],
        "names_least": arrays["names_least"][:1],
    }.items():
        model.arrays = {**arrays, name: array}
        assert list(faults(model)), name
    model.arrays = {name: array for name, array in arrays.items() if name != "names_spreads"}
    assert "names_spreads" in "".join(faults(model))
