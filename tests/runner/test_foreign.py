"""Runs, models and folders of options that come from somebody else: data, whatever is in them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import re
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.base import UserError
from components.embedders.clip import ClipEmbedder
from components.embedders.own_code import refused_imports
from components.embedders.sentence_transformer import SentenceTransformerEmbedder
from runner import compare, predict, replay, report, update, upload
from runner.config.command_line import preflight
from runner.config.untrusted import servers
from runner.terminal.working_folder import put_last
from tests_support import FAST

Run = Callable[..., Any]
SECRET = "correct-horse-battery"
BOMB = "".join(
    f"{name}: &{name} [{','.join([f'*{before}' if before else 'x'] * 9)}]\n"
    for before, name in zip(["", *"abcdefgh"], "abcdefghi", strict=True)
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, made once."""
    from conftest import run_process

    folder = tmp_path_factory.mktemp("run")
    words = ["tea leaf cup kettle brew", "wicket bat ball over run", "bank share bond price fund"]
    (folder / "d.txt").write_text(
        "\n".join(f"{words[i % 3]} {words[i % 3][:9]}" for i in range(45))
    )
    done = run_process(
        folder, *FAST, "dataset=text", "dataset.path=d.txt", "clusterer.n_clusters=3",
        "reducer.n_components=3", "hydra.run.dir=run",
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture
def foreign(
    sound: Path, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A copy of it in the working folder, with its documents and an MLflow store beside it."""
    monkeypatch.setenv("MY_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    shutil.copy(sound.parent / "d.txt", tmp_path)
    return Path(shutil.copytree(sound, tmp_path / "foreign"))


def sealed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a model's settings, with checksums that fit, as an attacker would."""
    path = folder / "model" / "model.yaml"
    about = yaml.safe_load(path.read_text())
    changed = change(about)
    path.write_text(changed if isinstance(changed, str) else yaml.safe_dump(about))
    seal(folder)


def seal(folder: Path) -> None:
    sums = folder / "model" / "SHA256SUMS"
    names = [line.split()[1] for line in sums.read_text().splitlines()]
    digests = [hashlib.sha256((folder / "model" / n).read_bytes()).hexdigest() for n in names]
    lines = zip(digests, names, strict=True)
    sums.write_text("".join(f"{digest}  {name}\n" for digest, name in lines))


def embedder(**node: Any) -> Callable[[dict[str, Any]], Any]:
    def change(about: dict[str, Any]) -> None:
        about["config"]["embedder"] = node
        about["fingerprint"] = None  # or the embedder would be another than that of the run

    return change


OPENAI = "components.embedders.openai.OpenAIEmbedder"
SENTENCES = "components.embedders.sentence_transformer.SentenceTransformerEmbedder"
MODELS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a secret of the environment": (
        embedder(_target_=OPENAI, model="x-${oc.env:MY_SECRET}"), "embedder.model: .*a reference",
    ),
    "a permission that is resolved": (
        embedder(_target_=SENTENCES, model="a/b", trust_remote_code="${oc.decode:'true'}"),
        "trust_remote_code: .*a reference",
    ),
    "a permission by reference": (
        embedder(
            _target_=SENTENCES, model="a/b", normalise=True,
            trust_remote_code="${embedder.normalise}",
        ),
        "trust_remote_code: .*a reference",
    ),
    "a permission as a number": (
        embedder(_target_=SENTENCES, model="a/b", trust_remote_code=1), "trust=true",
    ),
    "a resolver that makes a target": (
        embedder(
            _target_="components.embedders.sklearn.SklearnEmbedder",
            pipeline="${oc.create:{_target_:os.system,command:touch executed}}",
        ),
        "embedder.pipeline: .*a reference",
    ),
    "another server": (embedder(_target_=OPENAI, base_url="http://far.example/v1"), "trust=true"),
    "another server, by LangChain's name": (
        embedder(
            _target_="components.embedders.langchain.LangChainEmbedder",
            embeddings={
                "_target_": "langchain_openai.OpenAIEmbeddings",
                "openai_api_base": "http://far.example/v1",
            },
        ),
        "openai_api_base.*trust=true",
    ),
    "a program of another server": (
        embedder(
            _target_="components.embedders.use.UseEmbedder", model="https://far.example/model/1"
        ),
        "embedder.model=https.*trust=true",
    ),
    "a program": (embedder(_target_="os.system", command="touch executed"), r"targets=\[os"),
    "a Python object": (
        lambda about: "!!python/object/apply:os.system ['touch executed']", "cannot be read",
    ),
    "a list": (lambda about: "[1]", "names no format"),
    "anchors upon anchors": (lambda about: yaml.safe_dump(about) + BOMB, "more than 100,000"),
    "an embedder that is no mapping": (
        lambda about: about["config"].update(embedder="x"), "config.embedder is missing",
    ),
    "no settings": (lambda about: about.update(prediction={}), "names no rule"),
    "a rule without its arrays": (
        lambda about: about["prediction"].update(rule={
            "name": "density", "metric": "euclidean", "normalise": False, "min_samples": 5,
        }),
        "arrays are missing: births, core",
    ),
    "another format": (lambda about: about.update(format=7, versions="x"), "format 7"),
}  # fmt: skip


@pytest.mark.parametrize("case", MODELS)
def test_a_model_of_somebody_else_is_data(case: str, foreign: Path) -> None:
    change, reason = MODELS[case]
    sealed(foreign, change)
    data = [f"run={foreign}", "dataset=text", "dataset.path=d.txt", "cache=null"]
    for command, more in ((predict, ["folder=p"]), (update, ["folder=u", "tracking=none"])):
        with pytest.raises(UserError, match=f"(?s){reason}") as refused:
            command.main([*data, *more])
        assert SECRET not in str(refused.value)
    assert not Path("executed").exists()


FILES = {
    "topics that are no table": ("model/topics.parquet", b"x", "cannot be read"),
    "a header without end": (
        "model/arrays.safetensors", (2**40).to_bytes(8, "little") + b"{}", "cannot be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_damaged_file_of_a_model(case: str, foreign: Path) -> None:
    name, content, reason = FILES[case]
    (foreign / name).write_bytes(content)
    seal(foreign)
    with pytest.raises(UserError, match=reason):
        predict.main([f"run={foreign}", "dataset=text", "dataset.path=d.txt", "folder=p"])


RECORDS = {
    "nested without end": ("run.json", "[" * 100_000),
    "wrong types": ("run.json", json.dumps({"name": "n", "status": "FINISHED", "params": [1]})),
    "tags of numbers": ("run.json", json.dumps({"name": "n", "tags": {"a": 1}})),
    "metrics of text": ("run.json", json.dumps({"name": "n", "metrics": {"a": "x"}})),
    "anchors upon anchors": ("config.yaml", BOMB),
    "brackets": ("config.yaml", "a: " + "[" * 20_000),
    "no key of a run": ("config.yaml", "nonsense: 1"),
    "documents that are no table": ("documents.parquet", "x"),
    "versions that are no mapping": ("environment.json", "[1]"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_damaged_record_is_refused_in_words(case: str, foreign: Path) -> None:
    name, content = RECORDS[case]
    (foreign / name).write_text(content)
    with pytest.raises(UserError, match=r"cannot be read|not a recorded config|does not hold"):
        replay.main([f"run={foreign}", "cache=null", "--trust-this-run"])
    for command, arguments in (
        (report, [f"run={foreign}", "folder=r"]),
        (upload, [str(foreign)]),
        (compare, [str(foreign), f"{foreign}/../foreign", "folder=c"]),
    ):
        with contextlib.suppress(UserError):
            command.main(arguments)


@pytest.mark.parametrize("content", ["{}", "[]", "[" * 100_000, "x"])
def test_a_sweep_that_is_none(content: str, foreign: Path) -> None:
    (foreign / "sweep.json").write_text(content)
    with pytest.raises(UserError, match="as the record of a sweep"):
        upload.main([str(foreign)])


def test_a_page_is_not_written_through_a_link(foreign: Path) -> None:
    victim = Path("victim")
    victim.write_text("mine")
    (foreign / "report.html").unlink(missing_ok=True)
    (foreign / "report.html").symlink_to(victim.absolute())
    assert report.main([f"run={foreign}"]) == 0
    assert victim.read_text() == "mine"
    assert "<html" in (foreign / "report.html").read_text()


@pytest.mark.parametrize("link", ["topics.csv", "runner.log", ".hydra", "model/model.yaml"])
def test_a_run_is_not_written_through_a_link(link: str, runner: Run, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir() if link == ".hydra" else victim.write_text("mine")
    (tmp_path / "out" / link).parent.mkdir(parents=True)
    (tmp_path / "out" / link).symlink_to(victim)
    outcome = runner(*FAST, "dataset.limit=60", "hydra.run.dir=out")
    assert outcome.code == 2
    assert f"out holds a link, {link}, and what it leads to could be overwritten" in outcome.err
    assert "choose another folder with hydra.run.dir=..." in outcome.err
    assert not list(victim.iterdir()) if link == ".hydra" else victim.read_text() == "mine"


def test_a_host_that_looks_like_this_machine() -> None:
    local = ["http://localhost:8000/v1", "127.0.0.1:9", "http://[::1]/v1"]
    far = ["http://far.example\\@localhost/", "http://localhost@far.example/", "far.example:80"]
    assert not list(servers({str(i): {"base_url": url} for i, url in enumerate(local)}))
    assert len(list(servers({str(i): {"base_url": url} for i, url in enumerate(far)}))) == 3
    assert len(list(servers({"a": [{"host": "far.example"}]}))) == 1


# --- Folders of models and of options -------------------------------------------------------------

NAMES_CODE = {
    "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "own.Evil"}],
    "0_Router/router_config.json": {"types": {"a": "own.Evil"}},
    "0/wordembedding_config.json": {"tokenizer_class": "own.Evil"},
    "modules.json ": [{"type": "sentence_transformers.base.model.torch"}],
}


@pytest.mark.parametrize("name", NAMES_CODE)
def test_a_folder_of_weights_that_names_code(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sentence-transformers would import it from a local folder without being allowed to."""
    path = tmp_path / "weights" / name.strip()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(NAMES_CODE[name]))
    (tmp_path / "weights" / "own.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    for embedder in (SentenceTransformerEmbedder, ClipEmbedder):
        with pytest.raises(UserError, match="and set trust_remote_code=true"):
            embedder(model=str(tmp_path / "weights")).encode(["a"])
    assert not (tmp_path / "executed").exists()


def test_a_library_s_own_class_does_not_run_the_code_of_a_folder(
    runner: Run, tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "modules.json").write_text(json.dumps(NAMES_CODE["modules.json"]))
    (tmp_path / "weights" / "own.py").write_text("open('executed', 'w')")
    (tmp_path / "embedder").mkdir()
    (tmp_path / "embedder" / "mine.yaml").write_text(
        "_target_: sentence_transformers.SentenceTransformer\nmodel_name_or_path: weights\n"
    )
    (tmp_path / "d.txt").write_text("a b\n" * 20)
    fast = [argument for argument in FAST if not argument.startswith("embedder")]
    outcome = runner(
        "--config-dir=.", "dataset=text", "dataset.path=d.txt", "embedder=mine", *fast
    )  # fmt: skip
    assert outcome.code == 1
    assert "modules.json in this folder names 'own.Evil'" in outcome.err
    assert not (tmp_path / "executed").exists()


def test_a_name_on_the_hub_whose_model_names_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sentence-transformers 5 would import the class from wherever Python finds it."""
    from sentence_transformers import SentenceTransformer

    repository, commit = tmp_path / "models--org--evil", "0" * 40
    for name in (f"snapshots/{commit}", "refs"):
        (repository / name).mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots" / commit / "modules.json").write_text(
        json.dumps([{"idx": 0, "name": "0", "path": "", "type": "own_evil.Evil"}])
    )
    (tmp_path / "own_evil.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with refused_imports(), pytest.raises((FutureWarning, ValueError, OSError), match="own_evil"):
        SentenceTransformer("org/evil", cache_folder=str(tmp_path), local_files_only=True)
    assert not (tmp_path / "executed").exists()


def test_plugins_and_packages_of_the_working_folder_are_not_imported(
    process: Run, tmp_path: Path
) -> None:
    """Hydra imports every plugin that it finds, and a package in whose folder options lie."""
    for place in ("hydra_plugins/own", "own"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "__init__.py").write_text("open('executed', 'w')")
    for name in ("logging", "difflib", "numpy", "yaml"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')")
    (tmp_path / "other.yaml").write_text(
        "defaults: [config, _self_]\nhydra: {searchpath: [pkg://own]}\n"
    )
    outcome = process("--cfg", "job", "embedder=tfidf")
    assert outcome.code == 0, outcome.err
    outcome = process("run=none", "folder=x", "dataset=lee", module="runner.predict")
    assert outcome.code == 2, outcome.err
    outcome = process("--config-dir=.", "--config-name=other", "embedder=tfidf", "--cfg", "job")
    assert outcome.code == 2
    assert "a file names 'pkg://own', and only the command line may" in outcome.err
    assert not (tmp_path / "executed").exists()


def test_the_working_folder_does_not_say_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow, spaCy and others import what an installed package announces."""
    about = tmp_path / "evil-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[mlflow.run_context_provider]\nevil = own_part:Evil")
    (tmp_path / "own_part.py").write_text("class Evil: pass")
    monkeypatch.chdir(tmp_path)
    put_last()
    assert "evil" not in metadata.entry_points(group="mlflow.run_context_provider").names
    assert importlib.import_module("own_part").Evil


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("embedder.base_url", "http://127.0.0.1:9/${oc.env:MY_SECRET}"),
        ("tracking.uri", "http://127.0.0.1:9/${oc.env:MY_SECRET}"),
        ("hydra.run.dir", "out/${oc.env:MY_SECRET}"),
        ("hydra.sweep.dir", "out/${oc.env:MY_SECRET}"),
    ],
)
def test_a_preset_does_not_send_a_secret_away(
    key: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", SECRET)
    (tmp_path / "experiment").mkdir()
    node: Any = value
    for part in reversed(key.split(".")):
        node = {part: node}
    (tmp_path / "experiment" / "x.yaml").write_text(
        "# @package _global_\ndefaults: [{override /embedder: openai}]\n" + yaml.safe_dump(node)
    )
    with pytest.raises(UserError, match=f"{re.escape(key)}: a file puts a secret") as refused:
        preflight([f"--config-dir={tmp_path}", "experiment=x"])
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("node", "reason", "typed"),
    [
        (
            {"embedder": {"base_url": "http://far.example/v1"}},
            "base_url: a file sends documents, and the key",
            "embedder.base_url=http://far.example/v1",
        ),
        ({"engine": {"address": "far.example:1"}}, "engine.address: a file", "engine.address=auto"),
        ({"embedder": {"base_url": "http://localhost:8000/v1"}}, "", ""),
        ({"embedder": {"base_url": "https://far.example/v1"}}, "", ""),
    ],
)
def test_a_preset_names_a_server(
    node: dict[str, Any], reason: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "x.yaml").write_text(
        "# @package _global_\ndefaults: [{override /embedder: openai}]\n" + yaml.safe_dump(node)
    )
    line = [f"--config-dir={tmp_path}", "experiment=x"]
    if reason:
        with pytest.raises(UserError, match=reason):
            preflight(line)
    preflight([*line, *filter(None, [typed])])


def test_a_preset_that_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "x.yaml").write_text("a: [1, 2\nb: {")
    with pytest.raises(UserError, match=r"x.yaml, line 2: this is not YAML: expected"):
        preflight([f"--config-dir={tmp_path}", "experiment=x"])


def test_a_model_of_somebody_else_is_not_registered_unasked(foreign: Path) -> None:
    path = foreign / "run.json"
    about = json.loads(path.read_text())
    about["params"] |= {"model.register_as": "topics", "model.alias": "champion"}
    path.write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"registered as topics.*--trust-this-run"):
        upload.main([str(foreign), "uri=sqlite:///none.db", "experiment=x"])
    assert not Path("none.db").exists()


def test_a_model_with_links_is_not_logged(foreign: Path) -> None:
    Path("secret").write_text("mine")
    (foreign / "model" / "more").symlink_to(Path("secret").absolute())
    with pytest.raises(UserError, match="holds links"):
        upload.main([str(foreign), "experiment=x"])


def test_a_config_of_the_users_is_not_replaced(runner: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mine: 1")
    outcome = runner(*FAST, "dataset.limit=60", "hydra.run.dir=.")
    assert outcome.code == 1
    assert "holds a config.yaml that is not of a run" in outcome.err
    assert (tmp_path / "config.yaml").read_text() == "mine: 1"
