"""A config is data: what it may not do, each attack refused with its reason, before it is run."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from components.base import UserError
from runner.config import schema
from runner.config.build import build
from runner.config.reserved import check_files
from runner.config.trust import why_refused
from runner.config.untrusted import plain_references_only

Run = Callable[..., Any]


class Bomb:
    """A pickle that leaves a mark where it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that is there only if an attack has run."""
    path = tmp_path / "executed"
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb(path)))
    import numpy as np

    np.save(tmp_path / "bomb.npy", np.array([Bomb(path)], dtype=object), allow_pickle=True)
    (tmp_path / "evil.py").write_text(f"open({str(path)!r}, 'w').close()\nclass Evil: pass\n")
    return path


def config(*overrides: str, **nodes: Any) -> DictConfig:
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        composed = compose("config", ["embedder=tfidf", "reducer=none", *overrides])
    OmegaConf.set_struct(composed, False)
    for role, node in nodes.items():
        composed[role] = node
    return composed


JOBLIB = {"_target_": "sklearn.datasets._covtype.joblib.load", "filename": "bomb.pkl"}
NUMPY = {
    "_target_": "components.embedders.precomputed.np.load", "file": "bomb.npy",
    "allow_pickle": True,
}  # fmt: skip
SCRIPT = {
    "_target_": "sklearn.utils._testing.assert_run_python_script_without_output",
    "source_code": "open('executed', 'w').close()",
}
SHUTIL = {"_target_": "components.datasets.newsgroups.shutil.copy", "src": "a", "dst": "executed"}
SYSTEM = {"_target_": "os.system", "command": "touch executed"}
ATTACKS = {
    "joblib.load through scikit-learn": ({"embedder": JOBLIB}, "embedder._target_", "not a public"),
    "np.load through ours": ({"dataset": NUMPY}, "dataset._target_", "trusted for this role"),
    "np.load through the right role": ({"embedder": NUMPY}, "embedder._target_", "not a class"),
    "a script": ({"dataset": SCRIPT}, "dataset._target_", "trusted for this role"),
    "a script in the embedder": ({"embedder": SCRIPT}, "embedder._target_", "not a public name"),
    "shutil through ours": ({"dataset": SHUTIL}, "dataset._target_", "no 'shutil'|not a class"),
    "a module's function": ({"reducer": SYSTEM}, "reducer._target_", r"trusted_targets=\[os\]"),
    "inside a metric": ({"metrics": {"x": {**JOBLIB, "_partial_": True}}}, "metrics.x", "role"),
    "a function of ours as a metric": (
        {"metrics": {"x": {"_target_": "components.reports.tables.write_topics"}}},
        "metrics.x._target_",
        "trusted for this role",
    ),
    "a metric that is called at once": (
        {"metrics": {"x": {"_target_": "components.metrics.diversity.n_topics"}}},
        "metrics.x._partial_",
        "must be true",
    ),
    "inside a report": ({"reports": {"x": SCRIPT}}, "reports.x._target_", "trusted for this role"),
    "inside the embedder's pipeline": (
        {"embedder": {
            "_target_": "components.embedders.sklearn.SklearnEmbedder", "pipeline": {"a": JOBLIB},
        }},
        "embedder.pipeline.a._target_",
        "not a public name",
    ),
    "inside a list": (
        {"embedder": {
            "_target_": "sklearn.pipeline.Pipeline", "steps": [["a", SCRIPT]],
        }},
        r"embedder.steps.0.1._target_",
        "not a public name",
    ),
    "a loader that reads a pickle": (
        {"dataset": {"_target_": "sklearn.datasets.fetch_20newsgroups", "data_home": "."}},
        "dataset._target_",
        "trusted for this role",
    ),
    "a function in place of a class": (
        {"embedder": {"_target_": "sklearn.feature_extraction.text.strip_accents_unicode"}},
        "embedder._target_",
        "is a function",
    ),
    "a class without the method": (
        {"reducer": {"_target_": "sklearn.linear_model.LinearRegression"}},
        "reducer._target_",
        r"no method fit_transform\(\)",
    ),
    "a name from elsewhere": (
        {"embedder": {"_target_": "components.embedders.word_doc.Embedder"}},
        "embedder._target_",
        "Its own name is components.base.Embedder",
    ),
    "a memory of pickles": (
        {"embedder": {
            "_target_": "sklearn.pipeline.Pipeline", "memory": "bombs", "steps": [],
        }},
        "embedder.memory",
        "pickles",
    ),
    "a memory of pickles, by its place": (
        {"clusterer": {
            "_target_": "hdbscan.HDBSCAN",
            "_args_": [5, None, 0.0, 0.0, 0, "euclidean", 1.0, None, "best", 40, "bombs"],
        }},
        "clusterer._args_",
        "by their names",
    ),
    "an escaped resolver": (
        {"embedder": {
            "_target_": "components.embedders.sklearn.SklearnEmbedder",
            "pipeline": r"\${oc.create:{_target_:os.system,command:touch executed}}",
        }},
        "embedder.pipeline",
        "resolved a second time",
    ),
    "a resolver that makes a target": (
        {"embedder": {
            "_target_": "components.embedders.sklearn.SklearnEmbedder",
            "pipeline": "${oc.create:{_target_:os.system,command:touch executed}}",
        }},
        r"embedder.pipeline._target_",
        r"trusted_targets=\[os\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_with_its_reason(
    attack: str, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mark.parent)
    nodes, path, reason = ATTACKS[attack]
    with pytest.raises(UserError, match=f"(?s){path}.*({reason})"):
        build(config(**nodes))
    assert not mark.exists()


def test_a_trusted_package_does_not_lend_its_imports(
    mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mark.parent)
    monkeypatch.syspath_prepend(str(mark.parent))
    (mark.parent / "lending.py").write_text(
        "import os, shutil\nfrom os import system\nimport sys\nrun = getattr(os, 'system')\n"
    )
    for name in ("os.system", "system", "run", "shutil.rmtree"):
        node = {"_target_": f"lending.{name}", "command": "touch executed"}
        with pytest.raises(UserError, match=r"not (in )?a trusted package|has no such parameter"):
            build(config("trusted_targets=[lending]", embedder=node))
    assert not mark.exists()


def test_the_parts_of_scikit_learn_may_be_named() -> None:
    from sklearn.utils import all_estimators

    refused = []
    for kind, role in (("transformer", "reducer"), ("cluster", "clusterer")):
        for _, estimator in all_estimators(kind):
            package = ".".join(p for p in estimator.__module__.split(".") if p[0] != "_")
            if not hasattr(estimator, "fit_transform" if role == "reducer" else "fit_predict"):
                continue
            try:
                reason = why_refused(f"{package}.{estimator.__name__}", role, [])
            except LookupError as error:
                reason = str(error)
            if reason:
                refused.append((estimator.__name__, reason))
    # Those whose base is not told by the source alone.
    assert len(refused) <= 5, refused


@pytest.mark.parametrize(
    ("role", "target"),
    [
        ("reducer", "umap.UMAP"),
        ("clusterer", "hdbscan.HDBSCAN"),
        ("clusterer", "fast_hdbscan.HDBSCAN"),
        ("embedder", "sentence_transformers.SentenceTransformer"),
        ("embedder", "langchain_core.embeddings.DeterministicFakeEmbedding"),
        ("embedder", "builtins.tuple"),
    ],
)
def test_the_classes_of_libraries_that_may_be_named(role: str, target: str) -> None:
    assert why_refused(target, role, []) is None


# --- What only the command line may say -----------------------------------------------------------


def composed(*overrides: str, file: dict[str, Any] | None = None) -> DictConfig:
    """The config with Hydra's own, as if a file of the user's had set some keys."""
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        found = compose("config", list(overrides), return_hydra_config=True)
    OmegaConf.set_struct(found, False)
    OmegaConf.set_readonly(found, False)
    OmegaConf.set_readonly(found.hydra, False)
    for key, value in (file or {}).items():
        OmegaConf.update(found, key, value, merge=False, force_add=True)
    return found


FROM_A_FILE = {
    "trusted targets": ({"trusted_targets": ["evil"]}, r"trusted_targets=\[evil\]"),
    "remote code": ({"embedder.trust_remote_code": True}, "embedder.trust_remote_code=true"),
    "a nested trust": ({"embedder.document_embedder.trust_pickle": True}, "trust_pickle=true"),
    "a callback": ({"hydra.callbacks.x": {"_target_": "evil.Evil"}}, r"callbacks.x.*'evil.Evil'"),
    "a launcher": ({"hydra.launcher._target_": "evil.Evil"}, "hydra.launcher._target_.*none of"),
    "a sweeper": ({"hydra.sweeper._target_": "evil.Evil"}, "hydra.sweeper._target_.*none of"),
    "a formatter": (
        {"hydra.job_logging.formatters.x": {"()": "evil.Evil"}},
        r"job_logging.formatters.x.\(\).*'evil.Evil'",
    ),
    "a handler": (
        {"hydra.hydra_logging.handlers.x": {"class": "evil.Evil"}},
        "hydra_logging.handlers.x.class",
    ),
    "an import of logging": (
        {"hydra.job_logging.handlers.console.stream": "ext://evil.Evil"},
        r"console.stream.*trusted_targets=\[evil\]",
    ),
    "a path into the config": (
        {"hydra.job_logging.handlers.console.stream": "cfg://root"},
        "console.stream",
    ),
    "a callback by a resolver": (
        {"hydra.callbacks.x": "${oc.create:{_target_:evil.Evil}}"},
        "callbacks.x.*lead to a class",
    ),
    "a launcher's value by reference": (
        {"hydra.launcher.x": "${guided.topics}"},
        "hydra.launcher.x.*lead to a class",
    ),
    "a name that logging imports, by reference": (
        {"hydra.job_logging.handlers.console.stream": "${hydra.run.dir}"},
        "console.stream.*lead",
    ),
    "attributes of a handler": (
        {"hydra.job_logging.handlers.file": {"class": "logging.FileHandler", ".": {"a": 1}}},
        "sets attributes",
    ),
    "a log that is a program": (
        {"hydra.job_logging.handlers.file.filename": "/home/me/x.py"},
        "log written to.*x.py",
    ),
    "a log beside the run's folder": (
        {"hydra.job_logging.handlers.file.filename": "${hydra.runtime.output_dir}/../x.log"},
        "log written to",
    ),
    "a name that leads out": ({"hydra.job.name": "../x"}, "hydra.job.name.*lead out"),
    "a folder that leads out": ({"hydra.output_subdir": "/etc"}, "hydra.output_subdir.*lead out"),
    "a line of a batch script": (
        {"hydra.launcher.comment": "x\ntouch executed"},
        "hydra.launcher.comment.*line break",
    ),
    "the environment": ({"hydra.job.env_set": {"LD_PRELOAD": "x.so"}}, "hydra.job.env_set"),
    "a library that a database's driver loads": (
        {"tracking.uri": "mssql+pyodbc:///?odbc_connect=DRIVER%3D/tmp/evil.so"},
        "tracking.uri.*options of a database's driver",
    ),
    "files that a database may ask for": (
        {"tracking.uri": "mysql+pymysql://far.example/db?local_infile=1"},
        "tracking.uri.*local_infile",
    ),
    "shell lines of a cluster": ({"hydra.launcher.setup": ["rm -rf ~"]}, "hydra.launcher.setup"),
    "a sweep over trust": (
        {"hydra.sweeper.params": {"trusted_targets": "[evil]"}},
        "hydra.sweeper.params.trusted_targets",
    ),
    "a sweep over Hydra's keys": (
        {"hydra.sweeper.params": {"+hydra.callbacks.x._target_": "evil.Evil"}},
        "hydra.sweeper.params",
    ),
}


@pytest.mark.parametrize("attack", FROM_A_FILE)
def test_a_file_cannot_give_the_users_word(attack: str) -> None:
    file, reason = FROM_A_FILE[attack]
    (problem,) = check_files(composed(file=file), [])
    import re

    assert re.search(reason, str(problem)), problem


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["trusted_targets=[mine]"],
        ["embedder=sentence_transformer", "embedder.model=x", "embedder.trust_remote_code=true"],
        ["+hydra.job.env_set.OMP_NUM_THREADS=1"],
        ["hydra/launcher=joblib"],
        ["hydra/launcher=submitit_slurm", "hydra.launcher.setup=[module load cuda]"],
        ["hydra/job_logging=default"],
        ["hydra.job.name=a/b", "hydra.output_subdir=null"],
        ["tracking.uri='mssql+pyodbc://host/db?driver=ODBC+Driver+18+for+SQL+Server'"],
        ["hydra/launcher=joblib", "hydra.launcher.temp_folder=${oc.env:TMP,/tmp}"],
    ],
)
def test_what_the_command_line_says_goes(typed: list[str]) -> None:
    assert not list(check_files(composed(*typed), typed))


def test_a_class_of_the_users_own_as_a_callback() -> None:
    node = {"hydra.callbacks.x": {"_target_": "mine.Callback"}}
    config = composed("trusted_targets=[mine]", file=node)
    assert not list(check_files(config, ["trusted_targets=[mine]"]))


def test_only_plain_references_are_resolved() -> None:
    data = yaml.safe_load(r"""
        a: ${seed}
        b: {c: "x ${dataset.path} y"}
        d: ["${oc.env:HOME}"]
        e: "\\${oc.create:x}"
        f: ${oc.env:${seed}}
        g: price in $ {x}
    """)
    assert [problem.path for problem in plain_references_only(data)] == ["d.0", "e", "f"]
