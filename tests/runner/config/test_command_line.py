"""What Hydra accepts is accepted; what is wrong is named with what to type instead."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser

from components.base import UserError
from runner.config.command_line import preflight
from suggestions_support import follow
from tests_support import FAST

Run = Callable[..., Any]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Options and presets of a user's own, in `mine`, in the working folder."""
    monkeypatch.chdir(tmp_path)
    files = {
        "embedder/lengths.yaml": "_target_: sklearn.feature_extraction.text.CountVectorizer\n",
        "experiment/paper/table1.yaml": "# @package _global_\nseed: 7\n",
        "experiment/wrong.yaml": (
            "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
            "      embedder: tfidf,minilmm\n      clusterer.n_topicss: 3,4\n"
        ),
        "other.yaml": "defaults:\n  - config\n  - _self_\nseed: 3\n",
    }
    for name, content in files.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(content)
    return tmp_path


def refusal(*arguments: str) -> str:
    with pytest.raises(UserError) as error:
        preflight(list(arguments))
    return str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["hydra.searchpath=[file://mine]", "embedder=lengths"],
        ["--config-dir=mine", "embedder=lengths"],
        ["--config-dir", "mine", "experiment=paper/table1"],
        ["--config-dir=mine", "--config-name=other"],
        ["-m", "reducer=glob(*)"],
        ["-m", "reducer=glob([p*,u*])", "seed=choice(1,2)"],
        ["embedder=word_doc", "embedder@embedder.word_embedder=model2vec"],
        ["+n=4", "clusterer.n_topics=${n}", "reducer=pca", "reducer.n_components=${n}"],
        ["~metrics.npmi", "++seed=3"],
        ["hydra.run.dir=out", "hydra.job.chdir=true", "hydra.verbose=true"],
        ["dataset=csv", "dataset.path='a (1).csv'", r"dataset.text=it\ is"],
        ["tracking={kind: none, uri: null, experiment: x}"],
        ["-m", "clusterer.layers=[broad,fine],[broad,medium]"],
        ["dataset=text", "dataset.path=a.txt", "-m", "seed=1,2"],
    ],
    ids=" ".join,
)
def test_what_hydra_accepts_is_accepted(arguments: list[str], own: Path) -> None:
    for name in ("a.txt", "a (1).csv"):
        (own / name).write_text("it is\na\n")
    assert sorted(preflight(arguments)) == sorted(arguments)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    {
        "--config-dir=mine experiment=wrong": [
            "embedder=minilmm: there is no such option. Did you mean 'minilm'?",
            "clusterer.n_topicss=3: clusterer=leiden has no such parameter. Did you mean 'n_topic",
        ],
        "--config-dir=mine experiment=paper/table2": ["experiment=paper/table2"],
        "+seeed=7": ["+seeed=7: there is no such key. Did you mean 'seed'?"],
        "+cache.folder=x": ["+cache.folder=x: there is no such key."],
        "+seed=7": ["+seed=7: this key is there already. Type seed=7"],
        "~metrics.npmy": ["~metrics.npmy: there is no such key. Did you mean 'npmi'?"],
        "+experiment=seeds": ["+experiment=seeds: this group is there already. Type experiment=s"],
        "experiment=null": ["names no option"],
        "seed=1,2": ["several values are a sweep. Type", "-m seed=1,2"],
        "dataset=csv dataset.path=x dataset.text=a,b": ["dataset.text=a,b\n", "as one text: "],
        "-m seed=interval(1,4)": ["Hydra's own sweeper", "'seed=range(1,4)'", "seed=1,2,3"],
        "--config-name=foo": ["--config-name=foo: there is no such config. There are: config."],
        "-m --cfg job": ["-m runs a sweep", "runner --cfg job"],
        "-m seed=3,4 reducer=pca,umap --cfg job": ["Type", "runner seed=3 reducer=pca --cfg job"],
        "seed=3,4 --cfg job": ["several values are a sweep", "runner seed=3 --cfg job"],
        "--config-path=x": ["--config-dir FOLDER"],
        "--experimental-rerun=x": ["a pickle", "replay"],
        "dataset=r.csv": ["there is no such option. Type dataset=csv dataset.path=r.csv"],
        "embedder=v.npy": ["Type embedder=precomputed embedder.path=v.npy"],
        "embedder=a-model-v2": ["Type embedder=sentence_transformer embedder.model=a-model-v2"],
        "embedder=text-embedding-3-small": ["Type embedder=openai embedder.model=text-embedding"],
        "embedder=me/model": ["Type embedder=sentence_transformer embedder.model=me/model"],
        "n_topics=10": ["n_topics=10: there is no such key. Type clusterer.n_topics=10"],
        "nr_topics=10": ["nr_topics=10: there is no such key. Did you mean 'clusterer.n_topics'?"],
        "representation.top_n_words=9": ["has no such parameter. Did you mean 'n_words'?"],
        "n_clusters=5": ["Type clusterer=agglomerative clusterer.n_clusters=5"],
        "embedder = tfidf": ["embedder: has no value. Type embedder=..., without spaces"],
        "--embedder=tfidf": ["there is no such flag. Settings have no dashes. Type embedder=tfidf"],
        "--embedder tfidf": ["Settings have no dashes. Type embedder=..."],
        "--multi-run seed=1": ["--multi-run: there is no such flag. Did you mean '--multirun'?"],
        "leaderbord": ["'leaderboard'"],
        "-m seed=1,x,3,y": ["2 mistakes", "seed=x: must be int", "seed=y: must be int"],
        "-m clusterer=kmeans,hdbscan clusterer.n_clusters=3": [
            "clusterer.n_clusters=3: clusterer=hdbscan has no such parameter.",
            "an option that has it (agglomerative, kmeans). Type clusterer=agglomerative c",
        ],
        "embedder=tfidf embedder.batch_size=3": [
            "embedder.batch_size=3: embedder=tfidf has no such parameter. It has: pipeline.",
            " more). Type embedder=minilm embedder.batch_size=3",
        ],
        "dataset.path=reviews.txt": ["dataset=lee has no", "Type dataset=text dataset.path=review"],
        "reducer.n_components=5": [
            "reducer=none has no such parameter. It has none.",
            "reducer=pca",
        ],
        "clusterer={n_topic:3}": [
            "clusterer.n_topic=3: clusterer=leiden",
            "Did you mean 'n_topics'",
        ],
        "clusterer={n_clusters:3}": ["A mistake", "Type clusterer=agglomerative c"],
        "clusterer._target_=sklearn.cluster.KMeans clusterer.n_init=2": [
            "A mistake in the config",
            "KMeans: the keys of clusterer=leiden stay beside it, and sklearn.cluster.KMeans",
            "Type ~clusterer '+clusterer={_target_: sklearn.cluster.KMeans}'",
        ],
        "clusterer={_target_:sklearn.cluster.KMeans,n_init:2}": [
            "A mistake in the config",
            "Type ~clusterer '+clusterer={_target_:sklearn.cluster.KMeans,n_init:2}'",
        ],
        "embedder._target_=components.embedders.sklearn.SklearnEmbedder": [
            "A mistake in the config",
            "Type embedder=sklearn",
        ],
        "-m seed=glob(*)": ["glob chooses among the options of a group"],
        "hydra.swep.dir=x": ["hydra.swep.dir=x: there is no such key. Did you mean 'sweep'?"],
        "seed.x=1": ["'seed' holds one value"],
        "embedder.model.x=1": ["A mistake", "there is no such key"],
        "representation.extra_stop_words=said": ["not str. A list is typed as [a,b]."],
        "größe=3": ["größe=3: 'größe' is not a key: keys are words of a to z"],
        "seéd=3": ["'seéd' is not a key", "Did you mean 'seed'?"],
        "=3": ["=3: the key before '=' is missing."],
        "a[0]=3": ["'a[0]' is not a key"],
        "-m größe=3,4": ["A mistake", "'größe' is not a key"],
        "sed": ["sed: is not of the form key=value. Did you mean 'seed'?"],
        "dataset.label=Main Class (old)": [
            "Class: is not of the form key=value. A value with a space needs quotes: "
            "type \"dataset.label='Main Class (old)'\""
        ],
        "+guidedd.topics.a=[x]": ["there is no such key. Did you mean 'guided'?"],
        "hydra/launcher=joblibb": ["there is no such option. Did you mean 'joblib'?"],
    }.items(),
)
def test_what_is_wrong_is_named(arguments: str, parts: list[str], own: Path) -> None:
    message = refusal(*arguments.split())
    for part in parts:
        assert part in message
    assert "http" not in message  # Hydra's own
    follow(arguments.split(), message)
    assert not re.search(r"Lexer|Exception|Error|mismatched|token recognition", message)


def test_a_file_alone_is_told_how_it_is_read() -> None:
    message = refusal("r.jsonl.gz")
    assert "not of the form key=value. Type dataset=jsonl dataset.path=r.jsonl.gz" in message


@pytest.mark.parametrize(
    "value", ["Größe", "评论", "What's missing", "a (1)", "a=b", 'say "hi"', "\\"]
)
def test_a_value_that_needs_quotes_is_given_in_them(
    value: str, runner: Run, tmp_path: Path
) -> None:
    """What the message says can be pasted into a shell, and names the column."""
    row = {value: "cats and dogs and mice"}
    lines = [
        json.dumps({value: f"{row[value]} {i} {'sun rain wind'.split()[i % 3]}"}) for i in range(30)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    files = ["dataset=jsonl", "dataset.path=a.jsonl", *FAST, "clusterer.n_clusters=2"]
    outcome = runner(*files, f"dataset.text={value}")
    if outcome.code:
        message = outcome.err.strip().splitlines()
        assert message[0].startswith("A mistake"), message
        assert len(message) == 2
        (fixed,) = shlex.split(re.split(r"this value needs quotes\. Type ", message[1])[1])
        outcome = runner(*files, fixed)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("zeroshot.topics=[Größe,b c, d]", ["Größe", "b c", "d"]),
        ("zeroshot.topics=['ü ü',it's]", ["ü ü", "it's"]),
        ("guided.topics={film: [导演, 特效], b: [x (1),12]}",
         {"film": ["导演", "特效"], "b": ["x (1)", 12]}),
    ],
)  # fmt: skip
def test_texts_in_a_list_that_need_quotes_are_given_in_them(typed: str, value: object) -> None:
    with pytest.raises(UserError) as caught:
        preflight([typed])
    (line,) = str(caught.value).splitlines()[1:]
    (fixed,) = shlex.split(line.partition("a text in it needs quotes. Type ")[2])
    assert preflight([fixed])
    assert "'\"'\"'" not in line, "not readable"
    (parsed,) = OverridesParser.create().parse_overrides([fixed])
    assert parsed.value() == value


def test_a_name_of_a_mapping_that_cannot_be_typed(runner: Run, tmp_path: Path) -> None:
    outcome = runner("guided.topics={sea: [ship], Küche: [pot]}", *FAST)
    assert outcome.code == 2
    assert "the name 'Küche' cannot be typed here" in outcome.err
    folder = tmp_path / "my_conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package _global_\nguided:\n  topics: {Küche: [qantas]}\n", encoding="utf-8"
    )
    assert preflight(["--config-dir", str(folder.parent), "experiment=mine"])


def test_the_values_of_a_sweep_are_checked_once(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config is not composed for every combination."""
    composed = []
    compose = ConfigLoaderImpl.load_configuration
    monkeypatch.setattr(
        ConfigLoaderImpl,
        "load_configuration",
        lambda *args, **kwargs: composed.append(1) or compose(*args, **kwargs),
    )
    preflight(["-m", "seed=range(1,401)", "clusterer.n_topics=range(2,40)"])
    assert len(composed) == 1
    preflight(["-m", "embedder=minilm,tfidf", "reducer=pca,umap,none", "seed=1,2,3"])
    assert len(composed) == 5


def test_flags_may_stand_anywhere() -> None:
    assert preflight(["seed=1,2", "-m", "embedder=tfidf"]) == ["-m", "seed=1,2", "embedder=tfidf"]


def test_paths_and_cache_are_those_of_the_start_folder(runner: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"cats and dogs {i}" for i in range(20)))
    outcome = runner(
        *FAST[:-2], "map=false", "dataset=text", "dataset.path=a.txt", "hydra.job.chdir=true",
        "cache.dir=here", "clusterer.n_clusters=2", "reducer.n_components=2",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "here" / "embeddings").is_dir()


def test_an_output_folder_below_the_home_folder(
    runner: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hydra would make a folder called "~", which whoever removes it may take for their home."""
    monkeypatch.setenv("HOME", str(tmp_path / "at home"))
    with pytest.raises(UserError, match=r"""Type "hydra\.run\.dir='~/out'\""""):
        preflight(["hydra.run.dir=~/out"])
    assert runner(*FAST, "hydra.run.dir='~/out'").code == 0
    assert runner("-m", *FAST, "seed=1", "hydra.sweep.dir='~/sweep'").code == 0
    home = {path.name for path in (tmp_path / "at home").iterdir()}
    assert home >= {"out", "sweep"}
    assert not list(tmp_path.rglob("~"))


def test_a_sweep_of_a_users_options(runner: Run, own: Path) -> None:
    settings = [s for s in FAST if not s.startswith("embedder")]
    outcome = runner(
        "-m", *settings, "hydra.searchpath=[file://mine]", "embedder=lengths,tfidf",
        "dataset.limit=60", "clusterer.n_clusters=3",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "2 runs" in outcome.out


def test_a_class_in_the_place_of_an_option(runner: Run, tmp_path: Path) -> None:
    """As the message on `_target_` says to type it; the record names the class."""
    kmeans = "+clusterer={_target_: sklearn.cluster.KMeans, n_clusters: 3, random_state: 0}"
    fast = [setting for setting in FAST if not setting.startswith("clusterer")]
    outcome = runner(*fast, "~clusterer", kmeans, "hydra.run.dir=out")
    assert outcome.code == 0, outcome.err
    assert (
        json.loads((tmp_path / "out" / "run.json").read_text())["params"]["clusterer"] == "KMeans"
    )


def test_an_added_parameter_of_a_nested_part(runner: Run) -> None:
    outcome = runner("embedder=tfidf", "+embedder.pipeline.binary=true", "--cfg", "job")
    assert outcome.code == 0
    assert "binary: true" in outcome.out


@pytest.mark.parametrize(
    "text", ["hydra.run.dir=${nothing}", "hydra.sweep.dir=out/${no.such}", "hydra.job.name=${no}"]
)
def test_a_reference_of_hydra_to_no_key(text: str) -> None:
    with pytest.raises(UserError, match=r"cannot be resolved: there is no key '\S+'\. \${ begins"):
        preflight(["embedder=tfidf", text])
    preflight(["embedder=tfidf", "hydra.run.dir=out/${seed}/${hydra.job.num}/${now:%H}"])


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("${sed}", r"there is no key 'sed'\. Did you mean 'seed'\? .* put a backslash before them"),
        ("${env:HOME}", r"there is no resolver 'env'\. .* \$\{oc\.env:NAME\}"),
        (
            "${oc.env:NO_SUCH}",
            r"the environment variable NO_SUCH is not set\. Type export NO_SUCH=",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_to_type(reference: str, reason: str) -> None:
    with pytest.raises(UserError, match=rf"^(.*\n)*dataset\.path: cannot be resolved: {reason}"):
        preflight(["dataset=text", f"dataset.path={reference}.txt"])
