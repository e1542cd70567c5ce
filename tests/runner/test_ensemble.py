"""embedder=ensemble: each member as if it were alone, one search for topics, one model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from components.base import UserError
from components.clusterers.leiden import LeidenClusterer
from conftest import ROOT
from runner import load, run

Runner = Callable[..., Any]
SHORT = ("dataset.limit=120", "map=false")
PAIR = ("embedder=ensemble", "embedder.of=[model2vec,tfidf]")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"cache.dir={tmp_path_factory.mktemp('cache')}"


def test_what_was_embedded_before_costs_nothing(cache: str) -> None:
    alone = [run(None, f"embedder={name}", *SHORT, cache) for name in ("model2vec", "tfidf")]
    both = run(None, *PAIR, *SHORT, cache)
    different = len(set(both.corpus.documents))  # one stands twice
    assert [each.metrics["n_documents_embedded"] for each in alone] == [different] * 2
    assert both.metrics["n_documents_embedded"] == 0
    widths = [each.metrics["n_dimensions"] for each in alone]
    assert both.metrics["n_dimensions"] == sum(widths)
    graphs = [*Path(cache.partition("=")[2]).glob("graphs/*")]
    assert len(graphs) == 2  # the members' own, which the single runs had computed
    expected = LeidenClusterer(random_state=42).fit_predict(
        both.embeddings, members=[each.embeddings for each in alone]
    )
    np.testing.assert_array_equal(both.labels[both.rows], expected)
    assert len(both.topics) > 1


def test_an_ensemble_takes_what_the_user_knows(cache: str) -> None:
    seeds = {"cricket": ["wicket", "test"], "unrest": ["palestinian", "israeli"]}
    guided = run(None, *PAIR, *SHORT, cache, guided={"topics": seeds})
    labels = [topic.label for topic in guided.topics]
    assert set(seeds) <= set(labels)
    for name, words in seeds.items():
        holds = [
            any(word in text.lower().split() for word in words) for text in guided.corpus.documents
        ]
        own = guided.labels == labels.index(name)
        assert np.mean(np.array(holds)[own]) > 2 * np.mean(holds), name


def test_names_need_members_that_embed_any_text(cache: str) -> None:
    where = r"zeroshot\.topics: needs vectors of the names, which tfidf in embedder\.of cannot make"
    with pytest.raises(UserError, match=f"{where}.* such as embedder=model2vec, or guided"):
        run(None, *PAIR, *SHORT, cache, zeroshot={"topics": ["cricket"]})
    rest = r"such as 'embedder\.of=\[model2vec,model2vec_2\]'"
    of = "embedder.of=[model2vec,tfidf,{model2vec: {max_length: 8}}]"
    with pytest.raises(UserError, match=rest):
        run(None, "embedder=ensemble", of, *SHORT, cache, zeroshot={"topics": ["cricket"]})


def test_members_with_settings_and_one_option_twice(cache: str) -> None:
    of = "embedder.of=[model2vec,{model2vec: {max_length: 8}}]"
    result = run(None, "embedder=ensemble", of, *SHORT, cache, "clusterer=kmeans")
    members = result.parts["embedder"].members
    assert [*members] == ["model2vec", "model2vec_2"]
    assert (members["model2vec"].max_length, members["model2vec_2"].max_length) == (None, 8)
    assert result.metrics["n_documents_truncated"] > 100


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("[minilmm,tfidf]", "embedder.of=minilmm: there is no such option. Did you mean 'minilm'?"),
        ("[tfidf,ensemble]", "embedder.of=ensemble: there is no such option."),
        ("[tfidf]", r"embedder.of=['tfidf']: must name at least two embedders."),
        ("[tfidf,{model2vec: {lenght: 3}}]", "embedder.of.model2vec.lenght=3: components."),
        ("[tfidf,{model2vec: {max_length: 0}}]", "embedder.of.model2vec.max_length=0: must be"),
        ("[tfidf,tfidf]", "embedder.of: names tfidf twice with the same settings"),
        ("[tfidf,{tfidf: {}}]", "embedder.of: names tfidf twice with the same settings"),
        ("[tfidf,precomputed]", "Type 'embedder.of=[{precomputed: {path: ...}}, ...]'"),
        ("[tfidf,3]", "embedder.of=3: must be a list of options"),
        ("[tfidf,[minilm]]", "embedder.of=['minilm']: must be a list of options"),
    ],
)
def test_mistakes_are_named(of: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        run(None, "embedder=ensemble", f"embedder.of={of}", *SHORT, "cache.dir=null")
    assert message in str(error.value)


def test_what_an_ensemble_cannot_be_used_for(cache: str) -> None:
    with pytest.raises(UserError, match="hdbscan needs dense vectors, and these are sparse"):
        run(None, *PAIR, *SHORT, cache, "clusterer=hdbscan")
    with pytest.raises(UserError, match=r"zeroshot\.topics: needs vectors of the names"):
        run(None, *PAIR, *SHORT, cache, "zeroshot.topics=[sport,war]")


def test_guided_topics_with_an_ensemble(cache: str) -> None:
    topics = "guided.topics={sport: [cricket,match],unrest: [palestinian,israeli]}"
    result = run(None, *PAIR, *SHORT, cache, topics)
    by_label = {topic.label: topic for topic in result.topics}
    assert {"sport", "unrest"} <= by_label.keys()
    assert "Palestinian" in dict(by_label["unrest"].words)


def test_an_option_that_trusts_code_is_not_a_member(tmp_path: Path) -> None:
    (tmp_path / "embedder").mkdir()
    (tmp_path / "embedder" / "mine.yaml").write_text(
        "defaults: [hf_transformer, _self_]\ntrust_remote_code: true\n"
    )
    settings = (*SHORT, "embedder=ensemble", "cache.dir=null")
    with pytest.raises(UserError, match="its YAML sets trust_remote_code, and only the command"):
        run(None, *settings, "embedder.of=[tfidf,mine]", config_dir=tmp_path)


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", *arguments]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an ensemble was run, to `out`."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "own" / "embedder").mkdir(parents=True)
    own = "defaults: [model2vec, _self_]\nmax_length: 40\n"
    (folder / "own" / "embedder" / "short.yaml").write_text(own)
    done = command(
        folder, "runner", "--config-dir=own", "embedder=ensemble", "embedder.of=[short,tfidf]",
        *SHORT, "tracking=none", "hydra.run.dir=out", "reports=fast",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_record_names_the_members(saved: Path) -> None:
    config = yaml.safe_load((saved / "out" / "config.yaml").read_text())
    assert config["embedder"]["of"]["short"]["max_length"] == 40
    params = json.loads((saved / "out" / "run.json").read_text())["params"]
    assert params["embedder"] == "ensemble"
    assert params["embedder.of"] == "short,tfidf"


def test_it_is_replayed(saved: Path) -> None:
    done = command(saved, "runner.replay", "run=out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The same topics for all 120 documents." in done.stdout


def test_the_model_gives_documents_their_topics(saved: Path) -> None:
    model = load(saved / "out")
    assert "EnsembleEmbedder of short, tfidf" in (saved / "out/model/MODEL.md").read_text()
    table = pq.read_table(saved / "out" / "documents.parquet").to_pandas()
    found = model.predict(table["document"].tolist())
    assert found["topic"].tolist() == table["topic"].tolist()
    batches = [model.predict(["Firefighters fought bush fires.", "A test match in Perth."], batch=b)
               for b in ("exact", "fast")]  # fmt: skip
    assert batches[0]["topic"].tolist() == batches[1]["topic"].tolist()
    assert batches[0]["topic"].max() >= 0
    assert len(model.search("bush fires")) > 0


def test_another_member_is_not_the_models(saved: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved / "out" / "model", tmp_path / "model"))
    path, sums = folder / "model.yaml", folder / "SHA256SUMS"
    about = yaml.safe_load(path.read_text())
    about["config"]["embedder"]["of"]["short"]["max_length"] = 30
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text(yaml.safe_dump(about))
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(before, after))
    with pytest.raises(UserError, match=r"of\.short\.max_length: 40 then, 30 now"):
        load(folder)
