"""The board: order, seeds, columns; in the terminal, as CSV, as a page, from MLflow."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from components.base import UserError
from components.reports.tables import TOPICS, write_csv
from runner.leaderboard.__main__ import main
from runner.leaderboard.html import page
from runner.leaderboard.ranking import FIRST, Cell, rank_runs
from runner.leaderboard.table import HTML, show, write
from runner.leaderboard.topic_rows import TopicRow, read_topics
from runner.tracking.record import Record
from tests_support import FAST
from tracking_support import TRACKED, runs_of

Run = Callable[..., Any]


def a_run(
    embedder: str, seed: int, status: str = "FINISHED", n_topics: float = 12, **metrics: float
) -> Record:
    params = {"dataset": "lee", "embedder": embedder, "reducer": "umap", "clusterer": "hdbscan"}
    params |= {"seed": str(seed), "reducer.random_state": str(seed)}
    return Record(
        name=embedder,
        params=params,
        tags={"seedless_hash": embedder, "job": f"embedder={embedder} seed={seed}"},
        metrics={"n_topics": n_topics, **metrics},
        status=status,
        failure=None if status == "FINISHED" else "it <broke>",
        run_id=f"{embedder}{seed}",
    )


RUNS = [
    a_run("minilm", 1, npmi=0.1, embed_seconds=9.0),
    a_run("minilm", 2, npmi=0.3, embed_seconds=11.0),
    a_run("tfidf", 1, npmi=0.25, embed_seconds=0.5),
    a_run("sklearn", 2, embed_seconds=1.0, n_topics=0),
    a_run("use", 1, "FAILED"),
    a_run("clip", 1, "RUNNING"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(runs: list[Record], sort: str = "npmi", file: io.StringIO | None = None) -> str:
    file = file or io.StringIO()
    show(rank_runs(runs, sort), file)
    return file.getvalue()


def test_the_best_is_first_and_seeds_are_folded() -> None:
    ranking = rank_runs(RUNS, "npmi")
    assert [row.settings for row in ranking.rows] == [
        {"embedder": "tfidf"},
        {"embedder": "minilm"},
        {"embedder": "sklearn"},
    ]
    cell = ranking.rows[1].metrics["npmi"]
    assert cell.mean == pytest.approx(0.2)
    assert cell.spread == pytest.approx(0.02**0.5)
    assert ranking.rows[0].metrics["npmi"].spread is None
    assert ranking.summary == "4 runs, 1 failed, 1 still running, best first by npmi."


@pytest.mark.parametrize(
    ("sort", "first"),
    [("embed_seconds", "tfidf"), ("n_topics", "minilm"), ("-n_topics", "sklearn")],
)
def test_what_best_means(sort: str, first: str) -> None:
    assert rank_runs(RUNS, sort).rows[0].settings["embedder"] == first


def of_settings(**metrics: float) -> Record:
    """A run that differs from others of its kind in its clusterer."""
    run = a_run("minilm", 1, **metrics)
    run.params["clusterer"] = run.tags["seedless_hash"] = f"c{metrics}"
    return run


def test_an_order_that_nobody_has_named_goes_by_what_differs() -> None:
    # Few documents in topics: the clearest, whose silhouette says nothing of the others.
    few = of_settings(silhouette=0.3, outlier_ratio=0.9, words_ami=0.9)
    all_in = of_settings(silhouette=0.1, outlier_ratio=0.0, words_ami=0.5)
    ranking = rank_runs([few, all_in])
    assert [row.runs for row in ranking.rows] == [[all_in], [few]]
    assert ranking.rows[1].metrics["covered_silhouette"].mean == pytest.approx(0.03)
    assert ranking.summary.startswith("2 runs, best first by covered_silhouette, silhouette where")
    few.metrics["ami"], all_in.metrics["ami"] = 0.4, 0.2
    ranking = rank_runs([all_in, few])
    assert ranking.rows[0].runs == [few]
    assert ranking.summary == "2 runs, best first by ami, the agreement with the labels."
    assert rank_runs([all_in, few], "covered_silhouette").rows[0].runs == [all_in]


def test_embedders_are_compared_by_choice_score_alone() -> None:
    """Silhouettes of two embedders do not compare, so there is no covered one."""
    runs = [a_run(name, 1, silhouette=0.1, outlier_ratio=0.0) for name in ("tfidf", "use")]
    for run, score in zip(runs, (0.1, 0.2), strict=True):
        run.metrics["choice_score"] = score
    ranking = rank_runs(runs)
    assert ranking.summary == "2 runs, best first by choice_score."
    assert ranking.rows[0].settings["embedder"] == "use"
    assert "covered_silhouette" not in ranking.metrics
    for value in ("none", "pca"):
        runs[0].params["reducer"] = value
        assert "choice_score, which is known to compare embedders only." in rank_runs(runs).summary
    for run, ami in zip(runs, (0.2, 0.1), strict=True):
        run.metrics["ami"] = ami
    for value in ("pca", "umap"):  # then embedders alone differ, and the labels decide as well
        runs[0].params["reducer"] = value
        assert rank_runs(runs).sort == "ami"
        assert rank_runs(runs).rows[0].settings["embedder"] == "tfidf"


def test_scores_of_embedders_on_other_documents_are_not_compared() -> None:
    runs = []
    for path, leads in (("a.csv", (-0.1, 0.1)), ("b.csv", (0.4, -0.4))):
        for embedder, lead in zip(("tfidf", "minilm"), leads, strict=True):
            run = a_run(embedder, 1, choice_score=lead)
            run.params["dataset.path"] = run.tags["corpus_hash"] = path
            run.tags["seedless_hash"] = path + embedder
            runs.append(run)
    ranking = rank_runs(runs)
    order = [(row.settings["dataset.path"], row.settings["embedder"]) for row in ranking.rows]
    assert order == [
        ("b.csv", "tfidf"), ("b.csv", "minilm"), ("a.csv", "minilm"), ("a.csv", "tfidf"),
    ]  # fmt: skip
    assert ranking.summary == "4 runs, best first by choice_score, each data set by itself."
    assert [row.metrics["choice_score"].mean for row in rank_runs(runs, "choice_score").rows] == [
        0.4, 0.1, -0.1, -0.4,
    ]  # fmt: skip


@pytest.mark.parametrize("n_seeds", [2, 3])
def test_seconds_are_those_of_the_seed_that_embedded(n_seeds: int) -> None:
    about = {"n_documents": 100.0, "n_documents_empty": 0.0}
    runs = [
        a_run("minilm", seed, words_ami=0.1, n_documents_embedded=100.0 * (seed == 0),
              embed_seconds=40.0 if seed == 0 else 0.0, **about)
        for seed in range(n_seeds)
    ]  # fmt: skip
    (row,) = rank_runs(runs).rows
    assert str(row.metrics["embed_seconds"]) == "40"
    assert row.from_cache is False
    assert rank_runs(runs[1:]).rows[0].from_cache is True


def test_runs_that_differ_in_their_seed_alone() -> None:
    runs = [a_run("tfidf", seed, words_ami=0.1 * seed) for seed in (1, 2)]
    ranking = rank_runs(runs)
    assert ranking.summary == (
        "2 runs, which differ in their seed alone: mean ± standard deviation."
    )
    assert not ranking.note
    for run, documents in zip(runs, "ab", strict=True):
        run.tags["corpus_hash"] = documents
    assert rank_runs(runs).note.startswith("Some rows hold runs of different documents")


def test_the_order_of_a_minus_is_not_called_the_best() -> None:
    assert rank_runs(RUNS, "-npmi").summary.endswith("least first by npmi.")
    assert rank_runs(RUNS, "embed_seconds").summary.endswith("best first by embed_seconds.")


def test_a_reason_is_told_once() -> None:
    runs = [a_run(embedder, 1, "FAILED") for embedder in ("use", "clip")]
    said = shown(runs)
    assert said.count("it <broke>") == 1
    assert "FAILED: embedder=clip seed=1: the same as embedder=use seed=1" in said
    assert page(rank_runs(runs), "A sweep").count("it &lt;broke&gt;") == 1


def test_words_are_ranked_by_npmi_and_other_documents_not_at_all() -> None:
    runs = [
        a_run("tfidf", 1, npmi=n, ami=0.1, silhouette=0.1, outlier_ratio=0.0) for n in (0.1, 0.2)
    ]
    for run, value in zip(runs, ("ctfidf", "mmr"), strict=True):
        run.params["representation._target_"] = run.tags["seedless_hash"] = value
    ranking = rank_runs(runs)
    assert ranking.rows[0].runs == [runs[1]]
    assert "by npmi, which judges the words: the runs differ in nothing else." in ranking.summary
    for run in runs:
        del run.params["representation._target_"]
        run.params["dataset.limit"] = run.tags["seedless_hash"]
        del run.metrics["ami"]
    assert rank_runs(runs).summary == "2 runs, in no order, as the runs are of different documents."


def test_columns_are_what_differs() -> None:
    runs = [a_run("tfidf", 1, npmi=0.1), a_run("tfidf", 1, npmi=0.2), a_run("use", 1, npmi=0.3)]
    for run, k in zip(runs, "234", strict=True):
        run.params["reducer.n_neighbors"] = "15"
        run.params["embedder.k" if run.params["embedder"] == "tfidf" else "embedder.m"] = k
        run.params["cache.dir"] = k
        run.tags["seedless_hash"] = k
    assert rank_runs(runs, "npmi").settings == ["embedder", "embedder.k"]


@pytest.mark.parametrize(
    ("mean", "spread", "text"),
    [
        (12.0, None, "12"),
        (12.0, 0.0, "12 ± 0"),
        (0.12345, 0.01, "0.123 ± 0.010"),
        (3.14159, None, "3.14"),
        (271.828, 1.25, "271.8 ± 1.2"),
        (12345.6, None, "12,346"),
        (-0.5, None, "-0.500"),
    ],
)
def test_a_cell(mean: float, spread: float | None, text: str) -> None:
    assert str(Cell(mean, spread)) == text


def test_the_table_in_a_terminal() -> None:
    said = shown(RUNS)
    lines = said.splitlines()
    assert "runs" in said
    first = next(line for line in lines if line.startswith("1  "))
    assert first.split()[:4] == ["1", "tfidf", "1", "12"]
    assert "0.200 ± 0.141" in said
    assert "FAILED: embedder=use seed=1: it <broke>" in said
    assert "4 runs, 1 failed, 1 still running, best first by npmi." in lines


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_table_is_as_wide_as_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    many = dict.fromkeys(FIRST, 0.5) | {"my_metric": 0.25}
    monkeypatch.setenv("TERM", "xterm")
    said = shown([a_run("minilm", 1, **many), a_run("tfidf", 1, **many)], "my_metric", Terminal())
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)  # colours
    table = said.partition("\n\n")[0].splitlines()
    assert max(map(len, table)) <= width
    assert "0.250" in said  # what it is sorted by is always there
    assert "0.500" in said
    assert "…" not in said


def test_numbers_stay_whole_beside_long_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    runs = [a_run("sentence_transformer", 1, npmi=0.125), a_run("tfidf", 1, npmi=0.25)]
    for run, name in zip(runs, ["a_long_name_of_a_model", "another"], strict=True):
        run.params["embedder.model"] = name
        run.tags["seedless_hash"] = name
    said = shown(runs, "npmi", Terminal())
    assert "0.125" in said
    assert "0.250" in said


def test_long_settings_are_cut_in_the_terminal_alone(tmp_path: Path) -> None:
    runs = [a_run("tfidf", 1, npmi=0.1), a_run("tfidf", 1, npmi=0.2)]
    for run, path in zip(runs, ["a" * 60, "b" * 60], strict=True):
        run.params["embedder.model"] = path
        run.tags["seedless_hash"] = path
    ranking = rank_runs(runs, "npmi")
    assert "b" * 27 + "…" in shown(runs)
    write(ranking, tmp_path, "A sweep")
    assert "b" * 60 in (tmp_path / "leaderboard.csv").read_text()
    assert "b" * 60 in (tmp_path / "leaderboard.html").read_text()


def test_the_table_as_csv(tmp_path: Path) -> None:
    write(rank_runs(RUNS, "npmi"), tmp_path / "new", "A sweep")
    with (tmp_path / "new" / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["embedder"] == "minilm"
    assert rows[1]["runs"] == "2"
    assert float(rows[1]["npmi"]) == pytest.approx(0.2)
    assert float(rows[1]["npmi_std"]) == pytest.approx(0.02**0.5)
    assert rows[1]["run_ids"] == "minilm1 minilm2"
    assert rows[2]["npmi"] == rows[0]["npmi_std"] == ""


def test_the_folder_of_each_run_is_told_and_its_page_linked_to(tmp_path: Path) -> None:
    runs = [a_run("minilm", 1, npmi=0.1), a_run("minilm", 2, npmi=0.2), a_run("tfidf", 1, npmi=0)]
    for number, run in enumerate(runs):
        run.tags["folder"] = str(tmp_path / str(number))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "report.html").touch()
    assert re.search(r"^1  minilm +2 +0 1 ", shown(runs), re.MULTILINE)
    write(rank_runs(runs, "npmi"), tmp_path, "A sweep")
    assert '<td>0 <a href="1/report.html">1</a></td>' in (tmp_path / HTML).read_text()
    with (tmp_path / "leaderboard.csv").open() as file:
        assert [row["folders"] for row in csv.DictReader(file)] == ["0 1", "2"]
    write(rank_runs(runs, "npmi"), tmp_path / "elsewhere", "A sweep")
    assert "<td>0 1</td>" in (tmp_path / "elsewhere" / HTML).read_text()


def test_the_page_holds_every_metric_and_no_markup_of_others() -> None:
    html = page(rank_runs(RUNS, "embed_seconds"), "Sweep <1>")
    assert "Sweep &lt;1&gt;" in html
    assert "it &lt;broke&gt;" in html
    assert html.count('<tr><th scope="row"') == 3
    assert '<td class="sort best" data-value="0.5">0.500</td>' in html
    assert 'class="sort up" aria-sort="ascending" data-first="up"' in html
    assert "Every measure" not in html
    with_another = [a_run("tfidf", 1, npmi=0.1, my_metric=0.2), a_run("use", 1, npmi=0.3)]
    html = page(rank_runs(with_another, "npmi"), "A sweep")
    shown, _, every = html.partition("Every measure")
    assert "my\nmetric" in every
    assert "my\nmetric" not in shown


def test_time_to_embed_is_drawn_where_embedders_differ() -> None:
    assert "Quality and time" in page(rank_runs(RUNS, "npmi"), "A sweep")
    # Of several clusterers the first embeds, and the others have its vectors from the cache.
    runs = [of_settings(ami=score, embed_seconds=1 / score) for score in (0.2, 0.4)]
    assert "Quality and time" not in page(rank_runs(runs), "A sweep")


def test_nothing_to_compare() -> None:
    assert "0 runs." in shown([])
    assert "<table" in page(rank_runs([], "npmi"), "Empty")


def test_from_mlflow(
    runner: Run, store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    other = "tracking.experiment=other"
    runner("-m", *TRACKED, "seed=1,2")
    runner("-m", *TRACKED, other, "clusterer=kmeans,agglomerative")
    runner(*TRACKED, other)
    sweeps = [run for run in runs_of(store) if "is_sweep" in run.data.tags]

    def board(*arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    newest = board("sort=silhouette")
    assert f"Sweep {sweeps[1].data.tags['sweep_id']}" in newest
    assert "2 runs, best first by silhouette." in newest
    assert "agglomerative" in newest
    logged = store.parent / "mlartifacts" / sweeps[1].info.run_id / "artifacts"
    assert "best first by silhouette" in (logged / "leaderboard.html").read_text()
    assert not (tmp_path / "leaderboard.html").exists()
    for run in runs_of(store):
        if run.data.tags.get("sweep_id") == sweeps[1].data.tags["sweep_id"]:
            rmtree(run.data.tags["folder"], ignore_errors=True)
    assert "stays as it is: 2 of 2 output folders are not here" in board("sort=npmi")
    assert "best first by silhouette" in (logged / "leaderboard.html").read_text()
    first = board(f"sweep_id={sweeps[0].data.tags['sweep_id']}", "folder=out", "sort=npmi")
    assert "Written: out/leaderboard.csv" in first
    assert "2 runs, best first by npmi." in first
    assert (tmp_path / "out" / "leaderboard.html").is_file()
    # Scores of one sweep say nothing beside those of another.
    client = MlflowClient(f"sqlite:///{store}")
    client.log_metric(runs_of(store)[-1].info.run_id, "choice_score", 5.0)
    said = board("experiment=other", "folder=every")
    assert "3 runs, best first by covered_silhouette" in said
    assert "choice_score" not in (tmp_path / "every" / "leaderboard.csv").read_text()
    for arguments, said in [
        (["sort=npmy"], "Did you mean 'npmi'"),
        (["experiment=othr"], "Did you mean 'other'"),
        (["sweep_id=john's"], "sweep_id=john's: there is no such folder"),
        (["sweep_id=none"], rf"no such folder, .* {sweeps[0].data.tags['sweep_id']}"),
        (["sorted=npmi"], "Did you mean 'sort'"),
        (["npmi"], "key=value"),
        (["uri=sqlite:///none.db"], "there is no MLflow store"),
    ]:
        with pytest.raises(UserError, match=said):
            main(arguments)


def test_from_a_folder_without_mlflow(runner: Run, capsys: pytest.CaptureFixture[str]) -> None:
    runner("-m", *FAST, "dataset.limit=60", "hydra.sweep.dir=mine", "clusterer.n_clusters=4,6")
    assert main(["sweep_id=mine"]) == 0
    assert "2 runs, best first by covered_silhouette, silhouette where" in capsys.readouterr().out


def test_what_is_no_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not the folder of a sweep: it holds no sweep\.json"):
        main([f"sweep_id={tmp_path}"])
    with pytest.raises(UserError, match=r"Keys: sweep_id, .* Type sweep_id=multirun/1"):
        main(["multirun/1"])


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "python -m runner.leaderboard experiment=NAME" in capsys.readouterr().out


def test_topics_are_read_from_a_table_with_whole_documents(tmp_path):
    row = [0, "=sum", 3, "a, b", "word " * 40_000]
    path = write_csv(tmp_path / "topics.csv", TOPICS, [row], csv_safe=True)
    assert read_topics(path) == [TopicRow(0, "=sum", 3, "a, b", row[-1])]
