"""What is said of a sweep: never more than was measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from runner.leaderboard import comparison as comparison_module
from runner.leaderboard.__main__ import main
from runner.leaderboard.choice import SENTENCES, WORD_COUNTS, WORD_VECTORS
from runner.leaderboard.comparison import SCORES, Comparison, compare, score
from runner.leaderboard.html import page
from runner.leaderboard.labelled import difference
from runner.leaderboard.ranking import rank_runs
from runner.leaderboard.recommendation import Recommendation, recommend
from runner.tracking.record import SWEEP_FILE, Record


def a_run(embedder: str, choice: float, *measures: float, **more: float) -> Record:
    metrics = dict(zip(("words_ami", "stability", "consensus"), measures, strict=False))
    return Record(
        name=embedder,
        params={"dataset": "lee", "embedder": embedder, "clusterer": "leiden", "reducer": "none"},
        tags={"seedless_hash": embedder},
        metrics={"choice_score": choice, **metrics, **more},
        status="FINISHED",
    )


def advice(*runs: Record) -> Recommendation:
    found = recommend(rank_runs(runs, "choice_score"))
    assert found is not None
    return found


def test_the_best_those_like_it_and_those_behind() -> None:
    found = advice(
        a_run("tfidf", -0.24, 0.30, 0.50, 0.20),
        a_run("minilm", 0.10, 0.62, 0.70, 0.60),
        a_run("use_multilingual", 0.08, 0.61, 0.68, 0.57),
    )
    assert found.embedder == "minilm"
    assert found.sentence.startswith(
        "minilm has the highest choice_score (words_ami 0.62, stability 0.70, consensus 0.60). "
        "use_multilingual cannot be told apart from it on these documents. Behind it, in the AMI "
        "that choice_score estimates: tfidf by 0.34; such differences agreed with labels in about "
        "9 of 10 pairs."
    )
    assert [row.name for row in found.alike] == ["minilm", "use_multilingual"]


def test_how_to_see_the_topics_of_the_recommended_embedder(tmp_path: Path) -> None:
    best = a_run("minilm", 0.3, 0.6, 0.7, 0.5)
    runs = best, a_run("tfidf", 0, 0.6, 0.7, 0.5)
    assert "Its topics" not in advice(*runs).text
    typed = "python -m runner experiment=choose_embedder 'dataset.path=my texts.csv'"
    best.tags["command"] = (
        f"{typed} quick=true choose.grows=false embedder=minilm dataset.limit=500"
    )
    found = advice(*runs)
    assert found.text.endswith("-m runner 'dataset.path=my texts.csv' embedder=minilm")
    assert found.next.replace("'", "&#x27;") in page(rank_runs(runs), "A sweep", advice=found)
    best.tags["command"] = f"{typed} dataset.limit=5000 embedder=minilm"
    assert "dataset.limit=5000" in advice(*runs).next
    best.tags |= {"command": "python -m runner embedder=minilm", "folder": str(tmp_path)}
    (tmp_path / "report.html").touch()
    assert advice(*runs).next == str(tmp_path / "report.html")


def test_of_two_only_words_and_stability_are_told() -> None:
    found = advice(a_run("a", 0.04, 0.62, 0.70, 0.3), a_run("b", -0.04, 0.50, 0.58, 0.3))
    assert "b cannot be told apart from it" in found.sentence
    assert "consensus" not in found.sentence
    found = advice(a_run("a", 0.06, 0.65, 0.75, 0.3), a_run("b", -0.06, 0.50, 0.58, 0.3))
    assert "choice_score estimates: b by 0.12" in found.sentence


@pytest.mark.parametrize(
    ("seconds", "embedded", "said"),
    [
        ((60.0, 10.0), (100, 100), "b (6 times as fast) cannot"),
        ((10.0, 25.0), (100, 100), "b (2.5 times as slow) cannot"),
        ((60.0, 50.0), (100, 100), "b cannot"),
        ((60.0, 10.0), (100, 0), "b cannot"),  # from the cache
        ((2.0, 0.1), (100, 100), "b cannot"),  # too short to compare
    ],
)
def test_speed(seconds: tuple[float, float], embedded: tuple[int, int], said: str) -> None:
    runs = [
        a_run(name, choice, 0.6, 0.7, 0.5, embed_seconds=s, n_documents_embedded=e,
              n_documents=100, n_documents_empty=0)
        for name, choice, s, e in zip("ab", (0.01, 0), seconds, embedded, strict=True)
    ]  # fmt: skip
    assert said in advice(*runs).sentence


def test_labels_decide_where_there_are_any() -> None:
    found = advice(
        a_run("tfidf", 1, 0.60, 0.50, 0.20, ami=0.1),
        a_run("minilm", 0, 0.55, 0.50, 0.20, ami=0.36),
        a_run("use", -1, 0.50, 0.50, 0.20, ami=0.32),
    )
    assert found.embedder == "minilm"
    assert found.sentence.startswith(
        "By the labels, minilm is first (AMI 0.36) and use second (0.32). Without them, "
        "tfidf has the highest choice_score"
    )
    assert len(found.points) == 2  # what holds without the labels is one statement
    assert [row.name for row in found.alike] == ["minilm", "use"]


def test_where_words_are_high_and_nobody_agrees() -> None:
    runs = [
        a_run("a", 1, 0.8, 0.6, 0.2),
        a_run("b", 0, 0.3, 0.6, 0.3),
        a_run("c", -1, 0.3, 0.3, 0.3),
    ]
    assert "follow the documents' wording" in advice(*runs).sentence
    runs[0].metrics["consensus"] = 0.6
    assert "wording" not in advice(*runs).sentence


def test_high_words_are_no_reproach_where_others_agree_most() -> None:
    runs = [
        a_run("a", 1, 0.8, 0.7, 0.5),
        a_run("b", 0, 0.7, 0.6, 0.45),
        a_run("c", -1, 0.4, 0.3, 0.3),
    ]
    assert "wording" not in advice(*runs).sentence


def test_what_came_from_the_cache_is_not_on_the_front(jobs: dict[Path, Record]) -> None:
    (comparison,) = compare(jobs)
    score(jobs, [comparison])
    for number, record in enumerate(jobs.values()):
        embedded = 0 if number == 0 else 90
        record.metrics |= {"n_documents": 90, "n_documents_empty": 0}
        record.metrics |= {"n_documents_embedded": embedded, "embed_seconds": 1.0 + number}
    html = page(rank_runs(jobs.values(), "choice_score"), "A sweep")
    assert html.count('<circle class="cached"') == 1
    assert html.count('<circle class="best"') >= 1
    assert "Hollow" in html


def test_a_measure_that_a_run_lacks_is_not_used() -> None:
    runs = [a_run(name, choice, 0.6) for name, choice in (("a", 1), ("b", 0), ("c", -1))]
    assert "Without stability and consensus this is less certain" in advice(*runs).sentence


def test_no_choice_where_more_than_the_embedder_differs() -> None:
    runs = [a_run("a", 1, 0.6, 0.7, 0.5), a_run("b", 0, 0.5, 0.7, 0.5)]
    runs[1].params["clusterer"] = "kmeans"
    found = advice(*runs)
    assert found.embedder is None
    assert found.sentence.startswith("No recommendation: the runs differ in clusterer")


def test_why_the_first_by_the_measures_is_not_recommended() -> None:
    found = advice(
        a_run("use", 0.02, 0.60, 0.60, 0.30, n_topics=3, kind_prior=0.11),
        a_run("minilm", 0.15, 0.50, 0.55, 0.30, n_topics=16, kind_prior=0.11),
    )
    assert (
        "By the measures alone use would be first; it has 3 topics where minilm has 16, and few "
        "topics are easily agreed on."
    ) in found.sentence


def test_nothing_to_say_of_one_embedder() -> None:
    one, other = a_run("a", 1, 0.6), a_run("a", 0, 0.5)
    other.params["clusterer"], other.tags["seedless_hash"] = "kmeans", "b"
    assert recommend(rank_runs([one, other], "choice_score")) is None
    assert recommend(rank_runs([one], "choice_score")) is None


@pytest.fixture
def jobs(tmp_path: Path) -> dict[Path, Record]:
    """Four runs on 90 documents: two alike and good, one without neighbours in common, one bad."""
    truth, rng = np.arange(90) % 3, np.random.default_rng(0)
    near = np.stack([np.random.default_rng(d).permutation(90)[:10] for d in range(90)])
    apart = np.stack([np.random.default_rng(1000 + d).permutation(90)[:10] for d in range(90)])
    some = np.where(np.arange(10) < 5, near, apart)
    topics = [truth, truth, truth, np.where(truth == 0, rng.permutation(90) % 3, truth)]
    made = {}
    for number, (labels, neighbors) in enumerate(
        zip(topics, [near, near, apart, some], strict=True)
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        pq.write_table(pa.table({"topic": labels}), folder / "documents.parquet")
        np.save(folder / "neighbors.npy", np.hstack([np.arange(90)[:, None], neighbors]))
        (folder / "topics.csv").write_text(
            "topic,label,size,words,typical_document\n"
            + "".join(f'{t},"<t{t}>, of {number}",30,"w{t}, v",a document\n' for t in range(3)),
            encoding="utf-8-sig",
        )
        record = a_run(f"e{number}", 0, 0.6 - 0.1 * number, 0.5)
        record.metrics.pop("choice_score")
        record.tags["corpus_hash"] = "one"
        made[folder] = record
    return made


def test_runs_are_compared_and_scored(jobs: dict[Path, Record]) -> None:
    (comparison,) = compare(jobs)
    assert comparison.overlap is not None
    assert comparison.overlap[0, 1] == 1
    assert comparison.overlap[0, 2] == pytest.approx(0, abs=0.05)
    assert comparison.agreement[0, 2] == 1
    assert comparison.agreement[0, 3] < 0.8
    assert sorted(score(jobs, [comparison])) == sorted(jobs)
    records = [*jobs.values()]
    missing = {"seed_stability", "kind_prior"}
    assert all(set(SCORES) - set(record.metrics) == missing for record in records)
    # The variant with the same vectors does not vote: the two others do.
    other, worse = comparison.agreement[0, 2], comparison.agreement[0, 3]
    assert worse < records[0].metrics["consensus"] < other
    assert records[3].metrics["choice_score"] < records[0].metrics["choice_score"]


def test_what_is_known_of_the_kind_decides_between_equals(jobs: dict[Path, Record]) -> None:
    records = [*jobs.values()]
    for record in records[:2]:
        record.params["embedder._target_"] = "components.embedders.sklearn.SklearnEmbedder"
    records[2].params["embedder._target_"] = "components.embedders.openai.OpenAIEmbedder"
    # Documents get their vectors from the first of word_doc's two.
    records[3].params |= {
        "embedder._target_": "components.embedders.word_doc.WordDocEmbedder",
        "embedder.document_embedder._target_": "components.embedders.gensim.GensimEmbedder",
    }
    (comparison,) = compare(jobs)
    score(jobs, [comparison])
    assert [records[i].metrics["kind_prior"] for i in (0, 2, 3)] == [
        WORD_COUNTS,
        SENTENCES,
        WORD_VECTORS,
    ]
    advice = recommend(rank_runs(jobs.values(), "choice_score"), comparison)
    assert advice is not None
    assert advice.embedder == "e2"
    assert "By the measures alone e0 would be first" in advice.sentence


def test_other_documents_are_not_compared(jobs: dict[Path, Record]) -> None:
    first, second, *_ = jobs
    jobs[first].tags["corpus_hash"] = jobs[second].tags["corpus_hash"] = "two"
    assert [len(comparison.records) for comparison in compare(jobs)] == [2, 2]
    jobs[first].status = "FAILED"
    (second / "documents.parquet").unlink()
    assert [len(comparison.records) for comparison in compare(jobs)] == [2]


def test_without_neighbours_every_vote_is_the_same(jobs: dict[Path, Record]) -> None:
    (next(iter(jobs)) / "neighbors.npy").unlink()
    (comparison,) = compare(jobs)
    scores = comparison.scores()
    assert np.isnan(scores["neighbour_consensus"]).all()
    assert scores["consensus"][0] == pytest.approx(comparison.agreement[0, 1:].mean())


def test_a_run_without_topics_has_no_place_in_the_order(jobs: dict[Path, Record]) -> None:
    del [*jobs.values()][2].metrics["words_ami"]
    (comparison,) = compare(jobs)
    assert np.isnan(comparison.scores()["choice_score"]).tolist() == [False, False, True, False]


def test_runs_that_differ_by_seed_have_one_vote(jobs: dict[Path, Record]) -> None:
    (before,) = compare(jobs)
    first, *_, last = jobs
    copy = Record(**vars(jobs[first]))
    copy.metrics, copy.tags = dict(copy.metrics), dict(copy.tags)
    folder = last.parent / "4"
    shutil.copytree(first, folder)
    (again,) = compare({**jobs, folder: copy})
    assert again.voters == [0, 1, 2, 3]
    assert again.voter_of.tolist() == [0, 1, 2, 3, 0]
    assert again.scores()["consensus"][:4] == pytest.approx(before.scores()["consensus"])
    assert again.scores()["consensus"][4] == again.scores()["consensus"][0]
    of_seeds = again.scores()["seed_stability"]
    assert of_seeds[[0, 4]].tolist() == [1, 1]  # the same topics
    assert np.isnan(of_seeds[1:4]).all()


def test_many_seeds_of_one_embedder_are_not_compared(jobs: dict[Path, Record]) -> None:
    for record in jobs.values():
        record.params["embedder"], record.tags["seedless_hash"] = "e", "same"
    (comparison,) = compare(jobs)
    assert comparison.voters == []
    scores = comparison.scores()
    assert np.isnan(scores["consensus"]).all()
    assert np.isnan(scores["choice_score"]).all()
    others = [adjusted_mutual_info_score(np.arange(90) % 3, topics_of(folder)) for folder in jobs]
    assert scores["seed_stability"][0] == pytest.approx((others[1] + others[2] + others[3]) / 3)


def test_a_run_is_compared_with_some_of_many_seeds(
    jobs: dict[Path, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison_module, "VOTERS", 2)
    for record in jobs.values():
        record.params["embedder"], record.tags["seedless_hash"] = "e", "same"
    (comparison,) = compare(jobs)
    topics = [topics_of(folder) for folder in jobs]
    by_hand = [
        np.mean([adjusted_mutual_info_score(topics[i], topics[j]) for j in (0, 1) if j != i])
        for i in range(len(topics))
    ]
    assert comparison.scores()["seed_stability"] == pytest.approx(by_hand)


def test_an_ensemble_among_the_runs(jobs: dict[Path, Record]) -> None:
    (before,) = compare(jobs)
    ensemble = [*jobs.values()][3]
    ensemble.params |= {"embedder": "ensemble", "embedder.of": "e0,e2", "embedder.of.e0.model": "m"}
    (comparison,) = compare(jobs)
    scores = comparison.scores()
    # Of the three others each agrees with each; e1 alone, the twin of e0, votes on the ensemble.
    assert scores["consensus"][3] == pytest.approx(before.agreement[3, 1])
    assert before.scores()["consensus"][2] < 1
    assert scores["consensus"][2] == pytest.approx(1)
    names = [row.name for row in rank_runs(jobs.values(), "words_ami").rows]
    assert names == ["e0", "e1", "e2", "ensemble[e0,e2]"]


def topics_of(folder: Path) -> list[int]:
    topics: list[int] = pq.read_table(folder / "documents.parquet")["topic"].to_pylist()
    return topics


@pytest.mark.parametrize(("every", "said"), [(1, "tell them apart; about 40 labels would do."),
                                             (9, None)])  # fmt: skip
def test_how_many_labels_tell_the_first_two_apart(
    jobs: dict[Path, Record], every: int, said: str | None
) -> None:
    for folder in jobs:
        table = pq.read_table(folder / "documents.parquet")
        labels = [f"l{row % 3}" if row % every == 0 else None for row in range(90)]
        pq.write_table(table.append_column("label", [labels]), folder / "documents.parquet")
    folders = [*jobs]
    for folder in (folders[1], folders[2]):
        del jobs[folder]
    for record, ami in zip(jobs.values(), (1.0, 0.5), strict=True):
        record.metrics["ami"] = ami
    (comparison,) = compare(jobs)
    score(jobs, [comparison])
    found = recommend(rank_runs(jobs.values(), "choice_score"), comparison)
    assert found is not None
    assert (said in found.sentence) if said else ("The labels of" not in found.sentence)


def test_a_leaderboard_made_anew_says_what_the_labels_say(
    jobs: dict[Path, Record], capsys: pytest.CaptureFixture[str]
) -> None:
    for (folder, record), ami in zip(jobs.items(), (1.0, 0.5, 0.4, 0.3), strict=True):
        table = pq.read_table(folder / "documents.parquet")
        labels = [f"l{row % 3}" for row in range(90)]
        pq.write_table(table.append_column("label", [labels]), folder / "documents.parquet")
        record.metrics["ami"] = ami
        record.tags["sweep_id"] = "s"
    score(jobs, compare(jobs))
    sweep = next(iter(jobs)).parent
    (sweep / SWEEP_FILE).write_text('{"sweep_id": "s"}')
    assert main([f"sweep_id={sweep}", f"folder={sweep / 'anew'}"]) == 0
    said = "The labels of 90 documents "
    assert said in capsys.readouterr().out
    assert said in (sweep / "anew" / "leaderboard.html").read_text()


def test_a_difference_by_labels_that_is_not_certain() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    pair = [np.where(rng.random(200) < noise, rng.integers(0, 4, 200), labels)
            for noise in (0.40, 0.42)]  # fmt: skip
    apart = difference(np.where(np.arange(200) < 150, labels, -1), pair)
    assert apart is not None
    assert apart.n == 150
    assert not apart.is_certain
    assert apart.n_needed > 150
    values = [adjusted_mutual_info_score(labels[:150], each[:150]) for each in pair]
    assert apart.difference == pytest.approx(values[0] - values[1])
    assert difference(np.where(np.arange(200) < 39, labels, -1), pair) is None


def test_an_ensemble_is_offered_where_it_looks_better(jobs: dict[Path, Record]) -> None:
    records = [*jobs.values()]
    ensemble = records[3]
    ensemble.params |= {"embedder": "ensemble", "embedder.of": "e0,e2"}
    for record, words in zip(records, (0.6, 0.5, 0.4, 1.2), strict=True):
        record.metrics["words_ami"] = words
    (comparison,) = compare(jobs)
    score(jobs, [comparison])
    ranking = rank_runs(jobs.values(), "choice_score")
    found = recommend(ranking, comparison)
    assert found is not None
    assert found.embedder == "e0"
    # Words .6 better, stability the same; e1, who is in neither, has agreement 1 with e0.
    lost = 1 - comparison.agreement[3, 1]
    assert f"looks better by {(0.6 - lost) / 3:.3f}" in found.sentence
    assert "'embedder.of=[e0,e2]'" in found.sentence
    assert "ensemble" not in [row.settings["embedder"] for row in found.alike]
    ensemble.metrics["words_ami"] = 0.6
    found = recommend(rank_runs(jobs.values(), "choice_score"), comparison)
    assert found is not None
    assert "An ensemble of e0 and e2 looks no better by the mean of" in found.sentence


def test_matches_by_hand() -> None:
    one, other = np.array([0, 0, 0, 1, -1]), np.array([1, 1, 0, 0, 0])
    comparison = Comparison([], [0, 1], np.arange(2), [one, other], np.eye(2), None, [[], []])
    assert comparison.matches(0)[1] == pytest.approx(np.array([[1 / 5, 2 / 3], [1 / 3, 0]]))


def test_the_page_shows_the_comparison(jobs: dict[Path, Record]) -> None:
    (comparison,) = compare(jobs)
    score(jobs, [comparison])
    for number, record in enumerate(jobs.values()):
        record.metrics |= {"embed_seconds": 1.0 + number, "n_documents": 1000}
        record.params["dataset.path"] = "data/reviews.csv"
    ranking = rank_runs(jobs.values(), "choice_score")
    html = page(ranking, "A sweep", comparison, recommend(ranking))
    assert "<p>1,000 documents of reviews.csv · A sweep</p>" in html
    assert '<p class="pick">Recommended: e0</p><ul><li>e0 has the highest choice_score' in html
    assert html.count("<circle") == 4
    assert html.count('<circle class="best"') == 1  # e0 is the fastest and the best
    assert html.count("--share:") == 12
    assert "&lt;t0&gt;, of 1" in html
    assert "<t0>" not in html
    assert "3 of 3" in html
    assert "http" not in html
    assert html.count('<th scope="row" class="name">e') >= 8  # a head for each row of a table
    assert "(prefers-color-scheme: dark)" in html
