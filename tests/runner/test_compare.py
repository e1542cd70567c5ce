"""`runner compare`: output folders and runs in MLflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.base import Corpus, Result, Topic, UserError
from components.reports.comparison import compare as compare_results
from runner import compare
from runner.tracking import record
from tests_support import FAST
from tracking_support import runs_of

Run = Callable[..., Any]


def test_a_folder_and_a_run_of_mlflow(
    runner: Run, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["dataset.limit=80", "metrics=none", "model=false"]
    one = runner(*FAST, *few, "tracking=mlflow", "clusterer.n_clusters=3")
    first = one.output
    two = runner(*FAST, *few, "clusterer.n_clusters=6")
    assert one.code == two.code == 0, one.err + two.err
    (run,) = runs_of(store)
    out = tmp_path / "out"
    arguments = [f"runs=[{run.info.run_id},{two.output}]", f"uri=sqlite:///{store}"]
    assert compare.main([*arguments, f"folder={out}"]) == 0
    told = capsys.readouterr().out
    assert "80 documents in both runs. AMI 0." in told
    table = pd.read_csv(out / "comparison.csv")
    assert set(table["relation"]) <= {"same", "split", "merged", "part", "only_a", "only_b"}
    assert set(table["topic_a"].dropna()) == {0, 1, 2}
    assert set(table["topic_b"].dropna()) == set(range(6))
    page = (out / "comparison.html").read_text(encoding="utf-8")
    assert '<th scope="row">clusterer.n_clusters</th><td>3</td><td>6</td>' in page

    assert compare.main([str(two.output), str(first), f"folder={out}"]) == 0
    again = pd.read_csv(out / "comparison.csv")
    assert (again["relation"] == "split").sum() == (table["relation"] == "merged").sum()


def test_documents_of_one_run_only_are_counted() -> None:
    def result(n: int) -> Result:
        corpus, labels = Corpus([f"document {row}" for row in range(n)]), np.arange(n) % 2
        topics = [Topic(t, int(np.sum(labels == t)), (("word", 1.0),), t) for t in (0, 1)]
        ones = np.ones((n, 2), np.float32)
        return Result(corpus, np.arange(n), ones, ones, labels, ones[:, 0], topics)

    told = compare._summary(compare_results(result(4), result(6)))
    assert told.startswith("4 documents in both runs (of 4 and 6). AMI 1.000.")
    told = compare._summary(compare_results(result(4), result(4)))
    assert told.startswith("4 documents in both runs. AMI 1.000.")


def test_wrong_runs(tmp_path: Path, store: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UserError, match=r"name two runs: .*runner\.compare A B\.$"):
        compare.main([])
    with pytest.raises(UserError, match="There are 3"):
        compare.main(["runs=[a,b,c]"])
    with pytest.raises(UserError, match="Both are a"):
        compare.main(["runs=[a,a]"])
    with pytest.raises(UserError, match=r"holds no run\.json"):
        compare.main([f"runs=[{tmp_path},{other}]"])
    record.Record(name="x", status="FAILED").save(tmp_path)
    with pytest.raises(UserError, match=r"has no result \(FAILED\)"):
        compare.main([f"runs=[{tmp_path},{other}]"])
    with pytest.raises(UserError, match="nosuchrun"):
        compare.main(["runs=[nosuchrun,other]", f"uri=sqlite:///{store}"])
