"""One contract for the model of a run with any embedder that runs offline, and with APIs' servers.

Saved here, it is loaded by another process, without a cache, and answers with the same bits: all
documents at once, in another order, and one by one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from api_server import ApiServer
from components.base import Corpus
from runner.config import schema
from runner.config.build import build
from runner.model.loading import load
from runner.model.saving import save
from runner.pipeline import run

ROOT = Path(__file__).parents[3]
APIS = {"openai": "/v1", "cohere": ""}  # and where the local server answers
OPTIONS = [
    "minilm", "tfidf", "sklearn", "gensim_glove", "use_multilingual", "model2vec", "flair_glove",
    "spacy_md", "word_doc", "hf_transformer",
    *APIS,
]  # fmt: skip
TRAINED = [
    f"{subject} {verb} {when}"
    for subject, verbs in {
        "The football team": ["won the match", "lost the final", "scored a late goal"],
        "The central bank": ["raised interest rates", "cut its forecast", "sold bonds"],
    }.items()
    for verb in verbs
    for when in ["on Monday", "after a long and difficult year"]
]
NEW = [
    "The goalkeeper of the team saved the match",
    "Interest rates",
    "The bank sold its shares on Monday, and its forecast for the year was difficult",
    "zzqxv qwrtzp",
    "",
]
pytestmark = pytest.mark.slow

SCRIPT = """
import json, sys
from runner import load
def plain(rows):
    numbers = [row.memberships[0].tobytes().hex() + row.strength.to_numpy().tobytes().hex()
               for row in rows]
    return [[int(row.topic.iloc[0]) for row in rows], numbers]
answers = {}
for folder in sys.argv[2:]:
    model, texts = load(folder), json.loads(sys.argv[1])
    turned = model.predict(texts[::-1], memberships=True)[::-1].reset_index(drop=True)
    answers[folder] = [
        plain([turned[i : i + 1].reset_index(drop=True) for i in range(len(texts))]),
        plain([model.predict([text], memberships=True) for text in texts]),
    ]
print(json.dumps(answers))
"""


class _Texts:
    def load(self) -> Corpus:
        return Corpus(TRAINED)


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API that any key opens."""
    server = ApiServer()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "CO_API_KEY"):
            patch.setenv(name, "test-key")
        yield server
    server.close()


@pytest.fixture(scope="module")
def folders(
    tmp_path_factory: pytest.TempPathFactory, spacy_md_folder: Path, server: ApiServer
) -> dict[str, Path]:
    """A model's folder for each embedder."""
    schema.register()
    saved = {}
    for option in OPTIONS:
        overrides = [f"embedder={option}", "clusterer=kmeans", "clusterer.n_clusters=2"]
        if option == "spacy_md":
            overrides.append(f"embedder.model={spacy_md_folder}")
        if option in APIS:
            overrides.append(f"embedder.base_url={server.url}{APIS[option]}")
        with initialize_config_module("conf", version_base="1.3"):
            config = compose("config", [*overrides, "metrics=none", "model.neighbours=all"])
        parts = replace(build(config), dataset=_Texts())
        result = run(parts, draw_map=False)
        saved[option] = tmp_path_factory.mktemp(option) / "model"
        save(result, parts.settings["embedder"], config, saved[option], option)
        found = load(saved[option]).predict(TRAINED)
        assert np.mean(found.topic.to_numpy() == result.labels) >= 0.98, option
    return saved


@pytest.fixture(scope="module")
def elsewhere(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What another process answers, in an empty folder."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(NEW), *map(str, folders.values())],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.mark.parametrize("option", OPTIONS)
def test_another_process_gives_the_same_bits(option, folders, elsewhere):
    here = load(folders[option]).predict(NEW, memberships=True)
    numbers = [
        memberships.tobytes().hex() + np.float32(strength).tobytes().hex()
        for memberships, strength in zip(here.memberships, here.strength, strict=True)
    ]
    expected = [here.topic.tolist(), numbers]
    assert elsewhere[str(folders[option])] == [expected, expected]
    assert here.topic.tolist()[-1] == -1


@pytest.mark.parametrize("option", OPTIONS)
def test_no_vector_of_the_weights_is_in_the_folder(option, folders):
    """The weights are not part of a model: it is small."""
    assert sum(path.stat().st_size for path in folders[option].iterdir()) < 1e6
