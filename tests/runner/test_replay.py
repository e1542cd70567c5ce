"""Running a recorded config again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.base import UserError
from runner import replay
from runner.config.recorded import TRUST
from tests_support import FAST
from tracking_support import TRACKED, runs_of

Run = Callable[..., Any]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Two kinds of documents, and some that are both."""
    texts = [f"the cat number {i} sat on the mat with a cat" for i in range(20)]
    texts += [f"stocks and shares {i} fell on the market today" for i in range(20)]
    path = tmp_path / "documents.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    return path


def mine(documents: Path) -> list[str]:
    return [
        *FAST,
        "dataset=jsonl",
        f"dataset.path={documents}",
        "reducer.n_components=2",
        "clusterer.n_clusters=2",
    ]


def test_a_run_in_mlflow_again(
    runner: Run, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner(*TRACKED)
    (run,) = runs_of(store)
    assert replay.main([f"run={run.info.run_id}", "cache=null", "folder=again"]) == 0
    assert capsys.readouterr().out == "The same topics for all 60 documents.\n"
    assert Path("again/documents.parquet").is_file()


def test_other_documents_make_other_topics(
    runner: Run, documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = runner(*mine(documents))
    assert replay.main([f"run={outcome.output}", TRUST]) == 0
    capsys.readouterr()
    lines = documents.read_text().splitlines()
    documents.write_text("\n".join([*lines[25:], *lines[:25]]))
    assert replay.main([f"run={outcome.output}", TRUST]) == 1
    said = capsys.readouterr().out
    assert "of 40 documents have another topic (adjusted Rand index" in said
    assert "the documents are not the same" in said
    documents.write_text("\n".join(lines[:30]))
    assert replay.main([f"run={outcome.output}", TRUST]) == 1
    assert "40 documents then, 30 now" in capsys.readouterr().out


def test_documents_that_lie_elsewhere_now(
    runner: Run, documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = runner(*mine(documents))
    moved = documents.rename(documents.with_name("moved.jsonl"))
    assert replay.main([f"run={outcome.output}", f"dataset.path={moved}"]) == 0
    assert "The same topics for all 40 documents." in capsys.readouterr().out
    with pytest.raises(UserError, match=r"embedder\.path=v\.npy: this run reads no file there"):
        replay.main([f"run={outcome.output}", f"dataset.path={moved}", "embedder.path=v.npy"])


def test_the_versions_and_the_machine_that_differ_are_named(
    runner: Run, documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = runner(*mine(documents))
    capsys.readouterr()
    path = outcome.output / "environment.json"
    then = json.loads(path.read_text())
    path.write_text(json.dumps({**then, "numpy": "1.0", "platform": "CP/M", "gone": "3"}))
    assert replay.main([f"run={outcome.output}", TRUST]) == 0
    said = capsys.readouterr().out
    assert "The same topics for all 40 documents." in said
    assert f"numpy: 1.0 then, {then['numpy']} now" in said
    assert "platform: CP/M then" in said
    assert "gone: 3 then, not there now" in said


def test_the_classes_of_a_record_are_built_only_if_trusted_anew(
    runner: Run, troubled: list[str]
) -> None:
    outcome = runner(*troubled, "tracking=none")
    with pytest.raises(UserError, match=r"trusted_targets=\[sweep_parts\]"):
        replay.main([f"run={outcome.output}"])
    assert replay.main([f"run={outcome.output}", "trusted_targets=[sweep_parts]"]) == 0


def test_what_cannot_be_replayed_is_said(
    runner: Run, store: Path, troubled: list[str], tmp_path: Path
) -> None:
    outcome = runner(*troubled, "embedder.trouble=fail")
    (run,) = runs_of(store)
    with pytest.raises(UserError, match="no result"):
        replay.main([f"run={outcome.output}"])
    with pytest.raises(UserError, match=r"documents\.parquet of run .* cannot be fetched"):
        replay.main([f"run={run.info.run_id}"])
    with pytest.raises(UserError, match="there is no folder 'nonsense', and no run of that id"):
        replay.main(["run=nonsense"])
    with pytest.raises(UserError, match=r"^there is no folder 'outputs/x'\. Give the output"):
        replay.main(["run=outputs/x"])
    nothing = (
        "^there is no folder 'x', and there is no MLflow store .*none.db yet. Name another one"
    )
    with pytest.raises(UserError, match=nothing):
        replay.main(["run=x", "uri=sqlite:///none.db"])
    with pytest.raises(UserError, match=r"run=\.\.\. is missing"):
        replay.main([])
    with pytest.raises(UserError, match=r"holds no run\.json"):
        replay.main([f"run={outcome.folder}"])


def recorded(folder: Path, config: str, record: str = "") -> Path:
    """A folder as somebody may send it."""
    folder.mkdir()
    (folder / "config.yaml").write_text(config)
    (folder / "run.json").write_text(record or json.dumps({"name": "n", "status": "FINISHED"}))
    return folder


FOREIGN = {
    "a secret of the environment": (
        "embedder: {base_url: 'http://127.0.0.1:9/${oc.env:MY_SECRET}'}",
        ["embedder.base_url", "is not resolved"],
    ),
    "an escaped resolver": (r"embedder: '\\${oc.create:{a: 1}}'", ["embedder", "is not resolved"]),
    "a path, an address, a permission, a class": (
        "dataset: {_target_: components.datasets.csv.CsvDataset, path: /etc/passwd}\n"
        "embedder: {_target_: components.embedders.openai.OpenAIEmbedder,"
        " base_url: 'http://127.0.0.1:9'}\n"
        "reducer: {_target_: evil.Evil, trust_pickle: true}\n"
        "trusted_targets: [evil]",
        [
            "use dataset.path=/etc/passwd",
            "use embedder.base_url=http://127.0.0.1:9",
            "build classes of evil",
            "allow reducer.trust_pickle",
            "'trusted_targets=[evil]' --trust-this-run",
        ],
    ),
    "joblib.load": (
        "dataset: {_target_: sklearn.datasets._covtype.joblib.load, filename: x}",
        ["build classes of sklearn"],
    ),
    "no YAML": ("a: [", ["cannot be read as a recorded config"]),
    "a list": ("[1]", ["is not a recorded config"]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_config_of_somebody_else_is_data(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "correct-horse-battery")
    config, expected = FOREIGN[case]
    with pytest.raises(UserError) as refused:
        replay.main([f"run={recorded(tmp_path / 'foreign', config)}"])
    for text in expected:
        assert text in str(refused.value)
    assert "correct-horse" not in str(refused.value)


def test_a_damaged_record_is_explained(tmp_path: Path) -> None:
    for number, content in enumerate(("[]", "{", '{"nonsense": 1}', '{"name": 1}')):
        folder = recorded(tmp_path / str(number), "{}", content)
        with pytest.raises(UserError, match="cannot be read as the record of a run"):
            replay.main([f"run={folder}"])
